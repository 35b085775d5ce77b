"""How fast the log is numbered: a backlog, and the time from a commit to the tree while people work."""
from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from django.utils import timezone

from accounts import door, tenancy
from accounts.powers import BY_SLUG
from audit import sequencer
from audit.record import timestamp
from audit.recording import uuid7
from tests.benchmarks import profile, seed, seed_audit
from tests.benchmarks.measure import Figure, once
from tests.benchmarks.part_act import access_of
from tests.benchmarks.report import Goal, Part
from tests.benchmarks.services import background, bare

_ACTS, _SECONDS = 20, 20
_ROUNDS = 3


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """The backlogs belong to organizations that are thrown away afterwards."""
    while sequencer.run_once():
        pass
    part = Part(name="sequencer")
    (folder / "sequencer_profile.txt").write_text(_profiled(min(scale.backlog, 20_000)))
    for number in (1, 1000):
        rate = sorted(_drain(scale.backlog, number) for _round in range(_ROUNDS))[_ROUNDS // 2]
        part.goals.append(Goal(f"entries a second, a backlog of {scale.backlog:,} in {number:,} organization{'s' * (number > 1)}", rate, 20_000, at_least=True))
    waits = _latency(orgs[3])
    part.goals.append(Goal(f"seconds from commit to tree, p99, at {_ACTS} acts a second", waits.percentile(99) / 1000, 2.0))
    part.facts = {"milliseconds from commit to tree, p50": f"{waits.percentile(50):.0f}"}
    return part


def _profiled(entries: int) -> str:
    """Where the time of numbering goes."""
    said: list[str] = []
    _drain(entries, 1, drain=lambda: said.append(profile.python(_drain_all)))
    return f"{entries:,} entries of one organization, {sequencer.BATCH:,} at a time\n\n{said[0]}"


def _drain(entries: int, organizations: int, *, drain: Callable[[], None] | None = None) -> float:
    """Entries a second."""
    orgs = [uuid4() for _n in range(organizations)]
    with bare() as connection:
        before = connection.execute("SELECT pos FROM audit_state").fetchone()[0]  # type: ignore[index]
        try:
            _backlog(connection, entries, orgs)
            connection.execute("CHECKPOINT")
            seconds = once(drain or _drain_all)
        finally:
            _forget(connection, orgs, before)
    return entries / seconds


def _drain_all() -> None:
    while sequencer.run_once():
        pass


def _backlog(connection: psycopg.Connection, entries: int, orgs: list[UUID]) -> None:
    """Entries as the product writes them, waiting for their numbers."""
    kind = seed_audit.example("profile.updated", "success")
    at = timestamp(datetime.now(UTC))
    actors, people = [str(uuid4()) for _n in range(20)], [str(uuid4()) for _n in range(10_000)]
    rows, waiting = [], []
    for number in range(entries):
        org, entry, act = orgs[number % len(orgs)], str(uuid7()), str(uuid4())
        text = kind.text.format(entry, act, at, org, actors[number % 20], people[number % 5000], people[5000 + number % 5000])
        sha = hashlib.sha256(text.encode()).hexdigest()
        rows.append(f"{entry}\t{org}\t{act}\t{at}\t{text}\t\\\\x{sha}")
        waiting.append(f"{org}\t{entry}\t\\\\x{sha}\t{at}")
    seed_audit.copy(connection, "audit_entry (id, org, act, occurred_at, record, record_sha256)", rows)
    seed_audit.copy(connection, "audit_pending (org, entry, record_sha256, occurred_at)", waiting)
    connection.execute("ANALYZE audit_pending")


def _forget(connection: psycopg.Connection, orgs: list[UUID], position: int) -> None:
    """These were the last positions given out, so the log is afterwards what it was before, even if we were interrupted."""
    seed.forget_waiting(connection)
    connection.execute("DELETE FROM audit_entry e USING audit_leaf l WHERE l.pos > %s AND e.id = l.entry", [position])
    connection.execute("DELETE FROM audit_leaf WHERE pos > %s", [position])
    for table in ("audit_target", "audit_day", "audit_tree", "audit_counter", "audit_tile"):
        connection.execute(f"DELETE FROM {table} WHERE org = ANY(%s)", [orgs])
    connection.execute("UPDATE audit_state SET pos = %s", [position])
    connection.execute("VACUUM audit_pending")  # read from its beginning, where the dead rows are


def _latency(org: seed.Org) -> Figure:
    """Acts at an even pace while the sequencer runs as it does in production; another connection looks for their leaves."""
    found, committed, done = Figure("commit to tree"), {}, threading.Event()
    with background("manage.py", "sequencer"):
        time.sleep(3)  # until it has started
        watcher = threading.Thread(target=_watch, args=(committed, found, done), daemon=True)
        watcher.start()
        actor = access_of(org)
        start = time.monotonic()
        with tenancy.scope(org=org.id):
            for number in range(_ACTS * _SECONDS):
                time.sleep(max(0.0, start + number / _ACTS - time.monotonic()))
                receipt = door.perform(power=BY_SLUG["update-profile"], actor=actor, ids=[seed.membership_of(org.first + 4 + number % 40)], data={"title": f"Title {uuid4().hex[:12]}"}, now=timezone.now())
                committed[UUID(receipt.entries[0])] = time.monotonic()
        done.set()
        watcher.join(30)
    if len(found.calls) != _ACTS * _SECONDS:
        raise SystemExit(f"bench: {_ACTS * _SECONDS - len(found.calls)} entries were never numbered")
    return found


def _watch(committed: dict[UUID, float], found: Figure, done: threading.Event) -> None:
    seen: set[UUID] = set()
    with psycopg.connect(os.environ["BENCH_SUPERUSER"], autocommit=True) as connection:
        while not done.is_set() or len(seen) < len(committed):
            waiting = [entry for entry in list(committed) if entry not in seen]
            rows = connection.execute("SELECT entry FROM audit_leaf WHERE entry = ANY(%s)", [waiting]).fetchall()
            now = time.monotonic()
            for (entry,) in rows:
                seen.add(entry)
                found.calls.append((now - committed[entry]) * 1000)
            time.sleep(0.01)
