"""Holds: what they cover stays, whatever its age, and one more hold never lets more go."""
from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import tenancy
from audit import holds, pruning, recording, retention
from audit.models import Hold
from audit.record import Why
from tests.audit.logs import Log, login, number_all
from tests.audit.past import agree, month, records, said, trust, write


@pytest.fixture(autouse=True)
def steady() -> None:
    trust()


def place(log: Log, kind: str = "log", **more: Any) -> Hold:
    now = datetime.now(UTC)
    with tenancy.scope(org=log.org), transaction.atomic(), recording.opened(org=log.org, now=now) as act:
        hold = holds.place(org=log.org, kind=kind, matter="M", ground="G", by=uuid.uuid4(), now=now, **more)  # type: ignore[arg-type]
        act.write([said(log, "data.hold.placed")])
    return hold


def release(log: Log, hold: Hold) -> None:
    now = datetime.now(UTC)
    with tenancy.scope(org=log.org), transaction.atomic(), recording.opened(org=log.org, now=now) as act:
        assert holds.release(org=log.org, hold=hold.id, by=[uuid.uuid4(), uuid.uuid4()], now=now)
        act.write([said(log, "data.hold.released")])


def prune() -> int:
    number_all()
    with tenancy.installation("the schedule prunes"):
        gone = pruning.run(now=datetime.now(UTC))
    number_all()
    return gone


