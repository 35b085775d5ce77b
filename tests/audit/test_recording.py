"""What is written: the record without personal values, refusals that outlive a rollback, and openings that can be erased."""
from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import tenancy
from audit import context, disclosure, queries, recording
from audit.commitment import commit, digest
from audit.record import LIMIT, ActorRef, Change, TargetRef, Why
from tests.audit.logs import Log, number_all

PERSONAL = ("Ada Example", "ada@log.example", "Bob", "Robert", "asked on the phone", "203.0.113.9", "Browser/1.0")


def test_no_personal_value_is_in_what_is_hashed(log: Log) -> None:
    with context.within(context.Context(ip="203.0.113.9", user_agent="Browser/1.0", route="people", via="ui")):
        entry, = log.write()
    (record, sha), = log.rows("SELECT record, record_sha256 FROM audit_entry WHERE id = %s", [entry])
    assert not [value for value in PERSONAL if value in record]
    assert bytes(sha) == hashlib.sha256(record.encode()).digest()
    seen = log.read(entry)
    assert seen is not None
    assert seen.open == {"actor.name": "Ada Example", "actor.email": "ada@log.example", "targets.0.label": "Bob Example", "change.0.before": "Bob", "change.0.after": "Robert",
                         "why.text": "asked on the phone", "context.ip": "203.0.113.9", "context.user_agent": "Browser/1.0"}
    assert sorted(seen.open) == sorted(queries.committed(seen.record))


def test_openings_are_sealed_where_they_are_kept(log: Log) -> None:
    entry, = log.write()
    for (sealed,) in log.rows("SELECT sealed FROM audit_disclosure WHERE entry = %s", [entry]):
        assert not [value for value in PERSONAL if value.encode() in bytes(sealed)]


def test_a_secret_is_neither_in_the_record_nor_in_an_opening(log: Log) -> None:
    change = Change(path="token", op="replace", before="old-secret", after="new-secret", klass="secret")
    first, second = log.write(2, changes=[change])
    other, = log.write(changes=[Change(path="token", op="replace", before="", after="another", klass="secret")])
    seen = [log.read(entry) for entry in (first, second, other)]
    assert not [s for s in seen if s is None or "secret" in json.dumps(s.record["change"][0] | {"class": ""}) or "change.0.after" in s.open]
    prints = [s.record["change"][0]["fingerprint"] for s in seen if s]
    assert prints[0] == prints[1] != prints[2]


def test_the_same_value_never_gives_the_same_commitment() -> None:
    one, opening = commit(path="name", value="Bob", subject=None)
    two, _ = commit(path="name", value="Bob", subject=None)
    assert one != two
    assert digest(path="name", salt=opening.salt, value="Bob") == one
    assert digest(path="name", salt=opening.salt, value="bob") != one
    assert digest(path="mail", salt=opening.salt, value="Bob") != one


def test_a_record_that_is_too_long_keeps_the_hash_of_its_changes(log: Log) -> None:
    long = Change(path="note", op="replace", before="x" * LIMIT, after="y", klass="public")
    personal = Change(path="name", op="replace", before="Bob", after="Robert", klass="pii", subject=log.person)
    entry, = log.write(changes=[long, personal])
    seen = log.read(entry)
    assert seen is not None
    assert "change" not in seen.record
    assert seen.record["change_omitted"]["bytes"] > LIMIT
    assert not [path for path in seen.open if path.startswith("change.")]
    with pytest.raises(ValueError, match="too long"):
        log.write(facts={"note": "x" * LIMIT})


def test_ids_are_ordered_by_time_and_marked_as_version_7() -> None:
    ids = [recording.uuid7(now_ms=moment) for moment in (1, 2, 3_000_000_000_000)]
    assert ids == sorted(ids)
    assert {i.version for i in ids} == {7}
    assert {i.variant for i in ids} == {uuid.RFC_4122}


def test_a_refusal_outlives_the_rollback_of_its_act(log: Log) -> None:
    now = datetime.now(UTC)
    with pytest.raises(ZeroDivisionError), transaction.atomic(), recording.opened(org=log.org, now=now) as act:
        act.write([log.draft(action="test.rolled-back")])
        raise ZeroDivisionError
    recording.refuse(log.draft(outcome="denied", reason_code="rank"), now=now)
    number_all()
    found = log.rows("SELECT seq, outcome, action FROM audit_leaf WHERE org = %s", [log.org])
    assert found == [(1, "denied", "test.changed")]
    assert log.findings() == []


def test_a_refusal_is_not_written_inside_the_act_it_would_wait_for(log: Log) -> None:
    with pytest.raises(transaction.TransactionManagementError, match="after the act's transaction"), transaction.atomic():
        recording.refuse(log.draft(outcome="denied"), now=datetime.now(UTC))
    assert log.rows("SELECT 1 FROM audit_entry WHERE org = %s", [log.org]) == []


def _erase(log: Log, subject: uuid.UUID) -> int:
    now = datetime.now(UTC)
    with tenancy.scope(org=log.org), transaction.atomic(), recording.opened(org=log.org, now=now) as act:
        gone = disclosure.erase(org=log.org, subject=subject)
        act.write([log.draft(action="privacy.erased", targets=[TargetRef(type="person", id=subject)], changes=[], actor=ActorRef(type="operator"), why=Why())])
    return gone


def test_erasing_a_person_leaves_every_proof_and_no_value(log: Log) -> None:
    entry, other = log.write(2)
    number_all()
    before = log.rows("SELECT envelope FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])
    assert _erase(log, log.person) == 8
    number_all()
    assert log.findings() == []
    assert log.rows("SELECT envelope FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])[:2] == before
    for one in (entry, other):
        seen = log.read(one)
        assert seen is not None
        assert seen.open["targets.0.label"] is queries.ERASED
        assert seen.open["change.0.before"] is seen.open["change.0.after"] is seen.open["why.text"] is queries.ERASED
        assert seen.open["actor.name"] == "Ada Example"
    assert log.rows("SELECT 1 FROM audit_disclosure WHERE org = %s AND subject = %s", [log.org, log.person]) == []
    assert log.rows("SELECT 1 FROM audit_subjectkey WHERE org = %s AND subject = %s", [log.org, log.person]) == []
    with tenancy.scope(org=log.org):
        assert [e.seq for e in queries.page(org=log.org, filters=queries.Filters(target=log.person)).entries] == [3, 2, 1]


def test_erasing_in_one_log_keeps_the_other(log: Log) -> None:
    elsewhere = Log(person=log.person)
    try:
        log.write()
        entry, = elsewhere.write()
        _erase(log, log.person)
        seen = elsewhere.read(entry)
        assert seen is not None
        assert seen.open["targets.0.label"] == "Bob Example"
    finally:
        elsewhere.forget()


def test_erasing_needs_an_open_act(log: Log) -> None:
    log.write()
    with pytest.raises(DatabaseError, match="no audit entry is open"):
        disclosure.erase(org=log.org, subject=log.person)
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_disclosure WHERE org = %s", [log.org])
    assert len(log.rows("SELECT 1 FROM audit_disclosure WHERE org = %s", [log.org])) == 6
