"""What is kept about a request: the case, what was asked in it, what has to be done for it, and everything that happened."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Organization
from accounts.models.fields import Identified, Versioned


class State(models.TextChoices):
    """Where a case stands, in words for everybody."""

    RECEIVED = "received", _("Received")
    IDENTITY_PENDING = "identity_pending", _("Waiting for a proof of who you are")
    TRIAGE = "triage", _("Being looked at")
    CLARIFICATION_PENDING = "clarification_pending", _("Waiting for an answer of yours")
    PLANNED = "planned", _("A plan is made")
    APPROVED = "approved", _("Agreed to")
    SCHEDULED = "scheduled", _("Will be carried out on a date")
    EXECUTING = "executing", _("Being carried out")
    AWAITING_PROCESSORS = "awaiting_processors", _("Waiting for others who hold the data")
    BLOCKED = "blocked", _("Something stands in the way")
    REVIEW = "review", _("Being checked before you get it")
    READY = "ready", _("Ready for you")
    DISPUTED = "disputed", _("You disagree; somebody else looks at it")
    DELIVERED = "delivered", _("Delivered")
    EXPIRED_PACKAGE = "expired_package", _("No longer there to fetch")
    FULFILLED = "fulfilled", _("Done")
    PARTIALLY_FULFILLED = "partially_fulfilled", _("Done in part")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    CLOSED_UNVERIFIED = "closed_unverified", _("Closed, because nobody proved who asked")
    TRANSFERRED = "transferred", _("Handed to whoever is responsible")
    MERGED = "merged", _("Joined with an earlier request")
    RESOLVED_UPHELD = "resolved_upheld", _("Looked at again; the answer stays")
    CERTIFIED = "certified", _("Done, and gone from backups too")


class Right(models.TextChoices):
    ACCESS = "access", _("A copy of my data")
    PORTABILITY = "portability", _("My data in a portable file")
    ERASURE = "erasure", _("Deletion of my data")
    CORRECT = "correct", _("Correction of something wrong")
    RESTRICT = "restrict", _("Restriction: keep it, but do not use it")
    OBJECT = "object", _("Objection to a use of my data")
    WITHDRAW_CONSENT = "withdraw_consent", _("Withdrawal of a consent")
    OPT_OUT = "opt_out", _("No mail or use beyond what is needed")
    DEACTIVATE = "deactivate", _("Deactivation of my account")
    CHILD = "child", _("A report that the account is a child’s")


ASKABLE = [choice for choice in Right.choices if choice[0] != Right.CHILD]
"""What people ask for themselves. That an account is a child's, anybody may report."""


class Outcome(models.TextChoices):
    OPEN = "", _("Open")
    GRANTED = "granted", _("Granted")
    PARTIAL = "partial", _("Granted in part")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    UNVERIFIED = "unverified", _("Not verified")
    TRANSFERRED = "transferred", _("Handed on")
    MERGED = "merged", _("Joined with an earlier request")


class Channel(models.TextChoices):
    PAGE = "page", _("In the portal")
    MAILBOX = "mailbox", _("By a link to their mailbox")
    PHONE = "phone", _("By telephone or in person")
    LETTER = "letter", _("By letter or mail")
    AGENT = "agent", _("By an agent")
    REPORT = "report", _("By a report of somebody unknown")


