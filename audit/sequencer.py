"""The sequencer: gives every committed entry its number, its envelope and its place in the tree. The only writer of those."""
from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, transaction

from audit import merkle
from audit.canonical import canonical
from audit.record import timestamp
from audit.recording import insert

logger = logging.getLogger("steward.sequencer")
ALIAS = "sequencer"
TICK = 0.5
BATCH = 5000
_LEAF = {"pos": "bigint", "org": "uuid", "seq": "bigint", "entry": "uuid", "envelope": "text", "leaf_sha256": "bytea", "recorded_at": "timestamptz",
         "actor": "uuid", "actor_type": "text", "action": "text", "category": "text", "outcome": "text"}
_TARGET = {"org": "uuid", "type": "text", "target": "uuid", "seq": "bigint", "n": "bigint"}


class Fenced(Exception):
    """Another sequencer moved the log meanwhile; this one's batch is rolled back."""


def run_once(*, batch: int = BATCH) -> int:
    """Number up to `batch` waiting entries in one transaction. Returns how many."""
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pos FROM audit_state WHERE id = 1 FOR UPDATE")
        start = cursor.fetchone()[0]
        cursor.execute(
            "WITH taken AS (DELETE FROM audit_pending WHERE ord IN (SELECT ord FROM audit_pending ORDER BY ord LIMIT %s FOR UPDATE SKIP LOCKED)"
            " RETURNING ord, org, entry, record_sha256) SELECT t.entry, t.org, e.record, t.record_sha256 FROM taken t LEFT JOIN audit_entry e ON e.id = t.entry ORDER BY t.ord", [batch])
        waiting = cursor.fetchall()
        if not waiting:
            return 0
        _number(cursor, waiting, start)
        cursor.execute("UPDATE audit_state SET pos = %s WHERE id = 1 AND pos = %s", [start + len(waiting), start])
        if cursor.rowcount != 1:
            raise Fenced
    return len(waiting)


def _number(cursor: Any, waiting: list[tuple[Any, ...]], start: int) -> None:
    orgs = sorted({row[1] for row in waiting})
    trees = _trees(cursor, orgs)
    parsed = [_parsed(row[2]) for row in waiting]
    counters = _counters(cursor, waiting, parsed)
    now = datetime.now(UTC)
    leaves, targets = [], []
    hashes: dict[UUID, list[bytes]] = defaultdict(list)
    days: dict[tuple[UUID, Any], list[int]] = {}
    for number, ((entry, org, _text, sha), record) in enumerate(zip(waiting, parsed, strict=True), start=1):
        tree = trees[org]
        recorded = tree["recorded_at"] = max(now, tree["recorded_at"])
        seq = tree["size"] + len(hashes[org]) + 1
        actor = _actor(record)
        about = [(t["type"], UUID(t["id"])) for t in record.get("targets", [])]
        actor_n = _count(counters, org, "actor", actor) if actor else None
        target_n = [_count(counters, org, kind, key) for kind, key in about]
        envelope = canonical({"v": 1, "org": str(org), "seq": seq, "record_sha256": bytes(sha).hex(), "recorded_at": timestamp(recorded),
                              "actor_n": actor_n, "target_n": target_n, "prev_checkpoint": None})
        leaf = merkle.leaf_hash(envelope)
        hashes[org].append(leaf)
        leaves.append((start + number, org, seq, entry, envelope.decode(), leaf, recorded, actor, record["actor"]["type"], record["action"],
                       record["category"], record["decision"]["outcome"]))
        targets += [(org, kind, key, seq, n) for (kind, key), n in zip(about, target_n, strict=True)]
        days.setdefault((org, recorded.date()), [seq, seq])[1] = seq
    insert("audit_leaf", _LEAF, leaves, ALIAS)
    insert("audit_target", _TARGET, targets, ALIAS)
    _save_trees(cursor, trees, hashes)
    _save_counters(cursor, counters)
    for (org, day), (first, last) in days.items():
        cursor.execute("INSERT INTO audit_day (org, day, first_seq, last_seq) VALUES (%s, %s, %s, %s)"
                       " ON CONFLICT (org, day) DO UPDATE SET last_seq = EXCLUDED.last_seq", [org, day, first, last])


_UNREADABLE = {"actor": {"type": "unknown"}, "action": "audit.unreadable", "category": "audit", "decision": {"outcome": "unknown"}}


