"""A service that the organization's people sign in to, and who has access."""
from __future__ import annotations

from django.db import models

from accounts.models.fields import Identified, Versioned
from accounts.models.membership import Membership
from accounts.models.organization import Organization


class Service(Versioned):
    """Something the organization's people use with their account."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "slug": "public", "name": "public",
             "description": "public", "url": "public", "created_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="services")
    slug = models.SlugField(max_length=50)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    url = models.URLField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "slug"], name="service_slug_once")]

    def __str__(self) -> str:
        return self.name


class ServiceAccess(Identified):
    """A member's access to one service. Kept while suspended, so that a restore gives back what was there."""

    AUDIT = {"id": "public", "organization": "public", "membership": "public", "service": "public",
             "state": "public", "granted_at": "public", "last_used_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="service_access")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="access")
    state = models.CharField(max_length=10, default="full", choices=[("full", "full"), ("read_only", "read_only"), ("off", "off")])
    granted_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["membership", "service"], name="service_access_once")]
