"""A million sessions past their day: the time machine against a plain aggregate, a run against plain batched DELETE, and a page while it runs."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from accounts import tenancy
from audit import recording
from audit.record import ActorRef, EntryDraft
from dsar.retention import forecast, machine, removing, rules, setting
from dsar.retention.models import RetentionRun
from dsar.retention.periods import today
from portal.env import APP_ROLE
from tests.benchmarks import pages, profile, seed
from tests.benchmarks.measure import Pace, once, slices
from tests.benchmarks.report import Goal, Part, Table
from tests.benchmarks.services import ROOT, bare

_ROWS = """INSERT INTO accounts_session (id, account_id, session_key, auth_epoch, started_at, last_seen_at, ended_at, ended_reason, ip, user_agent)
  SELECT gen_random_uuid(), a.ids[1 + n %% array_length(a.ids, 1)], md5('bench' || n) || 'bench', 1, now() - interval '200 days', now() - interval '199 days',
  now() - interval '150 days' + n %% 40 * interval '1 day', 'signed_out', '192.0.2.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
  FROM generate_series(1, %s) n, (SELECT array_agg(account_id) AS ids FROM accounts_management WHERE organization_id = %s) AS a"""
_MINE = "account_id IN (SELECT account_id FROM accounts_management WHERE organization_id = %s)"
PAGE = "/o/{slug}/people/"


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """The big organization's people have been signed in often; all of it is past the ninety days of the installation."""
    org, many = orgs[0], 1_000_000 if scale.name == "full" else 100_000
    _forget(org)
    _fill(org, many)
    with bare() as plain:
        plain.execute(f"CREATE SCHEMA IF NOT EXISTS bench; GRANT USAGE ON SCHEMA bench TO {APP_ROLE}")
        plain.execute("DROP TABLE IF EXISTS bench.retention_session; CREATE TABLE bench.retention_session (LIKE public.accounts_session INCLUDING DEFAULTS INCLUDING INDEXES)")
        plain.execute("INSERT INTO bench.retention_session SELECT * FROM accounts_session WHERE session_key LIKE '%bench'")
        plain.execute(f"GRANT ALL ON bench.retention_session TO {APP_ROLE}; ANALYZE bench.retention_session")
    try:
        return _measured(org, many, folder)
    finally:
        _forget(org)


def _fill(org: seed.Org, many: int) -> None:
    with bare() as plain:
        plain.execute(_ROWS, [many, org.id])
        plain.execute("VACUUM ANALYZE accounts_session")


def _forget(org: seed.Org) -> None:
    with bare() as plain:
        plain.execute("DELETE FROM accounts_session WHERE session_key LIKE '%bench'")
        plain.execute("ALTER TABLE dsar_retentionrun DISABLE TRIGGER USER; DELETE FROM dsar_retentionrun; ALTER TABLE dsar_retentionrun ENABLE TRIGGER USER")
        seed.forget_waiting(plain)
        plain.execute("VACUUM accounts_session")


def _measured(org: seed.Org, many: int, folder: Path) -> Part:
    now = timezone.now()
    names = ("plain aggregate over the same records", "the time machine, every kind of data", "its forecast of twelve months")
    figures = slices({names[0]: lambda: _aggregate(org, now), names[1]: lambda: _look(org, now), names[2]: lambda: _ahead(org, now)}, baseline=names[0], pace=Pace(rounds=6, seconds=0.5))
    (folder / "retention_profile.txt").write_text(profile.python(lambda: _look(org, now)))
    client, address = pages.owner_of(org), PAGE.format(slug=org.slug)
    client.get(address)
    idle = sorted(once(lambda: client.get(address)) for _n in range(40))
    plain = once(lambda: _batched(now))
    worker = _started(org, many, now)
    done = _over(worker, many)
    _forget(org)
    _fill(org, many)
    worker, busy = _started(org, many, now), []
    while worker.poll() is None:  # as somebody who reads what they see
        busy.append(once(lambda: client.get(address)))
        time.sleep(0.2)
    _over(worker, many)
    calm, meanwhile = idle[len(idle) // 2], sorted(busy)[len(busy) // 2]
    return Part(name="retention", tables=[Table(f"What would go of {many:,} sessions, relative to a plain aggregate", names[0], list(figures.values()))],
                goals=[Goal("time machine against a plain aggregate", figures[names[1]].ratio, 3), Goal("forecast of twelve months against a plain aggregate", figures[names[2]].ratio, 12),
                       Goal("a run, speed relative to plain batched DELETE", plain / done["seconds"], 0.5, at_least=True),
                       Goal("a page while a run removes, against the same page before", meanwhile / calm, 2)],
                facts={"rows": f"{many:,}", "plain batched DELETE, seconds": round(plain, 2), "the run, seconds": round(done["seconds"], 2), "rows of a batch": removing.SIZE,
                       "the page before, ms": round(calm * 1000, 1), "the page meanwhile, ms": round(meanwhile * 1000, 1)})


def _started(org: seed.Org, many: int, now: datetime) -> subprocess.Popen[str]:
    """A run in a process of its own, as the worker's is; ready to begin."""
    worker = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.retention_worker", str(_begun(org, many, now))], cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    worker.stdout.readline()
    return worker


def _over(worker: subprocess.Popen[str], many: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(worker.communicate()[0])
    if found["removed"] != many or found["state"] != "done":
        raise SystemExit(f"bench: the run ended as {found}")
    return found


def _aggregate(org: seed.Org, now: datetime) -> None:
    with tenancy.installation("the benchmarks count"), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), count(*) FILTER (WHERE ended_at < %s) FROM accounts_session WHERE {_MINE}", [now - timedelta(days=91), org.id])
        cursor.fetchone()


def _look(org: seed.Org, now: datetime) -> int:
    with tenancy.installation("the benchmarks look"):
        zone = setting.zone(org.id)
        return sum(one.goes for one in machine.look(machine.questions(org=org.id, day=today(now, zone), zone=zone, rows=[])))


def _ahead(org: seed.Org, now: datetime) -> int:
    with tenancy.installation("the benchmarks look"):
        zone = setting.zone(org.id)
        return sum(one.goes for one in forecast.look(org=org.id, today=today(now, zone), zone=zone, rows=lambda _day: []).months)


def _batched(now: datetime) -> None:
    """The same rows in a table without locks and logs, in batches of the same size, each its own transaction, by key."""
    after = UUID(int=0)
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM bench.retention_session WHERE id IN (SELECT id FROM bench.retention_session WHERE id > %s AND ended_at < %s ORDER BY id LIMIT %s) RETURNING id",
                           [after, now - timedelta(days=91), removing.SIZE])
            gone = [row[0] for row in cursor.fetchall()]
        if len(gone) < removing.SIZE:
            return
        after = max(gone)


def _begun(org: seed.Org, many: int, now: datetime) -> UUID:
    """A run to which two people agreed."""
    with tenancy.installation("the benchmarks begin a run"), transaction.atomic(), recording.opened(org=org.id, now=now) as act:
        step = {"kind": "accounts_session", "due": many, "held": 0, "total": many, "by": {"": many}, "removed": 0, "emptied": 0, "parts": 0, "after": "", "over": False, "counted": {}}
        zone = setting.zone(org.id)
        row = RetentionRun.objects.create(id=uuid4(), organization_id=org.id, day=today(now, zone), zone=zone, dry=False, digest=rules.digest(org.id, []), started_at=now, due=many, total=many, agreed=True,
                                          steps=[step])
        act.write([EntryDraft(org=org.id, action="test.arranged", category="test", outcome="success", actor=ActorRef(type="operator"))])
    return row.id
