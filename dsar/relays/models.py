"""Who can be asked for what they hold about people, how they are reached, and what each of them was asked and answered."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Installation, Organization, Service
from accounts.models.fields import Identified, Versioned
from dsar.cases.models import Case


class Way(models.TextChoices):
    """How a program is reached."""

    PUSH = "push", _("We call its address")
    PULL = "pull", _("It asks us at least once in each period")
    MAIL = "mail", _("By mail to whoever runs it")
    NONE = "none", _("Not at all: it keeps nothing about people")


class Type(models.TextChoices):
    """What is asked of a program, in the words of the wire."""

    ERASURE = "erasure", _("Delete")
    ACCESS = "access", _("Give a copy")
    PORTABILITY = "portability", _("Give a portable copy")
    RECTIFICATION = "rectification", _("Read the corrected data anew")
    RESTRICTION = "restriction", _("Keep, and do not use")
    LIFT = "restriction-lift", _("May be used again")
    OBJECTION = "objection", _("Stop a use that the person objects to")
    WITHDRAW = "withdraw", _("Stop what rested on a consent")


class RelayState(models.TextChoices):
    """What became of one request to one program. The words of the wire, and two of ours: waiting and by_hand."""

    WAITING = "waiting", _("Not delivered yet")
    PENDING = "pending", _("Received; no answer yet")
    IN_PROGRESS = "in_progress", _("They are working on it")
    BY_HAND = "by_hand", _("Could not be delivered; somebody has to ask them")
    COMPLETED = "completed", _("Confirmed")
    PARTIAL = "partially_completed", _("Confirmed in part")
    REJECTED = "rejected", _("They refused")
    NOT_FOUND = "not_found", _("They hold nothing about the person")
    CANCELLED = "cancelled", _("Called off")


OPEN = frozenset({RelayState.WAITING, RelayState.PENDING, RelayState.IN_PROGRESS, RelayState.BY_HAND})
"""Nobody has confirmed or refused yet."""
SAID = frozenset({RelayState.PENDING, RelayState.IN_PROGRESS, RelayState.COMPLETED, RelayState.PARTIAL, RelayState.REJECTED, RelayState.NOT_FOUND, RelayState.CANCELLED})
"""What a program may answer."""


class Responder(Versioned):
    """A service or an installed app that can be asked: how it is reached, with which key it signs, whether it still may come in."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "service": "public", "installation": "public", "way": "public", "url": "public", "email": "public",
             "public_key": "public", "independent": "public", "cycle_days": "public", "token_hash": "secret", "polled_at": "unrecorded", "cycle_from": "public",
             "overdue_at": "public", "suspended_at": "public", "released_at": "public", "gone_at": "unrecorded", "gone_reached": "unrecorded", "gone_done_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    service = models.OneToOneField(Service, null=True, blank=True, on_delete=models.CASCADE, related_name="responder")
    installation = models.OneToOneField(Installation, null=True, blank=True, on_delete=models.CASCADE, related_name="responder")
    way = models.CharField(max_length=4, choices=Way)
    url = models.URLField(max_length=500, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    """Where mail about requests goes; for the other ways, what is left when they fail for a week."""
    public_key = models.CharField(max_length=44, blank=True)
    """The Ed25519 key with which it signs receipts and answers: 32 bytes in base64 (RFC 8032)."""
    independent = models.BooleanField(default=False)
    """Whoever runs it answers for the data themselves: they are told, and decide on their own (GDPR Art. 19, not Art. 28)."""
    cycle_days = models.PositiveSmallIntegerField(default=7)
    """Within so many days a program that asks us has asked about everybody."""
    token_hash = models.CharField(max_length=64, blank=True)
    polled_at = models.DateTimeField(null=True)
    cycle_from = models.DateTimeField(null=True)
    """Since when it has to ask us."""
    overdue_at = models.DateTimeField(null=True)
    """When the administrators were warned that it does not answer."""
    suspended_at = models.DateTimeField(null=True)
    """Since when its access rests because it did not answer."""
    released_at = models.DateTimeField(null=True)
    """When an administrator last let it in again although it had not answered."""
    gone_at = models.DateTimeField(null=True)
    """Since when it is asked, as an app that was removed, about everybody who had allowed it something."""
    gone_reached = models.UUIDField(null=True)
    """How far that got, in the order of accounts."""
    gone_done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(service=None) ^ models.Q(installation=None), name="responder_of_one_thing"),
                       models.UniqueConstraint(fields=["token_hash"], condition=~models.Q(token_hash=""), name="responder_token_once")]

    @property
    def name(self) -> str:
        return self.service.name if self.service else self.installation.app.name  # type: ignore[union-attr]


class Relay(Versioned):
    """One request of one person to one responder. Its id follows from both, so that the same request bears the same id however often it is sent, after a restore too."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "responder": "public", "account": "public", "case": "public", "cause": "public", "type": "public", "way": "public",
             "state": "public", "code": "public", "asked_at": "public", "respond_by": "public", "expected_on": "public", "attempts": "unrecorded", "first_try": "unrecorded", "next_try": "unrecorded",
             "problem": "unrecorded", "told_at": "public", "seen_at": "unrecorded", "answered_at": "public", "how": "public", "overdue_at": "public", "receipt": "public", "answer": "secret"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="relays")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="relays")
    case = models.ForeignKey(Case, null=True, blank=True, on_delete=models.SET_NULL, related_name="relays")
    cause = models.UUIDField()
    """What it comes from: the request, the entry of a restriction, or the account that was deleted."""
    type = models.CharField(max_length=20, choices=Type)
    way = models.CharField(max_length=4, choices=Way)
    state = models.CharField(max_length=20, choices=RelayState, default=RelayState.WAITING)
    code = models.CharField(max_length=40, blank=True)
    """Why they refused, as they say."""
    asked_at = models.DateTimeField()
    respond_by = models.DateField()
    expected_on = models.DateField(null=True)
    """When they expect to be done, as they say."""
    attempts = models.PositiveSmallIntegerField(default=0)
    first_try = models.DateTimeField(null=True)
    next_try = models.DateTimeField(null=True)
    """When it is tried next; None while nothing is to be sent."""
    problem = models.CharField(max_length=40, blank=True)
    told_at = models.DateTimeField(null=True)
    """When they had it: a receipt came, they fetched it, or the mail was taken."""
    seen_at = models.DateTimeField(null=True)
    """When they last asked about the person."""
    answered_at = models.DateTimeField(null=True)
    how = models.CharField(max_length=10, blank=True)
    """How the answer came: by receipt, callback, pull, mail, or by hand."""
    overdue_at = models.DateTimeField(null=True)
    receipt = models.CharField(max_length=64, blank=True)
    """SHA-256 of the signed text of the last answer."""
    answer = models.BinaryField(null=True)
    """What they gave for the person's copy, encrypted with the installation's key; gone with the copy's time."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["next_try"], condition=~models.Q(next_try=None), name="relay_due"), models.Index(fields=["responder", "state"], name="relay_of_responder"),
                   models.Index(fields=["account", "organization"], name="relay_of_person")]


class RelayNonce(Identified):
    """A number that a responder used once, kept as long as its message could count."""

    AUDIT = dict.fromkeys(("id", "organization", "responder", "nonce", "seen_at"), "unrecorded")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="+")
    nonce = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["responder", "nonce"], name="relay_nonce_once")]
