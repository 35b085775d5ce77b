"""Verification: everything that can be recomputed is, and every difference is a finding."""
from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, transaction

from audit import ROOT, merkle, proving, removed
from audit.canonical import canonical
from audit.commitment import digest
from audit.record import timestamp
from audit.sealing import subject_keys, unseal

_CHUNK = 2000
_OVERDUE = timedelta(minutes=5)


@dataclass(frozen=True)
class Finding:
    org: UUID
    seq: int | None
    what: str


@dataclass
class Result:
    org: UUID
    entries: int
    root: str
    findings: list[Finding]


def organizations(*, alias: str = "default") -> list[UUID]:
    """Every log there is."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT org FROM audit_tree UNION SELECT org FROM audit_pending UNION SELECT DISTINCT org FROM audit_leaf UNION SELECT DISTINCT org FROM audit_entry ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def verify(*, org: UUID, alias: str = "default") -> Result:
    """Recompute one log in one consistent snapshot: records, envelopes, numbers, counters, tree, projections, openings."""
    with transaction.atomic(using=alias):
        with connections[alias].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT set_config('steward.reach', 'installation', true)")
            cursor.execute("SELECT size, root, range FROM audit_tree WHERE org = %s", [org])
            size, root, peaks = cursor.fetchone() or (0, merkle.EMPTY_ROOT, [])
        state = _State(org=org, size=size, gaps=removed.Gaps(org=org, alias=alias))
        findings = [*_leaves(state, alias), *(Finding(org, seq, what) for seq, what in state.gaps.findings())]
        if state.seq != size:
            findings.append(Finding(org, None, f"the tree says {size} entries, {state.seq} are there"))
        if merkle.root(state.peaks) != bytes(root) or state.peaks != [bytes(peak) for peak in peaks]:
            findings.append(Finding(org, None, "the root of the tree does not follow from the entries"))
        findings += [Finding(org, seq, what) for seq, what in proving.findings(org=org, size=size, alias=alias)]
        findings += _counters(state, alias)
        findings += _days(state, alias)
        findings += _unnumbered(org, alias)
        findings += _astray(org, alias)
        return Result(org=org, entries=state.seq, root=merkle.root(state.peaks).hex(), findings=findings)


def verify_root(*, alias: str = "default") -> Result:
    """The root log: every statement of the signer, and its signed heads."""
    with transaction.atomic(using=alias):
        with connections[alias].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT set_config('steward.reach', 'installation', true)")
        count, root, wrong = proving.root_log(alias=alias)
        return Result(org=ROOT, entries=count, root=root, findings=[Finding(ROOT, pos, what) for pos, what in wrong])


class _State:
    def __init__(self, *, org: UUID, size: int, gaps: removed.Gaps) -> None:
        self.org, self.seq, self.size, self.end, self.gaps = org, 0, 0, size, gaps
        self.seen: dict[tuple[str, UUID], int] = {}
        self.peaks: list[bytes] = []
        self.counters: dict[tuple[str, UUID], int] = defaultdict(int)
        self.recorded = ""


def _leaves(state: _State, alias: str) -> Iterator[Finding]:
    while True:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT l.entry, l.occurred_at, l.seq, l.envelope, l.leaf_sha256, l.recorded_at, l.actor, l.actor_type, l.action, l.category, l.outcome,"
                " l.acted_as, l.token, l.plan, l.ticket, l.matter,"
                " (SELECT array_agg(t.type || ':' || t.target || ':' || t.n ORDER BY t.id) FROM audit_target t WHERE t.org = l.org AND t.seq = l.seq)"
                " FROM audit_leaf l WHERE l.org = %s AND l.seq > %s ORDER BY l.seq LIMIT %s",
                [state.org, state.seq, _CHUNK])
            leaves = cursor.fetchall()
            if not leaves:
                state.seq, state.size, state.peaks = state.gaps.fill(state.seq, state.size, state.peaks, state.end)
                return
            entries = _entries(cursor, state.org, leaves)
        rows = [(*leaf[2:], leaf[1], *entries.get(leaf[0], (None,) * 5)) for leaf in leaves]
        for row in rows:
            state.seq, state.size, state.peaks = state.gaps.fill(state.seq, state.size, state.peaks, row[0])
            if state.seq >= row[0]:
                continue  # removed, and its leaf is still to be swept
            try:
                for what in _leaf(state, row):
                    yield Finding(state.org, row[0], what)
            except (ValueError, KeyError, TypeError, AttributeError):
                yield Finding(state.org, row[0], "the envelope or the record cannot be read")
        yield from _openings(state.org, rows, alias)


def _entries(cursor: Any, org: UUID, leaves: list[tuple]) -> dict[UUID, tuple]:
    """The entries of these leaves by id, asked for in the months the leaves name, and everywhere when one is not found there."""
    cursor.execute("SELECT id, record, record_sha256, occurred_at, act FROM audit_entry WHERE org = %s AND id = ANY(%s) AND occurred_at = ANY(%s)",
                   [org, [leaf[0] for leaf in leaves], list({leaf[1] for leaf in leaves if leaf[1]})])
    found = {row[0]: row for row in cursor.fetchall()}
    if missing := [leaf[0] for leaf in leaves if leaf[0] not in found]:
        cursor.execute("SELECT id, record, record_sha256, occurred_at, act FROM audit_entry WHERE org = %s AND id = ANY(%s)", [org, missing])
        found |= {row[0]: row for row in cursor.fetchall()}
    return found


def _leaf(state: _State, row: tuple) -> Iterator[str]:
    seq, envelope, leaf, recorded_at, actor, actor_type, action, category, outcome, *searched, targets, occurred, entry, record, sha, occurred_at, act = row
    if seq != state.seq + 1:
        yield f"numbers {state.seq + 1} to {seq - 1} are missing"
    state.seq = seq
    computed = merkle.leaf_hash(envelope.encode())
    state.size, state.peaks = merkle.append(state.size, state.peaks, [computed])
    if computed != bytes(leaf):
        yield "the envelope does not have the leaf's hash"
        return
    if entry is None:
        yield "the entry is missing"
        return
    said, text = orjson.loads(envelope), hashlib.sha256(record.encode())
    if text.digest() != bytes(sha) or text.hexdigest() != said["record_sha256"]:
        yield "the record was changed"
        return
    parsed = orjson.loads(record)
    about = [(t["type"], UUID(t["id"])) for t in parsed.get("targets", [])]
    told = [*said["target_n"], *[0] * len(about)]
    expected = {"actor_n": _next(state, "actor", UUID(parsed["actor"]["id"]), said["actor_n"]) if parsed["actor"].get("id") else None,
                "target_n": [_next(state, kind, key, n) for (kind, key), n in zip(about, told, strict=False)]}
    if canonical(said) != envelope.encode() or said["seq"] != seq or said["org"] != str(state.org) or said["recorded_at"] != timestamp(recorded_at) or said["recorded_at"] < state.recorded:
        yield "the envelope does not fit its place"
    state.recorded = said["recorded_at"]
    if {k: said[k] for k in expected} != expected:
        yield "a counter has a hole"
    projection = (str(actor) if actor else None, actor_type, action, category, outcome, [f"{k}:{i}:{n}" for (k, i), n in zip(about, expected["target_n"], strict=True)])
    if projection != (parsed["actor"].get("id"), parsed["actor"]["type"], parsed["action"], parsed["category"], parsed["decision"]["outcome"], targets or []) \
            or [str(value) if value else None for value in searched] != _searched(parsed) or occurred not in (None, occurred_at) \
            or (parsed["event_id"], parsed["org"], parsed["occurred_at"], parsed.get("act")) != (str(entry), str(state.org), timestamp(occurred_at), str(act) if act else None):
        yield "what searches see differs from the record"


def _searched(parsed: dict[str, Any]) -> list[str | None]:
    delegation, why = parsed.get("delegation", {}), parsed.get("why", {})
    return [delegation.get("acted_as"), parsed["actor"].get("token_id"), delegation.get("plan"), why.get("ticket"), why.get("matter")]


def _next(state: _State, kind: str, key: UUID, told: int | None) -> int:
    """The number that follows. After entries that were declared as removed it may be larger, by as many as those at most."""
    number = state.counters[(kind, key)] + 1
    if told is not None and number < told <= number + state.gaps.between(state.seen.get((kind, key), 0), state.seq):
        number = told
    state.counters[(kind, key)], state.seen[(kind, key)] = number, state.seq
    return number


def _openings(org: UUID, rows: list[tuple], alias: str) -> Iterator[Finding]:
    """Every opening that is still there opens a commitment in its record."""
    numbers = {row[-5]: (row[0], row[-4]) for row in rows if row[-5] is not None}
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT entry, subject, path, sealed FROM audit_disclosure WHERE org = %s AND entry = ANY(%s)", [org, list(numbers)])
        found = cursor.fetchall()
    keys = subject_keys(org=org, subjects=[r[1] for r in found], alias=alias, create=False) if found else {}
    for entry, subject, path, sealed in found:
        opening = unseal(key=keys[subject], org=org, entry=entry, path=path, sealed=bytes(sealed)) if subject in keys else None
        seq, record = numbers[entry]
        if opening is None or digest(path=path, salt=opening.salt, value=opening.value) not in record:
            yield Finding(org, seq, f"the opening of {path} does not open its commitment")


def _counters(state: _State, alias: str) -> Iterator[Finding]:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT kind, key, n FROM audit_counter WHERE org = %s", [state.org])
        stored = {(kind, key): n for kind, key, n in cursor.fetchall()}
    if any(not 0 <= stored.get(key, 0) - state.counters.get(key, 0) <= state.gaps.between(state.seen.get(key, 0), state.end) for key in {*stored, *state.counters}):
        yield Finding(state.org, None, "the totals per actor or target do not fit the entries")


def _days(state: _State, alias: str) -> Iterator[Finding]:
    """Days become numbers, and exact counts subtractions: the days must cover the numbers without a gap."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT first_seq, last_seq FROM audit_day WHERE org = %s ORDER BY day", [state.org])
        last = 0
        for first_seq, last_seq in cursor.fetchall():
            if first_seq != last + 1:
                yield Finding(state.org, first_seq, "the days do not cover the numbers")
            last = last_seq
    if last != state.seq:
        yield Finding(state.org, None, "the days do not end at the last number")


def _unnumbered(org: UUID, alias: str) -> Iterator[Finding]:
    """An entry that is neither numbered nor waiting, or waits for long."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_entry e WHERE e.org = %s AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.entry = e.id)"
                       " AND NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.entry = e.id)", [org])
        if lost := cursor.fetchone()[0]:
            yield Finding(org, None, f"{lost} entries are neither numbered nor waiting")
        cursor.execute("SELECT count(*) FROM audit_pending WHERE org = %s AND occurred_at < now() - %s", [org, _OVERDUE])
        if overdue := cursor.fetchone()[0]:
            yield Finding(org, None, f"{overdue} entries have waited for a number for more than five minutes; does the sequencer run?")


def _astray(org: UUID, alias: str) -> Iterator[Finding]:
    """An opening that was moved to an entry this log does not have."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_disclosure d WHERE d.org = %s AND NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = d.entry AND e.org = d.org)"
                       " AND NOT EXISTS (SELECT 1 FROM audit_leaf l JOIN audit_pruned p ON p.org = l.org AND l.seq BETWEEN p.first AND p.last WHERE l.entry = d.entry AND l.org = d.org)", [org])
        if astray := cursor.fetchone()[0]:
            yield Finding(org, None, f"{astray} openings belong to no entry of this log")
