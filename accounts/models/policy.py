"""What an organization decided for itself: the numbers that powers need, and the addresses it had before."""
from __future__ import annotations

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class OrganizationPolicy(Versioned):
    """The numbers of one organization. Whoever never chose any has no row, and the defaults hold: ask `accounts.policy.of`."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "deletion_days": "public", "closing_days": "public",
             "contract_reminders": "public", "own_deletion": "public", "inactive_days": "public", "inactive_since": "public", "inactive_looked_on": "unrecorded",
             "unused_days": "public", "unused_since": "public", "unused_reported_on": "unrecorded", "app_policy": "public"}

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="policy")
    deletion_days = models.PositiveSmallIntegerField(default=14, db_default=14, validators=[MinValueValidator(1), MaxValueValidator(90)])
    """Days between the decision to delete an account and its deletion (POWERS P6)."""
    closing_days = models.PositiveSmallIntegerField(default=14, db_default=14, validators=[MinValueValidator(14), MaxValueValidator(90)])
    """Days between the decision to delete the organization and its end (guard rail 23)."""
    contract_reminders = models.CharField(max_length=40, default="30, 7, 1", db_default="30, 7, 1")
    """How many days before the end of a contract the person and the administrators are reminded."""

    @property
    def reminders(self) -> tuple[timedelta, ...]:
        """The same as distances, the farthest first."""
        return tuple(timedelta(days=int(day)) for day in self.contract_reminders.split(", "))
    own_deletion = models.BooleanField(default=False, db_default=False)
    """Whether people may delete accounts that the organization manages without asking it."""
    inactive_days = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(30), MaxValueValidator(730)])
    """After so many days without any use people are suspended (accounts/inactivity); null: nobody is."""
    inactive_since = models.DateTimeField(null=True, blank=True)
    """When that was decided; nobody is suspended by it in the first 14 days."""
    inactive_looked_on = models.DateField(null=True, blank=True)
    """The last day (UTC) on which it warned or suspended somebody, and said so to the administrators."""
    unused_days = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(180), MaxValueValidator(3650)])
    """After so many days without any use a managed account is closed and then deleted (accounts/dormant); null: none is."""
    unused_since = models.DateTimeField(null=True, blank=True)
    """When that was decided; only warnings since then count."""
    unused_reported_on = models.DateField(null=True, blank=True)
    """The last day (UTC) on which it told the administrators what it did."""
    app_policy = models.CharField(max_length=10, default="request", db_default="request", choices=[(name, name) for name in ("open", "approved", "request", "closed")])
    """Which apps may be installed, and whether people may ask for others (accounts/catalogue/life.py)."""

    class Meta:
        default_permissions = ()


class OldSlug(Identified):
    """An address that an organization had. Its people are led on for a year; nobody else gets it for two."""

    AUDIT = {"id": "public", "organization": "public", "slug": "public", "left_at": "public", "leads_until": "public", "kept_until": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="old_slugs")
    slug = models.SlugField(max_length=50, unique=True)
    left_at = models.DateTimeField()
    leads_until = models.DateTimeField()
    kept_until = models.DateTimeField()

    class Meta:
        default_permissions = ()
