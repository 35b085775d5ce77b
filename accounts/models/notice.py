"""The notice: which powers over people an organization uses, and what for, in versions that stay as they were published."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class NoticeState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    REPLACED = "replaced", _("Replaced before it took effect")


class Basis(models.TextChoices):
    """The legal bases an organization can name (GDPR 6(1); without consent, which nobody can give freely to whoever runs their account)."""

    CONTRACT = "contract", _("needed for the contract with the person")
    LEGAL_DUTY = "legal_duty", _("needed for a legal duty of the organization")
    VITAL = "vital_interest", _("needed to protect somebody's life")
    PUBLIC_TASK = "public_task", _("needed for a task in the public interest")
    LEGITIMATE = "legitimate_interest", _("needed for a legitimate interest of the organization that outweighs the person's")


class NoticeVersion(Versioned):
    """One version. Once it is published nothing in it changes any more; the next one takes its place on its date."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "number": "public", "state": "public", "powers": "public", "meanwhile": "public",
             "words": "unrecorded", "text": "unrecorded", "digest": "public", "significant": "public",
             "created_at": "public", "published_at": "public", "published_by": "public", "effective_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="notices")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=NoticeState, default=NoticeState.DRAFT)
    powers = ArrayField(models.CharField(max_length=60), default=list)
    """Slugs of the powers it names: those that can be used while it is in effect."""
    meanwhile = ArrayField(models.CharField(max_length=60), default=list)
    """Slugs of the powers that can be used from its publication until it is in effect: those it keeps of what could be used before."""
    words = models.JSONField(default=dict)
    """slug: {"purpose": in the organization's own words, "basis": one of Basis}."""
    text = models.TextField(blank=True, max_length=20_000)
    digest = models.CharField(max_length=64, blank=True)
    """SHA-256 of powers, words and text, written when it is published, and part of the entry: what the version said can be proven."""
    significant = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.UUIDField(null=True, blank=True)
    effective_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="notice_number_once"),
            models.UniqueConstraint(fields=["organization"], condition=models.Q(state="draft"), name="notice_one_draft"),
        ]
