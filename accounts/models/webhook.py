"""Webhooks: programs of an organization that are told what happens, and what became of each delivery."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.app import Installation
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization
from accounts.models.service import Service


class Webhook(Versioned):
    """A receiver of events: the organization's own, or one that belongs to a service or an installed app and ends with it."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "service": "public", "installation": "public", "name": "public", "url": "unrecorded", "host": "public", "events": "public",
        "secret": "unrecorded", "public_key": "public", "old_secret": "unrecorded", "old_until": "public", "state": "public", "paused_why": "public", "failures": "unrecorded",
        "failing_since": "unrecorded", "next_try": "unrecorded", "last_success": "unrecorded", "last_error": "unrecorded", "last_status": "unrecorded", "last_error_at": "unrecorded",
        "last_took": "unrecorded", "served_at": "unrecorded", "created_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="webhooks")
    service = models.ForeignKey(Service, null=True, blank=True, on_delete=models.CASCADE, related_name="webhooks")
    installation = models.ForeignKey(Installation, null=True, blank=True, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=60)
    url = models.CharField(max_length=500)
    """It may hold a secret of the receiver, so it is shown to nobody in full and recorded nowhere."""
    host = models.CharField(max_length=260)
    """What of it may be shown."""
    events = ArrayField(models.CharField(max_length=80), default=list)
    """Names of events, or families of them such as `membership.*`; `*` is all of them."""
    secret = models.BinaryField()
    public_key = models.CharField(max_length=60)
    old_secret = models.BinaryField(null=True)
    old_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default="active", choices=[("active", "active"), ("paused", "paused")])
    paused_why = models.CharField(max_length=10, blank=True)
    """asked: by a person; gone: the receiver said that it is gone for good; failing: it took nothing for days."""
    failures = models.PositiveIntegerField(default=0)
    """Attempts that failed since the last one that was taken."""
    failing_since = models.DateTimeField(null=True)
    next_try = models.DateTimeField(null=True)
    """Before then nothing is sent: the receiver failed, or asked to be left alone."""
    last_success = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=40, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error_at = models.DateTimeField(null=True)
    last_took = models.PositiveIntegerField(default=0)
    """Milliseconds of the last attempt: a slow receiver gets fewer hands."""
    served_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="webhook_name_once"),
                       models.CheckConstraint(condition=models.Q(service=None) | models.Q(installation=None), name="webhook_of_one_thing")]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(Identified):
    """One event on its way to one webhook. It names the entry; what is sent is made from the entry each time, so it is the same each time and nothing of it is kept here."""

    AUDIT = {"id": "public", "organization": "public", "webhook": "public", "entry": "public", "seq": "public", "action": "public", "occurred_at": "public", "state": "unrecorded",
             "attempts": "unrecorded", "next_try": "unrecorded", "made_at": "unrecorded", "done_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    entry = models.UUIDField(null=True)
    """The entry that it tells of; null for a test."""
    seq = models.BigIntegerField(default=0)
    action = models.CharField(max_length=80)
    occurred_at = models.DateTimeField()
    state = models.CharField(max_length=6, default="due", choices=[("due", "due"), ("done", "done"), ("failed", "failed")])
    """`failed`: it was tried for days and is tried no more, unless somebody asks."""
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try = models.DateTimeField(null=True)
    made_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["webhook", "entry"], name="webhook_entry_once")]
        indexes = [models.Index(fields=["webhook", "seq", "next_try"], name="webhook_due", condition=models.Q(state="due")),
                   models.Index(fields=["webhook", "-made_at"], name="webhook_newest")]


class WebhookAttempt(models.Model):
    """One attempt to deliver."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    code = models.CharField(max_length=40, blank=True)
    """Empty when it was taken."""
    status = models.PositiveSmallIntegerField(null=True)
    took = models.PositiveIntegerField()
    """Milliseconds."""

    class Meta:
        default_permissions = ()
