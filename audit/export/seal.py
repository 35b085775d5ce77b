"""Sealing: proofs, manifest, certificate, sums. Everything that makes files a bundle (docs/audit-bundle.md)."""
from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models.functions import Lower

from audit import epochs, keys, timestamping
from audit.canonical import canonical
from audit.export import certificate, files, filters
from audit.export.evidence import Mismatch
from audit.export.reading import CSV_VERSION, HEADS
from audit.models import Export
from audit.notes import ED25519, Verifier
from audit.record import timestamp
from audit.tree import Reader

_HERE = Path(__file__).parent
_UNLISTED = frozenset({"SHA256SUMS", "SHA256SUMS.sig"})


def assemble(row: Export, *, label: str, totals: list[dict[str, Any]], software: str, now: datetime) -> str:
    """Write everything but the signature. Returns the text that is to be signed."""
    root = files.bundle(row.id)
    _join(row, root)
    _proofs(row, root, totals)
    log_keys = keys.published()
    files.write(root / "keys.json", canonical({"keys": log_keys}) + b"\n")
    files.write(root / "policy", keys.policy().encode())
    receipt = next((key["pem"] for key in log_keys if key["type"] == "receipt"), None)
    if receipt:
        files.write(root / "proof/receipts-key.pem", receipt.encode())
    for name in ("verify.py", "verify.html"):
        if (_HERE / name).is_file():
            files.write(root / name, (_HERE / name).read_bytes())
    files.write(root / "custody.jsonl", b"".join(canonical(line) + b"\n" for line in [*row.custody, {"at": timestamp(now), "event": "sealed", "by": None, "entry": None}]))
    manifest = _manifest(row, label, software)
    pruned = any(one["first"] <= manifest["last"] and one["last"] >= manifest["first"] for one in filters.pruned(org=row.org))
    manifest["limits"] = certificate.limits(manifest, pruned=pruned, lost=any(keys.lost(key["endorsed_by"]) for key in log_keys))
    files.write(root / "CERTIFICATE.md", certificate.draft(manifest, key=_fingerprint(log_keys)).encode())
    (root / "timestamp.tsr").unlink(missing_ok=True)
    return _sums(row, root, manifest)


def _sums(row: Export, root: Path, manifest: dict[str, Any]) -> str:
    hashes = {name: files.sha256(root / name) for name in files.names(root) if name not in _UNLISTED and name != "manifest.json"}
    for chunk in row.chunks:
        if hashes.get(chunk["file"]) != chunk["sha256"]:
            raise Mismatch(chunk["first_seq"], f"{chunk['file']} is not what was written")
    parts = {chunk["file"] for chunk in row.chunks}
    manifest["files"] = [{"file": name, "sha256": found} for name, found in sorted(hashes.items()) if name not in parts]
    text = canonical(manifest) + b"\n"
    files.write(root / "manifest.json", text)
    hashes["manifest.json"] = hashlib.sha256(text).hexdigest()
    if (stamp := timestamping.stamp(text)) is not None:
        files.write(root / "timestamp.tsr", stamp)
        hashes["timestamp.tsr"] = hashlib.sha256(stamp).hexdigest()
    sums = "".join(f"{found}  {name}\n" for name, found in sorted(hashes.items()))
    files.write(root / "SHA256SUMS", sums.encode())
    return sums


def finish(row: Export, signature: str) -> None:
    """Write the signature, remember every file, forget what was unfinished."""
    root = files.bundle(row.id)
    files.write(root / "SHA256SUMS.sig", base64.b64decode(signature))
    listed = dict(reversed(line.split("  ", 1)) for line in (root / "SHA256SUMS").read_text().splitlines())
    row.files = [{"name": name, "size": (root / name).stat().st_size, "sha256": listed.get(name) or files.sha256(root / name)} for name in files.names(root)]


def _join(row: Export, root: Path) -> None:
    """The files that are one although they were written in parts."""
    work, numbers = files.work(row.id), range(1, len(row.chunks) + 1)
    copies = [name for name in HEADS if {"reading/events.csv": "csv", "reading/ocsf.jsonl.gz": "ocsf", "reading/loadfile.dat": "loadfile"}[name] in row.reading]
    for name in copies:
        parts = [work / f"{number:06d}" / name for number in numbers]
        if name.endswith(".gz"):
            files.rejoin(root / name, parts)
        else:
            files.join(root / name, parts, head=HEADS[name]())
    files.rejoin(root / "proof/gaps.jsonl.gz", [*(work / f"{number:06d}" / "gaps.jsonl.gz" for number in numbers), work / "end" / "gaps.jsonl.gz"])


