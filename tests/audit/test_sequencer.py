"""The sequencer: numbers without gaps, whoever writes at the same time, whichever process dies."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connections, transaction

from audit import merkle, recording, sequencer
from audit.record import TargetRef
from tests.audit.logs import Log, login, number_all, tampering
from tests.plugin_services import ROOT


class RolledBack(Exception):
    pass


def until(what: Callable[[], bool], *, seconds: float = 40) -> None:
    """Wait for it, and fail if it does not come."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def _writer(log: Log, rounds: int) -> int:
    """Acts of one to three entries, every fifth rolled back. Returns how many entries were committed."""
    committed = 0
    mine = Log(org=log.org)
    try:
        for n in range(rounds):
            count = n % 3 + 1
            try:
                with transaction.atomic(), recording.opened(org=log.org, now=datetime.now(UTC)) as act:
                    act.write([mine.draft() for _ in range(count)])
                    if n % 5 == 4:
                        raise RolledBack
                committed += count
            except RolledBack:
                continue
    finally:
        connections.close_all()
    return committed


def test_no_gaps_with_many_writers_and_two_sequencers(log: Log) -> None:
    other, stop, troubles = Log(), threading.Event(), []

    def number() -> None:
        try:
            while not stop.is_set():
                sequencer.run_once(batch=7)
        except Exception as error:
            troubles.append(error)
        finally:
            connections.close_all()

    rivals = [threading.Thread(target=number) for _ in range(2)]
    try:
        for rival in rivals:
            rival.start()
        with ThreadPoolExecutor(8) as writers:
            work = [(target, writers.submit(_writer, target, 15)) for target in [log, other] * 4]
            committed = {target.org: 0 for target in (log, other)}
            for target, future in work:
                committed[target.org] += future.result()
    finally:
        stop.set()
        for rival in rivals:
            rival.join()
    number_all()
    assert troubles == []
    try:
        for target in (log, other):
            assert target.numbers() == list(range(1, committed[target.org] + 1))
            assert len(target.rows("SELECT 1 FROM audit_entry WHERE org = %s", [target.org])) == committed[target.org] == 4 * 24
            assert target.findings() == []
    finally:
        other.forget()


def test_positions_have_no_gaps_over_all_logs(log: Log) -> None:
    number_all()
    other = Log()
    try:
        for _ in range(3):
            log.write(2)
            other.write()
        number_all()
        found = [row[0] for one in (log, other) for row in one.rows("SELECT pos FROM audit_leaf WHERE org = %s", [one.org])]
        last = log.rows("SELECT pos FROM audit_state")[0][0]
        assert sorted(found) == list(range(last - 8, last + 1))
    finally:
        other.forget()


