"""One stream's turn: take the next batch, give it to the receiver, remember what became of it. Everything that must survive is in PostgreSQL.

A batch is fixed before it is sent (`upto`), so that a repetition after a crash has the same entries and the same id. The lock is
PostgreSQL's and belongs to the connection: it goes when the process goes, however it goes.
"""
from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from audit import recording
from audit.models import Stream
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.streams import formats, sending
from audit.streams.formats import Item
from audit.streams.sending import Outcome

logger = logging.getLogger("steward.streams")
SLICE = 5.0
"""Seconds for which one stream is served before the others have their turn."""
FIRST_WAIT, LONGEST_WAIT = 2.0, 3600.0
KEPT = 100
"""Attempts of each stream that are remembered."""


@contextmanager
def scoped(org: UUID | None) -> Iterator[None]:
    """A transaction that sees one organization; None: all of them, for the list of what is due."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('steward.org', %s, true), set_config('steward.reach', %s, true)", [str(org or ""), "" if org else "installation"])
        yield


_DUE = """SELECT s.id, s.org, s.failures > 0 FROM audit_stream s LEFT JOIN audit_tree t ON t.org = s.org
 WHERE s.test_asked_at IS NOT NULL OR (s.state = 'active' AND s.seq < t.size AND (s.next_try IS NULL OR s.next_try <= %s)) ORDER BY s.served_at NULLS FIRST LIMIT 200"""


def due() -> list[tuple[UUID, UUID, bool]]:
    """The streams that have something to send now, those first that waited longest; and whether the last attempt failed."""
    with scoped(None), connection.cursor() as cursor:
        cursor.execute(_DUE, [timezone.now()])
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


@contextmanager
def alone(stream_id: UUID) -> Iterator[bool]:
    """Nobody else serves this stream meanwhile. False when somebody does."""
    key = int.from_bytes(stream_id.bytes[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        held = cursor.fetchone()[0]
    try:
        yield held
    finally:
        if held and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def turn(stream_id: UUID, org: UUID, *, stop: threading.Event | None = None) -> int:
    """Serve one stream for a while. Returns how many entries were taken; two at once do not disturb each other."""
    taken, end = 0, time.monotonic() + SLICE
    with alone(stream_id) as held:
        while held and time.monotonic() < end and not (stop and stop.is_set()):
            sent = _step(stream_id, org)
            if sent is None:
                break
            taken += sent
    return taken


def _step(stream_id: UUID, org: UUID) -> int | None:
    """One attempt. None when there is nothing to do now, or the attempt failed."""
    now = timezone.now()
    with scoped(org):
        stream = Stream.objects.filter(id=stream_id, org=org).first()
        if stream is None:
            return None
        asked = stream.test_asked_at
        items = [] if asked else _batch(stream, now)
    began = time.monotonic()
    if asked:
        outcome = sending.test(stream, message=f"msg_{stream.id.hex}_test_{int(asked.timestamp())}", now=now)
        _tested(stream, asked, outcome, _since(began))
        return 0
    if not items:
        return None
    outcome = sending.send(stream, items, message=message_id(stream, items), now=now)
    _settle(stream, items, outcome, _since(began))
    if outcome.code == "gone":
        _give_up(stream)
    return len(items) if outcome.ok else None


def message_id(stream: Stream, items: Sequence[Item]) -> str:
    """The id by which a receiver knows a repetition."""
    return f"msg_{stream.id.hex}_{items[0].seq}_{items[-1].seq}"


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _batch(stream: Stream, now: datetime) -> list[Item]:
    """The batch that was begun before, or a new one, which is fixed by this."""
    if stream.state != "active" or (stream.next_try and stream.next_try > now):
        return []
    items = formats.load(stream, upto=stream.upto)
    if items and stream.upto is None:
        Stream.objects.filter(id=stream.id, seq=stream.seq).update(upto=items[-1].seq)
        stream.upto = items[-1].seq
    return items


def _settle(stream: Stream, items: Sequence[Item], outcome: Outcome, took: int) -> None:
    """Move the cursor, or say when to try again. Somebody who moved the cursor meanwhile is right."""
    now = timezone.now()
    rows = Stream.objects.filter(id=stream.id, seq=stream.seq, upto=stream.upto)
    with scoped(stream.org):
        if outcome.ok:
            rows.update(seq=items[-1].seq, upto=None, failures=0, failing_since=None, next_try=None, last_error="", last_status=outcome.status, last_success=now, served_at=now)
        else:
            wait = timedelta(seconds=outcome.wait or pause(stream.failures))
            rows.update(failures=stream.failures + 1, failing_since=stream.failing_since or now, next_try=now + wait,
                        last_error=outcome.code, last_status=outcome.status, last_error_at=now, served_at=now)
        _remember(stream, items[0].seq, items[-1].seq, len(items), outcome, took, now, test=False)
    if not outcome.ok:
        logger.warning("stream %s: %s%s; it is tried again", stream.id, outcome.code, f" ({outcome.status})" if outcome.status else "")


def pause(failures: int) -> float:
    """How long to wait after so many failures: twice as long each time, up to an hour, and never all at the same moment. It never gives up."""
    return min(FIRST_WAIT * 2.0 ** min(failures, 20), LONGEST_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311


def _tested(stream: Stream, asked: datetime, outcome: Outcome, took: int) -> None:
    now = timezone.now()
    with scoped(stream.org):
        Stream.objects.filter(id=stream.id, test_asked_at=asked).update(test_asked_at=None, served_at=now)
        _remember(stream, None, None, 0, outcome, took, now, test=True)


def _remember(stream: Stream, first: int | None, last: int | None, count: int, outcome: Outcome, took: int, now: datetime, *, test: bool) -> None:
    """The delivery log: only while the stream exists, and not without end."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_streamattempt (stream, org, at, first, last, count, code, status, took, test) SELECT id, org, %s, %s, %s, %s, %s, %s, %s, %s FROM audit_stream WHERE id = %s",
                       [now, first, last, count, outcome.code, outcome.status, took, test, stream.id])
        cursor.execute("DELETE FROM audit_streamattempt WHERE stream = %s AND id <= (SELECT id FROM audit_streamattempt WHERE stream = %s ORDER BY id DESC OFFSET %s LIMIT 1)",
                       [stream.id, stream.id, KEPT])


def _give_up(stream: Stream) -> None:
    """The receiver says that it is gone for good (410): the stream is paused, which is an entry of the log itself."""
    now = timezone.now()
    with scoped(stream.org):
        row = Stream.objects.select_for_update().filter(id=stream.id, state="active").first()
        if row is None:
            return
        with recording.opened(org=stream.org, now=now) as act:
            Stream.objects.filter(id=stream.id).update(state="paused", paused_why="gone")
            act.write([EntryDraft(org=stream.org, action="audit.stream_gone", category="audit", outcome="success", actor=ActorRef(type="schedule"),
                                  targets=[TargetRef(type="log_stream", id=stream.id, label=row.name)], via="schedule")])
