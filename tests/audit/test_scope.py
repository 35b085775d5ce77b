"""Who sees what of the log: the database itself hides another organization's entries."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts import tenancy
from audit import counts, queries
from tests.audit.logs import TABLES, Log, number_all

READABLE = [table for table in TABLES if table not in {"audit_subjectkey", "audit_policy"}]  # wrapped keys open nothing by themselves; how long a log is kept is no secret


def _count(table: str, org: uuid.UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE org = %s", [org])
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("table", READABLE)
def test_without_the_scope_nothing_is_found(log: Log, table: str) -> None:
    log.write(256 if table == "audit_tile" else 1)
    if table != "audit_pending":
        number_all()
    assert _count(table, log.org) == 0
    with tenancy.scope(org=uuid.uuid4(), account=log.person):
        assert _count(table, log.org) == 0
    with tenancy.scope(org=log.org):
        assert _count(table, log.org) > 0
    with tenancy.installation("a test of the reach"):
        assert _count(table, log.org) > 0
    assert _count(table, log.org) == 0


def test_queries_do_not_cross_organizations_either_way(log: Log) -> None:
    """The first lock: even with the reach of the installation, a query answers for the organization it names."""
    entry, = log.write()
    number_all()
    with tenancy.installation("a test of the first lock"):
        assert queries.entry(org=uuid.uuid4(), entry_id=entry) is None
        assert queries.page(org=uuid.uuid4(), filters=queries.Filters()).entries == []
        assert queries.entry(org=log.org, entry_id=entry) is not None
    assert queries.entry(org=log.org, entry_id=entry) is None


def test_pages_are_cut_by_number_and_neither_miss_nor_repeat(log: Log) -> None:
    log.write(7)
    number_all()
    with tenancy.scope(org=log.org):
        first = queries.page(org=log.org, filters=queries.Filters(), size=3)
        assert [e.seq for e in first.entries] == [7, 6, 5]
        assert (first.newer, first.older) == (None, 5)
        log.write(2)
        number_all()
        second = queries.page(org=log.org, filters=queries.Filters(), before=first.older, size=3)
        assert [e.seq for e in second.entries] == [4, 3, 2]
        last = queries.page(org=log.org, filters=queries.Filters(), before=second.older, size=3)
        assert ([e.seq for e in last.entries], last.older) == ([1], None)
        newer = queries.page(org=log.org, filters=queries.Filters(), after=7, size=3)
        assert ([e.seq for e in newer.entries], newer.newer) == ([9, 8], None)
        back = queries.page(org=log.org, filters=queries.Filters(), after=1, size=3)
        assert ([e.seq for e in back.entries], back.newer, back.older) == ([4, 3, 2], 4, 2)


def test_filters_find_waiting_and_numbered_entries(log: Log) -> None:
    other = uuid.uuid4()
    log.write(2)
    log.write(action="test.other", outcome="denied")
    number_all()
    log.write(action="test.other")
    with tenancy.scope(org=log.org):
        def found(**given: object) -> list[int | None]:
            return [e.seq for e in queries.page(org=log.org, filters=queries.Filters(**given)).entries]  # type: ignore[arg-type]

        assert found() == [None, 3, 2, 1]
        assert found(action="test.other") == [None, 3]
        assert found(outcome="denied") == [3]
        assert found(actor=log.actor, outcome="success") == [None, 2, 1]
        assert found(actor=other) == found(target=other) == found(target=log.person, target_type="group") == []
        assert found(target=log.person) == [None, 3, 2, 1]


def test_days_count_exactly(log: Log) -> None:
    log.write(4)
    number_all()
    today = datetime.now(UTC).date()
    with tenancy.scope(org=log.org):
        assert counts.count(org=log.org) == counts.count(org=log.org, since=today - timedelta(days=1), until=today + timedelta(days=1)) == 4
        assert counts.count(org=log.org, until=today - timedelta(days=2)) == counts.count(org=log.org, since=today + timedelta(days=2)) == 0
    assert counts.count(org=log.org) == 0
