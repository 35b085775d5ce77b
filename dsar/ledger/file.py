"""The file itself: append-only, one canonical JSON line for each act, each with the hash of the one before it. On the disk when writing returns.

Processes of one machine take turns by a lock on the file; several machines need one shared folder. Ids and codes only: no name, no address, no hash of one.
"""
from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from audit.canonical import canonical
from audit.outside import Fact, Unavailable

logger = logging.getLogger("steward.ledger")
NAME = "ledger.jsonl"
NOTHING = "0" * 64
"""What stands where the hash of the line before would stand, in the first line."""
LONGEST = 16_384
"""Bytes of a line, at most: the last one is found by reading so much from the end."""
ROOM = 1 << 20
"""Bytes that should be free where the ledger lies."""
_KIND = re.compile(r"[a-z]+(\.[a-z_]+)+")


class Damaged(Exception):
    """The file is not what was written: a line was changed, is missing, or cannot be read. Nothing goes on until somebody has looked (docs/operating.md, The ledger)."""


@dataclass(frozen=True)
class Draft:
    """A line before it has its place."""

    kind: str
    org: UUID | None
    subject: UUID | None
    facts: Mapping[str, Fact]


@dataclass(frozen=True)
class Line:
    """A line as it stands in the file. `tx` names the transaction of the database in which the act was to happen."""

    seq: int
    at: datetime
    kind: str
    org: UUID | None
    subject: UUID | None
    facts: dict[str, Any]
    tx: str
    hash: str
    end: int = field(default=0, compare=False)
    """Where in the file the next line begins."""


@dataclass(frozen=True)
class Tail:
    """A place in the chain: behind this line."""

    seq: int
    hash: str
    end: int = field(default=0, compare=False)


EMPTY = Tail(0, NOTHING)


def path() -> Path:
    return Path(settings.LEDGER) / NAME


def append(drafts: Sequence[Draft], *, tx: str, now: datetime, least: int = 0) -> list[Line]:
    """Write these lines after the last one and wait for the disk. `least`: how far the file has to go already. Raises `Unavailable`, and then none of them is there."""
    try:
        with _open_to_write() as handle:
            size, tail = _end(handle)
            if tail.seq < least:
                raise Unavailable(f"the ledger in {settings.LEDGER} ends with line {tail.seq}; the database remembers line {least}")
            made, text = [], b""
            for draft in drafts:
                one, written = _line(draft, tail, tx, now)
                made.append(one)
                text, tail = text + written, Tail(one.seq, one.hash)
            _write(handle, size, text)
            return made
    except OSError as error:
        raise Unavailable(f"the ledger in {settings.LEDGER} cannot be written: {error.strerror or type(error).__name__}") from error
    except Damaged as error:
        raise Unavailable(str(error)) from error


def _line(draft: Draft, tail: Tail, tx: str, now: datetime) -> tuple[Line, bytes]:
    if not _KIND.fullmatch(draft.kind):
        raise ValueError("the kind of a line is lower case words joined by dots")
    body = {"seq": tail.seq + 1, "prev": tail.hash, "at": now.astimezone(UTC).isoformat(timespec="microseconds"), "kind": draft.kind, "org": str(draft.org) if draft.org else None,
            "subject": str(draft.subject) if draft.subject else None, "facts": dict(draft.facts), "tx": tx}
    digest = hashlib.sha256(canonical(body)).hexdigest()
    text = canonical({**body, "hash": digest}) + b"\n"
    if len(text) > LONGEST:
        raise ValueError("a line of the ledger is a few codes and numbers")
    return Line(tail.seq + 1, now, draft.kind, draft.org, draft.subject, dict(draft.facts), tx, digest), text


