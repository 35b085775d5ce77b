"""Erasing somebody inside the log, the shorter clock of addresses, and holds that come before both."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from accounts import tenancy
from audit import clocks, context, disclosure, holds, queries, recording
from audit.context import Context
from audit.record import ActorRef
from audit.tree import Reader
from tests.audit.logs import Log, number_all, tampering
from tests.audit.past import aged, said, trust, write, young_again
from tests.audit.test_holds import place, release

OPERATOR = ActorRef(type="operator")


@pytest.fixture(autouse=True)
def steady() -> None:
    trust()


def erase(log: Log, subject: uuid.UUID) -> disclosure.Erasure:
    with tenancy.scope(org=log.org):
        done = disclosure.erase_subject(org=log.org, subject=subject, ground="gdpr:17.1.b", now=datetime.now(UTC), by=OPERATOR, via="cli")
    number_all()
    return done


def actions(log: Log) -> list[str]:
    return [row[0] for row in log.rows("SELECT action FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])]


def test_erasing_leaves_every_number_and_proof(log: Log) -> None:
    ids = log.write(3)
    number_all()
    with tenancy.scope(org=log.org):
        size, root = 3, Reader(org=log.org, size=3).root()
        proof = Reader(org=log.org, size=3).inclusion(1)
    done = erase(log, log.person)
    assert done.openings == 12 and not done.deferred
    record = log.read(done.entry).record  # type: ignore[arg-type, union-attr]
    assert record["facts"] == {"pseudonym": str(log.person), "openings": 12, "first": 1, "last": 3, "ground": "gdpr:17.1.b"}
    assert record["actor"]["type"] == "operator" and record["action"] == "privacy.subject_erased"
    seen = log.read(ids[0])
    assert seen is not None and seen.open["targets.0.label"] is queries.ERASED and seen.open["actor.name"] == "Ada Example"
    with tenancy.scope(org=log.org):
        under = disclosure.erased_under(org=log.org, subjects=disclosure.subjects_of(seen.record))
        assert {subject: found.entry for subject, found in under.items()} == {log.person: done.entry}
        assert Reader(org=log.org, size=size).root() == root and Reader(org=log.org, size=size).inclusion(1) == proof
    assert log.rows("SELECT count(*) FROM audit_subjectkey WHERE org = %s AND subject = %s", [log.org, log.person]) == [(0,)]
    assert log.findings() == []


def test_erasing_twice_is_erasing_once(log: Log) -> None:
    log.write()
    number_all()
    first, again = erase(log, log.person), erase(log, log.person)
    assert (again.entry, again.openings) == (first.entry, 0)
    assert actions(log).count("privacy.subject_erased") == 1
    log.write()  # they were there once more
    number_all()
    assert erase(log, log.person).openings == 4
    assert log.findings() == []


def test_a_hold_beats_erasure_and_its_release_carries_it_out(log: Log) -> None:
    log.write()
    number_all()
    one, two = place(log, "subject", subject=log.person), place(log)
    first, again = erase(log, log.person), erase(log, log.person)
    assert first.deferred and again.deferred and again.entry is None
    record = log.read(first.entry).record  # type: ignore[arg-type, union-attr]
    assert record["action"] == "privacy.erasure_deferred" and record["facts"]["because"] == "GDPR 17(3)(e)" and set(record["facts"]["holds"]) == {str(one.id), str(two.id)}
    with tenancy.scope(org=log.org), pytest.raises(DatabaseError, match="a hold keeps these"), transaction.atomic(), recording.opened(org=log.org, now=datetime.now(UTC)) as act:
        act.write([said(log, "test.tried")])
        disclosure.erase(org=log.org, subject=log.person)
    for hold, done in ((one, 0), (two, 1)):
        with tenancy.installation("the schedule"):
            assert disclosure.carry_out_waiting(now=datetime.now(UTC)) == 0
        release(log, hold)
        with tenancy.installation("the schedule"):
            assert disclosure.carry_out_waiting(now=datetime.now(UTC)) == done
    number_all()
    assert actions(log).count("privacy.erasure_deferred") == actions(log).count("privacy.subject_erased") == 1
    with tenancy.scope(org=log.org):
        assert holds.waiting(org=log.org) == 0
    assert log.rows("SELECT count(*) FROM audit_disclosure WHERE org = %s AND subject = %s", [log.org, log.person]) == [(0,)]
    assert log.findings() == []


def test_whoever_is_not_held_is_erased_under_a_hold_on_somebody_else(log: Log) -> None:
    log.write()
    place(log, "subject", subject=log.actor)
    assert not erase(log, log.person).deferred


def test_erasing_in_one_log_leaves_the_other(log: Log) -> None:
    other = Log(person=log.person)
    try:
        log.write()
        entry = other.write()[0]
        number_all()
        erase(log, log.person)
        seen = other.read(entry)
        assert seen is not None and seen.open["targets.0.label"] == "Bob Example"
        assert other.findings() == []
    finally:
        other.forget()


def visit(log: Log, count: int = 1) -> list[uuid.UUID]:
    with context.within(Context(ip="192.0.2.7", user_agent="Browser/1")):
        return write(log, datetime.now(UTC), count)


def tick() -> int:
    with tenancy.installation("the schedule"):
        done = clocks.run(now=datetime.now(UTC))
    number_all()
    return done


def test_addresses_go_after_their_time_and_nothing_else(log: Log) -> None:
    old = visit(log, 2)
    aged(log, 100)
    young = visit(log)
    number_all()
    assert tick() == 4
    seen, fresh = log.read(old[0]), log.read(young[0])
    assert seen is not None and fresh is not None
    assert seen.open["context.ip"] is queries.ERASED and seen.open["context.user_agent"] is queries.ERASED and seen.open["actor.name"] == "Ada Example"
    assert fresh.open["context.ip"] == "192.0.2.7"
    entry = log.rows("SELECT entry FROM audit_leaf WHERE org = %s AND action = 'privacy.addresses_erased'", [log.org])
    assert len(entry) == 1
    assert log.read(entry[0][0]).record["facts"] == {"openings": 4, "first": 1, "last": 2}  # type: ignore[union-attr]
    with tenancy.scope(org=log.org):
        found = clocks.erased_under(org=log.org, seq=2)
        assert found is not None and found.entry == entry[0][0] and clocks.erased_under(org=log.org, seq=3) is None
    assert tick() == 0
    assert actions(log).count("privacy.addresses_erased") == 1
    young_again(log)
    assert log.findings() == []


def test_the_database_keeps_young_addresses(log: Log) -> None:
    visit(log)
    number_all()
    with tenancy.installation("an attacker"), pytest.raises(DatabaseError, match="younger than they are kept"), transaction.atomic(), recording.opened(org=log.org, now=datetime.now(UTC)) as act:
        act.write([said(log, "test.tried")])
        disclosure.connection.cursor().execute("SELECT audit_erase_addresses(%s, 0, 1)", [log.org])


def test_a_hold_keeps_addresses_until_it_is_released(log: Log) -> None:
    visit(log, 2)
    aged(log, 100)
    hold = place(log)
    assert tick() == 0
    assert "privacy.addresses_erased" not in actions(log)
    release(log, hold)
    assert tick() == 4
    assert tick() == 0
    young_again(log)
    assert log.findings() == []


def test_a_crash_between_key_and_openings_is_finished_by_the_next_run(log: Log) -> None:
    """The key is gone and the openings are still there: nobody can open them, and the next run removes them."""
    entry = log.write()[0]
    number_all()
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_subjectkey WHERE org = %s AND subject = %s", [log.org, log.person])
    seen = log.read(entry)
    assert seen is not None and seen.open["targets.0.label"] is queries.ERASED
    assert erase(log, log.person).openings == 4
    assert log.findings() == []
