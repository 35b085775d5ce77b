"""What is sent: entries as lines of the evidence copy, as OCSF events or as CloudEvents. Personal values only where the stream says "with names"."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from audit import ocsf
from audit.models import Stream
from audit.queries import ERASED, Seen, disclose, records

MOST = 500
LARGEST = 1_000_000
FORMATS = ("native", "ocsf", "cloudevents")
_AUDIT_FACILITY, _NOTICE, _WARNING = 13, 5, 4


@dataclass
class Item:
    """One entry on its way out. `record` is None when its time is over and it was removed."""

    seq: int
    id: UUID
    envelope: str
    record: str | None
    action: str
    outcome: str
    recorded_at: str
    open: dict[str, Any] = field(default_factory=dict)
    line: bytes = b""


def load(stream: Stream, *, upto: int | None) -> list[Item]:
    """The next entries of this stream in order: up to number `upto`, or as many as fit into one batch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, entry, envelope, occurred_at, action, outcome FROM audit_leaf WHERE org = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT %s",
                       [stream.org, stream.seq, 2**62 if upto is None else upto, MOST])
        rows = cursor.fetchall()
    texts = records({row[1]: row[3] for row in rows})
    found = [Item(row[0], row[1], row[2], texts.get(row[1]), row[4], row[5], orjson.loads(row[2])["recorded_at"]) for row in rows]
    if stream.names:
        _open(stream, found, {row[1]: row[3] for row in rows})
    size = 0
    for number, item in enumerate(found):
        item.line = line(item, stream)
        size += len(item.line) + 1
        if number and size > LARGEST and upto is None:
            return found[:number]
    return found


def _open(stream: Stream, items: Sequence[Item], moments: dict[UUID, Any]) -> None:
    seen = {item.id: Seen(seq=item.seq, id=item.id, recorded_at=None, occurred_at=moments[item.id], record=orjson.loads(item.record)) for item in items if item.record is not None}
    disclose(org=stream.org, entries=seen.values())
    for item in items:
        if item.id in seen:
            item.open = {path: None if value is ERASED else value for path, value in sorted(seen[item.id].open.items())}


def line(item: Item, stream: Stream) -> bytes:
    """One entry in the stream's format, on one line."""
    native = {"envelope": orjson.Fragment(item.envelope), "record": None if item.record is None else orjson.Fragment(item.record), **({"disclosed": item.open} if stream.names else {})}
    if stream.format == "native":
        return orjson.dumps(native)
    if stream.format == "cloudevents":
        return orjson.dumps(_cloud_event(item, stream, native))
    if item.record is None:
        return b""
    return orjson.dumps(ocsf.event(envelope=orjson.loads(item.envelope), record=orjson.loads(item.record), opened=item.open, version=stream.ocsf))


def _cloud_event(item: Item, stream: Stream, data: dict[str, Any]) -> dict[str, Any]:
    """CloudEvents 1.0: `source` and `id` together name the entry for ever; `sequence` sorts as text."""
    return {"specversion": "1.0", "id": str(item.id), "source": f"{settings.STEWARD_URL}/logs/{stream.org}", "type": f"steward.{item.action}", "time": item.recorded_at,
            "datacontenttype": "application/json", "sequence": f"{item.seq:020d}", "data": data}


def body(items: Sequence[Item], stream: Stream) -> tuple[str, bytes]:
    """A batch as one HTTP body, with its type."""
    lines = [item.line for item in items if item.line]
    if stream.format == "native":
        return "application/x-ndjson", b"".join(text + b"\n" for text in lines)
    return "application/cloudevents-batch+json" if stream.format == "cloudevents" else "application/json", b"[" + b",".join(lines) + b"]"


def frames(items: Sequence[Item], _stream: Stream) -> bytes:
    """A batch for syslog: RFC 5424 messages with RFC 5425's octet counts. Facility 13 is "log audit"; what was refused or failed is a warning."""
    return b"".join(frame(item.line, at=item.recorded_at, what=item.action, seq=item.seq, bad=item.outcome != "success") for item in items if item.line)


def frame(text: bytes, *, at: str, what: str, seq: int | None, bad: bool = False) -> bytes:
    """One message: number and time are the log's own, so a message that comes twice is the same to the byte."""
    host = urlsplit(settings.STEWARD_URL).hostname or "-"
    meta = f'[meta sequenceId="{(seq - 1) % 2147483647 + 1}"]' if seq else "-"
    head = f"<{_AUDIT_FACILITY * 8 + (_WARNING if bad else _NOTICE)}>1 {at} {host[:255]} steward - {what[:32]} {meta} "
    message = head.encode("ascii", "replace") + b"\xef\xbb\xbf" + text
    return f"{len(message)} ".encode() + message


def test_line(stream: Stream, *, at: str) -> bytes:
    """What a test delivery says: nothing from the log."""
    said = {"test": True, "stream": str(stream.id), "org": str(stream.org)}
    if stream.format == "cloudevents":
        return orjson.dumps({"specversion": "1.0", "id": f"test-{stream.id}-{at}", "source": f"{settings.STEWARD_URL}/logs/{stream.org}", "type": "steward.test", "time": at,
                             "datacontenttype": "application/json", "data": said})
    return orjson.dumps(said)
