"""A stored plan: what a power would do, confirmed, approved or run later than it was made."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class PlanState(models.TextChoices):
    UPLOADED = "uploaded", _("Waiting for its columns")
    PREPARING = "preparing", _("Being checked")
    PLANNED = "planned", _("Waiting for confirmation")
    AWAITING_APPROVAL = "awaiting_approval", _("Waiting for a second person")
    SCHEDULED = "scheduled", _("Scheduled")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    SUPERSEDED = "superseded", _("Replaced by another act")
    DENIED = "denied", _("Declined")
    EXPIRED = "expired", _("Expired")
    VOID = "void", _("Void, because something changed")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Failed")


class Plan(Versioned):
    """A plan that outlives its request. Its digest is what people confirm and approve; if the world moves, it is void."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "power": "public", "requested_by": "public",
             "requested_via": "public", "requested_through": "public", "targets": "public", "data": "pii", "digest": "public", "summary": "unrecorded", "tier": "public",
             "state": "public", "created_at": "public", "expires_at": "public", "decided_by": "public",
             "decided_at": "public", "decision_note": "pii", "finished_at": "public", "progress": "unrecorded", "total": "public",
             "results": "unrecorded", "failure": "unrecorded", "attempts": "unrecorded",
             "subject": "public", "due_at": "public", "automatic": "public", "warned": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="plans")
    power = models.CharField(max_length=60)
    requested_by = models.UUIDField()
    """The membership that asked for it."""
    requested_via = models.CharField(max_length=10)
    requested_through = models.UUIDField(null=True, blank=True)
    """The client of the app that asked for it in their name."""
    targets = ArrayField(models.UUIDField(), default=list)
    data = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    summary = models.JSONField(default=dict)
    tier = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=20, choices=PlanState, default=PlanState.PLANNED)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.UUIDField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.TextField(blank=True, max_length=2000)
    finished_at = models.DateTimeField(null=True, blank=True)
    progress = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    results = models.JSONField(default=list)
    """Not used any more: rows hold what became of each target. The column goes with the next release (docs/operating.md)."""
    failure = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How often in a row a batch failed for reasons of the installation; too often ends the job."""

    subject = models.UUIDField(null=True, blank=True)
    """Scheduled for one person: whom."""
    due_at = models.DateTimeField(null=True, blank=True)
    """Scheduled: when it happens."""
    automatic = models.BooleanField(default=False, db_default=False)
    """The end of something that was granted for a time only: it comes whatever became of the person who granted it."""
    warned = models.PositiveSmallIntegerField(default=0, db_default=0)

    @property
    def many(self) -> bool:
        """Whether its targets are rows of their own, carried out as a job."""
        return not self.targets and self.total > 0

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "state", "-created_at"], name="plan_by_state"),
                   models.Index(fields=["state"], condition=models.Q(state__in=("preparing", "running")), name="plan_to_carry_out"),
                   models.Index(fields=["due_at"], condition=models.Q(state="scheduled"), name="plan_due")]
        constraints = [models.UniqueConstraint(fields=["subject", "power"], condition=models.Q(state="scheduled"), name="plan_scheduled_once")]


class PlanRow(models.Model):
    """One target of a stored plan that has many: the frozen choice, its verdict, and what became of it.

    `version` is the person's version when the plan was made; `data` one line of an imported file, removed when it is done.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    target = models.UUIDField(null=True)
    version = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, default="fresh", choices=[(s, s) for s in ("fresh", "waiting", "skipped", "done", "failed")])
    verdict = models.CharField(max_length=10, blank=True)
    codes = ArrayField(models.CharField(max_length=40), default=list)
    entry = models.UUIDField(null=True)
    data = models.JSONField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="plan_row_once")]
        indexes = [models.Index(fields=["plan", "state", "number"], name="plan_row_by_state")]


class IdempotencyKey(models.Model):
    """A key that a caller chose for one act; the same key answers the same receipt for 24 hours (guard rail 10)."""

    actor = models.CharField(max_length=120)
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    organization_id = models.UUIDField(null=True)
    receipt = models.JSONField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["actor", "key"], name="idempotency_key_once")]
