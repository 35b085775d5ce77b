"""What the signer has said: statements about each log, heads of the root log, and the proofs that hang on them (docs/audit-bundle.md)."""
from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections

from audit import ROOT, merkle
from audit.canonical import canonical
from audit.models import Epoch, LogKey, RootCheckpoint, SignerState, SigningRequest
from audit.notes import Verifier
from audit.record import timestamp
from audit.tree import Reader


class NotSigned(Exception):
    """The signer did not answer, or refused; the text says which."""


@dataclass(frozen=True)
class Statement:
    """One statement as proofs need it: its text, its place, the log's checkpoint and the root log's."""

    org: UUID
    text: str
    index: int
    size: int
    root: bytes
    note: str
    at: datetime


def host(*, alias: str = "default") -> str:
    """The name under which this installation's logs are known. Raises NotSigned before the signer's first day."""
    row = LogKey.objects.using(alias).filter(type="ed25519").order_by("id").first()
    if row is None:
        raise NotSigned("the signer has not made its keys yet; is it running?")
    return Verifier.parse(row.vkey).name.removesuffix("/root")


def opaque(org: UUID) -> str:
    """What stands for an organization in the name of its log: the same for ever, and nobody can tell whose it is."""
    return hmac.new(settings.AUDIT_KEY, b"origin" + org.bytes, hashlib.sha256).hexdigest()[:24]


def origin(org: UUID, *, of: str) -> str:
    return f"{of}/log/{opaque(org)}"


def statement(*, log: str, size: int, root: bytes, totals: bytes, totals_size: int, at: datetime) -> str:
    """The canonical text that becomes a leaf of the root log."""
    return canonical({"v": 1, "log": log, "size": size, "root": root.hex(), "totals": totals.hex(), "totals_size": totals_size, "at": timestamp(at)}).decode()


def latest(*, org: UUID, at_least: int = 0, alias: str = "default") -> Statement | None:
    """The newest statement about a log, if it covers so many entries."""
    row = Epoch.objects.using(alias).filter(org=org, size__gte=at_least).order_by("-pos").first()
    return _statement(row) if row else None


def at(*, index: int, alias: str = "default") -> Statement:
    return _statement(Epoch.objects.using(alias).get(pos=index))


def _statement(row: Epoch) -> Statement:
    return Statement(org=row.org, text=row.statement, index=row.pos, size=row.size, root=bytes(row.root), note=row.note, at=row.at)


def root_checkpoint(*, covering: int = -1, alias: str = "default") -> RootCheckpoint | None:
    """The newest head of the root log; with `covering` only one that has the statement with this index."""
    return RootCheckpoint.objects.using(alias).filter(size__gt=covering).order_by("-size").first()


def proof(*, index: int, alias: str = "default") -> dict[str, Any]:
    """The place of a statement in the root log, under its newest signed head: proof/epoch.json of the bundle."""
    head = root_checkpoint(covering=index, alias=alias)
    if head is None:
        raise NotSigned("the statement is not under a signed head of the root log yet")
    reader = Reader(org=ROOT, size=head.size, alias=alias)
    if reader.root() != bytes(head.root):
        raise NotSigned("the root log does not have the root that was signed")
    return {"statement": at(index=index, alias=alias).text, "index": index, "size": head.size, "proof": [h.hex() for h in reader.inclusion(index)]}


def checkpoints_named(hashes: list[str], *, alias: str = "default") -> list[dict[str, Any]]:
    """The heads of the root log that envelopes name, for proof/checkpoints.jsonl."""
    rows = RootCheckpoint.objects.using(alias).filter(text_sha256__in=[bytes.fromhex(h) for h in hashes]).order_by("size")
    return [{"sha256": bytes(row.text_sha256).hex(), "size": row.size, "note": row.note} for row in rows]


def ask(*, kind: str, org: UUID | None, body: dict[str, Any], now: datetime) -> UUID:
    """Put a question to the signer. `epoch`: state this log now, with totals of body["totals"]; `sums`: sign body["text"]."""
    row = SigningRequest.objects.create(id=uuid.uuid4(), kind=kind, org=org, body=body, asked_at=now)
    return row.id


def answer(request: UUID) -> dict[str, Any] | None:
    """What the signer answered, None as long as it has not. Raises NotSigned with its reason."""
    row = SigningRequest.objects.get(id=request)
    if row.error:
        raise NotSigned(row.error)
    return row.answer


def wait(request: UUID, *, seconds: float = 90) -> dict[str, Any]:
    """The answer, waited for outside any transaction."""
    end = time.monotonic() + seconds
    while (found := answer(request)) is None:
        if time.monotonic() > end:
            raise NotSigned("the signer does not answer; is `manage.py signer` running?")
        time.sleep(0.1)
    return found


def alive(*, now: datetime) -> bool:
    """Whether a signer was at work within the last ten seconds."""
    row = SignerState.objects.filter(id=1).first()
    return bool(row and row.seen_at and (now - row.seen_at).total_seconds() < 10)


def refusal() -> str:
    """What the signer refuses to sign, '' when nothing."""
    row = SignerState.objects.filter(id=1).first()
    return row.refused if row else ""


def inclusion(*, org: UUID, seq: int, alias: str = "default") -> tuple[Statement, list[bytes]] | None:
    """The newest statement that covers entry `seq`, and the path from its leaf to the root that was stated."""
    found = latest(org=org, at_least=seq, alias=alias)
    return (found, Reader(org=org, size=found.size, alias=alias).inclusion(seq - 1)) if found else None


def tlog_proof(*, org: UUID, seq: int, alias: str = "default") -> str | None:
    """One entry's proof as other tools read it (C2SP tlog-proof): index, path and checkpoint in one text file."""
    from base64 import b64encode

    found = inclusion(org=org, seq=seq, alias=alias)
    if found is None:
        return None
    said, path = found
    return "\n".join(["c2sp.org/tlog-proof@v1", f"index {seq - 1}", *(b64encode(node).decode() for node in path), "", said.note])


def sizes(alias: str = "default") -> int:
    """How many statements there are."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(pos) + 1, 0) FROM audit_epoch")
        return int(cursor.fetchone()[0])


EMPTY = merkle.EMPTY_ROOT
