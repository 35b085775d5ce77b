"""The scope of a database connection: which organization and which person its queries may see, and what for.

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
        " set_config('steward.reach', %s, false), set_config('steward.purpose', %s, false)")
_ENTER = ("WITH was AS MATERIALIZED (SELECT current_setting('steward.org', true) AS org, current_setting('steward.account', true) AS account,"
          " current_setting('steward.reach', true) AS reach, current_setting('steward.purpose', true) AS purpose)"
          " SELECT was.org, was.account, was.reach, was.purpose, set_config('steward.org', COALESCE(%s::text, was.org, ''), false),"
          " set_config('steward.account', COALESCE(%s::text, was.account, ''), false),"
          " set_config('steward.reach', COALESCE(%s::text, was.reach, ''), false), set_config('steward.purpose', COALESCE(%s::text, was.purpose, ''), false) FROM was")
"""Says what was set, and sets: in one statement, because pages enter scopes often. What was is read before anything is set."""


def _apply(values: tuple[str, str, str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET, values)


@contextmanager
def _within(org: str | None, account: str | None, reach: str | None, purpose: str | None) -> Iterator[None]:
    """None leaves what is set."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTER, (org, account, reach, purpose))
        row = [value or "" for value in cursor.fetchone()[:4]]
    try:
        yield
    finally:
        try:
            _apply((row[0], row[1], row[2], row[3]))
        except DatabaseError:
            # The transaction is broken; its rollback takes back our setting too, because it was made inside it.
            if not connection.in_atomic_block:
                connection.close()


@contextmanager
def scope(*, org: UUID | None = None, account: UUID | None = None, purpose: str | None = None) -> Iterator[None]:
    """Within this block, queries see this organization's rows and this person's own memberships. What they are read for stays as it was named, unless named anew."""
    with _within(str(org or ""), str(account or ""), "", purpose):
        yield


@contextmanager
def purpose(name: str) -> Iterator[None]:
    """Within this block, people are read for this (`accounts.purposes`)."""
    with _within(None, None, None, name):
        yield


@contextmanager
def installation(reason: str) -> Iterator[None]:
    """Within this block, queries see every organization. For named installation work only; the reason is logged."""
    logger.debug("installation reach: %s", reason)
    with _within("", "", "installation", None):
        yield


def set_request_scope(*, org: UUID | None, account: UUID | None, purpose: str) -> None:
    """Set the scope and the purpose for the rest of this request; the middleware clears it when the request ends."""
    _apply((str(org or ""), str(account or ""), "", purpose))


def clear() -> None:
    """Forget the scope: from here on queries find nothing."""
    _apply(("", "", "", ""))
