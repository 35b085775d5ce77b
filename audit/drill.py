"""The tamper drill: a sealed range of the log is copied, the copy is tampered with in nine ways, and the verifier that experts get must catch each.

The log itself is read and never touched. The copy is an export bundle in a temporary folder, signed with keys that are thrown away, so
that the drill may do what only a thief of the log's key could.
"""
from __future__ import annotations

import logging
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.db import connections

from audit import selfcheck
from audit.drill_copy import Copy, Pair, bundle, remade
from audit.export import verify
from audit.models import Epoch
from audit.tree import Reader

logger = logging.getLogger("steward.audit")
ACTION = "audit.drilled"
EVERY = timedelta(days=7)
LEAST, MOST = 8, 512
"""Entries that are copied. A shorter log is not drilled yet."""


@dataclass(frozen=True)
class Way:
    """One way to tamper. `forge` makes the bundle that a forger would show; one of `checks` must fail."""

    name: str
    forge: Callable[[Copy, random.Random], Copy]
    checks: frozenset[str]


@dataclass
class Drill:
    """What became of one drill: for each way whether it was caught, and by which checks. `sound` says that the untouched copy passed."""

    org: UUID
    first: int
    last: int
    sound: bool
    ways: dict[str, list[str]] = field(default_factory=dict)

    @property
    def caught(self) -> int:
        return sum(bool(checks) for checks in self.ways.values())

    @property
    def passed(self) -> bool:
        return self.sound and self.caught == len(WAYS)


@dataclass(frozen=True)
class Past:
    """One drill as the log remembers it, for people to read."""

    seq: int
    entry: UUID
    at: datetime
    first: int
    last: int
    sound: bool
    caught: int
    of: int
    ways: list[dict[str, Any]]


def _record_byte(copy: Copy, chance: random.Random) -> Copy:
    place = chance.randrange(len(copy.entries))
    envelope, record = copy.entries[place]
    at = chance.randrange(1, len(record) - 1)
    return copy.with_(place, (envelope, record[:at] + bytes([record[at] ^ 1]) + record[at + 1:]))


def _envelope(copy: Copy, chance: random.Random) -> Copy:
    place = chance.randrange(len(copy.entries))
    said = orjson.loads(copy.entries[place][0])
    return copy.with_(place, remade(copy.entries[place], target_n=[*said["target_n"], 1]))


def _removed(copy: Copy, chance: random.Random) -> Copy:
    """Its hash is left in the tree, so that the tree still fits."""
    return copy.without(chance.randrange(1, len(copy.entries) - 1))


def _added(copy: Copy, chance: random.Random) -> Copy:
    """In the middle, with the numbers after it moved on."""
    place = chance.randrange(1, len(copy.entries) - 1)
    extra = remade(copy.entries[place], record=_other(copy.entries[place][1]))
    moved = [remade(pair, seq=copy.low + place + 2 + n) for n, pair in enumerate(copy.entries[place:-1])]
    return copy.showing([*copy.entries[:place], remade(extra, seq=copy.low + place + 1), *moved])


def _swapped(copy: Copy, chance: random.Random) -> Copy:
    place = chance.randrange(len(copy.entries) - 1)
    one, two = copy.entries[place], copy.entries[place + 1]
    return copy.showing([*copy.entries[:place], remade(two, seq=copy.low + place + 1), remade(one, seq=copy.low + place + 2), *copy.entries[place + 2:]])


def _redated(copy: Copy, chance: random.Random) -> Copy:
    place = chance.randrange(len(copy.entries))
    return copy.with_(place, remade(copy.entries[place], recorded_at="2001-01-01T00:00:00.000000Z"))


