"""An export from its request to its seal, a step at a time. Each step is one transaction: it is done and counted, or it never was.

Who takes a step holds a lock that dies with the connection, so that after kill -9 the next worker goes on at the file that was not
finished. The log only grows, and the size is fixed at the beginning: what was written before still fits.
"""
from __future__ import annotations

import shutil
from array import array
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import orjson
from django.db import connection

from audit import epochs, recording
from audit.export import evidence, files, filters, gaps, reading, seal
from audit.export.disclosures import Opener
from audit.export.evidence import Bounds, Chunk
from audit.models import Export
from audit.record import ActorRef, EntryDraft, TargetRef, Why, timestamp

Went = Literal["on", "waits", "done"]
_SCHEDULE = ActorRef(type="schedule")


def locked(export: UUID) -> bool:
    """Take the lock of this export for the running transaction. False when somebody else works on it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 5))", [str(export)])
        return bool(cursor.fetchone()[0])


def step(row: Export, *, label: str, software: str, now: datetime) -> Went:
    """The next step of an export that was asked for or is running."""
    files.make_folder(row.id)
    if row.state == "asked":
        return _pin(row, now)
    if (found := _next(row)) is not None:
        _chunk(row, found)
        return "on"
    if not row.waiting.get("ended"):
        _tail(row)
        return "on"
    if not row.waiting.get("sums"):
        totals = row.waiting.get("totals", [])
        text = seal.assemble(row, label=label, totals=totals, software=software, now=now)
        _save(row, waiting=row.waiting | {"sums": str(epochs.ask(kind="sums", org=row.org, body={"text": text}, now=now)), "sealed_at": timestamp(now)})
        return "on"
    answer = epochs.answer(UUID(row.waiting["sums"]))
    if answer is None:
        return "waits"
    _sealed(row, answer["signature"], now)
    return "done"


def _save(row: Export, **values: Any) -> None:
    """Progress: columns whose change is no act."""
    Export.objects.filter(id=row.id).update(**values)
    for name, value in values.items():
        setattr(row, name, value)


def write(row: Export, action: str, *, now: datetime, actor: ActorRef = _SCHEDULE, via: str = "job", outcome: Literal["success", "failure"] = "success", facts: dict[str, Any] | None = None,
          **values: Any) -> UUID:
    """Record what becomes of an export, and change its row with it."""
    with recording.opened(org=row.org, now=now) as act:
        ids = act.write([EntryDraft(org=row.org, action=action, category="audit", outcome=outcome, actor=actor, targets=[TargetRef(type="audit_export", id=row.id)], via=via,
                                    why=Why(matter=row.matter), facts=facts or {})])
        if values:
            _save(row, **values)
    return ids[0]


def _line(event: str, now: datetime, entry: UUID | str | None, by: str | None = None, **more: Any) -> dict[str, Any]:
    return {"at": timestamp(now), "event": event, "by": by, "entry": str(entry) if entry else None, **more}


def _pin(row: Export, now: datetime) -> Went:
    """Fix the size: a tree that the signer stated and that has the request itself as an entry."""
    asked = _request(row)
    if asked is None:
        return "waits"
    seq, entry, record = asked
    if not row.waiting.get("epoch"):
        _save(row, waiting={"epoch": str(epochs.ask(kind="epoch", org=row.org, body={"totals": filters.counted(row.wanted)}, now=now))})
        return "on"
    answer = epochs.answer(UUID(row.waiting["epoch"]))
    if answer is None:
        return "waits"
    said = epochs.at(index=answer["index"])
    if said.size < seq:
        _save(row, waiting={})
        return "waits"
    if not _still(row):
        return "done"
    first, last = filters.numbers(org=row.org, since=row.since, until=row.until, zone=row.zone, size=said.size)
    approved = record.get("delegation", {}).get("approved_by", [])
    custody = [_line("requested", row.asked_at, entry, str(row.requester)), *(_line("approved", datetime.fromisoformat(record["occurred_at"]), entry, who) for who in approved)]
    begun = write(row, "audit.export_begun", now=now, facts={"size": said.size, "root": said.root.hex(), "first": first, "last": last}, state="running", size=said.size, root=said.root,
                  epoch=said.index, first=first, last=last, next=first, approved_by=approved, begun_at=now, waiting={"totals": answer["totals"]})
    _save(row, custody=[*custody, _line("begun", now, begun)])
    return "on"


def _request(row: Export) -> tuple[int, UUID, dict[str, Any]] | None:
    """Number, id and record of the entry that asked for this export; None until it is numbered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT l.seq, l.entry, e.record FROM audit_target t JOIN audit_leaf l ON l.org = t.org AND l.seq = t.seq JOIN audit_entry e ON e.id = l.entry AND e.org = l.org"
                       " WHERE t.org = %s AND t.type = 'audit_export' AND t.target = %s ORDER BY t.seq LIMIT 1", [row.org, row.id])
        found = cursor.fetchone()
    return (found[0], found[1], orjson.loads(found[2])) if found else None


