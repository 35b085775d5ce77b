"""Suspending ten thousand people through the door, as the job does it, against the plain SQL that leaves the same behind."""
from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from accounts import access, bulk, bulk_run, tenancy
from accounts.models import Plan
from accounts.models.plan import PlanState
from accounts.powers import BY_SLUG
from portal.env import APP_ROLE
from tests.benchmarks import profile, seed
from tests.benchmarks.measure import Figure, once
from tests.benchmarks.part_act import TEXT
from tests.benchmarks.report import Goal, Part, Table
from tests.benchmarks.services import bare, run_python

_ROUNDS = 4
_DATA = {"reason_code": "absence", "message": "", "private_note": ""}


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """Rounds at the first size for the ratio; then both sizes in a process of their own for growth and memory."""
    org, (some, _many) = orgs[0], scale.bulk
    everybody = people(org)
    tables(org)
    names = ("plain UPDATE + INSERT … SELECT", "carried out by the job", "chosen, frozen and judged before")
    figures = {name: Figure(name) for name in names}
    for number in range(_ROUNDS + 1):  # the first, in which everybody gets a key, does not count
        plain = once(lambda: plain_sql(org, everybody[:some]))
        plan: list[Plan] = []
        judged = once(lambda plan=plan: plan.append(_judged(org, everybody[:some])))
        _agreed(plan[0])
        carried = once(lambda plan=plan: bulk_run.run(plan_id=plan[0].id, organization_id=org.id))
        _finished(plan[0].id, org, some)
        _undo(org)
        for name, seconds in zip(names, (plain, carried, judged), strict=True):
            if number:
                figures[name].calls.append(seconds * 1000)
                figures[name].ratios.append(seconds / plain)
    _profile(org, everybody[:some], folder)
    before, many, after = [_alone(org, everybody[:number]) for number in (some, len(everybody), some)]  # the machine may be busier at one end
    grown = [{**before, "seconds": (before["seconds"] + after["seconds"]) / 2}, many]
    each = [found["seconds"] / found["people"] for found in grown]
    part = Part(name="bulk", tables=[Table(f"Suspending {some:,} people, relative to plain SQL", names[0], list(figures.values()))])
    part.goals = [Goal(f"suspending {some:,} people against plain SQL", figures[names[1]].ratio, 3.0), Goal(f"time for each of {len(everybody):,} against each of {some:,}", each[1] / each[0], 1.3),
                  Goal(f"memory at {len(everybody):,} against {some:,}", grown[1]["peak"] / grown[0]["peak"], 1.2)]
    part.facts = {f"{found['people']:,} people": f"{found['seconds']:.1f} s, {found['people'] / found['seconds']:,.0f} a second, peak memory of the worker {found['peak'] / 1024:.0f} MB" for found in grown}
    return part


def people(org: seed.Org) -> list[UUID]:
    """Members of the organization that can be suspended, in the order of the list."""
    with bare() as connection_:
        return [row[0] for row in connection_.execute("SELECT m.id FROM accounts_membership m JOIN accounts_role r ON r.id = m.role_id WHERE m.organization_id = %s"
                                                      " AND m.effective_status = 'active' AND r.slug = 'member' ORDER BY m.list_name", [org.id])]


def tables(org: seed.Org) -> None:
    """Copies of the two tables with the same indexes and without any trigger."""
    with bare() as connection_:
        connection_.execute("CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.bulk_membership, bench.bulk_entry")
        connection_.execute("CREATE TABLE bench.bulk_membership (LIKE public.accounts_membership INCLUDING DEFAULTS INCLUDING INDEXES);"
                            "CREATE TABLE bench.bulk_entry (LIKE public.audit_entry INCLUDING DEFAULTS INCLUDING INDEXES)")
        connection_.execute("INSERT INTO bench.bulk_membership SELECT * FROM accounts_membership WHERE organization_id = %s", [org.id])
        connection_.execute(f"GRANT USAGE ON SCHEMA bench TO {APP_ROLE}; GRANT ALL ON ALL TABLES IN SCHEMA bench TO {APP_ROLE}; ANALYZE bench.bulk_membership")


