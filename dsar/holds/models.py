"""Matters and the legal holds in them. Whom a hold keeps stands in one place only: in the holds of the audit log, by its number (`audit.models.Hold.within`)."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Organization
from accounts.models.fields import Identified, Versioned


class Disclosure(models.TextChoices):
    NO = "no", _("No: they are not told")
    YES = "yes", _("Yes: they are told now, and reminded every year")
    AFTER = "after", _("After it is released")


class Matter(Versioned):
    """A legal matter: what holds are placed for."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "name": "pii", "note": "pii", "opened_at": "public", "opened_by": "public",
             "closed_at": "public", "closed_by": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="matters")
    name = models.CharField(max_length=200)
    note = models.TextField(blank=True)
    opened_at = models.DateTimeField()
    opened_by = models.UUIDField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.UUIDField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "-opened_at"], name="matter_of_organization")]


class LegalHold(Versioned):
    """What must stay for a matter, of whom, on what ground, and who decided. In force from the moment it is placed until it is released; then it stays recorded."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "matter": "public", "categories": "public", "groups": "public", "services": "public", "first_day": "public",
             "last_day": "public", "disclosure": "public", "ground": "pii", "placed_at": "public", "placed_by": "public", "confirm_by": "public", "confirmed_at": "public", "confirmed_by": "public",
             "released_at": "public", "released_by": "public", "end_ground": "pii", "lapsed": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="legal_holds")
    matter = models.ForeignKey(Matter, on_delete=models.CASCADE, related_name="holds")
    categories = ArrayField(models.CharField(max_length=60), default=list)
    """Categories of the data map; none for everything."""
    groups = ArrayField(models.UUIDField(), default=list)
    services = ArrayField(models.UUIDField(), default=list)
    """Groups and services that were named: who was in them then is held, and they themselves stay."""
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    """Of what bears a date only what is from these days; None for no limit."""
    disclosure = models.CharField(max_length=8, choices=Disclosure, default=Disclosure.NO)
    ground = models.TextField()
    placed_at = models.DateTimeField()
    placed_by = models.UUIDField(null=True)
    confirm_by = models.DateTimeField()
    """Until when a second person has to agree. It holds meanwhile."""
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    released_by = ArrayField(models.UUIDField(), default=list)
    end_ground = models.TextField(blank=True)
    """Why it could be released."""
    lapsed = models.BooleanField(default=False)
    """It ended because no second person agreed in time."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "-placed_at"], name="legal_hold_of_organization"),
                   models.Index(fields=["confirm_by"], condition=models.Q(confirmed_at=None, released_at=None), name="legal_hold_to_confirm")]


class HoldNotice(Identified):
    """That somebody was told of a hold, and when they said that they read it."""

    AUDIT = {"id": "public", "organization": "public", "account": "public", "hold": "public", "told_at": "public", "reminded_at": "public", "acknowledged_at": "public", "ended_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="hold_notices")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="hold_notices")
    hold = models.ForeignKey(LegalHold, on_delete=models.CASCADE, related_name="notices")
    told_at = models.DateTimeField()
    reminded_at = models.DateTimeField()
    """When they were told last."""
    acknowledged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    """When they were told that it no longer holds for them."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["hold", "account"], name="told_of_hold_once")]
        indexes = [models.Index(fields=["account", "-told_at"], name="hold_notice_of_account")]
