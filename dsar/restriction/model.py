"""The overlay on a person in an organization. It lives on its own: a request may lead to one, and it outlives the request."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Organization
from accounts.models.fields import Versioned


class RestrictionState(models.TextChoices):
    PROPOSED = "proposed", _("Asked for")
    PROVISIONAL = "provisional", _("Restricted, may be objected to")
    CONFIRMED = "confirmed", _("Restricted")
    NOTICE = "notice", _("Restricted, lifting announced")
    LIFTED = "lifted", _("Lifted")


class Trigger(models.TextChoices):
    ACCURACY = "accuracy", _("I say that it is wrong, until that is checked")
    UNLAWFUL = "unlawful", _("It should not have been used; keep it all the same")
    CLAIM = "claim", _("I need it kept for a claim of my own")
    OBJECTION = "objection", _("I objected to its use, until that is decided")
    ASKED = "asked", _("I want it, for another reason")
    DISPUTE = "dispute", _("What is held is disputed")
    DELAY = "delay", _("A request was not answered in time")
    CHILD = "child", _("Somebody reported that the account is a child’s")
    REMAINDER = "remainder", _("Some of it is kept although its deletion was asked for")


class Restriction(Versioned):
    """Since when, why and how far the use of what an organization holds about one person is restricted: of all of it, or of one part."""

    AUDIT = {"id": "public", "version": "unrecorded", "account": "public", "organization": "public", "state": "public", "what": "public", "trigger": "public", "by_person": "public",
             "began_at": "public", "object_by": "public", "confirmed_at": "public", "ground": "public", "freeing": "public", "freed": "public", "lift_at": "public", "lifted_at": "public"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="restrictions")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="restrictions")
    state = models.CharField(max_length=12, choices=RestrictionState, default=RestrictionState.PROPOSED)
    what = models.CharField(max_length=50, blank=True, default="", db_default="")
    """The part, as `dsar.restriction.parts` names it; '' is everything."""
    trigger = models.CharField(max_length=12, choices=Trigger)
    by_person = models.BooleanField(default=False)
    """Whether the person asked for it, and may end it; else an administrator did for them, or it came by itself."""
    began_at = models.DateTimeField()
    object_by = models.DateTimeField(null=True)
    """Until when the organization can object. Restricted it is meanwhile all the same."""
    confirmed_at = models.DateTimeField(null=True)
    ground = models.CharField(max_length=24, blank=True)
    """On what ground two people decided to lift it, all or a part."""
    freeing = ArrayField(models.TextField(), default=list)
    """Purposes that will be free again when the notice is over."""
    freed = ArrayField(models.TextField(), default=list)
    """Purposes that are free again."""
    lift_at = models.DateTimeField(null=True)
    """When what two people decided takes effect: the person was told before."""
    lifted_at = models.DateTimeField(null=True)

    @property
    def in_force(self) -> bool:
        return self.state != RestrictionState.LIFTED

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account", "what"], condition=~models.Q(state="lifted"), name="restricted_once")]
        indexes = [models.Index(fields=["account", "-began_at"], name="restriction_of_account"),
                   models.Index(fields=["object_by"], condition=models.Q(state="provisional"), name="restriction_to_confirm"),
                   models.Index(fields=["lift_at"], condition=models.Q(state="notice"), name="restriction_to_lift")]
