"""Five thousand scheduled acts that fall due in the same minute, against the plain SQL that leaves the same behind."""
from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts import access, door, purposes, tenancy
from accounts.powers import BY_SLUG
from accounts.schedules import falling, rules
from portal.env import APP_ROLE
from tests.benchmarks import part_bulk, profile, seed
from tests.benchmarks.measure import Figure, once
from tests.benchmarks.report import Goal, Part, Table
from tests.benchmarks.services import bare

_ROUNDS, _MANY = 3, 5_000
_DATA = {"reason_code": "absence", "message": "", "private_note": ""}


def run(orgs: list[seed.Org], _scale: seed.Scale, folder: Path) -> Part:
    """The same people are scheduled anew for each round; the first, in which everybody gets a key, does not count."""
    org = orgs[0]
    ids = part_bulk.people(org)[:_MANY]
    part_bulk.tables(org)
    _table()
    names = ("plain UPDATE + INSERT … SELECT", "carried out by the schedule")
    figures = {name: Figure(name) for name in names}
    for number in range(_ROUNDS + 1):
        at = timezone.now()
        _schedule(org, ids, at)
        plain = once(lambda at=at: _plain(org, ids, at))
        due = once(lambda at=at: falling.run(now=at + timedelta(minutes=1)))
        _finished(org, len(ids))
        _undo(org, ids)
        for name, seconds in zip(names, (plain, due), strict=True):
            if number:
                figures[name].calls.append(seconds * 1000)
                figures[name].ratios.append(seconds / plain)
    _schedule(org, ids, at)
    (folder / "due_profile.txt").write_text(profile.python(lambda: falling.run(now=at + timedelta(minutes=1))))
    _undo(org, ids)
    seconds = figures[names[1]].percentile(50) / 1000
    return Part(name="due", tables=[Table(f"{len(ids):,} suspensions that fall due in the same minute, relative to plain SQL", names[0], list(figures.values()))],
                goals=[Goal("falling due against plain SQL", figures[names[1]].ratio, 10.0), Goal(f"seconds until the last of {len(ids):,} is done", seconds, 30.0)],
                facts={f"{len(ids):,} due at once": f"{seconds:.1f} s, {len(ids) / seconds:,.0f} a second"})


def _schedule(org: seed.Org, ids: list[UUID], at: datetime) -> None:
    """What the door wrote when each of these was asked for: the act, who asked, and the fingerprint of what was agreed."""
    power = BY_SLUG["suspend"]
    with tenancy.scope(org=org.id, purpose=purposes.ACT):
        actor = access.actor_for(account_id=seed.account_of(org.first), organization_id=org.id)
        verdicts = door.plan(power=power, actor=actor, ids=ids, data={**_DATA, "not_before": at + timedelta(seconds=1)}, now=at).verdicts
    digests = [(v.target.id, rules.substance(power=power.slug, person=v.target, effects=v.effects)) for v in verdicts if v.allowed]
    with bare() as connection_:
        connection_.execute(
            "INSERT INTO accounts_plan (id, version, organization_id, power, requested_by, requested_via, targets, subject, data, digest, tier, state, created_at, expires_at, due_at, total, automatic, summary, warned, failure,"
            " decision_note, progress, results)"
            " SELECT gen_random_uuid(), 1, %s, 'suspend', %s, 'ui', ARRAY[t.id], t.id, %s, t.digest, 1, 'scheduled', %s, %s, %s, 1, false, '{\"approvers\": []}', 2, '', '', 0, '[]'"
            " FROM unnest(%s::uuid[], %s::text[]) AS t(id, digest)",
            [org.id, actor.membership_id, json.dumps(_DATA), at, at, at, [i for i, _digest in digests], [digest for _id, digest in digests]])
        connection_.execute("TRUNCATE bench.due_plan")
        connection_.execute("INSERT INTO bench.due_plan SELECT * FROM accounts_plan WHERE organization_id = %s", [org.id])


def _table() -> None:
    with bare() as connection_:
        connection_.execute("DROP TABLE IF EXISTS bench.due_plan; CREATE TABLE bench.due_plan (LIKE public.accounts_plan INCLUDING DEFAULTS INCLUDING INDEXES)")
        connection_.execute(f"GRANT ALL ON bench.due_plan TO {APP_ROLE}")


def _plain(org: seed.Org, ids: list[UUID], at: datetime) -> None:
    with transaction.atomic():
        part_bulk.plain_sql(org, ids)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE bench.due_plan SET state = 'done', finished_at = %s WHERE due_at <= %s AND state = 'scheduled'", [at, at])


def _finished(org: seed.Org, number: int) -> None:
    with bare() as connection_:
        states = dict(connection_.execute("SELECT state, count(*) FROM accounts_plan WHERE organization_id = %s GROUP BY 1", [org.id]).fetchall())
    if states != {"done": number}:
        raise SystemExit(f"bench: what was scheduled ended as {states}")


def _undo(org: seed.Org, ids: list[UUID]) -> None:
    """As it was before, by plain SQL."""
    with bare() as connection_:
        for table in ("accounts_membership", "bench.bulk_membership"):
            connection_.execute(f"UPDATE {table} SET status = 'active', effective_status = 'active', reason_code = '' WHERE id = ANY(%s)", [ids])
        connection_.execute("TRUNCATE bench.bulk_entry")
        connection_.execute("DELETE FROM accounts_plan WHERE organization_id = %s", [org.id])
        seed.forget_waiting(connection_)
        connection_.execute("VACUUM accounts_plan")
        connection_.execute("VACUUM audit_pending")
