"""The copy of a person with a hundred thousand records against `\\copy` of the same rows, and what an erasure would take against plain counts."""
from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from accounts import tenancy
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft
from dsar.cases import plans
from dsar.datamap import MAP
from dsar.export import making
from dsar.export import run as copies
from dsar.holding import condition, told
from dsar.models import Copy, CopyState
from tests.benchmarks import profile, seed
from tests.benchmarks.measure import Pace, once, slices
from tests.benchmarks.report import Goal, Part, Table
from tests.benchmarks.services import ROOT, bare

_RECORDS = {"accounts_mail": 40_000, "accounts_session": 40_000, "accounts_profilechange": 20_000}
_ROUNDS = 3
_ROWS = {
    "accounts_mail": """INSERT INTO accounts_mail (id, account_id, organization_id, template, address, subject, body, state, attempts, created_at, sent_at, last_error, asks)
      SELECT gen_random_uuid(), %(account)s, %(org)s, 'profile-changes', %(email)s, 'Your profile was changed (' || n || ')', repeat('Somebody changed your title, and this is why. ', 10) || n, 'sent', 1,
      now() - n * interval '1 minute', now() - n * interval '1 minute', '', '' FROM generate_series(1, %(many)s) n""",
    "accounts_session": """INSERT INTO accounts_session (id, account_id, session_key, auth_epoch, started_at, last_seen_at, ended_at, ended_reason, ip, user_agent)
      SELECT gen_random_uuid(), %(account)s, md5('bench' || n) || 'bench', 1, now() - n * interval '1 hour', now(), now(), 'signed_out', '192.0.2.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 ' || n
      FROM generate_series(1, %(many)s) n""",
    "accounts_profilechange": """INSERT INTO accounts_profilechange (id, organization_id, account_id, entry, field, before, after, changed_at, due_at, told_at)
      SELECT gen_random_uuid(), %(org)s, %(account)s, gen_random_uuid(), 'title', 'Title number ' || n, 'Title number ' || n + 1, now() - n * interval '1 minute', now(), now() FROM generate_series(1, %(many)s) n""",
}


def run(orgs: list[seed.Org], _scale: seed.Scale, folder: Path) -> Part:
    """One member of the big organization has the records for as long as this part runs."""
    org = orgs[0]
    account = seed.account_of(org.first + 20)
    _forget(account)
    with bare() as plain:
        [email] = plain.execute("SELECT email FROM accounts_account WHERE id = %s", [account]).fetchone()  # type: ignore[misc]
        for table, text in _ROWS.items():
            plain.execute(text, {"account": account, "org": org.id, "email": email, "many": _RECORDS[table]})
            plain.execute(f"ANALYZE {table}")
    try:
        return _measured(org, account, folder)
    finally:
        _forget(account)


def _forget(account: UUID) -> None:
    with bare() as plain:
        for table in (*_RECORDS, "dsar_copy"):
            plain.execute(f"DELETE FROM {table} WHERE account_id = %s", [account])


def _measured(org: seed.Org, account: UUID, folder: Path) -> Part:
    ratios, seconds, memory = [], [], 0
    for _round in range(_ROUNDS):
        plain = once(lambda: _dump(account, folder / "plain.jsonl"))
        row = _asked(account)
        done = json.loads(subprocess.run([sys.executable, "-m", "tests.benchmarks.copy_worker", str(row.id)], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=True).stdout)
        made = _made(row)
        ratios.append(plain / done["seconds"])
        seconds.append(done["seconds"])
        memory = max(memory, done["peak"])
    names = ("plain COUNT of the same tables", "what an erasure would take")
    figures = slices({names[0]: lambda: _counts(org, account), names[1]: lambda: plans.counted(account_id=account, organization_id=org.id, managed=True)}, baseline=names[0], pace=Pace(rounds=8, seconds=0.2))
    (folder / "copy_profile.txt").write_text(profile.python(lambda: _in_process(account)))
    return Part(name="copy", tables=[Table(f"What an erasure of {sum(_RECORDS.values()):,} records would take, relative to plain counts", names[0], list(figures.values()))],
                goals=[Goal("copy of a person, speed relative to copying the same rows as JSON lines", max(ratios), 0.3, at_least=True), Goal("copy of a person, megabytes of memory", memory / 1024, 150),
                       Goal("plan of an erasure against plain COUNT", figures[names[1]].ratio, 2)],
                facts={"records": f"{sum(made.counts.values()):,}", "seconds for the copy": f"{min(seconds):.1f}", "megabytes of the package": f"{(made.size or 0) / 1e6:.1f}"})


def _asked(account: UUID) -> Copy:
    row = Copy(id=uuid4(), account_id=account, asked_at=timezone.now())
    with tenancy.installation("the benchmarks ask for a copy"), transaction.atomic(), recording.opened(org=INSTALLATION, now=row.asked_at) as act:
        Copy.objects.filter(account_id=account, state=CopyState.READY).update(state=CopyState.ENDED)
        row.save(force_insert=True)
        act.write([EntryDraft(org=INSTALLATION, action="test.arranged", category="test", outcome="success", actor=ActorRef(type="operator"))])
    return row


def _made(row: Copy) -> Copy:
    with tenancy.installation("the benchmarks look at a copy"):
        made = Copy.objects.get(id=row.id)
    if made.state != CopyState.READY or sum(made.counts.values()) < sum(_RECORDS.values()):
        raise SystemExit(f"bench: the copy was not made: {made.state} {made.failure}")
    (copies.folder() / f"{row.id}.sealed").unlink()
    return made


def _dump(account: UUID, path: Path) -> None:
    """What psql's `\\copy` does, for every table that has something for the person, of the columns that the copy tells."""
    with bare() as plain, path.open("wb") as file:
        for unit in MAP.units:
            if not told(unit) or unit.table.startswith("audit_"):
                continue
            columns = ", ".join(f'"{name}"' for name, column in unit.columns.items() if column.export in {"yes", "others"} or name == "id")
            where = " OR ".join(f"({condition(unit.table, subject.path)})" for subject in unit.about if subject.role in {"subject", "recipient"})
            values = [account] * where.count("%s")
            with plain.cursor().copy(f'COPY (SELECT row_to_json(x) FROM (SELECT {columns} FROM "{unit.table}" WHERE {where}) x) TO STDOUT', values) as stream:
                for block in stream:
                    file.write(block)
    path.unlink()


def _counts(org: seed.Org, account: UUID) -> None:
    """A plain COUNT for each table that the plan speaks of."""
    with tenancy.installation("the benchmarks count"), connection.cursor() as cursor:
        for unit in MAP.units:
            if told(unit) and (unit.scope == "organization_id" or not unit.scope):
                where = " OR ".join(f"({condition(unit.table, subject.path)})" for subject in unit.about if subject.role in {"subject", "recipient"})
                scope, given = ("organization_id = %s AND ", [org.id]) if unit.scope else ("", [])
                cursor.execute(f'SELECT count(*) FROM "{unit.table}" WHERE {scope}({where})', [*given, *[account] * where.count("%s")])
                cursor.fetchone()


def _in_process(account: UUID) -> None:
    now = timezone.now()
    making.make(making.Wanted(copy=uuid4(), account=account, language="en", asked_at=now), io.BytesIO(), now=now)
