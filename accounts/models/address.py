"""Changes of an account's address on their way, and addresses that were given up a short time ago (POWERS P7)."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class ChangeState(models.TextChoices):
    REQUESTED = "requested", _("Waiting for the new mailbox")
    WAITING = "waiting", _("Waiting for an administrator")
    DONE = "done", _("Done")
    DENIED = "denied", _("Declined")
    EXPIRED = "expired", _("Not confirmed in time")
    CANCELLED = "cancelled", _("Withdrawn")
    REVERTED = "reverted", _("Undone from the old mailbox")


class ChangeKind(models.TextChoices):
    ADMINISTRATOR = "administrator", _("By an administrator, confirmed by the new mailbox")
    DEAD_MAILBOX = "dead_mailbox", _("By two administrators, because the old mailbox is dead")
    PERSON = "person", _("By the person")
    LEAVING = "leaving", _("By the person, who leaves before a claim takes effect")
    RECOVERY = "recovery", _("The recovery address")


PENDING = (ChangeState.REQUESTED, ChangeState.WAITING)
"""The states in which something is still to happen."""


class AddressChange(Versioned):
    """One change of an account's address, or of its recovery address, from the wish to its end.

    The links that were mailed are not here: only their hashes, each for one purpose and one address, and gone once used.
    `organization` is the one that managed the account when the change began; it decides about it.
    """

    AUDIT = {
        "id": "public", "version": "unrecorded", "account": "public", "organization": "public", "kind": "public", "state": "public",
        "old_address": "pii", "new_address": "pii", "new_key": "unrecorded", "outside": "public", "requested_by": "public", "created_at": "public",
        "expires_at": "public", "confirmed_at": "public", "decided_by": "public", "finished_at": "public", "reason_code": "public", "reason_text": "pii",
        "undo_offered": "public", "undo_until": "public", "link_hash": "secret", "undo_hash": "secret", "escalated": "unrecorded",
    }

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="address_changes")
    organization = models.ForeignKey(Organization, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=16, choices=ChangeKind)
    state = models.CharField(max_length=12, choices=ChangeState, default=ChangeState.REQUESTED)
    old_address = models.EmailField(max_length=254)
    new_address = models.EmailField(max_length=254)
    new_key = models.CharField(max_length=320)
    outside = models.BooleanField(default=False)
    """The new address lies outside the verified domains of the managing organization: agreeing to it releases the account."""
    requested_by = models.UUIDField(null=True, blank=True)
    """The membership of the administrator who asked; null when the person did."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    """By when the new mailbox has to confirm, and later by when an administrator has to decide."""
    confirmed_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.UUIDField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(max_length=2000, blank=True)
    undo_offered = models.BooleanField(default=True)
    """False where the change answers the compromise of the old mailbox, whose holder must not take it back."""
    undo_until = models.DateTimeField(null=True, blank=True)
    link_hash = models.BinaryField(max_length=32, null=True, unique=True)
    undo_hash = models.BinaryField(max_length=32, null=True, unique=True)
    escalated = models.PositiveSmallIntegerField(default=0)
    """The last day of waiting that was told: 7 or 14."""

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=models.Q(state__in=PENDING) & ~models.Q(kind="recovery"), name="address_change_one_pending"),
            models.UniqueConstraint(fields=["account"], condition=models.Q(state__in=PENDING, kind="recovery"), name="recovery_change_one_pending"),
        ]
        indexes = [models.Index(fields=["organization", "state", "created_at"], name="address_change_queue"),
                   models.Index(fields=["expires_at"], condition=models.Q(state__in=PENDING), name="address_change_due")]


class ReleasedAddress(Identified):
    """An address that somebody gave up, as a keyed hash: closed to strangers for 30 days, open to who gave it up.

    Where an administrator freed the address of a deactivated account, it is open to that organization too.
    """

    AUDIT = {"id": "public", "key_hash": "secret", "account_id": "public", "organization_id": "public", "released_at": "public", "until": "public"}

    key_hash = models.BinaryField(max_length=32, db_index=True)
    account_id = models.UUIDField()
    organization_id = models.UUIDField(null=True, blank=True)
    released_at = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