def _next(row: Export) -> Bounds | None:
    assert row.last is not None
    return evidence.bounds(org=row.org, wanted=row.wanted, low=row.next, last=row.last) if row.next <= row.last else None


def _chunk(row: Export, found: Bounds) -> None:
    """Write, check and count one file of evidence, with its openings, its lines of the reading copies and its gaps."""
    assert row.size is not None and row.last is not None
    number, root = len(row.chunks) + 1, files.bundle(row.id)
    name = f"events/events-{number:06d}.jsonl.gz"
    with files.Gzip(root / name) as file:
        chunk = evidence.stream(org=row.org, wanted=row.wanted, found=found, file=file, pruned=filters.pruned(org=row.org))
    assert file.done is not None
    if not chunk.seqs:  # all of them were removed by retention
        (root / name).unlink()
        _save(row, next=found.high + 1)
        return
    evidence.check(org=row.org, size=row.size, chunk=chunk)
    if not row.wanted:
        evidence.check_whole(chunk=chunk, low=row.next, pruned=filters.pruned(org=row.org))
    counts = _beside(row, chunk, number, root / name)
    written = {"file": name, "count": len(chunk.seqs), "first_seq": chunk.seqs[0], "last_seq": chunk.seqs[-1], "sha256": file.done.sha256, "content_sha256": file.done.content_sha256}
    _save(row, chunks=[*row.chunks, written], matched=row.matched + len(chunk.seqs), next=found.high + 1, counts=counts, attempts=0)


def _beside(row: Export, chunk: Chunk, number: int, path: Path) -> dict[str, Any]:
    """What goes with a file of evidence. Parts lie in a folder of their own until the end."""
    assert row.size is not None
    part = files.work(row.id) / f"{number:06d}"
    shutil.rmtree(part, ignore_errors=True)
    low = row.chunks[-1]["last_seq"] if row.chunks else 0
    with files.Gzip(part / "gaps.jsonl.gz") as file:
        for line in gaps.lines(org=row.org, size=row.size, low=low, seqs=chunk.seqs, boundary=_edges(row), high=chunk.seqs[-1]):
            file.write(line)
    opener = Opener(org=row.org, shown=row.shown, withheld=row.withheld)
    if row.shown or row.reading:
        _open(row, opener, number, path, part)
    before, now = row.counts, opener.counts
    withheld = dict(before.get("withheld", {}))
    for rule, count in now.withheld.items():
        withheld[rule] = withheld.get(rule, 0) + count
    return {"disclosed": before.get("disclosed", 0) + now.disclosed, "erased": before.get("erased", 0) + now.erased, "withheld": withheld,
            "named": sorted({*before.get("named", []), *(one.decode() for one in chunk.named)})}


def _open(row: Export, opener: Opener, number: int, path: Path, part: Path) -> None:
    log = epochs.at(index=row.epoch or 0).note.split("\n", 1)[0]
    writers = reading.writers(kinds=row.reading, prefix=row.prefix, version=row.ocsf, log=log)
    target = files.bundle(row.id) / f"disclosures/disclosures-{number:06d}.jsonl.gz"
    plain = {name: make for name, make in writers.items() if not name.endswith(".gz")}
    pressed = {name: make for name, make in writers.items() if name.endswith(".gz")}
    (part / "reading").mkdir(mode=0o700, parents=True, exist_ok=True)
    outs = {name: (part / name).open("wb") for name in plain}
    gzips = {name: files.Gzip(part / name).__enter__() for name in pressed}
    try:
        with files.Gzip(target) as openings:
            for line, said in opener.entries(path):
                for one in said:
                    openings.write(one)
                for name, make in plain.items():
                    outs[name].write(make(line))
                for name, make in pressed.items():
                    gzips[name].write(make(line))
    except BaseException as error:
        for gzip in gzips.values():
            gzip.__exit__(type(error), error, None)
        raise
    finally:
        for out in outs.values():
            out.close()
    for gzip in gzips.values():
        gzip.__exit__(None, None, None)
    if opener.counts.disclosed == 0:
        target.unlink()


