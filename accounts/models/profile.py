"""Profile values: who owns them, and what people may not edit themselves."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class FieldOwner(models.TextChoices):
    PERSON = "person", _("the person alone")
    ADMINISTRATOR = "administrator", _("administrators alone")
    DIRECTORY = "directory", _("the directory alone")
    BOTH = "both", _("the person and administrators")


class FieldPolicy(Versioned):
    """Who may change one profile field in one organization. Where nobody decided, the defaults hold: ask `accounts.profile.rules.of`."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "field": "public", "owner": "public", "ground": "unrecorded", "set_at": "public", "set_by": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="field_policies")
    field = models.CharField(max_length=20)
    owner = models.CharField(max_length=13, choices=FieldOwner)
    ground = models.TextField(blank=True, max_length=500)
    """Why, in the organization's words; whoever may not change the field reads it."""
    set_at = models.DateTimeField()
    set_by = models.UUIDField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "field"], name="field_policy_once")]


class EditLimits(Versioned):
    """What people whose account the organization manages may not edit or delete themselves, and why. No row: everything."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "limited": "public", "ground": "unrecorded", "set_at": "public", "set_by": "public"}

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="edit_limits")
    limited = ArrayField(models.CharField(max_length=30), default=list)
    ground = models.TextField(blank=True, max_length=500)
    set_at = models.DateTimeField()
    set_by = models.UUIDField(null=True, blank=True)

    class Meta:
        default_permissions = ()
