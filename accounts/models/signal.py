"""Security events: what programs asked to be told about the people they know (OpenID Shared Signals Framework 1.0)."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.account import Account
from accounts.models.app import OAuthApplication
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class SignalStream(Versioned):
    """How one service or app wants to be told: where, of what, and how it fares. There is at most one for each client."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "application": "public", "method": "public", "url": "unrecorded", "host": "public", "authorization": "unrecorded",
        "events": "public", "description": "public", "status": "public", "held_at": "public", "reason": "public", "failures": "unrecorded", "failing_since": "unrecorded", "next_try": "unrecorded",
        "last_success": "unrecorded", "last_error": "unrecorded", "last_status": "unrecorded", "served_at": "unrecorded", "verified_at": "unrecorded", "created_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    application = models.OneToOneField(OAuthApplication, on_delete=models.CASCADE, related_name="signals")
    method = models.CharField(max_length=4, choices=[("push", "push"), ("poll", "poll")])
    """We send (RFC 8935), or the receiver fetches (RFC 8936)."""
    url = models.CharField(max_length=500, blank=True)
    host = models.CharField(max_length=260, blank=True)
    """What of the address may be shown."""
    authorization = models.TextField(blank=True)
    """The header that the receiver wants to see, sealed with the installation's key."""
    events = ArrayField(models.CharField(max_length=120), default=list)
    """The types that the receiver asked for, as it wrote them."""
    description = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, default="enabled", choices=[("enabled", "enabled"), ("paused", "paused"), ("disabled", "disabled")])
    """What the receiver wants. `paused`: what happens is kept for later; `disabled`: it is not kept either (SSF 1.0, section 8.1.2)."""
    held_at = models.DateTimeField(null=True)
    """Since when an administrator lets it rest, whatever the receiver wants."""
    reason = models.CharField(max_length=200, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_try = models.DateTimeField(null=True)
    last_success = models.DateTimeField(null=True)
    """When the receiver last took or fetched something."""
    last_error = models.CharField(max_length=40, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    served_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    """When the receiver last asked for a verification event."""
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    @property
    def state(self) -> str:
        """How it stands for the receiver: a stream that an administrator lets rest is paused, unless it is off anyway."""
        return "paused" if self.held_at is not None and self.status == "enabled" else self.status

    @property
    def program(self) -> str:
        """The service or the app, as people know it."""
        client = self.application
        return client.service.name if client.service is not None else client.installation.app.name if client.installation is not None else client.name


class SignalExclusion(Identified):
    """Somebody about whom a receiver does not want to be told any more. Everybody else whom it knows is in its stream."""

    AUDIT = {"id": "public", "organization": "public", "stream": "public", "account": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    stream = models.ForeignKey(SignalStream, on_delete=models.CASCADE, related_name="exclusions")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["stream", "account"], name="signal_exclusion_once")]


class SignalEvent(Identified):
    """One security event token until the receiver has it. Its id is the token's `jti`; when it was taken, the row goes."""

    AUDIT = {"id": "public", "organization": "public", "stream": "public", "entry": "public", "account": "public", "sub": "pii", "kind": "public", "claims": "unrecorded", "at": "unrecorded",
             "issued_at": "unrecorded", "state": "unrecorded", "attempts": "unrecorded", "next_try": "unrecorded", "error": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    stream = models.ForeignKey(SignalStream, on_delete=models.CASCADE, related_name="waiting")
    entry = models.UUIDField(null=True)
    """The entry of the log that it follows from; null for a verification."""
    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE, related_name="+")
    """Whom it is about; null for a verification, and for the last event about somebody who is being deleted."""
    sub = models.CharField(max_length=64, blank=True)
    """The person, as this receiver knows them."""
    kind = models.CharField(max_length=120)
    claims = models.JSONField(default=dict)
    at = models.DateTimeField()
    """When it happened."""
    issued_at = models.DateTimeField()
    state = models.CharField(max_length=6, default="due", choices=[("held", "held"), ("due", "due"), ("failed", "failed")])
    """`held`: somebody is being deleted, and the event leaves when that is done."""
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try = models.DateTimeField(null=True)
    error = models.CharField(max_length=60, blank=True)
    """What the receiver said was wrong with it (RFC 8936, section 2.6; RFC 8935, section 2.4)."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["stream", "entry", "kind"], name="signal_once"),
                       models.UniqueConstraint(fields=["stream", "sub", "kind"], condition=models.Q(state="held"), name="signal_held_once")]
        indexes = [models.Index(fields=["stream", "issued_at"], name="signals_waiting", condition=models.Q(state="due"))]
