"""Who follows when an organization's owners are gone: named successors, cases of succession, sealed recovery codes (POWERS guard rail 1)."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.fields import Identified, Versioned
from accounts.models.membership import Membership
from accounts.models.organization import Organization


class Successor(Versioned):
    """Somebody whom the owners named to follow them, in an order. They may decline."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "membership": "public", "place": "public", "named_by": "public", "named_at": "public", "declined_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="successors")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+")
    place = models.PositiveSmallIntegerField()
    named_by = models.UUIDField()
    """The membership of the owner who named them."""
    named_at = models.DateTimeField()
    declined_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "membership"], name="successor_once")]


class Way(models.TextChoices):
    SUCCESSORS = "successors", _("A named successor")
    CODES = "codes", _("Recovery codes")
    OPERATOR = "operator", _("Whoever operates the installation")


class CaseState(models.TextChoices):
    OPENED = "opened", _("Opened")
    WAITING = "waiting", _("Waiting")
    OFFERED = "offered", _("Offered")
    ACCEPTED = "accepted", _("Accepted")
    OPERATOR = "operator", _("Nobody can follow")
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped")
    EXPIRED = "expired", _("Without result")


OPEN = (CaseState.OPENED, CaseState.WAITING, CaseState.OFFERED, CaseState.ACCEPTED, CaseState.OPERATOR)
"""The states that are not the end."""


class SuccessionCase(Versioned):
    """One way by which somebody may come to own the organization without an owner's doing. Owners are told, and can stop it at any time."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "way": "public", "cause": "public", "state": "public", "opened_at": "public", "waiting_since": "public",
             "waits_until": "public", "told": "public", "person": "public", "offer_until": "public", "passed": "public", "reference": "public", "words": "pii", "accepted_at": "public",
             "ended_at": "public", "ended_how": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="successions")
    way = models.CharField(max_length=12, choices=Way)
    cause = models.CharField(max_length=12, blank=True, choices=[("silent", _("No owner has been active")), ("unusable", _("No owner can sign in"))])
    state = models.CharField(max_length=12, choices=CaseState, default=CaseState.OPENED)
    opened_at = models.DateTimeField()
    waiting_since = models.DateTimeField(null=True, blank=True)
    waits_until = models.DateTimeField(null=True, blank=True)
    told = models.PositiveSmallIntegerField(default=0)
    """How many of the notices that belong to the waiting period the owners were given."""
    person = models.UUIDField(null=True, blank=True)
    """The membership of whoever would become owner: the one to whom it is offered, who presented codes, or whom the operator proposed."""
    offer_until = models.DateTimeField(null=True, blank=True)
    passed = ArrayField(models.UUIDField(), default=list)
    """Memberships to whom it was offered and who did not take it."""
    reference = models.CharField(max_length=80, blank=True)
    words = models.TextField(blank=True, max_length=500)
    """The operator's ground, in words that the owners read."""
    accepted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_how = models.CharField(max_length=20, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "way"], condition=models.Q(state__in=OPEN), name="succession_open_once")]
        indexes = [models.Index(fields=["organization", "-opened_at"], name="succession_of_organization")]


class RecoveryCode(Identified):
    """One of three sealed codes of an organization. Two different ones together begin a recovery of ownership; what is kept is a hash."""

    AUDIT = {"id": "public", "organization": "public", "number": "public", "hash": "secret", "made_at": "public", "made_by": "public", "reminded_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="recovery_codes")
    number = models.PositiveSmallIntegerField()
    hash = models.CharField(max_length=256)
    made_at = models.DateTimeField()
    made_by = models.UUIDField()
    reminded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "number"], name="recovery_code_once")]
