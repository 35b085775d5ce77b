"""The copy that a tamper drill works on: entries as bytes, and a bundle made of them as docs/audit-bundle.md says, with a key that is thrown away."""
from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import merkle, notes
from audit.canonical import canonical
from audit.notes import ED25519, Checkpoint, Verifier

Pair = tuple[bytes, bytes]
"""Envelope and record."""
_ROOT, _LOG = "drill.invalid/root", "drill.invalid/log/copy"


def remade(pair: Pair, *, record: bytes | None = None, **envelope: Any) -> Pair:
    """An entry with another record or envelope, its hashes made to fit: a forger can compute too."""
    record = pair[1] if record is None else record
    return canonical(orjson.loads(pair[0]) | {"record_sha256": hashlib.sha256(record).hexdigest()} | envelope), record


@dataclass(frozen=True)
class Copy:
    """A range of one log. `before` are the hashes of what precedes it; `tree` are the leaves that the tree is made of, `entries` what is shown; None stands for one that is not shown."""

    org: UUID
    low: int
    before: list[tuple[int, int, bytes]]
    entries: list[Pair]
    stated: bytes
    """The root of the log at the end of the range, from its tiles; empty when those do not fit what was signed."""
    tree: list[bytes] | None = None
    hidden: frozenset[int] = frozenset()
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    honest: tuple[int, bytes] | None = None

    def leaves(self) -> list[bytes]:
        return self.tree if self.tree is not None else [merkle.leaf_hash(envelope) for envelope, _record in self.entries]

    def size(self) -> int:
        return self.low + len(self.leaves())

    def root(self) -> bytes:
        """The root of the log that ends with this range."""
        return merkle.root(merkle.append(self.low, [node for _index, _level, node in self.before], self.leaves())[1])

    def vkey(self) -> str:
        return Verifier(_ROOT, ED25519, self.key.public_key().public_bytes_raw()).vkey

    def showing(self, entries: list[Pair]) -> Copy:
        """Other entries under the tree that was signed."""
        return replace(self, entries=entries, tree=self.leaves(), honest=(self.size(), self.root()))

    def with_(self, place: int, pair: Pair) -> Copy:
        return self.showing([*self.entries[:place], pair, *self.entries[place + 1:]])

    def without(self, place: int) -> Copy:
        return replace(self.showing(self.entries), hidden=frozenset({place}))

    def being(self, entries: list[Pair]) -> Copy:
        """Another log, whose tree was computed from these entries and signed."""
        return replace(self, entries=entries, tree=None, honest=(self.size(), self.root()))


def bundle(copy: Copy, folder: Path) -> None:
    """Write the copy as a bundle and seal it."""
    files = _evidence(copy)
    files |= _proofs(copy)
    files["manifest.json"] = _manifest(copy, files)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())).encode()
    for name, data in (files | {"SHA256SUMS": sums, "SHA256SUMS.sig": copy.key.sign(sums)}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def _lines(values: Iterable[Any]) -> bytes:
    return gzip.compress(b"".join(canonical(value) + b"\n" for value in values), 1, mtime=0)


def _evidence(copy: Copy) -> dict[str, bytes]:
    shown = [pair for place, pair in enumerate(copy.entries) if place not in copy.hidden]
    gaps = [[index, level, node.hex()] for index, level, node in copy.before] + [[copy.low + place, 0, copy.leaves()[place].hex()] for place in sorted(copy.hidden)]
    files = {"events/events-000001.jsonl.gz": gzip.compress(b"".join(b'{"envelope":%b,"record":%b}\n' % pair for pair in shown), 1, mtime=0)}
    return files | ({"proof/gaps.jsonl.gz": _lines(gaps)} if gaps else {})


def _proofs(copy: Copy) -> dict[str, bytes]:
    size, root, key = copy.size(), copy.root(), copy.key
    statement = canonical({"v": 1, "at": "1970-01-01T00:00:00.000000Z", "log": _LOG, "root": root.hex(), "size": size, "totals": bytes(32).hex(), "totals_size": 0})
    heads = [Checkpoint(_LOG, size, root), Checkpoint(_ROOT, 1, merkle.leaf_hash(statement))]
    log, head = [notes.note(h.text, [notes.sign(h.text, name=h.origin, key=key)]).encode() for h in heads]
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    files = {"proof/checkpoint": log, "proof/global-checkpoint": head, "proof/epoch.json": canonical({"statement": statement.decode(), "index": 0, "size": 1, "proof": []}),
             "keys.json": canonical({"keys": [{"name": _ROOT, "type": "ed25519", "vkey": copy.vkey(), "pem": pem, "from": "1970-01-01T00:00:00.000000Z", "until": None, "endorsed_by": None}]})}
    if copy.honest and copy.honest[0] < size:
        # The best a forger can do: the path of their own tree, with the root that the reader has in hand.
        path = [node.hex() for _index, _level, node in copy.before] or [root.hex()]
        files["proof/consistency.json"] = canonical({"export": "drill", "size": copy.honest[0], "root": copy.honest[1].hex(), "proof": path})
    return files


def _manifest(copy: Copy, files: dict[str, bytes]) -> bytes:
    shown = [n for n in range(copy.low + 1, copy.low + len(copy.entries) + 1) if n - copy.low - 1 not in copy.hidden]
    data = files["events/events-000001.jsonl.gz"]
    chunk = {"file": "events/events-000001.jsonl.gz", "count": len(shown), "first_seq": shown[0], "last_seq": shown[-1], "sha256": hashlib.sha256(data).hexdigest(),
             "content_sha256": hashlib.sha256(gzip.decompress(data)).hexdigest()}
    return canonical({
        "v": 1, "export": "drill", "organization": str(copy.org), "name": "drill", "log": _LOG, "size": copy.size(), "root": copy.root().hex(),
        "first": copy.low + 1, "last": copy.low + len(copy.entries), "time_zone": "UTC",
        "dates": {"since": None, "until": None}, "filter": {}, "completeness": "range", "entries": {"count": len(shown), "first_seq": shown[0], "last_seq": shown[-1]},
        "disclosed": {"paths": [], "count": 0, "withheld": [], "erased": 0}, "chunks": [chunk], "files": []}) + b"\n"

