"""How long the log is kept: what was agreed, what goes and what stays, and that the proofs outlive what went."""
from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts import tenancy
from audit import holds, merkle, partitions, pruning, recording, retention
from audit.tree import Reader
from portal import database
from tests.audit.logs import Log, login, number_all, tampering
from tests.audit.past import agree, month, records, said, trust, write

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def steady() -> None:
    trust()


@pytest.fixture
def other() -> Iterator[Log]:
    made = Log()
    yield made
    made.forget()


def prune() -> int:
    number_all()
    with tenancy.installation("the schedule prunes"):
        gone = pruning.run(now=datetime.now(UTC))
    number_all()
    return gone


def entries(log: Log, action: str) -> list[dict]:
    with tenancy.scope(org=log.org):
        rows = log.rows("SELECT entry FROM audit_leaf WHERE org = %s AND action = %s ORDER BY seq", [log.org, action])
    return [seen.record for row in rows if (seen := log.read(row[0]))]


def test_what_is_older_than_agreed_goes_and_the_tree_stays_whole(log: Log) -> None:
    at = month(2010)
    write(log, at, 300)
    agree(log, 7)
    write(log, datetime.now(UTC), 3)
    number_all()
    before = log.rows("SELECT size, root FROM audit_tree WHERE org = %s", [log.org])[0]
    with tenancy.scope(org=log.org):
        proof = Reader(org=log.org, size=before[0]).inclusion(17)
        leaf = bytes(log.rows("SELECT leaf_sha256 FROM audit_leaf WHERE org = %s AND seq = 18", [log.org])[0][0])
    assert prune() == 300
    assert records(log) == {f"audit_entry_y7_{datetime.now(UTC):%Y%m}": 5}
    assert log.numbers() == [301, 302, 303, 304, 305]
    for table in ("audit_target", "audit_disclosure"):
        assert log.rows(f"SELECT count(*) FROM {table} WHERE org = %s", [log.org])[0][0] < 30
    assert log.findings() == []
    record = entries(log, "audit.pruned")[0]
    assert (record["facts"]["first"], record["facts"]["last"], record["facts"]["count"]) == (1, 300, 300)
    assert len(record["delegation"]["approved_by"]) == 2 and record["decision"]["policy"] == "y7"
    with tenancy.scope(org=log.org):
        assert retention.current(org=log.org).agreed_by == tuple(uuid.UUID(a) for a in record["delegation"]["approved_by"])
        assert Reader(org=log.org, size=before[0]).root() == bytes(before[1])
        assert Reader(org=log.org, size=before[0]).inclusion(17) == proof
        assert merkle.verify_inclusion(leaf=leaf, index=17, size=before[0], proof=proof, root=bytes(before[1]))
        assert retention.removed(org=log.org) == 300 and retention.removed(org=log.org, low=299, high=302) == 2
    assert prune() == 0
    assert len(entries(log, "audit.pruned")) == 1
    assert log.findings() == []


def test_nothing_goes_before_two_people_agreed(log: Log) -> None:
    write(log, month(2009), 4)
    assert prune() == 0
    assert records(log) == {"audit_entry_held_200905": 4}
    assert log.findings() == []
    agree(log, 7)
    assert prune() == 4
    assert log.findings() == []


def test_one_person_cannot_agree_and_the_bounds_hold(log: Log) -> None:
    me = uuid.uuid4()
    for years, people in ((7, [me, me]), (7, [me]), (0, [me, uuid.uuid4()]), (11, [me, uuid.uuid4()])):
        with pytest.raises(ValueError, match=r"years|two people"), tenancy.scope(org=log.org), transaction.atomic():
            retention.agree(org=log.org, years=years, agreed_by=people, now=datetime.now(UTC))
    with pytest.raises(DatabaseError, match="no audit entry is open"), tenancy.scope(org=log.org), transaction.atomic():
        retention.agree(org=log.org, years=5, agreed_by=[me, uuid.uuid4()], now=datetime.now(UTC))


def test_a_longer_time_moves_what_is_there(log: Log) -> None:
    year = datetime.now(UTC).year - 8
    write(log, month(year), 5)
    number_all()
    sent = log.rows("SELECT record_sha256 FROM audit_entry WHERE org = %s ORDER BY id", [log.org])
    agree(log, 10)
    assert prune() == 0
    assert records(log)[f"audit_entry_y10_{year}05"] == 5
    assert log.rows("SELECT record_sha256 FROM audit_entry WHERE org = %s AND retention = 'y10' AND occurred_at < now() - interval '1 year' ORDER BY id", [log.org]) == sent
    assert log.findings() == []


