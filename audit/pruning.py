"""Removing what is older than was agreed: a month at a time, declared by an entry in each log, with the tree left whole.

Each month goes in one transaction: the declaring entries, the copies of what stays, the drop. Whoever is killed in it leaves nothing behind;
what belonged to the removed records (leaves, targets, openings) is swept afterwards in small steps, which can stop anywhere and go on.
"""
from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection, transaction

from audit import INSTALLATION, merkle, recording, retention
from audit.record import ActorRef, EntryDraft

logger = logging.getLogger("steward.pruning")
_RANGES = 300
"""Ranges that one entry names; more need another entry, because a record is no longer than 64 KiB."""
_LOCK = 0x61756469
_DUE = ("SELECT m.part FROM audit_months() m, audit_bounds b WHERE m.upper + make_interval(years => GREATEST(b.floor_years, COALESCE(audit_years(m.class), 0))) <= now()"
        " ORDER BY m.lower, m.part")


@dataclass(frozen=True)
class Run:
    """Numbers without a gap between them, and the root of a tree over their leaves."""

    org: UUID
    first: int
    last: int
    root: bytes


def run(*, now: datetime, batch: int = 5000, steps: int = 200) -> int:
    """Remove every month whose time has come, then sweep. Needs to see every log. Returns how many entries went."""
    gone = 0
    for part in due():
        try:
            gone += prune(part=part, now=now)
        except OperationalError as error:  # somebody reads it for long; the next round tries again
            logger.info("%s waits: %s", part, type(error.__cause__).__name__)
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") != "AU004":
                raise
            logger.warning("%s stays: %s", part, str(error).splitlines()[0])
    sweep(batch=batch, steps=steps)
    return gone


def due() -> list[str]:
    """The parts of the log whose time has come, oldest first; none while the clock is not to be believed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_clock()")
        if not cursor.fetchone()[0]:
            logger.info("the clock has not been steady for a week yet: nothing is removed from the log")
            return []
        cursor.execute(_DUE)
        return [row[0] for row in cursor.fetchall()]


def prune(*, part: str, now: datetime) -> int:
    """Remove one part of the log, all of it or nothing. What a hold or a policy keeps is copied to where it stays. Returns how many entries went."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return 0
            cursor.execute("SELECT class, lower FROM audit_months() WHERE part = %s", [part])
            if (row := cursor.fetchone()) is None:
                return 0
        kept_as, lower = row
        runs, stays = _look(part, kept_as)
        if not runs and not stays and kept_as == "held":
            return 0  # all of it is still held
        if not runs:
            return _drop(part, [], [])
        with recording.opened(org=INSTALLATION, now=now) as act:
            drafts, order = _drafts(runs, kept_as, f"{lower:%Y-%m}")
            ids = act.write(drafts)
            return _drop(part, order, [ids[n] for n, part_of in enumerate(_parts(runs)) for _run in part_of])


def _look(part: str, kept_as: str) -> tuple[list[Run], bool]:
    """What may go, as runs of numbers; and whether anything moves to another class."""
    moves = False

    def going() -> Iterator[tuple[UUID, int, bytes]]:
        nonlocal moves
        with connection.chunked_cursor() as cursor:
            cursor.execute("SELECT org, seq, leaf, fate FROM audit_fates(%s)", [part])
            while rows := cursor.fetchmany(5000):
                for org, seq, leaf, fate in rows:
                    if fate is None:
                        yield org, seq, bytes(leaf)
                    elif fate != kept_as:
                        moves = True

    return list(_runs(going())), moves


def _runs(rows: Iterable[tuple[UUID, int, bytes]]) -> Iterator[Run]:
    """Numbers that follow each other, joined; with a hash in memory for each doubling of their count."""
    org, first, size, peaks = None, 0, 0, []
    for log, seq, leaf in rows:
        if org is not None and (log != org or seq != first + size):
            yield Run(org, first, first + size - 1, merkle.root(peaks))
            org = None
        if org is None:
            org, first, size, peaks = log, seq, 0, []
        size, peaks = merkle.append(size, peaks, [leaf])
    if org is not None:
        yield Run(org, first, first + size - 1, merkle.root(peaks))


def _parts(runs: list[Run]) -> list[list[Run]]:
    """The runs as entries name them: each log's own, so many at most."""
    found: list[list[Run]] = []
    for _org, group in groupby(runs, key=lambda r: r.org):
        mine = list(group)
        found += [mine[at:at + _RANGES] for at in range(0, len(mine), _RANGES)]
    return found


def _drafts(runs: list[Run], kept_as: str, month: str) -> tuple[list[EntryDraft], list[Run]]:
    drafts, order = [], []
    for mine in _parts(runs):
        agreed = retention.current(org=mine[0].org)
        facts = {"first": mine[0].first, "last": mine[-1].last, "count": sum(r.last - r.first + 1 for r in mine), "class": kept_as, "month": month,
                 "policy": {"retention": agreed.retention, "since": agreed.since.isoformat() if agreed.since else ""},
                 "ranges": [{"first": r.first, "last": r.last, "root": r.root.hex()} for r in mine]}
        drafts.append(EntryDraft(org=mine[0].org, action="audit.pruned", category="audit", outcome="success", actor=ActorRef(type="schedule"), via="schedule", severity="notice",
                                 approved_by=agreed.agreed_by, policy=agreed.retention, facts=facts))
        order += mine
    return drafts, order


def _drop(part: str, runs: list[Run], entries: list[UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_prune(%s, %s::uuid[], %s::bigint[], %s::bigint[], %s::bytea[], %s::uuid[])",
                       [part, [r.org for r in runs], [r.first for r in runs], [r.last for r in runs], [r.root for r in runs], entries])
        return int(cursor.fetchone()[0])


def sweep(*, batch: int = 5000, steps: int = 200) -> int:
    """Remove what belonged to removed records, a step at a time. Returns how many leaves went."""
    done = 0
    for _step in range(steps):
        with connection.cursor() as cursor:
            cursor.execute("SELECT audit_sweep(%s)", [batch])
            went = cursor.fetchone()[0]
        if went < 0:
            break
        done += went
    return done