@contextmanager
def _open_to_write() -> Iterator[int]:
    folder = Path(settings.LEDGER)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = not path().exists()
    handle = os.open(path(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if made:
            _sync_folder(folder)
            _sync_folder(folder.parent)
        yield handle
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(handle: int, size: int, text: bytes) -> None:
    """All of it, on the disk; or nothing of it."""
    try:
        done = 0
        while done < len(text):
            done += os.pwrite(handle, text[done:], size + done)
        os.fsync(handle)
    except OSError:
        with suppress(OSError):  # what cannot be cut now is an unfinished line, or one whose transaction never was
            os.ftruncate(handle, size)
            os.fsync(handle)
        raise


def _end(handle: int) -> tuple[int, Tail]:
    """Where the next line goes, and the last one. A line that a crash cut off was never answered for: it goes, and that is said."""
    size = os.fstat(handle).st_size
    whole = _whole(handle, size)
    if whole < size:
        logger.warning("the last line of the ledger was not finished when something crashed; its %d bytes are cut off", size - whole)
        os.ftruncate(handle, whole)
        os.fsync(handle)
    return whole, _last(handle, whole)


def _whole(handle: int, size: int) -> int:
    """How much of the file is whole lines."""
    end = size
    while end > 0:
        start = max(0, end - LONGEST)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _last(handle: int, size: int) -> Tail:
    if not size:
        return EMPTY
    start = max(0, size - LONGEST - 1)
    text = os.pread(handle, size - 1 - start, start)
    one, _prev = _read(text[text.rfind(b"\n") + 1:], "the last line")
    return Tail(one.seq, one.hash)


def _read(text: bytes, which: str) -> tuple[Line, str]:
    try:
        found = orjson.loads(text)
        digest, prev = found.pop("hash"), str(found.pop("prev"))
        if hashlib.sha256(canonical({**found, "prev": prev})).hexdigest() != digest:
            raise Damaged(f"{which} of the ledger {path()} was changed after it was written")
        return Line(found["seq"], datetime.fromisoformat(found["at"]), found["kind"], UUID(found["org"]) if found["org"] else None, UUID(found["subject"]) if found["subject"] else None,
                    found["facts"], found["tx"], digest), prev
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{which} of the ledger {path()} cannot be read") from error


def trouble() -> str:
    """Why no line could be written now, or '': then nothing is destroyed until it can."""
    folder = Path(settings.LEDGER)
    there = next((one for one in (path(), folder, *folder.parents) if one.exists()), folder)
    try:
        if not os.access(there, os.W_OK) or not os.access(there if there.is_dir() else folder, os.W_OK | os.X_OK):
            return "the ledger cannot be written"
        room = os.statvfs(there)
        return "the ledger’s disk is full" if room.f_bavail * room.f_frsize < ROOM or room.f_favail == 0 < room.f_files else ""
    except OSError:
        return "the ledger cannot be reached"


def tail() -> Tail | None:
    """The last whole line, or None when there is no file. Cheap. Raises `Damaged`, or `Unavailable` when it cannot be read at all."""
    with _reading() as found:
        return None if found is None else _last(*found)


def walk(*, after: int = 0, place: Tail = EMPTY) -> Iterator[Line]:
    """Every line behind this one, in order, in little memory. The chain is checked on the way, from its beginning or from a place that was checked already. Raises `Damaged`."""
    with _reading() as found:
        if found is None:
            return
        handle, size = found
        before, rest, start = place, b"", place.end
        while start < size:
            block = os.pread(handle, min(1 << 20, size - start), start)
            if not block:
                raise Damaged(f"the ledger {path()} became shorter while it was read")
            start += len(block)
            *whole, rest = (rest + block).split(b"\n")
            for text in whole:
                one, prev = _read(text, f"line {before.seq + 1}")
                if one.seq != before.seq + 1 or prev != before.hash:
                    raise Damaged(f"line {before.seq + 1} of the ledger {path()} does not continue the line before it")
                before = Tail(one.seq, one.hash, before.end + len(text) + 1)
                if one.seq > after:
                    yield replace(one, end=before.end)


def identity() -> tuple[int, int] | None:
    """Which file it is, and how long: cheap, to notice that it was taken away, replaced or cut."""
    try:
        found = path().stat()
    except OSError:
        return None
    return found.st_ino, found.st_size


@contextmanager
def _reading() -> Iterator[tuple[int, int] | None]:
    """The file and the length of its whole lines; nobody is in the middle of one."""
    try:
        handle = os.open(path(), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise Unavailable(f"the ledger in {settings.LEDGER} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        size = _whole(handle, os.fstat(handle).st_size)
        fcntl.flock(handle, fcntl.LOCK_UN)
        yield handle, size
    finally:
        os.close(handle)
