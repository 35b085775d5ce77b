"""What the database knows of backups, for the day that people are told. The register itself lies beside the archives: a database that is restored would remember an older one."""
from __future__ import annotations

from django.db import models


class Backup(models.Model):
    """One archive of one database, and until when it may exist."""

    AUDIT = {"id": "public", "holds": "public", "made_at": "public", "expires_at": "public", "removed_at": "public", "key_epoch": "public"}

    id = models.UUIDField(primary_key=True)
    holds = models.CharField(max_length=10)
    """`main` or `keys`."""
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    key_epoch = models.CharField(max_length=16)
    """Which key seals it: the first letters of a hash of the key."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["removed_at", "expires_at"], name="backup_by_end")]
