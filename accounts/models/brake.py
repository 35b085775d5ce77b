"""The brake: how many harmful acts somebody did in an organization within a day, and whether they are paused."""
from __future__ import annotations

from django.db import models

from accounts.models.account import Account
from accounts.models.fields import Identified
from accounts.models.organization import Organization


class Brake(Identified):
    """What one account did by powers that brake, in one organization. `hits` counts by ten minutes and forgets after a day."""

    AUDIT = {"id": "public", "organization": "public", "account": "public", "hits": "unrecorded", "paused_at": "public", "paused_over": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="brakes", db_constraint=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="brakes", db_constraint=False)
    """Without a constraint in the database: checking it would lock the actor's row after those of the people acted on, and two who act on each other would wait in a circle."""
    hits = models.JSONField(default=dict)
    paused_at = models.DateTimeField(null=True, blank=True)
    """Since when the account may not use such powers here; None while it may."""
    paused_over = models.CharField(max_length=60, blank=True)
    """The power whose use was the one too many."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account"], name="brake_once")]
        indexes = [models.Index(fields=["organization"], condition=models.Q(paused_at__isnull=False), name="brake_paused")]
