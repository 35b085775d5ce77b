"""A person's sign-in at a program: what every token hangs on, what the program is told when it ends, and the keys that our statements are signed with."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.account import Account, Session
from accounts.models.app import OAuthApplication
from accounts.models.fields import Identified
from accounts.models.organization import Organization


class ProgramSession(Identified):
    """Somebody signed in to a service or an app. No token, code or device works without a row of these that has not ended and whose epochs are still those of the person."""

    AUDIT = {"id": "public", "organization": "public", "account": "public", "client": "public", "session": "public", "auth_epoch": "public", "access_epoch": "public", "auth_time": "public",
             "acr": "public", "scopes": "public", "way": "public", "code_hash": "secret", "started_at": "public", "last_used_at": "unrecorded", "ended_at": "public", "ended_why": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="program_sessions")
    client = models.ForeignKey(OAuthApplication, on_delete=models.CASCADE, related_name="sessions")
    session = models.ForeignKey(Session, null=True, on_delete=models.SET_NULL, related_name="+")
    """The session of the browser in which it began: signing out there ends this one too."""
    auth_epoch = models.PositiveIntegerField()
    access_epoch = models.PositiveIntegerField()
    auth_time = models.DateTimeField()
    """When the person last proved who they are, before this sign-in."""
    acr = models.CharField(max_length=20)
    """How: `password` or `second_factor`."""
    scopes = ArrayField(models.CharField(max_length=60), default=list)
    way = models.CharField(max_length=10, default="code", choices=[("code", "code"), ("device", "device")])
    code_hash = models.CharField(max_length=64, unique=True)
    """The SHA-256 of the code that the program was given: a second use of it ends everything that came of the first (RFC 9700, section 2.1.1)."""
    started_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=30, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["account", "client"], name="program_session_live", condition=models.Q(ended_at=None))]


class LogoutCall(Identified):
    """A program is to be told that somebody is signed out there. It stands by itself: the client may be gone by the time that it is made."""

    AUDIT = dict.fromkeys(("id", "organization", "account", "session_id", "url", "audience", "subject", "state", "attempts", "made_at", "next_at", "finished_at", "last_error"), "unrecorded")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    session_id = models.UUIDField()
    url = models.URLField(max_length=500)
    audience = models.CharField(max_length=100)
    """The client's id at our provider."""
    subject = models.CharField(max_length=43)
    """How that program, and no other, knows the person."""
    state = models.CharField(max_length=10, default="due", choices=[("due", "due"), ("sent", "sent"), ("failed", "failed")])
    attempts = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField()
    next_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=30, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["next_at"], name="logout_call_due", condition=models.Q(state="due"))]


class SigningKey(Identified):
    """A key of this installation for statements that programs verify. The private half is kept encrypted; the public one is shown to everybody while something signed with it may be valid."""

    AUDIT = {"id": "public", "sealed": "secret", "public": "public", "made_at": "public", "retired_at": "public"}

    sealed = models.TextField(blank=True)
    public = models.JSONField()
    """As RFC 7517 writes it. Of a retired key only this is left."""
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["retired_at"], nulls_distinct=False, name="signing_key_one")]
