"""Rules about how long data is kept, and the runs that carried them out."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from accounts.models.fields import Identified, Versioned
from dsar.retention.periods import MEASURES


class Kind(models.TextChoices):
    DELETE = "delete", _("Let it go after")
    KEEP = "keep", _("Keep it for at least")


class Scope(models.TextChoices):
    ORGANIZATION = "organization", _("All of it in the organization")
    GROUP = "group", _("What is about people in one group")
    SERVICE = "service", _("What is about people who use one service")
    PERSON = "person", _("What is about one person")
    LABEL = "label", _("What has a certain label")


class Act(models.TextChoices):
    DELETE = "delete", _("Delete it")
    DEIDENTIFY = "deidentify", _("Empty what identifies people, and keep the rest")


class Ground(models.TextChoices):
    LEGAL_DUTY = "legal_duty", _("The law asks for it to be kept")
    LEGAL_CLAIMS = "legal_claims", _("To make or to defend legal claims")
    LEGITIMATE_INTEREST = "legitimate_interest", _("A legitimate interest that was weighed and written down")


class RetentionRule(Versioned):
    """One rule of an organization. Changing it ends it and begins another, so that what held on any day can be told."""

    AUDIT = dict.fromkeys(("id", "organization", "kind", "scope", "about", "account_id", "label", "what", "trigger", "count", "measure", "action", "ground", "set_by", "approved_by",
                           "set_at", "effective_at", "ends_at"), "public") | {"version": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="retention_rules")
    kind = models.CharField(max_length=8, choices=Kind)
    scope = models.CharField(max_length=12, choices=Scope)
    about = models.UUIDField(null=True)
    """The group or service."""
    account_id = models.UUIDField(null=True)
    """The person."""
    label = models.CharField(max_length=60, blank=True)
    what = models.CharField(max_length=60)
    """A kind of data, by its table in the data map, or a category of the map."""
    trigger = models.CharField(max_length=8)
    count = models.PositiveIntegerField()
    measure = models.CharField(max_length=8, choices=list(MEASURES.items()))
    action = models.CharField(max_length=12, choices=Act, blank=True)
    ground = models.CharField(max_length=24, choices=Ground, blank=True)
    set_by = models.UUIDField()
    """The account of whoever asked for it."""
    approved_by = ArrayField(models.UUIDField(), default=list)
    set_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    """When it holds no more: replaced or removed. May be ahead."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "ends_at"], name="retention_rules_of")]


class RunState(models.TextChoices):
    RUNNING = "running", _("Running")
    STOPPED = "stopped", _("Stopped: two people have to look")
    DONE = "done", _("Finished")
    FAILED = "failed", _("Could not be finished")


class RetentionRun(Identified):
    """One day's run over everything whose time is over in one organization, or over what belongs to none. A dry run only counts."""

    AUDIT = dict.fromkeys(("id", "organization_id", "day", "zone", "dry", "state", "digest", "started_at", "finished_at", "due", "removed", "held", "overdue", "total", "agreed",
                           "failure"), "public") | {"steps": "unrecorded"}

    organization_id = models.UUIDField(null=True)
    day = models.DateField()
    """The day in the organization's zone: what was over before it began, goes."""
    zone = models.CharField(max_length=64)
    dry = models.BooleanField()
    state = models.CharField(max_length=8, choices=RunState, default=RunState.RUNNING)
    digest = models.CharField(max_length=64)
    """Names the rules and periods it follows: others are tried dry first."""
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    due = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    overdue = models.BigIntegerField(null=True)
    """What was still there, past its day and not held, when the run was over. None until then."""
    total = models.BigIntegerField(default=0)
    agreed = models.BooleanField(default=False)
    """Two people looked at how much it would remove, and let it go on."""
    failure = models.CharField(max_length=40, blank=True)
    steps = models.JSONField(default=list)
    """For each kind: how many were due, held and done, by which rule, and how far it is."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization_id", "day", "dry"], nulls_distinct=False, name="retention_run_once_a_day")]
        indexes = [models.Index(fields=["organization_id", "-started_at"], name="retention_runs_of"),
                   models.Index(fields=["started_at"], condition=models.Q(state="running"), name="retention_running")]