def test_a_hold_keeps_the_whole_log_until_it_is_released(log: Log) -> None:
    write(log, month(2010), 3)
    agree(log, 7)
    hold = place(log)
    number_all()
    before = log.rows("SELECT id, record, record_sha256 FROM audit_entry WHERE org = %s ORDER BY id", [log.org])
    leaves = log.rows("SELECT * FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])
    assert prune() == 0
    assert records(log)["audit_entry_held_201005"] == 3
    assert log.rows("SELECT id, record, record_sha256 FROM audit_entry WHERE org = %s ORDER BY id", [log.org]) == before
    assert log.rows("SELECT * FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org]) == leaves
    assert log.findings() == []
    release(log, hold)
    assert prune() == 3
    assert "audit_entry_held_201005" not in records(log)
    assert log.findings() == []


def test_a_hold_on_a_person_keeps_what_they_did_and_what_is_about_them(log: Log) -> None:
    somebody = Log(org=log.org)
    at = month(2011)
    write(log, at, 2)
    write(somebody, at, 3)
    mixed = Log(org=log.org, actor=log.person)
    write(mixed, at, 1)
    agree(log, 7)
    place(log, "subject", subject=log.person)
    assert prune() == 3
    assert log.numbers()[:4] == [1, 2, 6, 7]
    assert records(log)["audit_entry_held_201105"] == 3
    assert log.findings() == []


def test_a_hold_on_a_person_keeps_what_has_a_value_of_theirs(log: Log) -> None:
    """They neither did it nor is it about them, but a ground in it speaks of them."""
    mentioned = uuid.uuid4()
    write(log, month(2011), 1, why=Why(text="on behalf of Carol", subject=mentioned))
    write(log, month(2011), 1)
    agree(log, 7)
    place(log, "subject", subject=mentioned)
    assert prune() == 1
    assert log.numbers()[:2] == [1, 3] and records(log)["audit_entry_held_201105"] == 1
    assert log.findings() == []


def test_a_hold_on_days_keeps_those_days(log: Log) -> None:
    at = month(2012)
    for day in (-2, -1, 0, 1, 2):
        write(log, at + timedelta(days=day), 1)
        number_all()
    agree(log, 7)
    place(log, "range", first_day=at.date() - timedelta(days=1), last_day=at.date())
    assert prune() == 3
    assert log.numbers()[:2] == [2, 3]
    assert log.findings() == []


def test_half_of_a_held_month_goes_when_its_hold_is_released(log: Log) -> None:
    somebody = Log(org=log.org)
    at = month(2013)
    write(log, at, 2)
    write(somebody, at, 2)
    agree(log, 7)
    one, _two = place(log, "subject", subject=log.person), place(log, "subject", subject=somebody.person)
    assert prune() == 0
    release(log, one)
    assert prune() == 2
    assert records(log)["audit_entry_held_201305"] == 2 and log.numbers()[:2] == [3, 4]
    assert log.findings() == []


def test_what_was_held_is_kept_as_long_as_was_ever_promised(log: Log) -> None:
    """What is held has lost its class; once ten years were promised, so ten years it is, although one is what holds now."""
    year = datetime.now(UTC).year - 8
    write(log, month(year), 2)
    agree(log, 10)
    agree(log, 1)
    hold = place(log)
    assert prune() == 0
    assert records(log)[f"audit_entry_held_{year}05"] == 2
    release(log, hold)
    assert prune() == 0
    assert records(log)[f"audit_entry_y10_{year}05"] == 2
    assert log.findings() == []


def test_a_hold_that_comes_in_between_stops_the_removal(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the removal somebody places a hold: nothing goes, and the next run moves what is held."""
    write(log, month(2014), 2)
    agree(log, 7)
    real = pruning._drafts

    def late(*given: Any) -> Any:
        with login("owner") as outside:
            outside.execute("ALTER TABLE audit_hold DISABLE TRIGGER audit_guard")
            outside.execute("INSERT INTO audit_hold (id, org, kind, matter, ground, since, released_by) VALUES (gen_random_uuid(), %s, 'log', 'M', 'G', now(), '{}')", [log.org])
            outside.execute("ALTER TABLE audit_hold ENABLE TRIGGER audit_guard")
        return real(*given)

    monkeypatch.setattr(pruning, "_drafts", late)
    assert prune() == 0
    assert records(log)["audit_entry_y7_201405"] == 2
    monkeypatch.undo()
    assert prune() == 0
    assert records(log)["audit_entry_held_201405"] == 2
    assert log.findings() == []


def test_holds_are_written_by_acts_and_never_removed(log: Log) -> None:
    hold = place(log)
    with tenancy.scope(org=log.org):
        with pytest.raises(DatabaseError, match="no audit entry is open"), transaction.atomic():
            Hold.objects.filter(id=hold.id).update(released_at=datetime.now(UTC))
        with pytest.raises(ValueError, match="two people"):
            holds.release(org=log.org, hold=hold.id, by=[hold.by] * 2, now=datetime.now(UTC))  # type: ignore[list-item]
    with login("owner") as owner, pytest.raises(psycopg.Error, match=r"append-only|no audit entry is open"):
        owner.execute("DELETE FROM audit_hold WHERE id = %s", [hold.id])


def test_what_covers_whom(log: Log) -> None:
    with tenancy.scope(org=log.org):
        assert holds.covers(org=log.org, subject=log.person) == []
    one = place(log, "subject", subject=log.person)
    days = place(log, "range", first_day=date(2020, 1, 1), last_day=date(2020, 1, 31))
    with tenancy.scope(org=log.org):
        assert [h.id for h in holds.covers(org=log.org, subject=log.person)] == [one.id, days.id]
        assert [h.id for h in holds.covers(org=log.org, subject=uuid.uuid4())] == [days.id]
        assert [h.id for h in holds.covers(org=log.org, day=date(2020, 2, 1))] == [one.id]
        assert [h.id for h in holds.every(org=log.org)] == [days.id, one.id]
    release(log, days)
    with tenancy.scope(org=log.org):
        assert [h.id for h in holds.every(org=log.org)] == [one.id, days.id]
        assert holds.covers(org=uuid.uuid4()) == []


_KINDS = st.sampled_from(["log", "range", "subject", "other"])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(_KINDS, max_size=2), more=_KINDS, day=st.integers(min_value=-4, max_value=4))
def test_one_more_hold_never_lets_more_go(first: list[str], more: str, day: int) -> None:
    """What may go with one hold more is part of what may go without it."""
    made = Log()
    somebody = Log(org=made.org)
    try:
        at = month(2001)
        for offset in range(-3, 4):
            write(made if offset % 2 else somebody, at + timedelta(days=offset), 1)
        number_all()
        agree(made, 7)

        def put(kind: str) -> None:
            if kind == "range":
                place(made, "range", first_day=at.date() + timedelta(days=day), last_day=at.date() + timedelta(days=day + 2))
            elif kind == "log":
                place(made)
            else:
                place(made, "subject", subject=made.person if kind == "subject" else somebody.person)

        def going() -> set[int]:
            with tenancy.installation("look"), connection.cursor() as cursor:
                cursor.execute("SELECT seq FROM audit_fates('audit_entry_y7_200105') WHERE org = %s AND fate IS NULL", [made.org])
                return {row[0] for row in cursor.fetchall()}

        assert going() == set(range(1, 8))
        for kind in first:
            put(kind)
        before = going()
        put(more)
        assert going() <= before
        assert more != "log" or going() == set()
    finally:
        made.forget()


def test_how_many_numbers_were_removed(log: Log) -> None:
    with tenancy.scope(org=log.org):
        assert retention.removed(org=log.org) == 0
