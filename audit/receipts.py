"""Receipts: a signed promise that an act's entries will be in the log by a deadline. A receipt whose entry is missing then proves that it was suppressed (AUDIT section 7)."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import connections

from audit import epochs, keys, merkle, notes
from audit.models import LogKey
from audit.notes import BadNote, Verifier
from audit.record import timestamp
from audit.tree import Reader

WITHIN = timedelta(seconds=60)
_TEXT = re.compile(r"([^\n]+)/receipts\nreceipt/v1\nlog ([^\n]+)\n((?:entry [0-9a-f-]{36} [0-9a-f]{64}\n)+)recorded ([0-9T:.Z-]+)\ndeadline ([0-9T:.Z-]+)\n")


@dataclass(frozen=True)
class Checked:
    """What became of a promise: kept, not due yet, broken, or too old to tell, because entries of its time were removed as the log declares. `seqs` are the numbers its entries have."""

    state: Literal["kept", "waiting", "removed", "broken"]
    log: str
    deadline: datetime
    seqs: tuple[int, ...] = ()
    missing: tuple[UUID, ...] = ()


def issue(*, org: UUID, entries: Sequence[UUID], now: datetime) -> str | None:
    """A signed note about entries that are committed, numbered or not; None before the signer's first day, or if an entry is not there."""
    try:
        host = epochs.host()
    except epochs.NotSigned:
        return None
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT entry, record_sha256, occurred_at FROM audit_pending WHERE org = %(org)s AND entry = ANY(%(ids)s)"
                       " UNION ALL SELECT l.entry, e.record_sha256, e.occurred_at FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry AND e.occurred_at = l.occurred_at"
                       " WHERE l.org = %(org)s AND l.entry = ANY(%(ids)s)", {"org": org, "ids": list(entries)})
        found = {row[0]: (bytes(row[1]), row[2]) for row in cursor.fetchall()}
    if not entries or any(entry not in found for entry in entries):
        return None
    recorded = max(at for _sha, at in found.values())
    lines = "".join(f"entry {entry} {found[entry][0].hex()}\n" for entry in entries)
    text = f"{host}/receipts\nreceipt/v1\nlog {epochs.origin(org, of=host)}\n{lines}recorded {timestamp(recorded)}\ndeadline {timestamp(max(now, recorded) + WITHIN)}\n"
    return notes.note(text, [notes.sign(text, name=f"{host}/receipts", key=keys.receipt_key())])


def check(*, receipt: str, now: datetime) -> Checked:
    """What became of a promise. Raises BadNote for what no receipt key of this installation signed. Needs to see every log."""
    verifiers = [Verifier.parse(vkey) for vkey in LogKey.objects.filter(type="receipt").values_list("vkey", flat=True)]
    text, _signers = notes.verify(receipt, verifiers)
    said = _TEXT.fullmatch(text)
    if said is None:
        raise BadNote("this is no receipt")
    log, deadline = said.group(2), datetime.fromisoformat(said.group(5))
    promised = {UUID(entry): bytes.fromhex(sha) for _word, entry, sha in (line.split(" ") for line in said.group(3).splitlines())}
    found = _numbered(promised, log)
    missing = tuple(entry for entry in promised if entry not in found)
    state: Literal["kept", "waiting", "removed", "broken"] = "kept" if not missing else "waiting" if now <= deadline else "broken"
    if state == "broken" and _removed(log, datetime.fromisoformat(said.group(4))):
        state = "removed"
    return Checked(state, log, deadline, tuple(sorted(found.values())), missing)


def _numbered(promised: dict[UUID, bytes], log: str) -> dict[UUID, int]:
    """The promised entries that are in the tree of that log, with the record that was promised, and whose leaf the tree's root covers."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT entry, org, seq, envelope, leaf_sha256 FROM audit_leaf WHERE entry = ANY(%s)", [list(promised)])
        rows = cursor.fetchall()
        cursor.execute("SELECT org, size, root FROM audit_tree WHERE org = ANY(%s)", [list({row[1] for row in rows})])
        trees = {org: (size, bytes(root)) for org, size, root in cursor.fetchall()}
    found = {}
    for entry, org, seq, envelope, leaf in rows:
        size, root = trees.get(org, (0, b""))
        reader = Reader(org=org, size=size)
        if not log.endswith(f"/log/{epochs.opaque(org)}") or f'"record_sha256":"{promised[entry].hex()}"' not in envelope or seq > size:
            continue
        if merkle.leaf_hash(envelope.encode()) == bytes(leaf) == reader.node(0, seq - 1) and reader.root() == root:
            found[entry] = seq
    return found


def _removed(log: str, recorded: datetime) -> bool:
    """Whether the log declares a removal, made after this time, of numbers among which an entry of this time can be: it is no longer possible to tell."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT org, first, last FROM audit_pruned WHERE at > %s ORDER BY org, first", [recorded])
        runs = [(org, first, last) for org, first, last in cursor.fetchall() if log.endswith(f"/log/{epochs.opaque(org)}")]
        for org, first, last in runs:
            cursor.execute("SELECT (SELECT max(recorded_at) FROM audit_leaf WHERE org = %(org)s AND seq < %(first)s AND seq >= %(first)s - 100000),"
                           " (SELECT min(recorded_at) FROM audit_leaf WHERE org = %(org)s AND seq > %(last)s AND seq <= %(last)s + 100000)", {"org": org, "first": first, "last": last})
            before, after = cursor.fetchone()
            if (before is None or before <= recorded + WITHIN) and (after is None or after >= recorded):
                return True
    return False
