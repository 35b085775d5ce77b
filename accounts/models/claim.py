"""The announcement that an organization takes control of accounts in its domain, and what each person answered (POWERS P9)."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.domain import Domain
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class ClaimState(models.TextChoices):
    ANNOUNCED = "announced", _("Announced")
    ACTIVE = "active", _("In effect")
    CANCELLED = "cancelled", _("Called off")


class Claim(Versioned):
    """One announcement over accounts of one domain: from a stated date on the organization manages them."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "domain": "public", "state": "public", "chosen": "public",
        "total": "public", "announced_by": "public", "announced_at": "public", "effective_at": "public", "notice_version": "public", "ended_at": "public",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="claims")
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="claims")
    state = models.CharField(max_length=10, choices=ClaimState, default=ClaimState.ANNOUNCED)
    chosen = models.CharField(max_length=6, choices=[("all", _("everybody")), ("rule", _("by a rule")), ("file", _("by a file"))])
    total = models.PositiveIntegerField(default=0)
    announced_by = models.UUIDField()
    """The membership that announced it."""
    announced_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    notice_version = models.CharField(max_length=40)
    """Which published notice the people were told under."""
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["effective_at"], condition=models.Q(state="announced"), name="claim_to_take_effect")]


class ClaimAnswer(models.TextChoices):
    WAITING = "waiting", _("No answer yet")
    ACCEPTED = "accepted", _("Accepted")
    LEAVING = "leaving", _("Leaves; the new address is not confirmed yet")
    LEFT = "left", _("Left with a personal address")
    OBJECTED = "objected", _("Objected")
    STARTED = "started", _("Managed")
    EXEMPT = "exempt", _("Left out by the administrator")
    ENDED = "ended", _("Ended")


class ClaimedAccount(Identified):
    """One account in an announcement. An objection freezes it until an administrator has answered, for 30 days at most."""

    AUDIT = {
        "id": "public", "organization": "public", "claim": "public", "account": "public", "answer": "public", "told_at": "unrecorded",
        "answered_at": "public", "objection": "pii", "decide_until": "public", "decision": "public", "decision_text": "pii", "decided_by": "public", "decided_at": "public",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    claim = models.ForeignKey(Claim, on_delete=models.CASCADE, related_name="accounts")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="claimed")
    answer = models.CharField(max_length=10, choices=ClaimAnswer, default=ClaimAnswer.WAITING)
    told_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    objection = models.TextField(blank=True, max_length=2000)
    decide_until = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=10, blank=True, choices=[("upheld", _("The account is left out")), ("rejected", _("The account is taken over all the same"))])
    decision_text = models.TextField(blank=True, max_length=2000)
    decided_by = models.UUIDField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["claim", "account"], name="claimed_account_once")]
        indexes = [models.Index(fields=["account"], condition=models.Q(answer__in=("waiting", "leaving", "objected")), name="claimed_account_open")]