def _parsed(text: str | None) -> dict[str, Any]:
    """The record, or for one that is gone or is no record a stand-in: it is numbered all the same, and verification reports it."""
    try:
        record = orjson.loads(text or "")
        record["actor"]["type"], record["action"], record["category"], record["decision"]["outcome"]
        [UUID(i) for i in [t["id"] for t in record.get("targets", [])] + [record["actor"].get("id") or str(UUID(int=0))]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return _UNREADABLE
    return record


def _actor(record: dict[str, Any]) -> UUID | None:
    found = record["actor"].get("id")
    return UUID(found) if found else None


def _trees(cursor: Any, orgs: list[UUID]) -> dict[UUID, dict[str, Any]]:
    cursor.execute("SELECT org, size, range, recorded_at FROM audit_tree WHERE org = ANY(%s) FOR UPDATE", [orgs])
    trees = {org: {"size": size, "range": [bytes(p) for p in peaks], "recorded_at": at, "new": False} for org, size, peaks, at in cursor.fetchall()}
    for org in orgs:
        trees.setdefault(org, {"size": 0, "range": [], "recorded_at": datetime.min.replace(tzinfo=UTC), "new": True})
    return trees


def _save_trees(cursor: Any, trees: dict[UUID, dict[str, Any]], hashes: dict[UUID, list[bytes]]) -> None:
    for org, tree in trees.items():
        size, peaks = merkle.append(tree["size"], tree["range"], hashes[org])
        if tree["new"]:
            cursor.execute("INSERT INTO audit_tree (org, size, root, range, recorded_at) VALUES (%s, %s, %s, %s, %s)",
                           [org, size, merkle.root(peaks), peaks, tree["recorded_at"]])
            continue
        cursor.execute("UPDATE audit_tree SET size = %s, root = %s, range = %s, recorded_at = %s WHERE org = %s AND size = %s",
                       [size, merkle.root(peaks), peaks, tree["recorded_at"], org, tree["size"]])
        if cursor.rowcount != 1:
            raise Fenced


def _counters(cursor: Any, waiting: list[tuple[Any, ...]], parsed: list[dict[str, Any]]) -> dict[tuple[UUID, str, UUID], int]:
    keys: set[tuple[UUID, str, UUID]] = set()
    for row, record in zip(waiting, parsed, strict=True):
        if actor := _actor(record):
            keys.add((row[1], "actor", actor))
        keys |= {(row[1], t["type"], UUID(t["id"])) for t in record.get("targets", [])}
    wanted = sorted(keys)
    cursor.execute("SELECT c.org, c.kind, c.key, c.n FROM audit_counter c JOIN unnest(%s::uuid[], %s::text[], %s::uuid[]) AS k(org, kind, key)"
                   " ON c.org = k.org AND c.kind = k.kind AND c.key = k.key", [[k[0] for k in wanted], [k[1] for k in wanted], [k[2] for k in wanted]])
    return dict.fromkeys(wanted, 0) | {(org, kind, key): n for org, kind, key, n in cursor.fetchall()}


def _count(counters: dict[tuple[UUID, str, UUID], int], org: UUID, kind: str, key: UUID) -> int:
    counters[(org, kind, key)] += 1
    return counters[(org, kind, key)]


def _save_counters(cursor: Any, counters: dict[tuple[UUID, str, UUID], int]) -> None:
    rows = [(*key, n) for key, n in counters.items()]
    if not rows:
        return
    cursor.execute("INSERT INTO audit_counter (org, kind, key, n) SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::bigint[])"
                   " ON CONFLICT (org, kind, key) DO UPDATE SET n = EXCLUDED.n", [list(column) for column in zip(*rows, strict=True)])


def loop(*, wake: Callable[[], None], stop: threading.Event, tick: float = TICK) -> None:
    """Number what waits, tell the subscribers, rest; until `stop`. A lost connection or a rival is waited out."""
    pause = tick
    while not stop.is_set():
        try:
            done = run_once()
        except Exception:
            logger.exception("the sequencer could not number entries; it tries again")
            connections[ALIAS].close()
            pause = min(pause * 2, 15.0)
        else:
            pause = tick
            if done:
                wake()
            if done == BATCH:
                continue
        stop.wait(pause)
