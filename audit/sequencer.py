"""The sequencer: gives every committed entry its number, its envelope and its place in the tree. The only writer of those."""
from __future__ import annotations

import logging
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connections, transaction

from audit import merkle, tiles
from audit.record import timestamp

logger = logging.getLogger("steward.sequencer")
ALIAS = "sequencer"
TICK = 0.5
BATCH = 5000
_LEAF = {"pos": "bigint", "org": "uuid", "seq": "bigint", "entry": "uuid", "envelope": "text", "leaf_sha256": "bytea", "recorded_at": "timestamptz",
         "actor": "uuid", "actor_type": "text", "action": "text", "category": "text", "outcome": "text", "occurred_at": "timestamptz",
         "acted_as": "uuid", "token": "uuid", "plan": "uuid", "ticket": "text", "matter": "text"}
_DAY = {"org": "uuid", "day": "date", "first_seq": "bigint", "last_seq": "bigint"}
_COUNTER = {"org": "uuid", "kind": "text", "key": "uuid", "n": "bigint"}
_TARGET = {"org": "uuid", "type": "text", "target": "uuid", "seq": "bigint", "n": "bigint"}


class Fenced(Exception):
    """Another sequencer moved the log meanwhile; this one's batch is rolled back."""


def run_once(*, batch: int = BATCH) -> int:
    """Number up to `batch` waiting entries in one transaction. Returns how many."""
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pos FROM audit_state WHERE id = 1 FOR UPDATE")
        start = cursor.fetchone()[0]
        cursor.execute(
            # Chosen once and for all: as a plain subquery the planner may run it again for each row, and more than `batch` would go.
            "WITH chosen AS MATERIALIZED (SELECT ord FROM audit_pending ORDER BY ord LIMIT %s FOR UPDATE SKIP LOCKED),"
            " taken AS (DELETE FROM audit_pending p USING chosen c WHERE p.ord = c.ord RETURNING p.ord, p.org, p.entry, p.record_sha256, p.occurred_at)"
            " SELECT entry::text, org::text, encode(record_sha256, 'hex'), occurred_at FROM taken ORDER BY ord", [batch])
        taken = cursor.fetchall()
        if not taken:
            return 0
        waiting = _with_records(cursor, taken)
        _number(cursor, waiting, start)
        cursor.execute("UPDATE audit_state SET pos = %s WHERE id = 1 AND pos = %s", [start + len(waiting), start])
        if cursor.rowcount != 1:
            raise Fenced
    return len(waiting)


# Ids stay text from here to the tables: making and comparing a hundred thousand UUID values a second would be most of the work.
Row = tuple[str, str, str | None, str, datetime | None]


def _with_records(cursor: Any, taken: list[tuple[str, str, str, datetime | None]]) -> list[Row]:
    """Their records, from the months they were written in."""
    moments = [row[3] for row in taken if row[3] is not None]
    between = " AND occurred_at BETWEEN %b AND %b" if len(moments) == len(taken) else ""
    cursor.execute(f"SELECT id::text, record FROM audit_entry WHERE id = ANY(%b::uuid[]){between}", [[row[0] for row in taken], *([min(moments), max(moments)] if between else [])])
    records = dict(cursor.fetchall())
    return [(entry, org, records.get(entry), sha, at) for entry, org, sha, at in taken]


