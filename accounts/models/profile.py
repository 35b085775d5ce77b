"""Profile values: who owns them, and what people may not edit themselves."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class FieldOwner(models.TextChoices):
    PERSON = "person", _("the person alone")
    ADMINISTRATOR = "administrator", _("administrators alone")
    DIRECTORY = "directory", _("the directory alone")
    BOTH = "both", _("the person and administrators")


class FieldPolicy(Versioned):
    """Who may change one profile field in one organization. Where nobody decided, the defaults hold: ask `accounts.profile.rules.of`."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "field": "public", "owner": "public", "ground": "unrecorded", "set_at": "public", "set_by": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="field_policies")
    field = models.CharField(max_length=20)
    owner = models.CharField(max_length=13, choices=FieldOwner)
    ground = models.TextField(blank=True, max_length=500)
    """Why, in the organization's words; whoever may not change the field reads it."""
    set_at = models.DateTimeField()
    set_by = models.UUIDField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "field"], name="field_policy_once")]


class EditLimits(Versioned):
    """What people whose account the organization manages may not edit or delete themselves, and why. No row: everything."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "limited": "public", "ground": "unrecorded", "set_at": "public", "set_by": "public"}

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="edit_limits")
    limited = ArrayField(models.CharField(max_length=30), default=list)
    ground = models.TextField(blank=True, max_length=500)
    set_at = models.DateTimeField()
    set_by = models.UUIDField(null=True, blank=True)

    class Meta:
        default_permissions = ()


class ProfileSuggestion(Versioned):
    """Another value for a profile field, as administrators suggest it to the person. The row is there while it waits for an answer: what became of it is in the log."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public", "field": "public", "value": "pii", "words": "pii", "suggested_at": "public",
             "suggested_by": "public", "expires_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="profile_suggestions")
    field = models.CharField(max_length=20)
    value = models.CharField(max_length=200, blank=True)
    words = models.TextField(blank=True, max_length=500)
    suggested_at = models.DateTimeField()
    suggested_by = models.UUIDField(null=True)
    """The membership of whoever suggested it."""
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account", "field"], name="profile_suggestion_once")]
        indexes = [models.Index(fields=["expires_at"], name="profile_suggestion_end")]


class DisputeState(models.TextChoices):
    OPEN = "open", _("Waits for an answer")
    CORRECTED = "corrected", _("Corrected")
    PARTLY = "partly", _("Corrected in part")
    KEPT = "kept", _("Kept as it is")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ValueDispute(Versioned):
    """A person says that a value of their profile is not right, and what the organization answered."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public", "field": "public", "value": "pii", "proposed": "pii", "words": "pii", "state": "public",
             "opened_at": "public", "answered_at": "public", "answered_by": "public", "ground": "public", "answer": "pii", "away": "public", "back_at": "public", "request": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="value_disputes")
    field = models.CharField(max_length=20)
    value = models.CharField(max_length=200, blank=True)
    """What the profile said when it was disputed."""
    proposed = models.CharField(max_length=200, blank=True)
    words = models.TextField(blank=True, max_length=1000)
    state = models.CharField(max_length=10, choices=DisputeState, default=DisputeState.OPEN)
    opened_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.UUIDField(null=True)
    """The membership of whoever answered."""
    ground = models.CharField(max_length=20, blank=True)
    answer = models.TextField(blank=True, max_length=2000)
    away = models.BooleanField(default=False, db_default=False)
    """Whether the value stands here alone and on no profile: what is contested is used by nobody (RIGHTS 3e)."""
    back_at = models.DateTimeField(null=True)
    """When a value that is kept goes back to the profile: the person was told before."""
    request = models.UUIDField(null=True)
    """The request for correction that it belongs to (`dsar.cases`)."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account", "field"], condition=models.Q(state="open"), name="value_dispute_open_once")]
        indexes = [models.Index(fields=["account", "-opened_at"], name="value_dispute_of_account"),
                   models.Index(fields=["organization", "opened_at"], condition=models.Q(state="open"), name="value_dispute_waiting"),
                   models.Index(fields=["back_at"], condition=models.Q(back_at__isnull=False), name="value_dispute_back")]


class SetAside(Identified):
    """A value that stands here and on no profile, because it may be stored and nothing else: the person contests it, or restricted its use (RIGHTS 3e).

    PostgreSQL writes these rows by itself (`accounts.profile.aside`), and shows them to nobody who administers: no list, search, file, mail or program looks here.
    """

    AUDIT = {"id": "public", "organization": "public", "account": "public", "field": "public", "value": "pii", "since": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="values_set_aside")
    field = models.CharField(max_length=20)
    value = models.CharField(max_length=200)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "organization", "field"], name="set_aside_once")]


class ProfileChange(Identified):
    """A profile field that somebody else changed, until the person was told with the others of that day, and for a while after."""

    AUDIT = {"id": "public", "organization": "public", "account": "public", "entry": "public", "field": "public", "before": "pii", "after": "pii", "changed_at": "public", "due_at": "unrecorded",
             "told_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="profile_changes")
    entry = models.UUIDField()
    """The entry that records it."""
    field = models.CharField(max_length=20)
    before = models.CharField(max_length=200, blank=True)
    after = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    """When the mail of that day goes."""
    told_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["entry", "account", "field"], name="profile_change_once")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(told_at=None), name="profile_change_due"),
                   models.Index(fields=["told_at"], condition=models.Q(told_at__isnull=False), name="profile_change_told"),
                   models.Index(fields=["account", "-changed_at"], name="profile_change_of_account")]