def _proofs(row: Export, root: Path, totals: list[dict[str, Any]]) -> None:
    assert row.epoch is not None and row.size is not None
    said = epochs.at(index=row.epoch)
    epoch = epochs.proof(index=row.epoch)
    head = epochs.root_checkpoint(covering=row.epoch)
    assert head is not None
    files.write(root / "proof/checkpoint", said.note.encode())
    files.write(root / "proof/global-checkpoint", head.note.encode())
    files.write(root / "proof/epoch.json", canonical(epoch) + b"\n")
    files.write(root / "proof/pruned.json", canonical([one for one in filters.pruned(org=row.org) if one["last"] <= row.size]) + b"\n")
    _optional(root / "proof/totals.json", canonical(totals) + b"\n" if totals else None)
    named = epochs.checkpoints_named(row.counts.get("named", []))
    _optional(root / "proof/checkpoints.jsonl", b"".join(canonical(one) + b"\n" for one in named) if named else None)
    _optional(root / "proof/consistency.json", _consistency(row))


def _optional(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink(missing_ok=True)
    else:
        files.write(path, data)


def _consistency(row: Export) -> bytes | None:
    """That this log continues the one which the previous export of the same matter showed."""
    assert row.size is not None
    if not row.matter:
        return None
    before = (Export.objects.annotate(same=Lower("matter")).filter(org=row.org, same=row.matter.lower(), state__in=("sealed", "expired"), size__lte=row.size)
              .exclude(id=row.id).exclude(files=[]).order_by("-size", "-finished_at").first())
    if before is None or not before.size:
        return None
    return canonical({"export": str(before.id), "size": before.size, "root": bytes(before.root or b"").hex(),
                      "proof": [] if before.size == row.size else [step.hex() for step in Reader(org=row.org, size=row.size).consistency(before.size)]}) + b"\n"


def _manifest(row: Export, label: str, software: str) -> dict[str, Any]:
    said = epochs.at(index=row.epoch or 0)
    chunks = [{name: chunk[name] for name in ("file", "count", "first_seq", "last_seq", "sha256", "content_sha256")} for chunk in row.chunks]
    return {
        "v": 1, "export": str(row.id), "organization": str(row.org), "name": row.name, "log": said.note.split("\n", 1)[0], "matter": row.matter, "purpose": row.purpose, "prefix": row.prefix,
        "requested_by": {"id": str(row.requester), "label": label}, "approved_by": row.approved_by, "requested_at": timestamp(row.asked_at), "time_zone": row.zone,
        "size": row.size, "root": bytes(row.root or b"").hex(), "first": row.first, "last": row.last, "dates": {"since": _day(row.since), "until": _day(row.until)}, "filter": row.wanted,
        "completeness": filters.completeness(row.wanted),
        "entries": {"count": row.matched, "first_seq": chunks[0]["first_seq"] if chunks else None, "last_seq": chunks[-1]["last_seq"] if chunks else None},
        "disclosed": {"paths": "all" if row.shown else [], "count": row.counts.get("disclosed", 0), "erased": row.counts.get("erased", 0), "withheld": [
            {**one, "approved_by": row.approved_by or [str(row.requester)], "count": row.counts.get("withheld", {}).get(one["path"], 0)} for one in row.withheld]},
        "chunks": chunks, "files": [], "formats": {"record": 1, "envelope": 1, "ocsf": row.ocsf, "csv": CSV_VERSION}, "clock": certificate.CLOCK, "limits": [], "software": software}


def _day(value: Any) -> str | None:
    return value.isoformat() if value else None


def _fingerprint(log_keys: Iterable[dict[str, Any]]) -> str:
    """SHA-256 of the newest signing key as openssl shows it (SubjectPublicKeyInfo, DER)."""
    newest = next(Verifier.parse(key["vkey"]) for key in log_keys if key["type"] == "ed25519")
    assert newest.kind == ED25519
    return hashlib.sha256(bytes.fromhex("302a300506032b6570032100") + newest.public).hexdigest()