def _number(cursor: Any, waiting: list[Row], start: int) -> None:
    trees = _trees(cursor, sorted({row[1] for row in waiting}))
    parsed = [_parsed(row[2]) for row in waiting]
    counters = _counters(cursor, waiting, parsed)
    now, head = datetime.now(UTC), _newest_head(cursor)
    leaves, targets = [], []
    hashes: dict[str, list[bytes]] = defaultdict(list)
    days: dict[tuple[str, Any], list[int]] = {}
    for number, ((entry, org, _text, sha, occurred), record) in enumerate(zip(waiting, parsed, strict=True), start=1):
        tree = trees[org]
        recorded = tree["recorded_at"] = max(now, tree["recorded_at"])
        seq = tree["size"] + len(hashes[org]) + 1
        actor = record["actor"].get("id")
        about = [(t["type"], t["id"]) for t in record.get("targets", [])]
        actor_n = _count(counters, org, "actor", actor) if actor else None
        target_n = [_count(counters, org, kind, key) for kind, key in about]
        envelope = _envelope(org=org, seq=seq, sha=sha, recorded=timestamp(recorded) or "", actor_n=actor_n, target_n=target_n, head=head)
        leaf = merkle.leaf_hash(envelope.encode())
        hashes[org].append(leaf)
        leaves.append((start + number, org, seq, entry, envelope, f"\\x{leaf.hex()}", recorded, actor, record["actor"]["type"], record["action"],
                       record["category"], record["decision"]["outcome"], occurred, *_searched(record)))
        targets += [(org, kind, key, seq, n) for (kind, key), n in zip(about, target_n, strict=True)]
        days.setdefault((org, recorded.date()), [seq, seq])[1] = seq
    _insert(cursor, "audit_leaf", _LEAF, leaves)
    _insert(cursor, "audit_target", _TARGET, targets)
    tiles.grow(cursor, [(org, trees[org]["size"], fresh) for org, fresh in hashes.items()])
    _save_trees(cursor, trees, hashes)
    _save_counters(cursor, counters)
    _insert(cursor, "audit_day", _DAY, [(*key, *numbers) for key, numbers in days.items()], " ON CONFLICT (org, day) DO UPDATE SET last_seq = EXCLUDED.last_seq")


_BETWEEN, _NOTHING = "\x1f", "\x1e"
"""What stands between the values of a column, and for no value. Neither can be in a record: canonical JSON escapes control characters."""


def _insert(cursor: Any, table: str, columns: dict[str, str], rows: list[tuple[Any, ...]], more: str = "") -> None:
    """One INSERT for all rows, each column one text that PostgreSQL takes apart: ten times faster than an array of Python values."""
    if rows:
        cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM {_unnest(columns.values())}{more}", _texts(rows))


def _unnest(kinds: Iterable[str]) -> str:
    return f"unnest({', '.join(f'string_to_array(%s, chr(31), chr(30))::{kind}[]' for kind in kinds)})"


