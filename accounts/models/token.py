"""API tokens: a prefix people can recognize, a secret shown once, a hash here."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.account import Account
from accounts.models.fields import Versioned
from accounts.models.membership import Membership
from accounts.models.organization import Organization


class ApiToken(Versioned):
    """A credential for one organization with its owner's rank or less, weighed anew at every use."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public",
             "membership": "public", "label": "pii", "prefix": "public", "secret_hash": "secret", "scopes": "public",
             "sensitive": "public", "allowed_networks": "public", "auth_epoch": "public", "access_epoch": "public",
             "created_at": "public", "expires_at": "public", "last_used_at": "unrecorded", "state": "public",
             "ended_at": "public", "ended_reason": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_tokens")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_tokens")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="api_tokens")
    label = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=60), default=list)
    """Permission codenames the token may use; never more than its owner holds when it is used."""
    sensitive = models.BooleanField(default=False)
    """Made at step-up tier T2, so that it may do what needs T2 (at most 90 days)."""
    allowed_networks = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    auth_epoch = models.PositiveIntegerField()
    access_epoch = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, default="active", choices=[("active", "active"), ("disabled", "disabled"), ("revoked", "revoked")])
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=60, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["membership", "state"], name="token_of_member")]
