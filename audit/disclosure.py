"""Erasing a person inside the log: their openings and keys go, records, numbers and proofs stay."""
from __future__ import annotations

from uuid import UUID

from django.db import connection


def erase(*, org: UUID, subject: UUID) -> int:
    """Destroy the openings and the key of one subject in one log. Needs an open act. Returns how many openings went."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_erase_subject(%s, %s)", [org, subject])
        return int(cursor.fetchone()[0])
