"""What an organization thinks of an app, who asked for it, what its provider has to hear, and what it did."""
from __future__ import annotations

from django.db import models

from accounts.models.account import Account
from accounts.models.app import App, Installation
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class AppReview(Versioned):
    """One organization's decision about one app. No row: nobody has asked yet, and nothing was decided."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "app": "public", "state": "public", "words": "pii", "until": "public", "decided_by": "public",
             "decided_at": "public", "created_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="app_reviews")
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="reviews")
    state = models.CharField(max_length=12, default="needs_review", choices=[(name, name) for name in ("needs_review", "in_review", "approved", "denied", "blocked", "withdrawn")])
    words = models.CharField(max_length=1000, blank=True)
    """Why it was denied or blocked; whoever asked reads it."""
    until = models.DateTimeField(null=True, blank=True)
    """When an approval ends by itself."""
    decided_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "app"], name="app_review_once")]
        indexes = [models.Index(fields=["until"], condition=models.Q(state="approved", until__isnull=False), name="app_review_until")]


class AppRequest(Identified):
    """Somebody asked that an app be approved, and why. One open request for each person and app."""

    AUDIT = {"id": "public", "organization": "public", "app": "public", "account": "public", "words": "pii", "asked_at": "public", "ended_at": "public", "outcome": "public", "decision": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="requests")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="app_requests")
    words = models.CharField(max_length=1000)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, blank=True, choices=[(name, name) for name in ("", "approved", "denied", "blocked", "withdrawn")])
    decision = models.UUIDField(null=True)
    """The act that answered it, by which the mail finds everybody who asked."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "app", "account"], condition=models.Q(ended_at=None), name="app_request_once")]
        indexes = [models.Index(fields=["decision"], name="app_request_decision")]


class AppDelivery(Identified):
    """One event for the provider of an app, sent to its `events_url` at least once. What it says is sealed, and goes when it was sent: it may hold the secret of the client."""

    AUDIT = {"id": "public", "organization": "public", "installation": "public", "event": "public", "sealed": "secret", "state": "public", "attempts": "unrecorded", "next_try": "unrecorded",
             "last_error": "unrecorded", "last_status": "unrecorded", "created_at": "public", "sent_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    installation = models.ForeignKey(Installation, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30)
    sealed = models.TextField(blank=True)
    state = models.CharField(max_length=10, default="due", choices=[(name, name) for name in ("due", "sent", "failed", "dropped")])
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=40, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["next_try"], condition=models.Q(state="due"), name="app_delivery_due"), models.Index(fields=["installation", "created_at"], name="app_delivery_of")]


class AppUse(Identified):
    """How often an installed app called something, and when last; nobody's name is in it."""

    AUDIT = {"id": "public", "organization": "public", "installation": "public", "what": "public", "calls": "unrecorded", "first_at": "unrecorded", "last_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    installation = models.ForeignKey(Installation, on_delete=models.CASCADE, related_name="uses")
    what = models.CharField(max_length=60)
    calls = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["installation", "what"], name="app_use_once")]
