"""The scope of a database connection: which organization and which person its queries may see.

PostgreSQL's row-level security reads these settings (`portal/database.py` declares the policies). Without a scope a
query finds nothing. Queries still name the organization themselves: the policy is the second lock, not the first.
"""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import DatabaseError, connection

logger = logging.getLogger("steward.tenancy")

_SET = ("SELECT set_config('steward.org', %s, false), set_config('steward.account', %s, false),"
        " set_config('steward.reach', %s, false)")
_GET = ("SELECT current_setting('steward.org', true), current_setting('steward.account', true),"
        " current_setting('steward.reach', true)")


def _apply(values: tuple[str, str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET, values)


@contextmanager
def _within(values: tuple[str, str, str]) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(_GET)
        before = tuple(value or "" for value in cursor.fetchone())
    _apply(values)
    try:
        yield
    finally:
        try:
            _apply(before)
        except DatabaseError:
            # The transaction is broken; its rollback takes back our setting too, because it was made inside it.
            if not connection.in_atomic_block:
                connection.close()


@contextmanager
def scope(*, org: UUID | None = None, account: UUID | None = None) -> Iterator[None]:
    """Within this block, queries see this organization's rows and this person's own memberships."""
    with _within((str(org or ""), str(account or ""), "")):
        yield


@contextmanager
def installation(reason: str) -> Iterator[None]:
    """Within this block, queries see every organization. For named installation work only; the reason is logged."""
    logger.debug("installation reach: %s", reason)
    with _within(("", "", "installation")):
        yield


def set_request_scope(*, org: UUID | None, account: UUID | None) -> None:
    """Set the scope for the rest of this request; the middleware clears it when the request ends."""
    _apply((str(org or ""), str(account or ""), ""))


def clear() -> None:
    """Forget the scope: from here on queries find nothing."""
    _apply(("", "", ""))
