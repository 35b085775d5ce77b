"""An export of a whole organization, and who of its people agreed that what is private is in it."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Organization
from accounts.models.fields import Identified, Versioned


class Level(models.TextChoices):
    PLAIN = "plain", _("Without what is private")
    AGREED = "agreed", _("What is private only of people who agree")
    ALL = "all", _("Everything, also what is private")


class ExportState(models.TextChoices):
    WAITING = "waiting", _("Waiting, so that it can be stopped")
    MAKING = "making", _("Being made")
    READY = "ready", _("Ready")
    ENDED = "ended", _("Removed")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Could not be made")


class OrganizationExport(Versioned):
    """One package of everything that an organization has here: who asked, how far it reaches, and what became of it."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "requested_by": "public", "approved_by": "public", "level": "public", "purpose": "unrecorded", "state": "public",
             "asked_at": "public", "begins_at": "public", "snapshot_at": "public", "ready_at": "public", "expires_at": "public", "ended_at": "public", "ended_how": "public", "downloads": "public",
             "size": "public", "sha256": "public", "manifest": "public", "counts": "unrecorded", "withheld": "unrecorded", "key": "secret", "failure": "public", "attempts": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="exports")
    requested_by = models.UUIDField()
    """The account of the owner who asked, and alone fetches it."""
    approved_by = models.UUIDField(null=True)
    level = models.CharField(max_length=8, choices=Level)
    purpose = models.CharField(max_length=500)
    state = models.CharField(max_length=8, choices=ExportState, default=ExportState.WAITING)
    asked_at = models.DateTimeField()
    begins_at = models.DateTimeField()
    """Not before this it is made: until then any owner can stop it, and afterwards too."""
    snapshot_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=40, blank=True)
    """`over`, `stopped`, or `requester_lost`."""
    downloads = models.PositiveSmallIntegerField(default=0)
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    manifest = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)
    withheld = models.JSONField(default=list)
    key = models.CharField(max_length=120, blank=True)
    """What seals the file, itself sealed; destroyed with the export."""
    failure = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization"], condition=models.Q(state__in=["waiting", "making", "ready"]), name="organization_export_once")]
        indexes = [models.Index(fields=["organization", "-asked_at"], name="organization_export_of")]


class ExportConsent(Identified):
    """Whether a person agreed that what is private of them is in one export. Who says nothing did not agree."""

    AUDIT = {"id": "public", "organization": "public", "export": "public", "account": "public", "agreed": "public", "at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="export_consents")
    export = models.ForeignKey(OrganizationExport, on_delete=models.CASCADE, related_name="consents")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="export_consents")
    agreed = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["export", "account"], name="export_consent_once")]