def test_a_shorter_time_leaves_what_is_there(log: Log) -> None:
    year = datetime.now(UTC).year - 3
    write(log, month(year), 2)
    agree(log, 1)
    assert prune() == 0
    assert records(log)[f"audit_entry_y7_{year}05"] == 2
    assert fates(f"audit_entry_y7_{year}05", log) == {"y7"}, "nor would it go if somebody asked for it"
    assert log.findings() == []


def fates(part: str, log: Log) -> set[str | None]:
    """What would become of the records of this log in this part."""
    with tenancy.installation("a look"), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT fate FROM audit_fates(%s) WHERE org = %s", [part, log.org])
        return {row[0] for row in cursor.fetchall()}


def test_what_says_that_something_went_stays(log: Log) -> None:
    """Without it a gap could not be told from tampering."""
    at, stay = month(2003), ("audit.pruned", "privacy.subject_erased", "privacy.addresses_erased", "retention.changed")
    for action in (*stay, "test.changed"):
        write(log, at, 1, action=action)
        number_all()
    agree(log, 7)
    assert prune() == 1
    assert records(log)["audit_entry_held_200305"] == 4 and log.numbers()[:4] == [1, 2, 3, 4]


def test_one_who_agreed_alone_has_agreed_to_nothing(log: Log) -> None:
    """Whoever serves the pages could write that: the database counts the people."""
    write(log, month(2003), 2)
    me, now = uuid.uuid4(), datetime.now(UTC)
    partitions.prepare(today=now.date(), classes=("y1",))
    with tenancy.scope(org=log.org), transaction.atomic(), recording.opened(org=log.org, now=now) as act, connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_policychange (org, retention, since, agreed_by) VALUES (%s, 'y1', %s, %s)", [log.org, now, [me]])
        cursor.execute("INSERT INTO audit_policy (org, retention) VALUES (%s, 'y1')", [log.org])
        act.write([said(log, "retention.changed")])
    number_all()
    assert fates("audit_entry_y7_200305", log) == {"held"}
    assert prune() == 0
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_policy WHERE org = %s", [log.org])


def test_other_logs_are_untouched(log: Log, other: Log) -> None:
    at = month(2011)
    write(log, at, 3)
    write(other, at, 4)
    agree(log, 5)
    assert prune() == 3
    assert records(other) == {"audit_entry_held_201105": 4} and other.numbers() == [1, 2, 3, 4]
    assert log.findings() == other.findings() == []
    assert entries(other, "audit.pruned") == []


def test_an_interleaved_month_goes_in_runs(log: Log) -> None:
    """What was written twice the same month, with another month numbered in between."""
    year = datetime.now(UTC).year - 3
    old, young = month(2012), month(year)
    for at, count in ((old, 2), (young, 1), (old, 3), (young, 1)):
        write(log, at, count)
        number_all()
    agree(log, 7)
    assert prune() == 5
    assert [(r["first"], r["last"]) for r in entries(log, "audit.pruned")[0]["facts"]["ranges"]] == [(1, 2), (4, 6)]
    assert log.findings() == []


def test_an_undeclared_gap_is_found(log: Log) -> None:
    write(log, datetime.now(UTC), 5)
    number_all()
    assert log.findings() == []
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_entry WHERE id = (SELECT entry FROM audit_leaf WHERE org = %s AND seq = 2)", [log.org])
    assert log.findings()


@pytest.mark.parametrize("forged", ["no entry", "other hashes", "too much"])
def test_a_forged_declaration_is_found(log: Log, forged: str) -> None:
    write(log, month(2013), 3)
    agree(log, 7)
    write(log, datetime.now(UTC), 2)
    assert prune() == 3
    assert log.findings() == []
    with tampering() as attacker:
        if forged == "no entry":
            attacker.execute("UPDATE audit_pruned SET entry = gen_random_uuid() WHERE org = %s", [log.org])
        elif forged == "other hashes":
            attacker.execute("UPDATE audit_tile SET hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1) WHERE org = %s", [log.org])
        else:
            attacker.execute("UPDATE audit_pruned SET last = 4 WHERE org = %s", [log.org])
    assert log.findings()