def plain_sql(org: seed.Org, ids: list[UUID]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE bench.bulk_membership SET status = 'suspended', effective_status = 'suspended', reason_code = 'absence', status_changed_by = %s, status_changed_at = now(),"
                       " access_epoch = access_epoch + 1, version = version + 1 WHERE id = ANY(%s)", [ids[0], ids])
        cursor.execute("INSERT INTO bench.bulk_entry (id, org, act, occurred_at, record, record_sha256) SELECT gen_random_uuid(), %s, %s, now(), %s || id, sha256((%s || id)::bytea)"
                       " FROM unnest(%s::uuid[]) AS t(id)", [org.id, uuid4(), TEXT, TEXT, ids])


def _judged(org: seed.Org, ids: list[UUID]) -> Plan:
    """A frozen plan in which everybody is judged, as it waits for its confirmation."""
    with tenancy.scope(org=org.id):
        actor = access.actor_for(account_id=seed.account_of(org.first), organization_id=org.id)
        plan = bulk.freeze(power=BY_SLUG["suspend"], actor=actor, data=_DATA, now=timezone.now(), ids=ids)
    bulk_run.run(plan_id=plan.id, organization_id=org.id)
    return plan


def _agreed(plan: Plan) -> None:
    """So many need a second person, whose agreement is not what we measure."""
    with bare() as connection_:
        found = connection_.execute("UPDATE accounts_plan SET state = %s WHERE id = %s AND state = %s", [PlanState.RUNNING, plan.id, PlanState.PLANNED]).rowcount
    if found != 1:
        raise SystemExit("bench: the plan was not judged to its end")


def _finished(plan_id: UUID, org: seed.Org, number: int) -> None:
    with tenancy.scope(org=org.id):
        plan = Plan.objects.get(id=plan_id)
    if plan.state != PlanState.DONE or plan.summary.get("done") != number:
        raise SystemExit(f"bench: the plan ended as {plan.state} with {plan.summary}")


def _profile(org: seed.Org, ids: list[UUID], folder: Path) -> None:
    """Where the time of the job goes, and what is slow in one batch of it."""
    plan = _judged(org, ids)
    _agreed(plan)
    with tenancy.scope(org=org.id):
        slow = profile.slow(lambda: bulk_run.step(plan_id=plan.id, now=timezone.now()), least=5.0)
    found = profile.python(lambda: bulk_run.run(plan_id=plan.id, organization_id=org.id))
    (folder / "bulk_profile.txt").write_text("\n".join(["SELECTs of one batch that take more than five milliseconds:", *slow, "", f"carrying out the rest of {len(ids):,}:", found]))
    _undo(org)


def _alone(org: seed.Org, ids: list[UUID]) -> dict[str, float]:
    """The same by a worker that does nothing else, with its peak memory."""
    plan = _judged(org, ids)
    _agreed(plan)
    found = json.loads(run_python("-m", "tests.benchmarks.bulk_worker", str(plan.id), str(org.id)).splitlines()[-1])
    _finished(plan.id, org, len(ids))
    _undo(org)
    return {**found, "people": len(ids)}


def _undo(org: seed.Org) -> None:
    """As it was before, by plain SQL: the people, the plans, and the entries, which no sequencer has numbered yet."""
    with bare() as connection_:
        connection_.execute("UPDATE accounts_membership m SET status = 'active', effective_status = 'active', reason_code = '' FROM accounts_planrow r WHERE r.organization_id = %s AND m.id = r.target", [org.id])
        connection_.execute("UPDATE bench.bulk_membership SET status = 'active', effective_status = 'active', reason_code = '' WHERE status_changed_at > now() - interval '1 day'")
        connection_.execute("TRUNCATE bench.bulk_entry")
        connection_.execute("DELETE FROM accounts_planrow WHERE organization_id = %s", [org.id])
        connection_.execute("DELETE FROM accounts_plan WHERE organization_id = %s", [org.id])
        seed.forget_waiting(connection_)
        connection_.execute("VACUUM accounts_planrow")
        connection_.execute("VACUUM audit_pending")
