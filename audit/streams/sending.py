"""Carrying a batch to a receiver: webhook, syslog over TLS, file. What comes of it is one word that people can act on."""
from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import groupby
from pathlib import Path
from uuid import UUID

from django.conf import settings

from audit import outbound
from audit.models import Stream
from audit.streams import formats, secrets
from audit.streams.formats import Item

SECONDS = 10.0
LONGEST_WAIT = 86_400
SYSLOG_PORT = 6514


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt. `code` is "" when the receiver took it; `wait` is how long it asked us to stay away."""

    code: str = ""
    status: int | None = None
    wait: int | None = None

    @property
    def ok(self) -> bool:
        return not self.code


def send(stream: Stream, items: Sequence[Item], *, message: str, now: datetime) -> Outcome:
    """Give one batch to the receiver."""
    if not any(item.line for item in items):
        return Outcome()  # records that are gone have nothing to say in this format
    if stream.kind == "file":
        return _file(stream, items)
    if stream.kind == "syslog":
        return _syslog(stream, formats.frames(items, stream))
    kind, body = formats.body(items, stream)
    return _webhook(stream, body, kind, message, now)


def test(stream: Stream, *, message: str, now: datetime) -> Outcome:
    """Try the way without sending anything of the log."""
    if stream.kind == "file":
        return _file(stream, [])
    at = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    line = formats.test_line(stream, at=at)
    if stream.kind == "syslog":
        return _syslog(stream, formats.frame(line, at=at, what="test", seq=None))
    kind, body = formats.body([Item(0, stream.id, "", "", "test", "success", at, line=line)], stream)
    return _webhook(stream, body, kind, message, now)


def _webhook(stream: Stream, body: bytes, kind: str, message: str, now: datetime) -> Outcome:
    return post(url=stream.url, sealed=(stream.secret, stream.old_secret if stream.old_until and stream.old_until > now else None), owner=stream.id, body=body, kind=kind, message=message, now=now,
                ca=stream.ca)


def post(*, url: str, sealed: Sequence[bytes | None], owner: UUID, body: bytes, kind: str, message: str, now: datetime, ca: str = "",
         kept: outbound.Kept | None = None) -> Outcome:
    """One delivery as Standard Webhooks has it, signed with each of the owner's secrets that is in force; on a connection that is kept, where there is one."""
    known = [secrets.unseal(bytes(one), stream=owner) for one in sealed if one]
    good = [one for one in known if one is not None]
    if not good:
        return Outcome("secret_unreadable")
    headers = {"content-type": kind, "user-agent": "Steward", "accept": "*/*", **secrets.headers(secrets=good, message=message, body=body, now=now)}
    try:
        if kept is not None:
            return answered(kept.post(url, headers=headers, body=body, ca=ca, seconds=SECONDS), now)
        answer = outbound.request("POST", url, headers=headers, body=body, ca=ca, seconds=SECONDS)
    except outbound.NotSent as error:
        return Outcome(error.code)
    return answered(answer, now)


def answered(answer: outbound.Answer, now: datetime) -> Outcome:
    """Only the status counts; what else a receiver says is not read."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome("", status)
    code = "gone" if status == 410 else "busy" if status == 429 else "redirected" if 300 <= status < 400 else "refused" if status < 500 else "receiver_failed"
    return Outcome(code, status, _retry_after(answer.headers.get("retry-after", ""), now) if status in {429, 503} else None)


def _retry_after(text: str, now: datetime) -> int | None:
    """Seconds, or a date (RFC 9110 section 10.2.3); at most a day."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(int(text), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return min(max(0, int(((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())), LONGEST_WAIT)


def _syslog(stream: Stream, data: bytes) -> Outcome:
    """Syslog acknowledges nothing. We end the connection in order and wait for the peer to do the same, which it does after it has read everything (RFC 5425 section 4.4)."""
    host, _, port = stream.url.rpartition(":")
    try:
        with outbound.connected(host.strip("[]"), int(port), seconds=SECONDS, tls=True, ca=stream.ca) as connection:
            connection.sendall(data)
            return Outcome("" if _taken(connection) else "unconfirmed")
    except outbound.NotSent as error:
        return Outcome(error.code)


def _taken(connection: socket.socket) -> bool:
    """Whether the peer ended in order, or at least its machine has acknowledged every byte."""
    connection.settimeout(2.0)
    try:
        connection.unwrap()  # type: ignore[attr-defined]
    except ConnectionError:
        return False
    except OSError:  # it does not answer our end, or closed without one
        try:
            return bool(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0] == 0)
        except (OSError, ValueError):
            return False
    return True


def _file(stream: Stream, items: Sequence[Item]) -> Outcome:
    """Append to the organization's file of each day, and have it on disk before the cursor moves."""
    if not settings.STREAM_FILES:
        return Outcome("files_not_allowed")
    folder = Path(settings.STREAM_FILES) / str(stream.org)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            return Outcome("file_refused")
        for day, some in groupby(items, key=lambda item: item.recorded_at[:10]):
            _append(folder, f"{day}.jsonl", b"".join(item.line + b"\n" for item in some if item.line))
    except OSError as error:
        return Outcome("disk_full" if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} else "file_refused")
    return Outcome()


def _append(folder: Path, name: str, data: bytes) -> None:
    """All of it or nothing: a line that was cut, by us or by a crash before us, is removed."""
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        start = _whole_lines(handle)
        os.ftruncate(handle, start)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view):]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, start)
            raise
    finally:
        os.close(handle)
    above = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def _whole_lines(handle: int) -> int:
    """Where the last whole line of the file ends."""
    end = os.fstat(handle).st_size
    while end:
        start = max(0, end - 65_536)
        cut = os.pread(handle, end - start, start).rfind(b"\n")
        if cut >= 0:
            return start + cut + 1
        end = start
    return 0
