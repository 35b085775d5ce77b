"""Small export bundles from entries about nobody, written from docs/audit-bundle.md alone: no code of the exporter or of the verifiers is used.

`Synthetic` is a log whose signer we are. `files()` shows a part of it as a bundle, honestly or with what a forger would do; `save()` puts it into a folder.
"""
from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VERIFIERS = Path(__file__).resolve().parents[2] / "audit" / "export"
HOST = "log.example"
ROOT_ORIGIN, ORIGIN, WITNESS = f"{HOST}/root", f"{HOST}/log/4c1f0a", "witness.example/w1"
Files = dict[str, bytes]


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def jcs(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of leaf hashes, as RFC 6962 section 2.1 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha(b"")
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) < 2:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return [*path(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return [*subproof(m, leaves[:k], whole), mth(leaves[k:])] if m <= k else [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def perfect(low: int, high: int) -> list[tuple[int, int]]:
    """The fewest perfect subtrees over low … high-1."""
    found = []
    while low < high:
        level = 0
        while low % (2 << level) == 0 and low + (2 << level) <= high:
            level += 1
        found.append((low, level))
        low += 1 << level
    return found


@dataclass
class Signer:
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    since: str = "2026-01-01T00:00:00.000000Z"

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def number(self, name: str, kind: int = 1) -> bytes:
        return sha(name.encode() + b"\n" + bytes([kind]) + self.public)[:4]

    def vkey(self, name: str = ROOT_ORIGIN, kind: int = 1) -> str:
        return f"{name}+{self.number(name, kind).hex()}+{b64(bytes([kind]) + self.public)}"

    def pem(self) -> str:
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def note(self, text: str) -> str:
        origin = text.split("\n", 1)[0]
        return f"{text}\n— {origin} {b64(self.number(origin) + self.key.sign(text.encode()))}\n"

    def cosign(self, text: str, *, name: str, at: int) -> str:
        signature = self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        return f"— {name} {b64(self.number(name, 4) + at.to_bytes(8, 'big') + signature)}\n"


def keys_json(signers: list[Signer], *, lost: int | None = None) -> bytes:
    """Newest first. `lost` is the place of a key that was declared lost: the one after it is endorsed by nobody."""
    listed = []
    for signer, older in zip(signers, [*signers[1:], None], strict=True):
        said = None if older is None else {"vkey": older.vkey(), "signature": b64(older.key.sign(f"steward/key/v1\n{signer.vkey()}\n{signer.since}\n".encode()))}
        if older is not None and lost is not None and older is signers[lost]:
            said = {"lost": older.vkey(), "entry": "0193-entry"}
        listed.append({"name": ROOT_ORIGIN, "type": "ed25519", "vkey": signer.vkey(), "pem": signer.pem(), "from": signer.since, "until": None, "endorsed_by": said})
    return jcs({"keys": listed}) + b"\n"


@dataclass
class Entry:
    envelope: bytes
    record: bytes
    openings: list[dict[str, Any]]
    actor: str
    targets: list[tuple[str, str]]
    counts: tuple[int, list[int]]

    @property
    def leaf(self) -> bytes:
        return sha(b"\x00" + self.envelope)

    @property
    def line(self) -> bytes:
        return b'{"envelope":' + self.envelope + b',"record":' + self.record + b"}\n"


@dataclass
class Synthetic:
    """A log with two actors and three people. The same seed gives the same log."""

    count: int = 12
    seed: int = 1
    signers: list[Signer] = field(default_factory=lambda: [Signer()])
    checkpoints: bool = True
    padding: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.org = self._uuid()
        self.actors, self.people = [self._uuid() for _ in range(2)], [self._uuid() for _ in range(3)]
        self.counters: dict[tuple[str, str], int] = defaultdict(int)
        self.notes = [self.signers[-1].note(f"{ROOT_ORIGIN}\n{size}\n{b64(sha(str(size).encode()))}\n") for size in (1, 2)]
        self.entries: list[Entry] = []
        for _ in range(self.count):
            self.add()

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def add(self, **changed: Any) -> Entry:
        """One more entry. `changed` replaces fields of the record before it is hashed."""
        seq = len(self.entries) + 1
        actor, person = self.actors[self.random.random() < 0.4], self.people[self.random.randrange(3)]
        targets = [("person", person), ("membership", self.people[0])] if seq % 4 == 0 else [("person", person)]
        openings, event = [], self._uuid()

        def hide(where: str, value: Any) -> str:
            salt = b64u(self.random.randbytes(16))
            openings.append({"entry": event, "path": where, "salt": salt, "value": value})
            return b64u(sha(jcs([salt, where, value])))

        at = (datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=seq)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        record = jcs({"v": 1, "event_id": event, "org": self.org, "occurred_at": at, "action": ["member.suspend", "member.restore", "role.grant"][seq % 3],
                      "category": "member", "actor": {"type": "user", "id": actor, "name": hide("actor.name", "Ada “Countess” Example")},
                      "targets": [{"type": kind, "id": key, "label": hide(f"targets.{n}.label", f"Person {n}\n")} for n, (kind, key) in enumerate(targets)],
                      "decision": {"outcome": "denied" if seq % 5 == 0 else "success"}, "why": {"matter": "M-1" if seq % 2 else "M-2", "text": hide("why.text", "called")},
                      "change": [{"path": "status", "op": "replace", "before": "active", "after": "suspended" + "x" * self.padding}], **changed})
        self.counters[("actor", actor)] += 1
        actor_n, target_n = self.counters[("actor", actor)], []
        for target in targets:
            self.counters[target] += 1
            target_n.append(self.counters[target])
        note = self.notes[seq > self.count // 2].rpartition("\n\n")[0] + "\n" if self.checkpoints else ""
        previous = {"sha256": sha(note.encode()).hex(), "size": int(note.split("\n")[1])} if note else None
        envelope = jcs({"v": 1, "org": self.org, "seq": seq, "record_sha256": sha(record).hex(), "recorded_at": at, "actor_n": actor_n, "target_n": target_n, "prev_checkpoint": previous})
        self.entries.append(Entry(envelope, record, openings, actor, targets, (actor_n, target_n)))
        return self.entries[-1]

    # totals, as the contract defines them

    def _counters(self, size: int) -> dict[bytes, tuple[int, bytes]]:
        found: dict[tuple[str, str], int] = defaultdict(int)
        for entry in self.entries[:size]:
            for name in [("actor", entry.actor), *entry.targets]:
                found[name] += 1
        return {sha(f"{kind}:{key}".encode()): (n, sha(f"nonce {kind} {key} {n}".encode())[:16]) for (kind, key), n in found.items()}

    def totals(self, size: int, kind: str, key: str) -> tuple[bytes, dict[str, Any]]:
        """The root of the totals at this size, and the proof for one counter."""
        counters, wanted = self._counters(size), sha(f"{kind}:{key}".encode())

        def bit(name: bytes, depth: int) -> int:
            return name[depth // 8] >> (7 - depth % 8) & 1

        def inner(name: bytes) -> bytes:
            n, nonce = counters[name]
            return sha(n.to_bytes(8, "big") + nonce)

        def trie(names: list[bytes], depth: int) -> bytes:
            if not names:
                return bytes(32)
            if len(names) == 1:
                return sha(b"\x00" + names[0] + inner(names[0]))
            return sha(b"\x01" + trie([n for n in names if not bit(n, depth)], depth + 1) + trie([n for n in names if bit(n, depth)], depth + 1))

        names, depth, siblings = list(counters), 0, []
        while len(names) > 1:
            siblings.append(trie([n for n in names if bit(n, depth) != bit(wanted, depth)], depth + 1).hex())
            names, depth = [n for n in names if bit(n, depth) == bit(wanted, depth)], depth + 1
        proof: dict[str, Any] = {"kind": kind, "id": key, "n": 0, "siblings": siblings[::-1]}
        if names == [wanted]:
            proof |= {"n": counters[wanted][0], "nonce": counters[wanted][1].hex()}
        else:
            proof["other"] = {"key": names[0].hex(), "inner": inner(names[0]).hex()} if names else None
        return trie(list(counters), 0), proof

    def fits(self, entry: Entry, wanted: dict[str, Any]) -> bool:
        record = json.loads(entry.record)
        return all((name == "actor" and entry.actor == value) or (name == "target" and (value["type"], value["id"]) in entry.targets)
                   or (name == "outcomes" and record["decision"]["outcome"] in value) or (name == "matter" and record["why"]["matter"] == value) for name, value in wanted.items())

    def files(self, *, wanted: dict[str, Any] | None = None, first: int = 1, last: int | None = None, size: int | None = None, per_file: int = 5, disclose: bool = True,
              pruned: tuple[tuple[int, int], ...] = (), previous: int | None = None, witness: Signer | None = None, stamp: bool = False,
              hide: tuple[int, ...] = (), drop: tuple[int, ...] = (), lines: dict[int, Entry] | None = None, order: list[int] | None = None, total: int | None = None,
              **manifest: Any) -> Files:
        """A bundle by name. The forger's ways: `hide` shows entries as gaps, `drop` not at all, `lines` shows others in their place, `order` shows them in
        this order, `total` claims another total; other names replace what the manifest says."""
        wanted, size = wanted or {}, size or len(self.entries)
        last = last or size
        entries, leaves = self.entries[:size], [e.leaf for e in self.entries[:size]]
        completeness = "range" if not wanted else next(iter(wanted)) if list(wanted) in (["actor"], ["target"]) else "attested"
        gone = {n for low, high in pruned for n in range(low, high + 1)} | set(hide)
        matching = [n for n, entry in enumerate(entries, 1) if self.fits(entry, wanted)]
        shown = [n for n in matching if first <= n <= last and n not in gone]
        outside = [n for n in (max((n for n in matching if n < first), default=0), min((n for n in matching if n > last), default=0)) if n] if wanted else []
        covered = sorted({*(order or shown), *outside, *drop})
        shown, at, gaps = [n for n in (order or shown) if n not in drop], 0, []
        cuts = sorted({low - 1 for low, _high in pruned} | {high for _low, high in pruned})
        for n in [*covered, size + 1]:
            edges = [at, *[cut for cut in cuts if at < cut < n - 1], n - 1]
            gaps += [part for low, high in pairwise(edges) for part in perfect(low, high)]
            at = n
        kind, key = ("actor", wanted["actor"]) if completeness == "actor" else (wanted["target"]["type"], wanted["target"]["id"]) if completeness == "target" else ("actor", self.actors[0])
        totals, proof = self.totals(size, kind, key)
        files: Files = {}
        lined = {n: (lines or {}).get(n, self.entries[n - 1]) for n in {*shown, *outside}}
        chunks = []
        for number, start in enumerate(range(0, len(shown), per_file), 1):
            part = shown[start:start + per_file]
            name, content = f"events/events-{number:06}.jsonl.gz", b"".join(lined[n].line for n in part)
            files[name] = gzip.compress(content, mtime=0)
            chunks.append({"file": name, "count": len(part), "first_seq": part[0], "last_seq": part[-1], "sha256": sha(files[name]).hex(), "content_sha256": sha(content).hex()})
        openings = [opening for n in shown for opening in self.entries[n - 1].openings] if disclose else []
        if openings:
            files["disclosures/disclosures-000001.jsonl.gz"] = gzip.compress(b"".join(jcs(o) + b"\n" for o in openings), mtime=0)
        if gaps:
            files["proof/gaps.jsonl.gz"] = gzip.compress(b"".join(jcs([i, level, mth(leaves[i:i + (1 << level)]).hex()]) + b"\n" for i, level in gaps), mtime=0)
        if outside:
            files["proof/boundary.jsonl"] = b"".join(lined[n].line for n in outside)
        if completeness in ("actor", "target"):
            files["proof/totals.json"] = jcs([proof if total is None else proof | {"n": total}])
        if pruned:
            files["proof/pruned.json"] = jcs([{"first": low, "last": high, "count": high - low + 1, "root": mth(leaves[low - 1:high]).hex(), "at": "2026-11-02T00:00:00.000000Z", "entry": size} for low, high in pruned])
        if previous:
            files["proof/consistency.json"] = jcs({"export": "the-one-before", "size": previous, "root": mth(leaves[:previous]).hex(), "proof": [h.hex() for h in subproof(previous, leaves)]})
        signer, root = self.signers[0], mth(leaves)
        statement = jcs({"at": "2026-11-24T01:00:00.000000Z", "log": ORIGIN, "root": root.hex(), "size": size, "totals": totals.hex(), "totals_size": len(self._counters(size)), "v": 1})
        statements = [sha(b"\x00" + s) for s in (b"one", b"two", statement, b"four", b"five")]
        head = f"{ROOT_ORIGIN}\n{len(statements)}\n{b64(mth(statements))}\n"
        quorum = f"witness w1 {witness.vkey(WITNESS, 4)}\nquorum w1" if witness else "quorum none"
        files |= {
            "proof/checkpoint": signer.note(f"{ORIGIN}\n{size}\n{b64(root)}\n").encode(),
            "proof/global-checkpoint": (signer.note(head) + (witness.cosign(head, name=WITNESS, at=1_764_000_000) if witness else "")).encode(),
            "proof/epoch.json": jcs({"statement": statement.decode(), "index": 2, "size": len(statements), "proof": [h.hex() for h in path(2, statements)]}),
            "keys.json": keys_json(self.signers), "custody.jsonl": b'{"at":"2026-11-24T01:00:00.000000Z","what":"requested"}\n', "CERTIFICATE.md": b"# Draft\n",
            "policy": f"log {signer.vkey()}\n{quorum}\n".encode(),
            "verify.py": (VERIFIERS / "verify.py").read_bytes(),
        }
        if self.checkpoints:
            files["proof/checkpoints.jsonl"] = b"".join(jcs({"sha256": sha((n.rpartition("\n\n")[0] + "\n").encode()).hex(), "size": int(n.split("\n")[1]), "note": n}) + b"\n" for n in self.notes)
        said = {
            "v": 1, "export": "0193-example", "organization": self.org, "name": "Northwind", "log": ORIGIN, "matter": "M-1", "purpose": "a question", "prefix": "NW",
            "requested_by": {"id": self.actors[0], "label": "Lee Legal"}, "approved_by": [], "requested_at": "2026-11-24T00:59:00.000000Z", "time_zone": "UTC",
            "size": size, "root": root.hex(), "first": first, "last": last, "dates": {"since": None, "until": None}, "filter": wanted, "completeness": completeness,
            "entries": {"count": len(shown), "first_seq": shown[0] if shown else None, "last_seq": shown[-1] if shown else None},
            "disclosed": {"paths": "all", "count": len(openings), "withheld": [], "erased": 0}, "chunks": chunks,
            "files": [{"file": name, "sha256": sha(data).hex()} for name, data in sorted(files.items()) if not name.startswith("events/")],
            "formats": {"record": 1, "envelope": 1, "ocsf": "1.8.0", "csv": 1}, "clock": "The order is by number.", "limits": ["What was recorded."], "software": "0.4.0", **manifest}
        files["manifest.json"] = jcs(said) + b"\n"
        if stamp:
            files["timestamp.tsr"] = b"0\x82 not a real token " + sha(files["manifest.json"])
        return files

    def seal(self, files: Files, signer: Signer | None = None) -> Files:
        """With SHA256SUMS and its signature anew: what a forger with the log's key would do after a change."""
        kept = {name: data for name, data in files.items() if not name.startswith("SHA256SUMS")}
        sums = "".join(f"{sha(data).hex()}  {name}\n" for name, data in sorted(kept.items())).encode()
        return kept | {"SHA256SUMS": sums, "SHA256SUMS.sig": (signer or self.signers[0]).key.sign(sums)}

    def save(self, folder: Path, **options: Any) -> Path:
        """An honest bundle in this folder, unless the options say otherwise."""
        return save(folder, self.seal(self.files(**options)))


def save(folder: Path, files: Files) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
