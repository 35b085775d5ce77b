"""The months of the log: every record lies in its class and month, and no month can be reached beside its table."""
from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime

import psycopg
import pytest
from django.db import connection, connections, transaction

from accounts import tenancy
from audit import INSTALLATION, partitions, queries, recording
from portal import database
from tests.audit.logs import Log, login, number_all, tampering


def lies_in(log: Log) -> set[str]:
    with tampering() as attacker:
        return {row[0] for row in attacker.execute("SELECT tableoid::regclass::text FROM audit_entry WHERE org = %s", [log.org]).fetchall()}


def write_at(log: Log, now: datetime) -> uuid.UUID:
    with transaction.atomic(), recording.opened(org=log.org, now=now) as act:
        return act.write([log.draft()])[0]


def policy(log: Log, retention: str) -> None:
    with tampering() as attacker:
        attacker.execute("INSERT INTO audit_policy (org, retention) VALUES (%s, %s)", [log.org, retention])


def test_a_record_lies_in_the_month_of_its_act(log: Log) -> None:
    now = datetime.now(UTC)
    entry = write_at(log, now)
    assert lies_in(log) == {f"audit_entry_y7_{now:%Y%m}"}
    number_all()
    seen = log.read(entry)
    assert seen is not None and seen.record["event_id"] == str(entry)
    assert log.findings() == []


def test_a_month_that_nobody_made_loses_nothing(log: Log) -> None:
    """The clock is far ahead, or the schedule has not run for years."""
    entry = write_at(log, datetime(2055, 5, 5, tzinfo=UTC))
    assert lies_in(log) == {"audit_entry_y7_other"}
    number_all()
    assert log.read(entry) is not None
    with tenancy.scope(org=log.org):
        assert [seen.id for seen in queries.page(org=log.org, filters=queries.Filters()).entries] == [entry]
    assert log.findings() == []
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT retention) FROM audit_policy WHERE retention <> 'y7'")
        others = cursor.fetchone()[0]  # which tests before it left
    assert partitions.prepare(today=date(2055, 5, 1)) == 24 + 25 * others  # the month that already has records elsewhere is left out


def test_a_policy_decides_the_class(log: Log) -> None:
    policy(log, "y2")
    partitions.prepare(today=datetime.now(UTC).date())
    log.write(2)
    assert lies_in(log) == {f"audit_entry_y2_{datetime.now(UTC):%Y%m}"}
    number_all()
    assert log.findings() == []
    with connections["owner"].cursor():
        assert database.differences(using="owner") == []


def test_months_are_made_once_and_only_of_classes_that_exist() -> None:
    today = datetime.now(UTC).date()
    partitions.prepare(today=today)
    assert partitions.prepare(today=today) == 0
    for wrong in ("y0", "y7; DROP TABLE audit_tree", "forever", "", "Y7"):
        with pytest.raises(Exception, match="no such retention class"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT audit_make_partitions(%s, %s, %s)", [wrong, today, today])


def test_no_login_reaches_a_month_beside_its_table(log: Log) -> None:
    log.write()
    name = lies_in(log).pop()
    for role in ("default", "sequencer"):
        with login(role) as attacker:
            for attempt in (f"SELECT * FROM {name}", f"INSERT INTO {name} SELECT * FROM {name}", f"DELETE FROM {name}", f"TRUNCATE {name}", f"DROP TABLE {name}", f"ALTER TABLE audit_entry_y7 DETACH PARTITION {name}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    attacker.execute(attempt)
    with login("owner") as owner:
        for attempt in (f"DELETE FROM {name}", f"UPDATE {name} SET record = '{{}}'", f"TRUNCATE {name}", "DELETE FROM audit_entry_y7", "TRUNCATE audit_entry"):
            with pytest.raises(psycopg.Error, match="append-only"):
                owner.execute(attempt)


def test_the_list_sees_a_month_that_was_opened(log: Log) -> None:
    log.write()
    name = lies_in(log).pop()
    with login("owner") as owner:
        owner.execute(f"GRANT SELECT ON {name} TO steward_app")
        try:
            assert [f"{name}: this month of the log can be reached or changed beside its table"] == database.differences(using="owner")
        finally:
            owner.execute(f"REVOKE ALL ON {name} FROM steward_app")
        owner.execute(f"ALTER TABLE {name} DISABLE TRIGGER audit_never")
        try:
            assert database.differences(using="owner")
        finally:
            owner.execute(f"ALTER TABLE {name} ENABLE TRIGGER audit_never")


def test_reading_a_page_asks_only_the_months_it_names(log: Log) -> None:
    log.write(3)
    number_all()
    now = datetime.now(UTC)
    with tenancy.scope(org=log.org), connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT id, record FROM audit_entry WHERE id = ANY(%s) AND occurred_at BETWEEN %s AND %s", [[uuid.uuid4()], now, now])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert set(re.findall(r"on (audit_entry_y7\w*) audit_entry", plan)) == {f"audit_entry_y7_{now:%Y%m}"}


def test_the_log_of_the_installation_is_kept_too(log: Log) -> None:
    with transaction.atomic(), recording.opened(org=INSTALLATION, now=datetime.now(UTC)) as act:
        act.write([log.draft(org=INSTALLATION)])
