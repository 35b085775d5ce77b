"""A transfer: one organization hands the control of an account to another one, and its person decides too (POWERS section 3, guard rail 23)."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class TransferState(models.TextChoices):
    OFFERED = "offered", _("Offered, no answer yet")
    DECLINED = "declined", _("Declined")
    ACCEPTED = "accepted", _("Accepted, begins on its date")
    DONE = "done", _("Handed over")
    EXPIRED = "expired", _("Nobody answered in time")
    WITHDRAWN = "withdrawn", _("Taken back")
    REFUSED = "refused", _("Not wanted any more")
    OBJECTED = "objected", _("The person objected")
    LEFT = "left", _("The person took the account themselves")
    MISSED = "missed", _("Was not possible any more")


OPEN = (TransferState.OFFERED, TransferState.DECLINED, TransferState.ACCEPTED)
"""Whoever offers is not told that it was declined, so for them the offer stands until its time is over."""


class Transfer(Versioned):
    """One offer of one account, from the offering to what became of it."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "to_organization": "public", "to_slug": "public", "account": "public", "state": "public", "offered_by": "public",
        "offered_at": "public", "answer_until": "public", "accepted_by": "public", "accepted_at": "public", "effective_at": "public", "notice_version": "public", "reminded": "unrecorded",
        "objection": "pii", "leaving_address": "pii", "leaving_at": "public", "problem": "public", "changed_at": "unrecorded",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="transfers")
    """Who manages the account and offers it."""
    to_organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="transfers_received")
    """Whom the address named, if there was such an organization. Only the receiving side reads this before it has accepted."""
    to_slug = models.CharField(max_length=50)
    """The address as it was typed."""
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="transfers")
    state = models.CharField(max_length=10, choices=TransferState, default=TransferState.OFFERED)
    offered_by = models.UUIDField(null=True)
    """The membership of whoever offered it."""
    offered_at = models.DateTimeField()
    answer_until = models.DateTimeField()
    accepted_by = models.UUIDField(null=True)
    """The membership, in the receiving organization, of whoever accepted."""
    accepted_at = models.DateTimeField(null=True)
    effective_at = models.DateTimeField(null=True)
    """The date that the person was told."""
    notice_version = models.CharField(max_length=40, blank=True)
    """The version of the receiving organization's notice when it accepted."""
    reminded = models.BooleanField(default=False)
    objection = models.TextField(max_length=2000, blank=True)
    leaving_address = models.EmailField(max_length=254, blank=True)
    leaving_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=60, blank=True)
    """The reason code for which it was not possible on the date."""
    changed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account"], condition=models.Q(state__in=OPEN), name="transfer_open_once")]
        indexes = [models.Index(fields=["organization", "-offered_at"], name="transfer_offered"), models.Index(fields=["to_organization", "-offered_at"], name="transfer_received"),
                   models.Index(fields=["account", "-offered_at"], name="transfer_of_account"), models.Index(fields=["id"], condition=models.Q(state__in=OPEN), name="transfer_waiting")]
