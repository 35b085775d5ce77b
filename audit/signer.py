"""The signer: a process with keys and a memory of its own. It signs the head of a log only after proving that the log grew from what it signed before.

Its memory is a file beside its keys. It is written before a signature leaves, so that after a crash the signer at worst remembers
something it did not publish, never the other way round (AUDIT section 2).
"""
from __future__ import annotations

import base64
import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from audit import ROOT, epochs, keys, merkle, notes, tiles, timestamping, totals, witness
from audit.keys import NoKeys
from audit.memory import Memory
from audit.models import Counter, Epoch, LogKey, RootCheckpoint, SignerState, SigningRequest, Tree
from audit.notes import Checkpoint
from audit.tree import Reader

logger = logging.getLogger("steward.signer")
ALIAS = "signer"
EVERY = timedelta(seconds=60)
SHARE = 50
"""A log is stated again after so many times the time its last statement took, so that large logs do not eat the machine."""
_SUMS = re.compile(r"(?:[0-9a-f]{64}  [A-Za-z0-9][A-Za-z0-9._/-]*\n)+")
LOCK = 7_741_001


class Refused(Exception):
    """The log is not a continuation of what was signed. Nothing of it is signed until somebody has looked."""


class Signer:
    """One signer at work. Only one can be: a second waits for the lock, and then reads anew what the first left."""

    def __init__(self, *, adopting: bool = False) -> None:
        self.took: dict[UUID, float] = {}
        self.problems: dict[UUID, str] = {}
        self.looked: dict[UUID, datetime] = {}
        self.compared: datetime | None = None
        self.also_sign_with_elder = False
        self._read(adopting=adopting)
        keys.publish(self.ring, alias=ALIAS)

    def _read(self, *, adopting: bool = False) -> None:
        """Keys and memory as they are on the disk now."""
        self.ring = keys.ring(now=datetime.now(UTC), create=not LogKey.objects.using(ALIAS).exists())
        self.memory = Memory(self.ring, anew=adopting)
        self.seen = self._marks()

    def _marks(self) -> list[tuple[int, int] | None]:
        """What tells whether another process has written the files since."""
        found: list[tuple[int, int] | None] = []
        for path in (self.ring.folder / "keys.json", self.memory.path):
            try:
                said = path.stat()
                found.append((said.st_ino, said.st_mtime_ns))
            except FileNotFoundError:
                found.append(None)
        return found

    def _keep(self, heads: dict[str, tuple[int, bytes]]) -> None:
        self.memory.keep(heads)
        self.seen = self._marks()

    def _remembers(self) -> None:
        """Raises Refused where statements were made that the memory knows nothing of."""
        if not self.memory.exists and Epoch.objects.using(ALIAS).exists():
            raise Refused("the signer's memory is gone, and there are statements already: see docs/operating.md, The signer")

    def held(self) -> bool:
        """Take the lock of the one signer, for as long as the connection lives."""
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            return bool(cursor.fetchone()[0])

    def adopt(self) -> int:
        """Remember what the database says was signed, and nothing else. For the day the memory was lost or an older database came back, after somebody has looked. Returns how many logs."""
        heads: dict[str, tuple[int, bytes]] = {}
        for row in Epoch.objects.using(ALIAS).order_by("pos"):
            heads[epochs.origin(row.org, of=self.ring.host)] = (row.size, bytes(row.root))
        if (head := epochs.root_checkpoint(alias=ALIAS)) is not None:
            heads[self.ring.root] = (head.size, bytes(head.root))
        self.memory.logs = {}
        self._keep(heads)
        SignerState.objects.using(ALIAS).filter(id=1).update(refused="", refused_at=None)
        return len(heads)

    def step(self, *, now: datetime) -> int:
        """One round: state what is due or asked for, sign the root log, answer. Returns how many logs were stated."""
        if self._marks() != self.seen:
            self._read()
        asked = list(SigningRequest.objects.using(ALIAS).filter(answered_at=None).order_by("asked_at")[:100])
        SignerState.objects.using(ALIAS).filter(id=1).update(seen_at=now)
        self._remembers()
        for request in (r for r in asked if r.kind == "sums"):
            self._sums(request, now)
        wanted = {r.org: [] for r in asked if r.kind == "epoch" and r.org}
        for request in asked:
            if request.kind == "epoch" and request.org:
                wanted[request.org] += request.body.get("totals", [])
        stated = self._state(wanted, now)
        if self._behind():
            self._sign_root(now)
        for request in (r for r in asked if r.kind == "epoch"):
            self._answer(request, stated.get(request.org), self.problems.get(request.org, ""), now)  # type: ignore[arg-type]
        said = "; ".join(self.problems.values())
        SignerState.objects.using(ALIAS).filter(id=1).update(refused=said, refused_at=now if said else None)
        return len(stated)

    def rotate(self, *, now: datetime) -> None:
        """New keys, endorsed by the present ones. Every log that was stated is stated once more, so that its newest checkpoint carries both.
        All logs are proved first: where one is refused the keys stay as they were."""
        self._remembers()
        orgs = list(Epoch.objects.using(ALIAS).values_list("org", flat=True).distinct())
        made = {org: {**self._checked(org, [], now), "known": False} for org in orgs}
        self.ring.pairs.append(keys.fresh(now))
        keys.save(self.ring)
        keys.publish(self.ring, alias=ALIAS)
        self.also_sign_with_elder = True
        for m in made.values():
            m["text"] = epochs.statement(log=m["log"], size=m["size"], root=m["root"], totals=m["totals"], totals_size=m["totals_size"], at=now)
        if made:
            self._keep({m["log"]: (m["size"], m["root"]) for m in made.values()})
            self._write(made, now)
            self._sign_root(now)
        self.seen = self._marks()

    def _state(self, wanted: dict[UUID, list[Any]], now: datetime) -> dict[UUID, dict[str, Any]]:
        """Make the statements that are due, each from one snapshot of its log, and write them as leaves of the root log. What is refused stays in `problems` until it is right again."""
        made: dict[UUID, dict[str, Any]] = {}
        for org in [*wanted, *(o for o in self._due(now) if o not in wanted)]:
            begun = time.monotonic()
            try:
                made[org] = self._checked(org, wanted.get(org, []), now)
                self.problems.pop(org, None)
            except (Refused, LookupError) as error:
                self.problems[org] = f"log {epochs.opaque(org)}: {error}"
                self.looked[org] = now
                logger.error("the signer refuses: %s", self.problems[org])
            self.took[org] = time.monotonic() - begun
        fresh = {org: m for org, m in made.items() if not m["known"]}
        if made:
            self._keep({m["log"]: (m["size"], m["root"]) for m in made.values()})
        if fresh:
            self._write(fresh, now)
        return made

    def _due(self, now: datetime) -> list[UUID]:
        """What grew and was not stated lately, and what is not as it is remembered. A log that was refused is looked at again after a minute."""
        due = dict.fromkeys([*self._grown(now), *self._shrunk(now), *self.problems])
        return [org for org in due if org not in self.problems or now - self.looked[org] >= EVERY]

    def _shrunk(self, now: datetime) -> list[UUID]:
        """Logs that have less than what is remembered, or something else of the same size: an older database is noticed though nothing grows. Looked for once a minute."""
        if self.compared is not None and now - self.compared < EVERY:
            return []
        self.compared = now
        found, there = [], {self.ring.root}
        for org, size, root in Tree.objects.using(ALIAS).values_list("org", "size", "root").iterator(chunk_size=5000):
            log = epochs.origin(org, of=self.ring.host)
            there.add(log)
            before, remembered = self.memory.of(log)
            if size < before or (size == before and bytes(root) != remembered):
                found.append(org)
        if gone := self.memory.logs.keys() - there:
            said = Epoch.objects.using(ALIAS).values_list("org", flat=True).distinct()
            found += [org for org in said if epochs.origin(org, of=self.ring.host) in gone]
        return found

    def _grown(self, now: datetime) -> list[UUID]:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("SELECT t.org, e.at FROM audit_tree t LEFT JOIN LATERAL (SELECT size, at FROM audit_epoch e WHERE e.org = t.org ORDER BY e.size DESC LIMIT 1) e ON true"
                           " WHERE t.size > COALESCE(e.size, 0)")
            return [org for org, at in cursor.fetchall() if at is None or now - at >= max(EVERY, timedelta(seconds=SHARE * self.took.get(org, 0.0)))]

    def _checked(self, org: UUID, proofs: list[Any], now: datetime) -> dict[str, Any]:
        """Size, root and totals of a log, in one snapshot, proved to continue what was signed before."""
        log = epochs.origin(org, of=self.ring.host)
        with transaction.atomic(using=ALIAS):
            with connections[ALIAS].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            tree = Tree.objects.using(ALIAS).filter(org=org).first()
            size, root = (tree.size, bytes(tree.root)) if tree else (0, merkle.EMPTY_ROOT)
            self._continues(log, Reader(org=org, size=size, alias=ALIAS), size, root)
            sums = totals.Totals(totals.Counter(c.kind, c.key, c.n) for c in Counter.objects.using(ALIAS).filter(org=org).iterator(chunk_size=5000))
            last = Epoch.objects.using(ALIAS).filter(org=org).order_by("-pos").first()
        known = last is not None and (last.size, bytes(last.root), bytes(last.totals)) == (size, root, sums.root)
        text = last.statement if known and last else epochs.statement(log=log, size=size, root=root, totals=sums.root, totals_size=len(sums), at=now)
        return {"org": org, "log": log, "size": size, "root": root, "totals": sums.root, "totals_size": len(sums), "text": text, "known": known, "index": last.pos if known and last else None,
                "proofs": [sums.prove(kind, UUID(identity)) for kind, identity in proofs]}

    def _continues(self, log: str, reader: Reader, size: int, root: bytes) -> None:
        """Raises Refused unless the log has this root and grew from what is remembered."""
        if reader.root() != root:
            raise Refused("its root does not follow from its leaves")
        before, remembered = self.memory.of(log)
        if size < before:
            raise Refused(f"it has {size} entries and had {before} when it was signed last; was an older database restored?")
        if before and not merkle.verify_consistency(size1=before, size2=size, root1=remembered, root2=root, proof=[] if before == size else reader.consistency(before)):
            raise Refused(f"its first {before} entries are not those that were signed")

    def _write(self, made: dict[UUID, dict[str, Any]], now: datetime) -> None:
        with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
            start = epochs.sizes(ALIAS)
            hashes = []
            for number, m in enumerate(made.values()):
                m["index"] = start + number
                hashes.append(merkle.leaf_hash(m["text"].encode()))
                Epoch.objects.using(ALIAS).create(pos=m["index"], org=m["org"], size=m["size"], root=m["root"], totals=m["totals"], statement=m["text"], leaf_sha256=hashes[-1],
                                                  note=self._note(Checkpoint(m["log"], m["size"], m["root"]), now), at=now)
            tiles.grow(cursor, [(str(ROOT), start, hashes)])
            tiles.keep_partial(cursor, str(ROOT), start + len(hashes))  # other organizations' statements are hidden from readers, their hashes are not

    def _note(self, head: Checkpoint, now: datetime) -> str:
        signed = [notes.sign(head.text, name=head.origin, key=pair.ed25519) for pair in self._pairs()]
        return notes.note(head.text, [*signed, notes.cosign_mldsa(head.text, name=self.ring.signer, key=self.ring.current.mldsa44, at=int(now.timestamp()))])

    def _pairs(self) -> list[keys.Pair]:
        return self.ring.pairs[-2:] if self.also_sign_with_elder else [self.ring.current]

    def _behind(self) -> bool:
        head = epochs.root_checkpoint(alias=ALIAS)
        return epochs.sizes(ALIAS) > (head.size if head else 0)

    def _sign_root(self, now: datetime) -> None:
        size = epochs.sizes(ALIAS)
        reader = Reader(org=ROOT, size=size, alias=ALIAS)
        root = reader.root()
        self._continues(self.ring.root, reader, size, root)
        before = self.memory.of(self.ring.root)
        self._keep({self.ring.root: (size, root)})
        text = Checkpoint(self.ring.root, size, root).text
        note = self._note(Checkpoint(self.ring.root, size, root), now)
        note += "".join(signature.line for signature in witness.cosign(note=note, size=size, before=before[0], consistency=reader.consistency))
        RootCheckpoint.objects.using(ALIAS).create(size=size, root=root, note=note, text_sha256=hashlib.sha256(text.encode()).digest(), stamp=timestamping.stamp(text.encode()), at=now)
        self.also_sign_with_elder = False

    def _sums(self, request: SigningRequest, now: datetime) -> None:
        """Sign a list of hashes, and only what has exactly that form: no checkpoint, no key, nothing that means something else."""
        text = str(request.body.get("text", ""))
        if not _SUMS.fullmatch(text) or len(text) > 10_000_000:
            SigningRequest.objects.using(ALIAS).filter(id=request.id).update(error="this is no list of hashes", answered_at=now)
            return
        signature = base64.b64encode(self.ring.current.ed25519.sign(text.encode())).decode()
        SigningRequest.objects.using(ALIAS).filter(id=request.id).update(answer={"signature": signature}, answered_at=now)

    def _answer(self, request: SigningRequest, made: dict[str, Any] | None, problem: str, now: datetime) -> None:
        if made is None:
            SigningRequest.objects.using(ALIAS).filter(id=request.id).update(error=problem[:300] or "there is no such log", answered_at=now)
            return
        wanted = [(kind, identity) for kind, identity in request.body.get("totals", [])]
        proofs = [p for p in made["proofs"] if (p["kind"], p["id"]) in wanted]
        SigningRequest.objects.using(ALIAS).filter(id=request.id).update(answer={"index": made["index"], "size": made["size"], "totals": proofs}, answered_at=now)


def loop(*, stop: threading.Event, tick: float = 1.0, rests: Callable[[], bool] = lambda: False) -> None:
    """Sign what is due, until told to stop. What it refuses stays refused, loudly, and everything else goes on; while it `rests` nothing is signed."""
    signer: Signer | None = None
    pause = tick
    while not stop.is_set():
        try:
            if rests():
                stop.wait(5.0)
                continue
            signer = signer or Signer()
            if signer.held():
                signer.step(now=datetime.now(UTC))
            pause = tick
        except (Refused, NoKeys) as error:
            logger.error("the signer refuses to sign: %s", error)
            _say(str(error))
            signer, pause = None, min(pause * 2, 30.0)
        except Exception:
            logger.exception("the signer could not work; it tries again")
            connections[ALIAS].close()
            signer, pause = None, min(pause * 2, 15.0)
        stop.wait(pause)


def _say(reason: str) -> None:
    """Where operators see it."""
    try:
        SignerState.objects.using(ALIAS).filter(id=1).update(refused=reason, refused_at=datetime.now(UTC), seen_at=datetime.now(UTC))
    except Exception:
        connections[ALIAS].close()
