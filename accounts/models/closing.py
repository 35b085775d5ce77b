"""The end of an organization: decided by two owners, taken back by one, carried out when its date has come and nothing is undecided (guard rail 23)."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class Closing(Versioned):
    """An organization that is to end, and how far that is. The row goes when it was taken back; it stays when it is over."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "asked_by": "public", "ground": "pii", "asked_at": "public", "ends_at": "public", "told": "unrecorded",
             "waits_for": "public", "began_at": "public", "over_at": "public"}

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="closing")
    asked_by = models.UUIDField(null=True)
    """The membership of the owner who asked."""
    ground = models.TextField(max_length=2000)
    """Why, in words that everybody in the organization reads."""
    asked_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    told = models.PositiveSmallIntegerField(default=99)
    """The last number of days before the end that everybody was told: 7, 3 or 1; 99 from the beginning."""
    waits_for = ArrayField(models.CharField(max_length=40), default=list)
    """Reason codes of what stood in the way when its date had come."""
    began_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["ends_at"], condition=models.Q(over_at=None), name="closing_due")]