def _truncated(copy: Copy, chance: random.Random) -> Copy:
    """Signed anew as a shorter log, to somebody who has the longer one."""
    return copy.being(copy.entries[:-chance.randrange(1, len(copy.entries) // 2)])


def _restored(copy: Copy, chance: random.Random) -> Copy:
    """An older state that went on differently: the last entries are others, and everything is signed."""
    back = chance.randrange(1, len(copy.entries) // 2)
    return copy.being([*copy.entries[:-back], *(remade(pair, record=_other(pair[1])) for pair in copy.entries[-back:])])


def _rewritten(copy: Copy, chance: random.Random) -> Copy:
    """One entry in the past is another, the tree was computed anew, an entry was added, and the stolen key signed it all."""
    place = chance.randrange(len(copy.entries) // 2)
    changed = [*copy.entries[:place], remade(copy.entries[place], record=_other(copy.entries[place][1])), *copy.entries[place + 1:]]
    return copy.being([*changed, remade(copy.entries[-1], seq=copy.low + len(changed) + 1)])


def _other(record: bytes) -> bytes:
    """Another record of the same form."""
    said = orjson.loads(record)
    return orjson.dumps(said | {"severity": "none" if said.get("severity") != "none" else "info"}, option=orjson.OPT_SORT_KEYS)


_TREE = frozenset({"entries", "tree"})
WAYS = (
    Way("a byte of a record is changed", _record_byte, frozenset({"entries"})),
    Way("an envelope is changed", _envelope, frozenset({"tree"})),
    Way("an entry is deleted from the middle", _removed, frozenset({"complete"})),
    Way("an entry is added", _added, _TREE),
    Way("two entries are swapped", _swapped, _TREE),
    Way("an entry is dated back", _redated, frozenset({"tree"})),
    Way("the end of the log is cut off", _truncated, frozenset({"consistency"})),
    Way("an older copy is restored and goes on differently", _restored, frozenset({"consistency"})),
    Way("history is rewritten and signed with the stolen key", _rewritten, frozenset({"consistency"})),
)


def drill(*, org: UUID, now: datetime, chance: random.Random | None = None, alias: str = "default") -> Drill | None:
    """Carry out one drill and record it. None when the log is too short. Needs to see this log."""
    chance = chance or random.SystemRandom()
    copy = _copied(org, chance, alias)
    if copy is None:
        return None
    done = _tried(org, copy, chance)
    facts = {"first": done.first, "last": done.last, "untouched_copy_passed": done.sound, "caught": done.caught, "of": len(WAYS),
             "ways": [{"way": way.name, "caught": bool(done.ways[way.name]), "by": done.ways[way.name]} for way in WAYS]}
    if not done.passed:
        logger.error("the tamper drill of the audit log %s failed: %d of %d ways were caught, the untouched copy %s", org, done.caught, len(WAYS), "passed" if done.sound else "did not pass")
    selfcheck.record(org=org, action=ACTION, outcome="success" if done.passed else "failure", facts=facts, now=now)
    return done


def _tried(org: UUID, copy: Copy, chance: random.Random) -> Drill:
    done = Drill(org=org, first=copy.low + 1, last=copy.low + len(copy.entries), sound=False)
    with tempfile.TemporaryDirectory(prefix="steward-drill-") as folder:
        honest = Path(folder) / "honest"
        bundle(copy, honest)
        done.sound = not _failed(honest, copy, None) and copy.root() == copy.stated
        for number, way in enumerate(WAYS):
            forged = Path(folder) / str(number)
            try:
                bundle(way.forge(copy, chance), forged)
            except (ValueError, KeyError, TypeError):  # what was copied is no entry: then the copy does not pass either
                done.ways[way.name] = []
                continue
            failed = _failed(forged, copy, honest)
            done.ways[way.name] = sorted(failed) if failed & way.checks else []
    return done


def _failed(folder: Path, copy: Copy, earlier: Path | None) -> set[str]:
    """The checks that fail. Time is left out: envelopes name checkpoints that the real key signed, and the copy has another."""
    report = verify.verify(str(folder), keys=[verify.Key(copy.vkey())], previous=str(earlier) if earlier else None)
    return {name for name in verify.CHECKS if name != "time" and report.failed(name)}


def _copied(org: UUID, chance: random.Random, alias: str) -> Copy | None:
    """A random range below what was signed, as bytes, and the hashes that stand for what comes before it."""
    stated = Epoch.objects.using(alias).filter(org=org).order_by("-size", "-pos").first()
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT size, root FROM audit_tree WHERE org = %s", [org])
        size, root = (stated.size, stated.root) if stated else cursor.fetchone() or (0, b"")
        cursor.execute("SELECT COALESCE(max(last), 0) FROM audit_pruned WHERE org = %s", [org])
        kept = cursor.fetchone()[0]
        if size - kept < LEAST:
            return None
        length = chance.randint(LEAST, min(MOST, size - kept))
        last = chance.randint(kept + length, size)
        cursor.execute("SELECT l.envelope, e.record FROM audit_leaf l LEFT JOIN audit_entry e ON e.id = l.entry AND e.org = l.org AND e.occurred_at = COALESCE(l.occurred_at, e.occurred_at)"
                       " WHERE l.org = %s AND l.seq > %s AND l.seq <= %s ORDER BY l.seq", [org, last - length, last])
        entries: list[Pair] = [(envelope.encode(), (record or "{}").encode()) for envelope, record in cursor.fetchall()]
    whole, here = Reader(org=org, size=size, alias=alias), Reader(org=org, size=last, alias=alias)
    sound = whole.root() == bytes(root) and len(entries) == length
    return Copy(org=org, low=last - length, before=here.cover(0, last - length), entries=entries, stated=here.root() if sound else b"")


def due(*, now: datetime) -> list[UUID]:
    """The logs whose last drill is a week ago. Needs to see every log."""
    return selfcheck.due(now=now, action=ACTION, every=EVERY, least=LEAST)


def history(*, org: UUID, limit: int = 12, alias: str = "default") -> list[Past]:
    """The last drills of a log, newest first."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT l.seq, l.entry, l.recorded_at, e.record FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry AND e.org = l.org AND e.occurred_at = l.occurred_at"
                       " WHERE l.org = %s AND l.action = %s ORDER BY l.seq DESC LIMIT %s", [org, ACTION, limit])
        rows = [(seq, entry, at, orjson.loads(record)["facts"]) for seq, entry, at, record in cursor.fetchall()]
    return [Past(seq=seq, entry=entry, at=at, first=f["first"], last=f["last"], sound=f["untouched_copy_passed"], caught=f["caught"], of=f["of"], ways=f["ways"]) for seq, entry, at, f in rows]
