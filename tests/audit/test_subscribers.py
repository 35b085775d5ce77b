"""Subscribers read the committed log: they resume where they were, lose nothing, repeat nothing, and wait when they fail."""
from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction

from audit import recording, subscribers
from audit.subscribers import Sealed, Subscriber
from tests.audit.logs import Log, number_all, tampering


class Reader:
    """A subscriber that remembers what it was given from one log."""

    def __init__(self, log: Log, *, actions: frozenset[str] | None = None) -> None:
        self.log = log
        self.seen: list[int] = []
        self.trouble: type[Exception] | None = None
        self.subscriber = Subscriber(name=f"test-{uuid.uuid4()}", handle=self.handle, actions=actions)

    def handle(self, entries: list[Sealed]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO audit_cursor (name, pos, failures, last_error) VALUES (%s, 0, 0, '')", [f"trace-{uuid.uuid4()}-{self.subscriber.name[-12:]}"[:60]])
        if self.trouble:
            raise self.trouble
        self.seen += [e.seq for e in entries if e.org == self.log.org]

    def drain(self) -> int:
        return subscribers.drain([self.subscriber])

    def cursor(self) -> tuple[int, str, datetime | None]:
        """Failures so far, the last error, and the moment before which it is left alone."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT failures, last_error, not_before FROM audit_cursor WHERE name = %s", [self.subscriber.name])
            failures, error, until = cursor.fetchone()
            return failures, error, until

    def traces(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM audit_cursor WHERE name LIKE %s", [f"trace-%-{self.subscriber.name[-12:]}"])
            return int(cursor.fetchone()[0])

    def wait_is_over(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE audit_cursor SET not_before = %s WHERE name = %s", [datetime.now(UTC) - timedelta(seconds=1), self.subscriber.name])


@pytest.fixture
def reader(log: Log) -> Reader:
    """A reader that has read everything there was before."""
    made = Reader(log)
    number_all()
    made.drain()
    return made


def test_resumes_where_it_was(log: Log, reader: Reader) -> None:
    log.write(3)
    number_all()
    assert reader.drain() == 3
    assert reader.drain() == 0
    log.write(2)
    number_all()
    connections.close_all()
    assert reader.drain() == 2
    assert reader.seen == [1, 2, 3, 4, 5]


def test_reads_more_than_one_batch_in_order(log: Log, reader: Reader) -> None:
    log.write(1203)
    number_all()
    assert reader.drain() == 1203
    assert reader.seen == list(range(1, 1204))


def test_gets_the_record(log: Log) -> None:
    given: list[Sealed] = []
    log.write(reason_code="because")
    number_all()
    subscribers.drain([Subscriber(name=f"test-{uuid.uuid4()}", handle=given.extend)])
    entry, = [e for e in given if e.org == log.org]
    assert (entry.seq, entry.action, entry.outcome, entry.record["decision"]["reason_code"]) == (1, "test.changed", "success", "because")


def test_waits_for_numbers_and_never_sees_what_was_rolled_back(log: Log, reader: Reader) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(), recording.opened(org=log.org, now=datetime.now(UTC)) as act:
        act.write([log.draft()])
        raise ZeroDivisionError
    log.write()
    assert reader.drain() == 0
    number_all()
    assert reader.drain() == 1
    assert reader.seen == [1]


def test_an_act_that_commits_late_is_not_missed(log: Log, reader: Reader) -> None:
    """It was written before another that is already read; its number comes after."""
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic(), recording.opened(org=log.org, now=datetime.now(UTC)) as act:
            act.write([log.draft(action="test.slow")])
            written.set()
            assert go_on.wait(20)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        assert written.wait(20)
        Log(org=log.org).write()  # other people, so that it does not wait for the slow one's keys
        number_all()
        assert reader.drain() == 1
    finally:
        go_on.set()
        thread.join()
    number_all()
    assert reader.drain() == 1
    assert reader.seen == [1, 2]
    assert log.rows("SELECT action FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org]) == [("test.changed",), ("test.slow",)]


def test_a_failure_loses_nothing_leaves_nothing_and_waits(log: Log, reader: Reader) -> None:
    log.write(2)
    number_all()
    before, reader.trouble = reader.traces(), ZeroDivisionError
    assert reader.drain() == 0
    failures, error, until = reader.cursor()
    assert (failures, error, reader.traces()) == (1, "ZeroDivisionError", before)
    assert until is not None and until > datetime.now(UTC)
    reader.trouble = None
    assert reader.drain() == 0
    reader.wait_is_over()
    assert reader.drain() == 2
    assert reader.seen == [1, 2]
    assert reader.cursor() == (0, "", None)
    assert reader.traces() == before + 1


def test_waits_longer_each_time_and_not_for_ever(log: Log, reader: Reader) -> None:
    log.write()
    number_all()
    reader.trouble = ZeroDivisionError
    for failure in range(1, 12):
        if failure > 1:
            reader.wait_is_over()
        start = datetime.now(UTC)
        reader.drain()
        failures, _error, until = reader.cursor()
        usual = min(2**failure, 300)
        assert failures == failure
        assert until is not None
        assert 0.5 * usual <= (until - start).total_seconds() <= 1.5 * usual + 5


def test_the_failure_says_no_more_than_its_kind(log: Log, reader: Reader) -> None:
    """A message may hold personal values; operators get the kind of error."""
    class Trouble(Exception):
        def __init__(self) -> None:
            super().__init__("ada@log.example")

    log.write()
    number_all()
    reader.trouble = Trouble
    reader.drain()
    assert reader.cursor()[1] == "Trouble"


def test_one_that_fails_does_not_hold_up_another(log: Log, reader: Reader) -> None:
    other = Reader(log)
    log.write(2)
    number_all()
    reader.trouble = ZeroDivisionError
    subscribers.drain([reader.subscriber, other.subscriber])
    assert (reader.seen, other.seen) == ([], [1, 2])


def test_reads_only_the_actions_it_asked_for(log: Log) -> None:
    picky = Reader(log, actions=frozenset({"test.wanted"}))
    log.write(2)
    log.write(action="test.wanted")
    log.write()
    number_all()
    assert picky.drain() >= 4
    assert picky.seen == [3]
    assert picky.drain() == 0


def test_two_at_once_do_not_repeat(log: Log, reader: Reader) -> None:
    """While one worker handles a batch, another passes over this subscriber instead of waiting or repeating."""
    inside, go_on = threading.Event(), threading.Event()
    given: list[int] = []

    def slow(entries: list[Sealed]) -> None:
        given.extend(e.seq for e in entries if e.org == log.org)
        inside.set()
        assert go_on.wait(20)

    subscriber = Subscriber(name=reader.subscriber.name, handle=slow)

    def work() -> None:
        subscribers.drain([subscriber])
        connections.close_all()

    log.write(2)
    number_all()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert inside.wait(20)
        assert reader.drain() == 0
    finally:
        go_on.set()
        thread.join()
    assert reader.drain() == 0
    assert (given, reader.seen) == ([1, 2], [])


def test_an_unreadable_record_does_not_hold_up_the_rest(log: Log, reader: Reader) -> None:
    bad, _good = log.write(2)
    with tampering() as attacker:
        attacker.execute("UPDATE audit_entry SET record = 'no json' WHERE id = %s", [bad])
    number_all()
    assert reader.drain() == 2
    assert reader.seen == [2]
