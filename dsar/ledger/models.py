"""What the database remembers of the ledger, so that an older database is noticed."""
from __future__ import annotations

from django.db import models


class LedgerMark(models.Model):
    """How far every line of the ledger is accounted for in this database: done, or never to be done. One row."""

    AUDIT = {"id": "public", "seq": "public", "hash": "public"}

    id = models.PositiveSmallIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()


class LedgerSeen(models.Model):
    """A line behind the mark whose act happened: written in the same transaction, so that an older database does not have it."""

    AUDIT = {"seq": "public", "hash": "public"}

    seq = models.BigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
