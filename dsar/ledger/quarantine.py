"""Whether this database may be used at all: it has to know every line of the ledger. One that does not was restored from a backup, and would bring people back (RIGHTS 6c).

Asked on every request and before every job, so it is cheap: a look at the file's length, and every few seconds one question to the database, on a connection of its own.
Nothing of it is in Valkey, so emptying that opens nothing.
"""
from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from audit.outside import Unavailable
from dsar.ledger import file, memory
from dsar.ledger.file import EMPTY, Damaged, Tail

ALIAS = "refusals"
EVERY = 5.0
"""Seconds for which an answer is believed."""

WORDS = {
    "behind": "this database is older than the ledger: it was restored from a backup. Run: manage.py privacy_replay",
    "missing": "the ledger {path} is not there, and the database remembers {seq} lines of it. Bring it back from its copy, or set STEWARD_LEDGER to where it lies",
    "shorter": "the ledger {path} ends with line {last}, and the database remembers line {seq}. An older copy of it lies there: bring back the newest one",
    "different": "the ledger {path} is another one than this database knows: its line {seq} does not agree. Is STEWARD_LEDGER right, and the database the one that belongs to it?",
    "damaged": "{said}. Bring back the copy of the ledger; never repair a line by hand",
    "unreadable": "{said}",
}


@dataclass(frozen=True)
class Verdict:
    """`code` is empty when the database may be used."""

    code: str = ""
    words: str = ""
    last: int = 0
    """The number of the last line of the ledger."""

    def __bool__(self) -> bool:
        """Whether it is closed."""
        return bool(self.code)


def closed(code: str, **values: object) -> Verdict:
    return Verdict(code, WORDS[code].format(path=file.path(), **values), int(str(values.get("last", 0))))


@dataclass
class _Known:
    """What this process found out last."""

    verdict: Verdict
    at: float
    file: tuple[int, int] | None
    place: Tail
    """Up to here the chain was checked by this process, and agrees with the database."""


_known: dict[str, _Known] = {}
_lock = threading.Lock()


def now() -> Verdict:
    """Whether it is closed, as of a few seconds ago at most."""
    key, there = str(settings.LEDGER), file.identity()
    known = _known.get(key)
    if known is not None and time.monotonic() - known.at < EVERY and _grown(known.file, there):
        return known.verdict
    with _lock:
        known = _known.get(key)
        if known is not None and time.monotonic() - known.at < EVERY and _grown(known.file, there):
            return known.verdict
        return look()


def _grown(before: tuple[int, int] | None, there: tuple[int, int] | None) -> bool:
    """Whether it is the same file and nothing of it is gone."""
    if before is None or there is None:
        return before is None
    return before[0] == there[0] and before[1] <= there[1]


def look() -> Verdict:
    """Look now. Raises DatabaseError when PostgreSQL cannot be asked."""
    key, there = str(settings.LEDGER), file.identity()
    known = _known.get(key)
    place = known.place if known is not None and known.file and there and _grown(known.file, there) else EMPTY
    mark = memory.remembered(using=ALIAS)
    try:
        verdict, place = _compare(mark, place)
    except Damaged as error:
        verdict, place = closed("damaged", said=error), EMPTY
    except Unavailable as error:
        verdict, place = closed("unreadable", said=error), EMPTY
    _known[key] = _Known(verdict, time.monotonic(), there, place)
    return verdict


def forget() -> None:
    """Look anew at the next question."""
    _known.pop(str(settings.LEDGER), None)


def _compare(mark: memory.Mark, place: Tail) -> tuple[Verdict, Tail]:
    furthest = max([mark.seq, *mark.seen])
    tail = file.tail()
    if tail is None:
        return (closed("missing", seq=furthest) if furthest else Verdict()), EMPTY
    if tail.seq < furthest:
        return closed("shorter", seq=furthest, last=tail.seq), EMPTY
    place = EMPTY if place.seq > mark.seq else place
    at_mark, unseen = place, list[Any]()
    for line in file.walk(place=place):
        if line.seq == mark.seq:
            at_mark = Tail(line.seq, line.hash, line.end)
        elif line.seq > mark.seq and mark.seen.get(line.seq, line.hash) != line.hash:
            return closed("different", seq=line.seq), EMPTY
        elif line.seq > mark.seq and line.seq not in mark.seen and len(unseen) < 10_000:
            unseen.append((line.seq, line.tx))
        if mark.closed and line.seq >= furthest:
            break  # what comes behind is what is to be replayed
    if mark.seq and at_mark.hash != mark.hash:
        return closed("different", seq=mark.seq), EMPTY
    if mark.closed:
        return closed("behind", last=tail.seq), at_mark
    if unseen and _gone(unseen):
        memory.close(using=ALIAS, now=datetime.now(UTC))
        return closed("behind", last=tail.seq), EMPTY
    return Verdict(last=tail.seq), at_mark


def _gone(unseen: Sequence[tuple[int, str]]) -> bool:
    """Whether an act that the ledger names is not in this database although it happened: neither is it under way, nor was it rolled back."""
    states = memory.transactions([tx for _seq, tx in unseen], using=ALIAS)
    known = memory.remembered(using=ALIAS).seen  # once more: it may have been committed between the two questions
    return any(state not in memory.NEVER for (seq, _tx), state in zip(unseen, states, strict=True) if seq not in known)


def usable(account: object) -> bool:
    """Whether somebody may sign in while it is closed: nothing in the ledger that this database does not know is about them."""
    mark = memory.remembered(using=ALIAS)
    return not any(line.subject == account for line in file.walk(after=mark.seq) if line.seq not in mark.seen)
