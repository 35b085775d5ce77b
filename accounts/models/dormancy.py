"""What the holder of an account was told about nobody using it."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.account import Account
from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class Dormancy(Versioned):
    """Since when somebody is being warned that their account is closed because nobody uses it. The row goes when they come back, and when the account is closed."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public", "told": "public", "warning": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="dormancies")
    """Whose rule it is: of the organization that manages the account; null for the installation's."""
    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="dormancy")
    told = ArrayField(models.DateTimeField(), default=list)
    """When each warning was given, the first one first."""
    warning = models.UUIDField(null=True)
    """The entry of the last one: until its mail has left, nothing is closed."""

    class Meta:
        default_permissions = ()
