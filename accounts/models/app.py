"""The application model of the OAuth provider, swapped in before its first migration."""
from __future__ import annotations

import uuid

from django.db import models
from oauth2_provider.models import AbstractApplication

from accounts.models.organization import Organization


class OAuthApplication(AbstractApplication):
    """A client of our OAuth provider: one organization's service, or an app it installed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="oauth_applications")

    class Meta(AbstractApplication.Meta):
        default_permissions = ()