def test_takes_a_batch_in_the_order_of_writing(log: Log) -> None:
    number_all()
    ids = log.write(5)
    assert [sequencer.run_once(batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert [row[0] for row in log.rows("SELECT entry FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])] == ids
    assert log.findings() == []


def test_a_batch_is_a_batch_however_the_planner_joins(log: Log) -> None:
    number_all()
    log.write(5)
    connection = connections[sequencer.ALIAS]
    with connection.cursor() as cursor:
        cursor.execute("SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_hashagg = off; SET enable_material = off; SET enable_memoize = off; SET enable_sort = off")
    try:
        assert [sequencer.run_once(batch=2) for _ in range(4)] == [2, 2, 1, 0]
    finally:
        connection.close()


def test_nothing_uncommitted_gets_a_number(log: Log) -> None:
    number_all()
    with transaction.atomic(), recording.opened(org=log.org, now=datetime.now(UTC)) as act:
        act.write([log.draft()])
        assert sequencer.run_once() == 0
    assert sequencer.run_once() == 1


def test_the_time_of_numbering_never_runs_back(log: Log) -> None:
    """A clock that is set back does not make a later entry look earlier."""
    log.write()
    number_all()
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    with tampering() as attacker:
        attacker.execute("UPDATE audit_tree SET recorded_at = %s WHERE org = %s", [ahead, log.org])
    log.write()
    number_all()
    assert log.rows("SELECT recorded_at FROM audit_leaf WHERE org = %s AND seq = 2", [log.org]) == [(ahead,)]
    assert log.findings() == []


@pytest.mark.parametrize("record", ["no json", "[]", "{}", '{"actor":null,"action":"a","category":"c","decision":{"outcome":"success"}}',
                                    '{"actor":{"type":"user"},"action":"a","category":"c","decision":{"outcome":"success"},"targets":[{"type":"x","id":"no"}]}'])
def test_a_record_that_was_broken_is_numbered_and_does_not_hold_up_the_rest(log: Log, record: str) -> None:
    broken, _whole = log.write(2)
    with tampering() as attacker:
        attacker.execute("UPDATE audit_entry SET record = %s WHERE id = %s", [record, broken])
    number_all()
    assert log.numbers() == [1, 2]
    assert "the record was changed" in log.findings()


def test_a_sequencer_that_was_overtaken_is_fenced(log: Log) -> None:
    """It loaded the tree before a rival moved it: its own numbers must not be saved."""
    log.write()
    number_all()
    with transaction.atomic(using="sequencer"), connections["sequencer"].cursor() as cursor:
        stale = sequencer._trees(cursor, [str(log.org)])
    log.write()
    number_all()
    with pytest.raises(sequencer.Fenced), transaction.atomic(using="sequencer"), connections["sequencer"].cursor() as cursor:
        sequencer._save_trees(cursor, stale, {str(log.org): [merkle.leaf_hash(b"late")]})
    assert log.findings() == []


def test_a_rival_waits_for_its_turn_and_then_goes_on(log: Log) -> None:
    number_all()
    log.write(2)
    done: list[int] = []

    def number() -> None:
        done.append(sequencer.run_once())
        connections.close_all()

    rival = threading.Thread(target=number)
    with login("sequencer") as other, other.transaction():
        other.execute("SELECT pos FROM audit_state WHERE id = 1 FOR UPDATE")
        rival.start()
        until(lambda: _blocked() == 1)
        assert done == []
    rival.join()
    assert (done, log.numbers()) == ([2], [1, 2])


def _blocked() -> int:
    """How many sequencers of this database wait for a lock."""
    with psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], autocommit=True) as watch:
        row = watch.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'steward_sequencer' AND wait_event_type = 'Lock'",
                            [settings.DATABASES["owner"]["NAME"]]).fetchone()
    return int(row[0]) if row else 0


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """A real `manage.py sequencer`."""
    started = subprocess.Popen([sys.executable, "manage.py", "sequencer"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield started
    if started.poll() is None:
        started.kill()
    started.communicate()


def test_a_process_killed_in_the_middle_loses_nothing(log: Log, process: subprocess.Popen[str]) -> None:
    log.write(3)
    until(lambda: log.numbers() == [1, 2, 3])
    with login("owner") as holder:
        with holder.transaction():
            # It has taken the entries from the queue and waits here for the tree, in the middle of its transaction.
            holder.execute("SELECT 1 FROM audit_tree WHERE org = %s FOR UPDATE", [log.org])
            log.write(4)
            until(lambda: _blocked() == 1)
            process.send_signal(signal.SIGKILL)
            assert process.wait(20) == -signal.SIGKILL
            log.write(2)
    assert log.numbers() == [1, 2, 3]
    number_all()
    assert log.numbers() == list(range(1, 10))
    assert log.findings() == []


def test_a_process_ends_when_it_is_told_to(log: Log, process: subprocess.Popen[str]) -> None:
    log.write(2)
    until(lambda: log.numbers() == [1, 2])
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_the_loop_wakes_the_subscribers_and_outlives_trouble(log: Log) -> None:
    number_all()
    stop, woken = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        sequencer.loop(wake=woken.release, stop=stop, tick=0.05)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        log.write()
        assert woken.acquire(timeout=20)
        assert log.numbers() == [1]
        with psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], autocommit=True) as superuser:
            superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = 'steward_sequencer'", [settings.DATABASES["owner"]["NAME"]])
        log.write()
        assert woken.acquire(timeout=20)
        assert log.numbers() == [1, 2]
        assert not woken.acquire(timeout=0.3)
    finally:
        stop.set()
        thread.join()


def test_counters_know_how_often(log: Log) -> None:
    group = uuid.uuid4()
    log.write(3)
    log.write(targets=[TargetRef(type="person", id=log.person), TargetRef(type="group", id=group)])
    number_all()
    assert set(log.rows("SELECT kind, key, n FROM audit_counter WHERE org = %s", [log.org])) == {("actor", log.actor, 4), ("person", log.person, 4), ("group", group, 1)}
    assert log.rows("SELECT type, target, n FROM audit_target WHERE org = %s AND seq = 4 ORDER BY type", [log.org]) == [("group", group, 1), ("person", log.person, 4)]


def test_the_written_out_envelope_is_the_canonical_one() -> None:
    from audit.canonical import canonical

    for actor_n, target_n in ((None, []), (3, [1]), (2**40, [7, 8, 9])):
        said = {"org": "0f0e0d0c-0000-4000-8000-000000000001", "seq": 12, "recorded_at": "2026-11-23T20:00:00.000001Z", "actor_n": actor_n, "target_n": target_n}
        written = sequencer._envelope(org=said["org"], seq=12, sha="ab" * 32, recorded=said["recorded_at"], actor_n=actor_n, target_n=target_n)
        assert written.encode() == canonical({**said, "v": 1, "record_sha256": "ab" * 32, "prev_checkpoint": None})
