"""The organization (the tenant), its roles, and the permissions that django-guardian keeps on it."""
from __future__ import annotations

from django.contrib.auth.models import Group as AuthGroup
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from accounts.models.fields import Versioned
from accounts.permissions import PERMISSIONS


class OrganizationStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    PENDING_DELETION = "pending_deletion", _("Deletion scheduled")
    DELETED = "deleted", _("Deleted")


class Organization(Versioned):
    """A tenant. Nothing of one organization is visible from another."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "slug": "public", "name": "public", "created_at": "public",
        "time_zone": "public", "contact_name": "pii", "contact_email": "pii", "contact_link": "public", "status": "public", "ends_at": "public",
        "owner_silent_days": "public",
    }

    slug = models.SlugField(_("address"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    contact_name = models.CharField(_("administrator contact"), max_length=200, blank=True)
    contact_email = models.EmailField(_("administrator contact e-mail"), blank=True)
    contact_link = models.URLField(_("page about help"), max_length=300, blank=True, default="", db_default="")
    created_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=OrganizationStatus, default=OrganizationStatus.ACTIVE, db_default="active")
    ends_at = models.DateTimeField(null=True, blank=True)
    """When it ends, from the decision on; afterwards, when it ended."""
    owner_silent_days = models.PositiveSmallIntegerField(default=60, db_default=60)
    """After so many days without an active owner a succession opens."""

    class Meta:
        default_permissions = ()
        permissions = [(codename, label) for codename, label in PERMISSIONS.items()]

    def __str__(self) -> str:
        return self.name


class Role(Versioned):
    """A named set of permissions with a rank. Built-in roles are the same in every organization."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "slug": "public", "name": "public",
        "rank": "public", "builtin": "public", "auth_group": "unrecorded", "permissions": "public",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="roles")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    rank = models.PositiveSmallIntegerField()
    builtin = models.BooleanField(default=True)
    permissions = ArrayField(models.CharField(max_length=60), default=list)
    """What the role may do, as codenames. django-guardian holds the same set on `auth_group`; a test compares."""
    auth_group = models.OneToOneField(AuthGroup, on_delete=models.PROTECT, related_name="steward_role")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "slug"], name="role_slug_once")]

    def __str__(self) -> str:
        return self.name


class OrganizationUserPermission(UserObjectPermissionBase):
    """django-guardian: one permission of one account on one organization."""

    content_object = models.ForeignKey(Organization, on_delete=models.CASCADE)


class OrganizationGroupPermission(GroupObjectPermissionBase):
    """django-guardian: one permission of one role (through its auth group) on its organization."""

    content_object = models.ForeignKey(Organization, on_delete=models.CASCADE)