class Case(Versioned):
    """What one person asked of one organization, under one reference for life. `*_on` and `*_by` follow from what happened and the law; nobody types them."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public", "reference": "public", "channel": "public", "state": "public", "words": "pii",
             "level": "public", "regimes": "public", "country": "public", "time_zone": "unrecorded", "received_at": "public", "statutory_due": "public", "internal_target": "unrecorded",
             "extension_notice_by": "unrecorded", "warned_at": "unrecorded", "decided_by": "public", "barred": "public", "plan": "unrecorded", "plan_hash": "public", "reminder": "unrecorded",
             "not_before": "public", "closed_at": "public", "recorded_by": "public", "assigned": "public", "assigned_by_person": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="cases")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="cases")
    reference = models.CharField(max_length=12, unique=True)
    channel = models.CharField(max_length=10, choices=Channel)
    state = models.CharField(max_length=24, choices=State, default=State.RECEIVED)
    words = models.TextField(blank=True, max_length=2000)
    level = models.PositiveSmallIntegerField(default=0)
    """How well it is known that the person themselves asked: 0 not at all, 1 their mailbox, 2 signed in, 3 signed in with a second factor or vouched for by two people (RIGHTS 3d)."""
    regimes = ArrayField(models.CharField(max_length=20), default=list)
    country = models.CharField(max_length=6, blank=True)
    """Where the organization sat when it was received: its public holidays count."""
    time_zone = models.CharField(max_length=64, default="UTC")
    received_at = models.DateTimeField()
    statutory_due = models.DateField(null=True)
    """None while the law waits for a proof of identity, and once the case is over."""
    internal_target = models.DateField(null=True)
    extension_notice_by = models.DateField(null=True)
    warned_at = models.SmallIntegerField(null=True)
    """At how many days before the date the last warning went out; -1 once it was missed."""
    decided_by = models.UUIDField(null=True)
    """The account that decided: whoever looks at a dispute is somebody else."""
    recorded_by = models.UUIDField(null=True)
    """The account of the administrator who wrote the request down for the person."""
    barred = ArrayField(models.UUIDField(), default=list)
    """Accounts of administrators from whom this case is kept."""
    assigned = models.UUIDField(null=True)
    """The account of the administrator who handles it; None while nobody in particular does."""
    assigned_by_person = models.BooleanField(default=False, db_default=False)
    """The person asked for just this administrator: whoever changes that tells them."""
    plan = models.JSONField(default=dict)
    plan_hash = models.CharField(max_length=64, blank=True)
    not_before = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    reminder = models.UUIDField(null=True)
    """The entry of the last reminder to prove who asked: its mail has to have left before anything follows from silence."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "state", "statutory_due"], name="case_queue"), models.Index(fields=["account", "-received_at"], name="case_of_person"),
                   models.Index(fields=["statutory_due"], condition=models.Q(closed_at=None), name="case_due")]


class Action(Versioned):
    """One right that was asked for, with its own outcome. At most one that is open and verified for each organization, person and right."""

    AUDIT = {"id": "public", "version": "unrecorded", "case": "public", "organization": "public", "account": "public", "right": "public", "verified": "public", "outcome": "public", "ground": "public",
             "decided_at": "public"}

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="actions")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    right = models.CharField(max_length=20, choices=Right)
    verified = models.BooleanField(default=False)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True, default="")
    ground = models.CharField(max_length=40, blank=True)
    """The code of why it was refused, or granted only in part."""
    decided_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account", "right"], condition=models.Q(outcome="", verified=True), name="action_active_once"),
                       models.UniqueConstraint(fields=["case", "right"], name="action_once_in_case")]


class TaskKind(models.TextChoices):
    COPY = "copy", _("Make the copy")
    ERASE = "erase", _("Schedule the deletion")
    BY_HAND = "by_hand", _("To be done by an administrator")


class Task(Versioned):
    """One piece of work for an action. Whatever does it remembers here that it did, so that it does it once."""

    AUDIT = {"id": "public", "version": "unrecorded", "case": "public", "action": "public", "organization": "public", "account": "public", "kind": "public", "state": "public", "refers": "public",
             "failure": "public", "attempts": "unrecorded", "done_at": "public"}

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="tasks")
    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="tasks")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=TaskKind)
    state = models.CharField(max_length=10, default="open", choices=[("open", _("Open")), ("done", _("Done")), ("failed", _("Failed"))])
    refers = models.UUIDField(null=True)
    """What it made, such as the copy."""
    failure = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["action", "kind"], name="task_once")]


class Happening(Identified):
    """Something that happened to a case. Only added; every date is reckoned from these, and the timeline shows them."""

    AUDIT = {"id": "public", "case": "public", "organization": "public", "account": "public", "at": "public", "event": "public", "by": "public", "actor": "public", "code": "public", "words": "pii",
             "facts": "unrecorded"}

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="happenings")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    event = models.CharField(max_length=24)
    by = models.CharField(max_length=16)
    actor = models.UUIDField(null=True)
    code = models.CharField(max_length=40, blank=True)
    words = models.TextField(blank=True, max_length=2000)
    """What is told to the other side: a question, an answer, the reasons of a refusal."""
    facts = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["case", "at"], name="happening_of_case")]


class EvidenceKind(models.TextChoices):
    PDF = "pdf", _("PDF")
    PNG = "png", _("PNG image")
    JPEG = "jpeg", _("JPEG image")
    TEXT = "text", _("Text")


