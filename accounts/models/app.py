"""Apps and what makes a program known to our OAuth provider: the catalogue, its installations, what people allowed, and the client itself."""
from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from oauth2_provider.models import AbstractApplication

from accounts.models.account import Account
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization
from accounts.models.service import Service


class App(Versioned):
    """A record of the catalogue: a program of somebody else that an organization may install (POWERS P5)."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "slug": "public", "name": "public", "about": "public", "provider": "public", "provider_email": "public",
             "website": "public", "privacy_url": "public", "countries": "public", "categories": "public", "scopes": "public", "redirect_uris": "public", "logout_url": "public",
             "events_url": "public", "requests_url": "public", "state": "public", "created_at": "public"}

    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="apps")
    """Whose record it is; null: the operator offers it to every organization."""
    slug = models.SlugField(max_length=50)
    name = models.CharField(max_length=100)
    about = models.CharField(max_length=500, blank=True)
    provider = models.CharField(max_length=200)
    provider_email = models.EmailField(max_length=254)
    """Where the provider learns who installed it, and gets requests for which there is no address of a program."""
    website = models.URLField(max_length=500, blank=True)
    privacy_url = models.URLField(max_length=500)
    countries = ArrayField(models.CharField(max_length=2), default=list)
    """Where the provider keeps the data: ISO 3166-1 alpha-2."""
    categories = ArrayField(models.CharField(max_length=80), default=list)
    """Which data about people it holds: Fideslang keys, as in the data map."""
    scopes = ArrayField(models.CharField(max_length=60), default=list)
    """What it asks for: keys of accounts/oauth/scopes.py."""
    redirect_uris = ArrayField(models.CharField(max_length=500), default=list)
    logout_url = models.URLField(max_length=500, blank=True)
    """Where it is told that a session ended (OpenID Connect Back-Channel Logout 1.0)."""
    events_url = models.URLField(max_length=500, blank=True)
    """Where it is told that it was installed or removed."""
    requests_url = models.URLField(max_length=500, blank=True)
    """Where requests of people about their data go (RIGHTS 4e)."""
    state = models.CharField(max_length=10, default="offered", choices=[("offered", "offered"), ("withdrawn", "withdrawn")])
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "slug"], nulls_distinct=False, name="app_slug_once")]

    def __str__(self) -> str:
        return self.name


class Installation(Versioned):
    """An app in one organization: what was approved, by whom, and until when."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "app": "public", "state": "public", "scopes": "public", "pending_scopes": "public",
             "installed_by": "public", "installed_at": "public", "expires_at": "public", "ended_at": "public", "ended_why": "public", "events_secret": "secret", "ended_entry": "unrecorded",
             "last_used_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="installations")
    app = models.ForeignKey(App, on_delete=models.PROTECT, related_name="installations")
    state = models.CharField(max_length=10, default="active", choices=[("active", "active"), ("suspended", "suspended"), ("ended", "ended")])
    """`suspended`: nothing of it works, and it can come back; `ended`: removed, blocked or expired. A new installation is a new row, so no consent outlives an end."""
    scopes = ArrayField(models.CharField(max_length=60), default=list)
    pending_scopes = ArrayField(models.CharField(max_length=60), default=list)
    """What the app asks for since then; it gets none of it before somebody approves."""
    installed_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    installed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=20, blank=True)
    events_secret = models.BinaryField(null=True)
    """With what the provider checks that an event is ours: sealed as the secrets of log streams are."""
    ended_entry = models.UUIDField(null=True)
    """The entry that says it ended, once a subscriber has read it: what the mails to people who had allowed it something refer to."""
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "app"], condition=~models.Q(state="ended"), name="app_installed_once")]


class AppGrant(Identified):
    """What a person allowed an installed app to do in their name. Consent is per app, scopes and organization."""

    AUDIT = {"id": "public", "organization": "public", "installation": "public", "account": "public", "scopes": "public", "granted_at": "public", "ended_at": "public", "ended_why": "public",
             "told_at": "unrecorded", "last_used_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    installation = models.ForeignKey(Installation, on_delete=models.CASCADE, related_name="grants")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="app_grants")
    scopes = ArrayField(models.CharField(max_length=60), default=list)
    granted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=20, blank=True)
    told_at = models.DateTimeField(null=True)
    """When the person was written to because the app is gone."""
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["installation", "account"], condition=models.Q(ended_at=None), name="app_grant_once")]
        indexes = [models.Index(fields=["installation", "id"], condition=models.Q(told_at=None, ended_why__in=("uninstalled", "blocked", "expired")), name="app_grant_untold"),
                   models.Index(fields=["installation", "account"], name="app_grant_people")]


class OAuthApplication(AbstractApplication):
    """A client of our OAuth provider: one organization's service, or an app that it installed; never both. It exists as long as either does."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="oauth_applications")
    service = models.OneToOneField(Service, null=True, blank=True, on_delete=models.CASCADE, related_name="client")
    installation = models.OneToOneField(Installation, null=True, blank=True, on_delete=models.CASCADE, related_name="client")
    logout_url = models.URLField(max_length=500, blank=True, db_default="")
    """Where it is told that a session ended (OpenID Connect Back-Channel Logout 1.0)."""

    class Meta(AbstractApplication.Meta):
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(service=None) | models.Q(installation=None), name="client_of_one_thing")]
