"""A report that an account is a child's, where the person is in no organization: what the operator of the installation has to decide."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.models.fields import Versioned


class ReportState(models.TextChoices):
    OPEN = "open", _("Waiting for a decision")
    KEPT = "kept", _("The account stays")
    CLOSED = "closed", _("The account is closed and will be deleted")
    HANDED_ON = "handed_on", _("An organization answers for it now")


class AccountReport(Versioned):
    """What somebody reported about an account that is in no organization, what the person said to it, and what the operator decided. While it is open the account joins nothing (decision 81)."""

    AUDIT = {"id": "public", "version": "unrecorded", "account": "public", "reference": "public", "words": "pii", "state": "public", "restricts": "public", "received_at": "public", "due_at": "public",
             "reminded_at": "unrecorded", "answer": "pii", "answered_at": "public", "ground": "public", "decided_at": "public"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="reports")
    reference = models.CharField(max_length=12, unique=True)
    words = models.TextField(blank=True, max_length=1000)
    """What whoever reported it wrote. The person does not see it."""
    state = models.CharField(max_length=10, choices=ReportState, default=ReportState.OPEN)
    restricts = models.BooleanField(default=True)
    """Whether the account joins nothing meanwhile; not where it was one of too many reports within a day."""
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    """By when the operator is to decide. Nothing follows from the day by itself but reminders."""
    reminded_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, max_length=2000)
    """What the person says to it."""
    answered_at = models.DateTimeField(null=True)
    ground = models.CharField(max_length=20, blank=True)
    """Why the account stays."""
    decided_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account"], condition=models.Q(state="open"), name="account_report_open_once")]
        indexes = [models.Index(fields=["account", "-received_at"], name="account_report_of_account")]
