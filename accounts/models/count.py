"""How many people an organization has in each status: differences that triggers write and readers add up."""
from __future__ import annotations

from django.db import models


class PeopleCount(models.Model):
    """So many more or fewer people with this status, kind and second factor. Kept by `accounts/listing.py`; never written from here."""

    organization_id = models.UUIDField()
    status = models.CharField(max_length=20)
    kind = models.CharField(max_length=10)
    second_factor = models.BooleanField()
    n = models.IntegerField()

    class Meta:
        default_permissions = ()