class Evidence(Identified):
    """A file with which the person shows what is right. It lies sealed, whoever answers fetches it, and it is destroyed with the answer."""

    AUDIT = {"id": "public", "case": "public", "organization": "public", "account": "public", "kind": "public", "size": "public", "sealed": "secret", "added_at": "public"}

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="evidence")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=4, choices=EvidenceKind)
    size = models.PositiveIntegerField()
    sealed = models.BinaryField()
    """Encrypted with the installation's key."""
    added_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["case", "added_at"], name="evidence_of_case")]


class ChildReport(Identified):
    """An address of which somebody says that it is a child's. Every address is taken alike; the worker looks whose it is, and the row is gone within seconds. Of whoever wrote it nothing is kept."""

    AUDIT = dict.fromkeys(("id", "said", "asked_at"), "unrecorded")

    said = models.BinaryField()
    """Encrypted with the installation's key."""
    asked_at = models.DateTimeField()

    class Meta:
        default_permissions = ()


class Authority(models.TextChoices):
    """On what somebody says that they act for the person."""

    POWER = "power_of_attorney", _("A written power of attorney")
    LAWYER = "lawyer", _("A lawyer’s instruction")
    GUARDIAN = "guardian", _("Parent or guardian")
    SERVICE = "registered_agent", _("A chosen agent or service")


class Letters(models.TextChoices):
    PERSON = "person", _("To me alone")
    AGENT = "agent", _("To whoever acts for me")
    BOTH = "both", _("To both of us")


class AgentState(models.TextChoices):
    STATED = "stated", _("Says so; nobody confirmed it")
    CONFIRMED = "confirmed", _("Confirmed")
    ENDED = "ended", _("Does not act any more")


class Agent(Versioned):
    """Somebody who says that they act for the person in one request. Until the person or two people of the organization confirm it, they are told nothing."""

    AUDIT = {"id": "public", "version": "unrecorded", "case": "public", "organization": "public", "account": "public", "name": "pii", "email": "pii", "authority": "public", "state": "public",
             "letters": "public", "confirmed_at": "public", "method": "public", "mailbox_confirmed_at": "public"}

    case = models.OneToOneField(Case, on_delete=models.CASCADE, related_name="agent")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    email = models.EmailField(max_length=254)
    authority = models.CharField(max_length=20, choices=Authority)
    state = models.CharField(max_length=10, choices=AgentState, default=AgentState.STATED)
    letters = models.CharField(max_length=10, choices=Letters, default=Letters.PERSON)
    confirmed_at = models.DateTimeField(null=True)
    method = models.CharField(max_length=20, blank=True)
    """How it is known: the person's mailbox, the person signed in, or what two people of the organization saw."""
    mailbox_confirmed_at = models.DateTimeField(null=True)
    """When whoever reads the mail at their address said that it is theirs. Before that no letter goes there, whatever was chosen."""

    class Meta:
        default_permissions = ()


class CalendarLink(Identified):
    """A secret address under which the calendar of one administrator reads when requests are due. One each; it shows references and rights, and no person."""

    AUDIT = {"id": "public", "organization": "public", "account": "public", "secret_hash": "secret", "auth_epoch": "unrecorded", "access_epoch": "unrecorded", "made_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    secret_hash = models.BinaryField(max_length=32, unique=True)
    auth_epoch = models.PositiveIntegerField()
    access_epoch = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account"], name="calendar_link_once")]


class Inquiry(Identified):
    """What somebody wrote without a session: a request for an address, or a question after one. Nothing until the code from the mailbox is typed; then this browser follows the request for a while."""

    AUDIT = {"id": "unrecorded", "said": "unrecorded", "browser_hash": "secret", "account": "public", "organization": "public", "case": "public", "code_hash": "secret", "code_until": "unrecorded",
             "tries": "unrecorded", "asked_at": "unrecorded", "until": "unrecorded"}

    said = models.BinaryField()
    """Encrypted with the installation's key: the address and what was written. Gone once it is proven, and after a day in any case."""
    browser_hash = models.BinaryField(max_length=32)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, null=True, related_name="+")
    code_hash = models.BinaryField(max_length=32, null=True)
    code_until = models.DateTimeField(null=True)
    """None until the worker has looked."""
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["browser_hash"], name="inquiry_of_browser"), models.Index(fields=["asked_at"], condition=models.Q(code_until=None), name="inquiry_to_answer")]