def _edges(row: Export) -> list[int]:
    """The numbers of the entries just outside the range, written once."""
    if "edges" not in row.waiting:
        assert row.first is not None and row.last is not None and row.size is not None
        found = gaps.boundary(org=row.org, wanted=row.wanted, first=row.first, last=row.last, size=row.size)
        if found is not None:
            files.write(files.bundle(row.id) / "proof/boundary.jsonl", b"".join(line for _seq, line in found))
        _save(row, waiting=row.waiting | {"edges": [seq for seq, _line in found or []]})
    return list(row.waiting["edges"])


def _tail(row: Export) -> None:
    """The gaps after the last entry."""
    assert row.size is not None and row.last is not None
    if not row.wanted:
        evidence.check_whole(chunk=Chunk(seqs=array("Q", [row.last + 1])), low=row.next, pruned=filters.pruned(org=row.org))
    low = row.chunks[-1]["last_seq"] if row.chunks else 0
    with files.Gzip(files.work(row.id) / "end" / "gaps.jsonl.gz") as file:
        for line in gaps.lines(org=row.org, size=row.size, low=low, seqs=(), boundary=_edges(row), high=row.size):
            file.write(line)
    _save(row, waiting=row.waiting | {"ended": True})


def _still(row: Export) -> bool:
    """Whether nobody has stopped it meanwhile. From here on whoever wants to has to wait for this step."""
    return Export.objects.select_for_update().filter(id=row.id, state=row.state).exists()


def _sealed(row: Export, signature: str, now: datetime) -> None:
    if not _still(row):
        return
    seal.finish(row, signature)
    sums = next(one["sha256"] for one in row.files if one["name"] == "SHA256SUMS")
    write(row, "audit.export_sealed", now=now, facts={"entries": row.matched, "size": row.size, "sums_sha256": sums}, state="sealed", files=row.files, finished_at=now, error="", error_seq=None,
          custody=[*row.custody, _line("sealed", datetime.fromisoformat(row.waiting["sealed_at"]), None)])
    shutil.rmtree(files.work(row.id), ignore_errors=True)


def fail(row: Export, error: str, *, now: datetime, seq: int | None = None) -> None:
    """It cannot go on. What was written stays until it expires, so that it can be taken up again."""
    write(row, "audit.export_failed", now=now, outcome="failure", facts={"error": error, **({"entry": seq} if seq else {})}, state="failed", error=error, error_seq=seq, finished_at=now)


def stop(row: Export, *, now: datetime, reason: str = "", actor: ActorRef = _SCHEDULE, via: str = "job") -> None:
    write(row, "audit.export_stopped", now=now, actor=actor, via=via, facts={"reason": reason} if reason else {}, state="stopped", error=reason, finished_at=now)


def take_up(row: Export, *, now: datetime, actor: ActorRef, via: str) -> None:
    """Go on after a failure, at the file that was not finished."""
    state = "asked" if row.size is None else "running"
    waiting = {} if row.size is None else {name: value for name, value in row.waiting.items() if name not in {"sums", "sealed_at"}}
    entry = write(row, "audit.export_resumed", now=now, actor=actor, via=via, state=state, error="", error_seq=None, finished_at=None, waiting=waiting, attempts=0)
    _save(row, custody=[*row.custody, _line("taken up again", now, entry, str(actor.id) if actor.id else None)])


def expire(row: Export, *, now: datetime) -> None:
    """Its time is over: the row says so, the files go."""
    write(row, "audit.export_expired", now=now, facts={"files": len(row.files)}, state="expired", finished_at=row.finished_at or now)
    files.remove(row.id)


def downloaded(row: Export, *, name: str, part: str, now: datetime, actor: ActorRef, via: str) -> None:
    """Somebody took a file away."""
    sha = next((one["sha256"] for one in row.files if one["name"] == name), "")
    write(row, "audit.export_downloaded", now=now, actor=actor, via=via, facts={"file": name, **({"sha256": sha} if sha else {}), **({"range": part} if part else {})})