def _texts(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return [_BETWEEN.join(_NOTHING if value is None else str(value) for value in column) for column in zip(*rows, strict=True)]


def _newest_head(cursor: Any) -> str:
    """The newest signed head of the root log, as envelopes name it: what it covers is older than what is numbered now."""
    cursor.execute("SELECT encode(text_sha256, 'hex'), size FROM audit_rootcheckpoint ORDER BY size DESC LIMIT 1")
    row = cursor.fetchone()
    return f'{{"sha256":"{row[0]}","size":{row[1]}}}' if row else "null"


def _envelope(*, org: str, seq: int, sha: str, recorded: str, actor_n: int | None, target_n: list[int], head: str = "null") -> str:
    """The canonical JSON of an envelope, written out: its form is fixed and its values need no escaping (a test compares)."""
    return (f'{{"actor_n":{"null" if actor_n is None else actor_n},"org":"{org}","prev_checkpoint":{head},"record_sha256":"{sha}","recorded_at":"{recorded}",'
            f'"seq":{seq},"target_n":[{",".join(map(str, target_n))}],"v":1}}')


def _searched(record: dict[str, Any]) -> tuple[str | None, ...]:
    """On behalf of whom, with which token, by which plan, for which ticket and matter: what is searched for beside actor and target."""
    delegation, why = record.get("delegation", {}), record.get("why", {})
    return delegation.get("acted_as"), record["actor"].get("token_id"), delegation.get("plan"), why.get("ticket"), why.get("matter")


_UNREADABLE = {"actor": {"type": "unknown"}, "action": "audit.unreadable", "category": "audit", "decision": {"outcome": "unknown"}}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _parsed(text: str | None) -> dict[str, Any]:
    """The record, or for one that is gone or is no record a stand-in: it is numbered all the same, and verification reports it."""
    try:
        record = orjson.loads(text or "")
        searched = _searched(record)
        said = [record["actor"]["type"], record["action"], record["category"], record["decision"]["outcome"], *[t["type"] for t in record.get("targets", [])], *filter(None, searched[3:])]
        ids = [t["id"] for t in record.get("targets", [])] + ([record["actor"]["id"]] if record["actor"].get("id") else []) + [i for i in searched[:3] if i]
        whole = all(isinstance(word, str) for word in said) and all(_UUID.fullmatch(i) for i in ids)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _UNREADABLE
    return record if whole else _UNREADABLE


def _trees(cursor: Any, orgs: list[str]) -> dict[str, dict[str, Any]]:
    cursor.execute("SELECT org::text, size, range, recorded_at FROM audit_tree WHERE org = ANY(%b::uuid[]) FOR UPDATE", [orgs])
    trees = {org: {"size": size, "range": [bytes(p) for p in peaks], "recorded_at": at, "new": False} for org, size, peaks, at in cursor.fetchall()}
    for org in orgs:
        trees.setdefault(org, {"size": 0, "range": [], "recorded_at": datetime.min.replace(tzinfo=UTC), "new": True})
    return trees


def _save_trees(cursor: Any, trees: dict[str, dict[str, Any]], hashes: dict[str, list[bytes]]) -> None:
    made, grown = [], []
    for org, tree in trees.items():
        size, peaks = merkle.append(tree["size"], tree["range"], hashes[org])
        values = (size, merkle.root(peaks), peaks, tree["recorded_at"], org)
        made.append(values) if tree["new"] else grown.append((*values, tree["size"]))
    if made:
        cursor.executemany("INSERT INTO audit_tree (size, root, range, recorded_at, org) VALUES (%s, %s, %s, %s, %s::uuid)", made)
    if grown:
        cursor.executemany("UPDATE audit_tree SET size = %s, root = %s, range = %s, recorded_at = %s WHERE org = %s::uuid AND size = %s", grown)
        if cursor.rowcount != len(grown):
            raise Fenced


def _counters(cursor: Any, waiting: list[Row], parsed: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    keys: set[tuple[str, str, str]] = set()
    for row, record in zip(waiting, parsed, strict=True):
        if actor := record["actor"].get("id"):
            keys.add((row[1], "actor", actor))
        keys.update((row[1], t["type"], t["id"]) for t in record.get("targets", []))
    wanted = sorted(keys)
    if wanted:
        cursor.execute(f"SELECT c.org::text, c.kind, c.key::text, c.n FROM audit_counter c JOIN {_unnest(('uuid', 'text', 'uuid'))} AS k(org, kind, key)"
                       " ON c.org = k.org AND c.kind = k.kind AND c.key = k.key", _texts(wanted))
    return dict.fromkeys(wanted, 0) | ({(org, kind, key): n for org, kind, key, n in cursor.fetchall()} if wanted else {})


def _count(counters: dict[tuple[str, str, str], int], org: str, kind: str, key: str) -> int:
    counters[(org, kind, key)] += 1
    return counters[(org, kind, key)]


def _save_counters(cursor: Any, counters: dict[tuple[str, str, str], int]) -> None:
    _insert(cursor, "audit_counter", _COUNTER, [(*key, n) for key, n in counters.items()], " ON CONFLICT (org, kind, key) DO UPDATE SET n = EXCLUDED.n")


def loop(*, wake: Callable[[], None], stop: threading.Event, tick: float = TICK, rests: Callable[[], bool] = lambda: False) -> None:
    """Number what waits, tell the subscribers, rest; until `stop`. A lost connection or a rival is waited out; while it `rests` nothing is numbered."""
    pause = tick
    while not stop.is_set():
        if rests():
            stop.wait(5.0)
            continue
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
