"""What the database remembers of the ledger, so that an older database is noticed."""
from __future__ import annotations

from django.db import models


class LedgerMark(models.Model):
    """How far every line of the ledger is accounted for in this database: done, or never to be done. One row."""

    AUDIT = {"id": "public", "seq": "public", "hash": "public", "closed_at": "public", "found": "public"}

    id = models.PositiveSmallIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)
    closed_at = models.DateTimeField(null=True)
    """Since when this database is known to be older than the ledger: nobody is served until it was repaired."""
    found = models.JSONField(default=dict, db_default={})
    """What a replay has brought about so far: counts by log and kind, so that one that was interrupted reports everything once."""

    class Meta:
        default_permissions = ()


class LedgerSeen(models.Model):
    """A line behind the mark whose act happened: written in the same transaction, so that an older database does not have it."""

    AUDIT = {"seq": "public", "hash": "public"}

    seq = models.BigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
