"""The deletion of an account: from the day it was scheduled to the day nothing is left but a tombstone (POWERS P6)."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class DeletionState(models.TextChoices):
    WAITING = "waiting", _("Waiting for its date")
    BLOCKED = "blocked", _("Its date has come, and something stands in the way")
    PURGING = "purging", _("Under way")


class Deletion(Versioned):
    """An account that is to be deleted, what it was before, and how far the deletion has come. The row goes when it was cancelled or is over.

    `was_*` is what cancelling brings back. `term` is the date that was announced last; `purge_at` differs from it only when two people brought it forward.
    """

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "account": "public", "state": "public", "by_person": "public", "asked_by": "public", "reason_code": "public",
        "scheduled_at": "public", "term": "public",
        "purge_at": "public", "expedited_by": "public", "warned": "unrecorded", "warning": "unrecorded", "waits_for": "public", "began_at": "public", "done": "unrecorded",
        "last_address": "secret", "address_released": "public", "was_status": "public", "was_reason_code": "public", "was_reason_text": "pii", "was_until": "public", "was_changed_by": "public",
        "was_changed_at": "unrecorded",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="deletions")
    """The organization that manages the account; null when a person deletes an account of their own."""
    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="deletion")
    state = models.CharField(max_length=10, choices=DeletionState, default=DeletionState.WAITING)
    by_person = models.BooleanField(default=False)
    """Whether the person asked for it, or nobody did because nobody used the account: then they may take it back."""
    asked_by = models.UUIDField(null=True)
    """The membership that scheduled it."""
    reason_code = models.CharField(max_length=60, blank=True)
    scheduled_at = models.DateTimeField()
    term = models.DateTimeField()
    purge_at = models.DateTimeField()
    expedited_by = ArrayField(models.UUIDField(), default=list)
    """The accounts of the people who brought it forward: two, or none."""
    warned = models.BooleanField(default=False)
    """Whether the person was told that the date is near."""
    warning = models.UUIDField(null=True)
    """The entry that told them so: until its mail has left, nothing is deleted."""
    waits_for = ArrayField(models.CharField(max_length=40), default=list)
    """The reason codes of what stood in the way when it was last tried."""
    began_at = models.DateTimeField(null=True)
    done = ArrayField(models.CharField(max_length=20), default=list)
    """The steps of the deletion that are behind us."""
    last_address = models.TextField(blank=True)
    """The last known address, encrypted with the installation's key, for the notices that are still due after it was given up."""
    address_released = models.BooleanField(default=False)
    was_status = models.CharField(max_length=20)
    was_reason_code = models.CharField(max_length=60, blank=True)
    was_reason_text = models.TextField(blank=True, max_length=2000)
    was_until = models.DateTimeField(null=True)
    was_changed_by = models.UUIDField(null=True)
    was_changed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["purge_at"], name="deletion_due")]


class Tombstone(Identified):
    """What is kept of an account that was deleted: that it was, when, by whom and on what ground. No name and no address."""

    AUDIT = {"id": "public", "organization_id": "public", "account": "public", "by_person": "public", "asked_by": "public", "approved_by": "public", "reason_code": "public", "scheduled_at": "public",
             "term": "public", "purged_at": "public", "backups_until": "public", "address_hash": "secret"}

    organization_id = models.UUIDField(null=True)
    account = models.UUIDField(unique=True)
    by_person = models.BooleanField(default=False)
    asked_by = models.UUIDField(null=True)
    approved_by = ArrayField(models.UUIDField(), default=list)
    reason_code = models.CharField(max_length=60, blank=True)
    scheduled_at = models.DateTimeField()
    term = models.DateTimeField()
    purged_at = models.DateTimeField()
    backups_until = models.DateField(null=True)
    """Until when backups that were made before may still have the account, as it was told."""
    address_hash = models.BinaryField(max_length=32)
    """The address in comparison form, keyed: without the installation's key it says nothing."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["address_hash"], name="tombstone_by_address")]


class Dispute(Identified):
    """The operator's note that a dispute about an account is open: nothing of it is deleted until the note is lifted."""

    AUDIT = {"id": "public", "account": "public", "since": "public", "lifted_at": "public"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="disputes")
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account"], condition=models.Q(lifted_at=None), name="dispute_open_once")]