def test_the_database_insists_on_the_floor_and_on_what_was_declared(log: Log) -> None:
    """The serving role, as an attacker would use it: what is young does not go, whatever it says."""
    now = datetime.now(UTC)
    write(log, now, 3)
    agree(log, 1)
    number_all()
    part = f"audit_entry_y7_{now:%Y%m}"
    with tenancy.installation("an attacker reaches everything"):
        for values in (([], [], [], [], []), ([log.org], [1], [3], [b"x" * 32], [uuid.uuid4()])):
            with pytest.raises(DatabaseError, match="younger than the shortest time"), transaction.atomic(), recording.opened(org=log.org, now=now) as act, connection.cursor() as cursor:
                act.write([said(log, "audit.pruned")])
                cursor.execute("SELECT audit_prune(%s, %s::uuid[], %s::bigint[], %s::bigint[], %s::bytea[], %s::uuid[])", [part, *values])
    with login("default") as attacker:
        attacker.execute("SELECT set_config('steward.reach', 'installation', false), set_config('steward.erasing', 'removed', false)")
        for attempt in ("UPDATE audit_bounds SET floor_years = 0", "INSERT INTO audit_pruned (org, first, last, root, entry, at, swept) SELECT org, 1, 1, '', org, now(), false FROM audit_tree",
                        "DELETE FROM audit_leaf", "DELETE FROM audit_target", "DELETE FROM audit_disclosure", "DELETE FROM audit_policychange", "SELECT audit_keep_hashes(gen_random_uuid())"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                attacker.execute(attempt)
    with login("owner") as owner:
        owner.execute("SELECT set_config('steward.erasing', 'removed', false)")
        for table in ("audit_leaf", "audit_target", "audit_disclosure"):
            with pytest.raises(psycopg.Error, match=r"append-only|only through"):
                owner.execute(f"DELETE FROM {table} WHERE org = %s", [log.org])
    assert log.findings() == []


def test_what_may_go_is_exactly_what_is_declared(log: Log) -> None:
    write(log, month(2008), 4)
    agree(log, 7)
    number_all()
    now = datetime.now(UTC)
    with tenancy.installation("an attacker"):
        for first, last in ((1, 3), (1, 5), (2, 4)):
            with pytest.raises(DatabaseError, match="not what may be removed"), transaction.atomic(), recording.opened(org=log.org, now=now) as act, connection.cursor() as cursor:
                entry = act.write([said(log, "audit.pruned")])[0]
                cursor.execute("SELECT audit_prune(%s, %s::uuid[], %s::bigint[], %s::bigint[], %s::bytea[], %s::uuid[])", ["audit_entry_y7_200805", [log.org], [first], [last], [b"r" * 32], [entry]])
        with pytest.raises(DatabaseError, match="no entry in the log it is about"), transaction.atomic(), recording.opened(org=log.org, now=now) as act, connection.cursor() as cursor:
            act.write([said(log, "audit.pruned")])
            cursor.execute("SELECT audit_prune(%s, %s::uuid[], %s::bigint[], %s::bigint[], %s::bytea[], %s::uuid[])", ["audit_entry_y7_200805", [log.org], [1], [4], [b"r" * 32], [uuid.uuid4()]])
        with pytest.raises(DatabaseError, match="no audit entry is open"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT audit_prune(%s, %s::uuid[], %s::bigint[], %s::bigint[], %s::bytea[], %s::uuid[])", ["audit_entry_y7_200805", [log.org], [1], [4], [b"r" * 32], [uuid.uuid4()]])
    assert prune() == 4
    assert log.findings() == []


@pytest.mark.parametrize("leap", ["60 days", "-3 days"])
def test_after_a_leap_of_the_clock_nothing_goes(log: Log, leap: str) -> None:
    write(log, month(2007), 2)
    agree(log, 7)
    with tampering() as attacker:
        attacker.execute("UPDATE audit_bounds SET seen_at = now() - %s::interval", [leap])
    number_all()
    with tenancy.installation("the schedule"):
        assert pruning.due() == []
        with pytest.raises(DatabaseError, match="the clock leapt"):
            pruning.prune(part="audit_entry_y7_200705", now=datetime.now(UTC))
    assert prune() == 0
    number_all()
    assert records(log)["audit_entry_y7_200705"] == 2
    assert prune() == 0  # the clock was only just looked at
    trust()
    assert prune() == 2
    assert log.findings() == []


def test_a_part_that_is_being_read_waits(log: Log) -> None:
    write(log, month(2006), 2)
    agree(log, 7)
    number_all()
    with login("owner") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM audit_entry_y7_200605")
        started = time.monotonic()
        assert prune() == 0
        assert time.monotonic() - started < 20
    assert log.findings() == []
    assert prune() == 2
    assert log.findings() == []


_KILLED = """
import os, signal, sys
import django; django.setup()
from datetime import UTC, datetime
from accounts import tenancy
from audit import pruning, recording

def dies(module, name, *, before):
    real = getattr(module, name)
    def instead(*given, **named):
        found = None if before else real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(module, name, instead)

phase = sys.argv[1]
if phase == "looked": dies(pruning, "_drafts", before=True)
if phase == "declared": dies(pruning, "_drop", before=True)
if phase == "dropped": dies(pruning, "_drop", before=False)
if phase == "committed": dies(pruning, "sweep", before=True)
with tenancy.installation("killed"):
    pruning.run(now=datetime.now(UTC), batch=150, steps=1 if phase == "swept in part" else 2 if phase == "swept" else 200)
if phase.startswith("swept"): os.kill(os.getpid(), signal.SIGKILL)
"""


def test_whoever_is_killed_in_it_leaves_nothing_half_done(log: Log, other: Log) -> None:
    """kill -9 in each phase: after the look, after the declaration, after the drop, after the commit, while the rest is swept. What the next one finds is all or nothing, and in the end it is what one run alone leaves."""
    for one in (log, other):
        write(one, month(2005), 400)
        write(one, datetime.now(UTC), 1)
    number_all()
    agree(log, 7)
    number_all()
    with tenancy.scope(org=log.org):
        size = log.rows("SELECT size FROM audit_tree WHERE org = %s", [log.org])[0][0]
        root, proof = Reader(org=log.org, size=size).root(), Reader(org=log.org, size=size).inclusion(17)
    whole = records(log)["audit_entry_y7_200505"]

    assert whole == 400
    for phase, kept, leaves in (("looked", 400, 400), ("declared", 400, 400), ("dropped", 400, 400), ("committed", 0, 400), ("swept in part", 0, 250), ("swept", 0, 0)):
        done = subprocess.run([sys.executable, "-c", _KILLED, phase], cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings"}, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == -9, (phase, done.stderr)
        number_all()
        left = log.rows("SELECT count(*) FROM audit_leaf WHERE org = %s AND seq <= 400", [log.org])[0][0]
        declared = log.rows("SELECT COALESCE(sum(last - first + 1), 0) FROM audit_pruned WHERE org = %s", [log.org])[0][0]
        assert (records(log).get("audit_entry_y7_200505", 0), declared, left <= leaves) == (kept, 400 - kept, True), (phase, left)
        assert phase in {"swept in part", "swept"} or left == leaves, (phase, left)
        assert len(entries(log, "audit.pruned")) == (kept == 0)
        assert log.findings() == [], phase
    prune()
    agree(other, 7)
    assert prune() == 400
    assert log.findings() == other.findings() == []
    [killed], [alone] = entries(log, "audit.pruned"), entries(other, "audit.pruned")
    for record in (killed, alone):
        for part in record["facts"]["ranges"]:
            part.pop("root")
        record["facts"]["policy"].pop("since")
        assert record["facts"].pop("class") == ("held" if record is alone else "y7")  # the other one waited until somebody agreed
    assert killed["facts"] == alone["facts"] and killed["facts"]["count"] == 400
    for table in ("audit_target", "audit_disclosure", "audit_leaf", "audit_entry"):
        assert log.rows(f"SELECT count(*) FROM {table} WHERE org = %s", [log.org]) == other.rows(f"SELECT count(*) FROM {table} WHERE org = %s", [other.org]), table
    assert log.rows("SELECT first, last, swept FROM audit_pruned WHERE org = %s", [log.org]) == other.rows("SELECT first, last, swept FROM audit_pruned WHERE org = %s", [other.org]) == [(1, 400, True)]
    with tenancy.scope(org=log.org):
        assert (Reader(org=log.org, size=size).root(), Reader(org=log.org, size=size).inclusion(17)) == (root, proof)


def test_what_would_go_is_said_beforehand(log: Log) -> None:
    year = datetime.now(UTC).year
    write(log, datetime.now(UTC), 6)
    number_all()
    with tenancy.scope(org=log.org):
        found = retention.upcoming(org=log.org, chosen=3)
        assert [(r.count, r.first, r.last) for r in found] == [(6, 1, 6)]
        assert found[0].on.year in {year + 7, year + 8}  # what is there was promised seven years
        assert retention.upcoming(org=log.org, chosen=9)[0].on.year in {year + 9, year + 10}
    assert retention.after(date(2020, 12, 1), 3) == date(2024, 1, 1) and retention.after(date(2020, 2, 1), 1) == date(2021, 3, 1)


def test_the_live_database_is_what_the_list_says(log: Log) -> None:
    write(log, month(2004), 2)
    agree(log, 2)
    prune()
    with connections["owner"].cursor():
        assert database.differences(using="owner") == []
    with tenancy.scope(org=log.org):
        assert holds.covers(org=log.org) == []
