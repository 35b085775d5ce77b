"""A mail domain that an organization says is its own, and the proof of it (POWERS P9)."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class DomainState(models.TextChoices):
    PENDING_PROOF = "pending_proof", _("Waiting for proof")
    VERIFIED = "verified", _("Proven")
    FAILING = "failing", _("The proof was not found again")
    CONTESTED = "contested", _("Contested")
    LAPSED = "lapsed", _("Lapsed")
    EXPIRED = "expired", _("Never proven")
    RELEASED = "released", _("Released")


HELD = (DomainState.VERIFIED, DomainState.FAILING)
"""The states in which an organization holds a domain alone; contested, nobody does."""
OPEN = (DomainState.PENDING_PROOF, *HELD, DomainState.CONTESTED)
"""The states that are not the end."""


class Domain(Versioned):
    """A domain of an organization's mail, proven or on the way there. The ground of managing accounts by domain (`ManagementBasis.DOMAIN_CLAIM`)."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "name": "public", "state": "public", "method": "public",
        "token": "secret", "created_at": "public", "proof_until": "public", "verified_at": "public", "checked_at": "unrecorded",
        "next_check_at": "unrecorded", "failing_since": "public", "warned": "unrecorded", "contested_at": "public", "fresh_at": "public",
        "last_proof_at": "public", "last_problem": "unrecorded", "ended_at": "public", "releasing": "public",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(max_length=253)
    """IDNA A-labels in lower case, without a final dot; `xn--` labels are shown beside their Unicode form."""
    state = models.CharField(max_length=16, choices=DomainState, default=DomainState.PENDING_PROOF)
    method = models.CharField(max_length=8, blank=True, choices=[("dns", _("DNS record")), ("https", _("File on the web server"))])
    """How it was proven last."""
    token = models.CharField(max_length=64)
    """What the DNS record or the file must hold: random, for this organization and this domain only."""
    created_at = models.DateTimeField()
    proof_until = models.DateTimeField(null=True, blank=True)
    """By when an unproven domain must be proven (7 days), or a contested one proven afresh (72 hours)."""
    verified_at = models.DateTimeField(null=True, blank=True)
    last_proof_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    last_problem = models.CharField(max_length=60, blank=True)
    """The reason code of the last check that found no proof."""
    failing_since = models.DateTimeField(null=True, blank=True)
    warned = models.PositiveSmallIntegerField(default=0)
    """The last day of warning that was told: 1, 7 or 30."""
    contested_at = models.DateTimeField(null=True, blank=True)
    fresh_at = models.DateTimeField(null=True, blank=True)
    """Contested: since when the new value stands where it was to be published."""
    ended_at = models.DateTimeField(null=True, blank=True)
    releasing = models.BooleanField(default=False, db_default=False)
    """The accounts that are managed on the ground of this domain are being released, because it is given up or lost."""

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=models.Q(state__in=HELD), name="domain_held_once"),
            models.UniqueConstraint(fields=["organization", "name"], condition=models.Q(state__in=OPEN), name="domain_open_once"),
        ]
        indexes = [models.Index(fields=["next_check_at"], condition=models.Q(state__in=OPEN), name="domain_to_check")]
