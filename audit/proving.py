"""What was derived and signed, against the leaves: tiles, the signer's statements with their totals, the root log and its heads."""
from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
from django.db import connections

from audit import epochs, merkle, notes, tiles, totals
from audit.canonical import canonical
from audit.models import Epoch, LogKey, RootCheckpoint
from audit.notes import ED25519, BadNote, Checkpoint, Verifier
from audit.tiles import HASH, WIDTH

_TILES = 64
"""Tiles that are read at a time."""
Found = tuple[int | None, str]
"""The number of the entry, or None for the log, and what is wrong."""


def findings(*, org: UUID, size: int, alias: str) -> Iterator[Found]:
    """Everything that was derived from this log's leaves. Runs in the snapshot of whoever asks."""
    said = [(row.size, bytes(row.root)) for row in Epoch.objects.using(alias).filter(org=org).order_by("size", "pos").only("size", "root").iterator(chunk_size=5000)]
    walk = _Walk(org=org, size=size, alias=alias, heads=said)
    yield from walk.run()
    yield from _statements(org=org, size=size, alias=alias)
    yield from _totals(org=org, alias=alias)


class _Walk:
    """One pass over the hashes of all leaves: tiles against leaves, higher tiles against lower ones, signed roots against the tree."""

    def __init__(self, *, org: UUID, size: int, alias: str, heads: list[tuple[int, bytes]]) -> None:
        self.org, self.size, self.alias, self.heads = org, size, alias, heads
        self.roots: dict[int, list[bytes]] = defaultdict(list)

    def run(self) -> Iterator[Found]:
        count, peaks, at = 0, list[bytes](), 0
        for number, hashes, wrong in self._hashes():
            yield from wrong
            while at < len(self.heads) and self.heads[at][0] <= number * WIDTH + len(hashes):
                stated, root = self.heads[at]
                here = merkle.append(count, peaks, hashes[:stated - count])[1] if stated > count else peaks
                if merkle.root(here) != root:
                    yield None, f"at {stated} entries the tree is not the one that was signed"
                at += 1
            count, peaks = merkle.append(count, peaks, hashes)
            if len(hashes) == WIDTH:
                self.roots[1].append(merkle.tree_root(hashes))
        for stated, _root in self.heads[at:]:
            if stated > count:
                yield None, f"{stated} entries were signed, {count} are there: the end of the log is missing"
                break
        yield from self._above()

    def _hashes(self) -> Iterator[tuple[int, list[bytes], list[Found]]]:
        """Tile by tile: its number, the hashes of its leaves, and what does not fit. What the tiles keep counts where the leaves are gone."""
        for start in range(0, -(-self.size // WIDTH), _TILES):
            with connections[self.alias].cursor() as cursor:
                cursor.execute("SELECT n, hashes FROM audit_tile WHERE org = %s AND level = 0 AND n >= %s AND n < %s", [self.org, start, start + _TILES])
                kept = {n: bytes(hashes) for n, hashes in cursor.fetchall()}
                cursor.execute("SELECT seq, leaf_sha256 FROM audit_leaf WHERE org = %s AND seq > %s AND seq <= %s ORDER BY seq", [self.org, start * WIDTH, (start + _TILES) * WIDTH])
                leaves: dict[int, dict[int, bytes]] = defaultdict(dict)
                for seq, leaf in cursor.fetchall():
                    leaves[(seq - 1) // WIDTH][(seq - 1) % WIDTH] = bytes(leaf)
            for n in range(start, min(start + _TILES, -(-self.size // WIDTH))):
                yield n, *self._one(n, kept.get(n, b""), leaves[n])

    def _one(self, n: int, kept: bytes, leaves: dict[int, bytes]) -> tuple[list[bytes], list[Found]]:
        width, tile, wrong = min(WIDTH, self.size - n * WIDTH), tiles.split(kept), list[Found]()
        if (tile and len(tile) < width == WIDTH) or (not tile and width == WIDTH) or len(kept) % HASH:
            wrong.append((None, f"tile 0/{n} is not there, or not whole"))
        found = []
        for place in range(width):
            mine, stored = leaves.get(place), tile[place] if place < len(tile) else None
            if mine is not None and stored is not None and mine != stored:
                wrong.append((n * WIDTH + place + 1, "the tile does not have the leaf's hash"))
            found.append(mine or stored or bytes(HASH))
        return found, wrong

    def _above(self) -> Iterator[Found]:
        level = 1
        while self.roots[level]:
            hashes = self.roots[level]
            with connections[self.alias].cursor() as cursor:
                cursor.execute("SELECT n, hashes FROM audit_tile WHERE org = %s AND level = %s ORDER BY n", [self.org, level])
                stored = {n: bytes(kept) for n, kept in cursor.fetchall()}
            wanted = {n: b"".join(hashes[n * WIDTH:(n + 1) * WIDTH]) for n in range(-(-len(hashes) // WIDTH))}
            for n in sorted({*stored, *wanted}):
                if stored.get(n) != wanted.get(n):
                    yield None, f"tile {level}/{n} does not follow from the tiles below it"
            self.roots[level + 1] = [merkle.tree_root(hashes[at:at + WIDTH]) for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]
            level += 1


def _verifiers(origin: str, alias: str) -> list[Verifier]:
    """The log's own keys, under the name they sign this log with."""
    return [Verifier(origin, ED25519, Verifier.parse(vkey).public) for vkey in LogKey.objects.using(alias).filter(type="ed25519").values_list("vkey", flat=True)]


def _statements(*, org: UUID, size: int, alias: str) -> Iterator[Found]:
    """The statements about this log: each says what its columns say, and its checkpoint is signed by a key of the log."""
    verifiers: dict[str, list[Verifier]] = {}
    for row in Epoch.objects.using(alias).filter(org=org).order_by("pos").iterator(chunk_size=5000):
        try:
            said = orjson.loads(row.statement)
            head = Checkpoint(said["log"], row.size, bytes(row.root))
            if said["log"] not in verifiers:
                verifiers[said["log"]] = _verifiers(said["log"], alias)
            holds = (canonical(said).decode() == row.statement and merkle.leaf_hash(row.statement.encode()) == bytes(row.leaf_sha256)
                     and (said["size"], said["root"], said["totals"]) == (row.size, bytes(row.root).hex(), bytes(row.totals).hex())
                     and said["log"] == epochs.origin(org, of=epochs.host(alias=alias)) and notes.verify(row.note, verifiers[said["log"]])[0] == head.text)
        except (BadNote, epochs.NotSigned, ValueError, KeyError, TypeError):
            holds = False
        if not holds:
            yield None, f"the signer's statement {row.pos}, at {row.size} entries, was changed or is not signed by the log"


def _totals(*, org: UUID, alias: str) -> Iterator[Found]:
    """The totals of the newest statement, counted anew: from the counters, without what was numbered after it."""
    last = Epoch.objects.using(alias).filter(org=org).order_by("-pos").first()
    if last is None:
        return
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT kind, key, n FROM audit_counter WHERE org = %s", [org])
        counts = {(kind, key): n for kind, key, n in cursor.fetchall()}
        cursor.execute("SELECT 'actor', actor, count(*) FROM audit_leaf WHERE org = %(org)s AND seq > %(size)s AND actor IS NOT NULL GROUP BY actor"
                       " UNION ALL SELECT type, target, count(*) FROM audit_target WHERE org = %(org)s AND seq > %(size)s GROUP BY type, target", {"org": org, "size": last.size})
        for kind, key, later in cursor.fetchall():
            counts[(kind, key)] = counts.get((kind, key), 0) - later
    if any(n < 0 for n in counts.values()) or totals.Totals(totals.Counter(kind, key, n) for (kind, key), n in counts.items() if n > 0).root != bytes(last.totals):
        yield None, "the totals are not those that were signed"


def root_log(*, alias: str) -> tuple[int, str, list[Found]]:
    """The log of all statements: how many, its root, and what is wrong with it or with its signed heads. Needs to see every log."""
    heads = list(RootCheckpoint.objects.using(alias).order_by("size"))
    wrong: list[Found] = []
    count, peaks, at = 0, list[bytes](), 0
    for row in Epoch.objects.using(alias).order_by("pos").iterator(chunk_size=5000):
        if row.pos != count:
            wrong.append((row.pos, f"the statements {count} to {row.pos - 1} are missing"))
        if merkle.leaf_hash(row.statement.encode()) != bytes(row.leaf_sha256):
            wrong.append((row.pos, "the statement does not have the leaf's hash"))
        count, peaks = merkle.append(count, peaks, [bytes(row.leaf_sha256)])
        while at < len(heads) and heads[at].size <= count:
            wrong += _head(heads[at], merkle.root(peaks) if heads[at].size == count else b"", alias)
            at += 1
    if heads[at:]:
        wrong.append((None, f"{heads[-1].size} statements were signed, {count} are there: the end of the root log is missing"))
    return count, merkle.root(peaks).hex(), wrong


def _head(head: Any, root: bytes, alias: str) -> Iterator[Found]:
    try:
        origin = f"{epochs.host(alias=alias)}/root"
        text = Checkpoint(origin, head.size, bytes(head.root)).text
        holds = notes.verify(head.note, _verifiers(origin, alias))[0] == text and hashlib.sha256(text.encode()).digest() == bytes(head.text_sha256)
    except (BadNote, epochs.NotSigned):
        holds = False
    if not holds:
        yield None, f"the head of the root log at {head.size} statements was changed or is not signed by the log"
    if bytes(head.root) != root:
        yield None, f"at {head.size} statements the root log is not the one that was signed"
