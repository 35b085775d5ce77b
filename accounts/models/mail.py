"""The outbox: every mail we owe somebody, and the exact words that were sent."""
from __future__ import annotations

from django.db import models

from accounts.models.account import Account
from accounts.models.fields import Identified


class Mail(Identified):
    """One mail to one person because of one audit entry. Written once, sent at least once, shown to administrators.

    `context` is sealed until the mail is sent (it may hold a single-use link) and removed afterwards; `body` is the
    text as first tried or sent, with links that carry authority replaced by words: the person reads it in the portal too.
    """

    AUDIT = {"id": "public", "entry": "public", "organization_id": "public", "account": "public", "template": "public",
             "address": "pii", "context": "secret", "subject": "pii", "body": "pii", "state": "public", "attempts": "unrecorded",
             "next_attempt_at": "unrecorded", "created_at": "public", "sent_at": "public", "last_error": "unrecorded", "read_at": "unrecorded",
             "asks": "public", "about": "public", "acknowledged_at": "public"}

    entry = models.UUIDField(null=True, blank=True)
    """The audit entry this mail follows from."""
    organization_id = models.UUIDField(null=True, blank=True)
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="mails")
    template = models.CharField(max_length=60)
    address = models.EmailField(max_length=254)
    context = models.BinaryField(null=True)
    subject = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True)
    state = models.CharField(max_length=10, default="due", choices=[("due", "due"), ("sent", "sent"), ("failed", "failed"), ("held", "not wanted")])
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    read_at = models.DateTimeField(null=True)
    """When the recipient saw it in the portal's notices."""
    asks = models.CharField(max_length=10, blank=True, default="", db_default="", choices=[("", ""), ("read", "to be confirmed"), ("important", "to be confirmed, with a banner until then")])
    """Whether the recipient is asked to confirm that they read it (`accounts.acknowledging`)."""
    about = models.UUIDField(null=True)
    """What was announced: the same for everybody who is asked to confirm the same thing."""
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["entry", "template", "address"], name="mail_once_per_entry")]
        indexes = [models.Index(fields=["next_attempt_at"], condition=models.Q(state="due"), name="mail_due"),
                   models.Index(fields=["account", "-created_at"], name="mail_of_account"),
                   models.Index(fields=["account"], condition=models.Q(read_at=None, entry__isnull=False), name="mail_unread"),
                   models.Index(fields=["organization_id"], condition=models.Q(state="failed"), name="mail_failed"),
                   models.Index(fields=["account", "-created_at"], condition=models.Q(acknowledged_at=None) & ~models.Q(asks=""), name="mail_unconfirmed"),
                   models.Index(fields=["about", "acknowledged_at"], condition=models.Q(about__isnull=False), name="mail_about")]
