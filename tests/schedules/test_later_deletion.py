"""A deletion that begins later: asked for now, nothing before its time, the grace counted from then; also for many and by file."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import act_file, bulk, bulk_run, tenancy
from accounts.models import Account, Deletion
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import holds
from tests.browse import client_for
from tests.cast import World
from tests.schedules.stage import DAY, actions, ask, member, pass_time, scheduled, states, works
from tests.situations import WHY, arrange


def test_it_begins_at_its_time(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "schedule-deletion", "worker", now=now, not_before=now + 10 * DAY, days=20)
    ask(org, "set-contract-end", "worker", now=now, ends_on=(now + 4 * DAY).date())
    with pytest.raises(Refused) as refusal:
        ask(org, "schedule-deletion", "worker", now=now, not_before=now + 11 * DAY)
    assert refusal.value.codes == ["pending_conflict"]
    assert member(org, "worker").account.status == "active" and not Deletion.objects.filter(account_id=org.person("worker").account_id)
    assert (works(org, "worker", now + 10 * DAY), member(org, "worker").account.is_over(now + 10 * DAY)) == ("access_over", True)
    pass_time(now + 6 * DAY)
    assert (member(org, "worker").status, member(org, "worker").account.status) == ("removed", "deactivated")
    pass_time(now + 10 * DAY)
    with tenancy.installation("look"):
        row = Deletion.objects.get(account_id=org.person("worker").account_id)
    assert (member(org, "worker").account.status, row.purge_at) == ("pending_deletion", now + 30 * DAY)
    assert sorted(states(org, "worker")) == [("end-contract", "done"), ("schedule-deletion", "done")]
    assert [record["facts"]["days"] for record in actions(org, "account.deletion_scheduled") if record["decision"]["outcome"] == "success"] == [20]


def test_judged_again_and_dropped(world: World) -> None:
    org, now = world.north, timezone.now()
    for name in ("worker", "member", "auditor"):
        ask(org, "schedule-deletion", name, now=now, not_before=now + 10 * DAY)
    arrange(lambda: holds.place(org=org.organization.id, kind="subject", subject=org.person("worker").account_id, matter="m", ground="g", by=None, now=now))
    ask(org, "schedule-deletion", "member", now=now + DAY)  # now, so later is pointless
    ask(org, "release-account", "auditor", now=now + DAY)
    pass_time(now + 10 * DAY)
    assert (states(org, "worker"), scheduled(org, "worker")[0].failure) == ([("schedule-deletion", "void")], "on_hold")
    assert (member(org, "worker").account.status, member(org, "worker").account.access_ends_at) == ("active", None)
    assert [states(org, name) for name in ("member", "auditor")] == [[("schedule-deletion", "superseded")]] * 2
    assert len(actions(org, "account.deletion_scheduled")) == 1


def test_on_the_page_for_many_and_by_file(world: World) -> None:
    org, now = world.north, timezone.now()
    at = (now + 30 * DAY).replace(microsecond=0)
    page = client_for(org.person("owner"))
    path, address = f"/o/{org.slug}/people/{org.person('worker').id}/schedule-deletion/", Account.objects.get(id=org.person("worker").account_id).email
    assert 'name="not_before"' in page.get(path).content.decode()
    assert page.post(path, {**WHY, "confirm": address, "not_before": (now - DAY).isoformat()}).status_code == 422
    told = page.post(path, {**WHY, "confirm": address, "days": "7", "not_before": at.isoformat()}, follow=True)
    assert told.status_code == 200 and states(org, "worker") == [("schedule-deletion", "scheduled")]
    with tenancy.scope(org=org.organization.id):
        plan = bulk.freeze(power=BY_SLUG["schedule-deletion"], actor=org.actor("owner", now=now), data={**WHY, "not_before": at}, ids=[org.person(n).id for n in ("member", "worker", "guest")], now=now)
    bulk_run.run(plan_id=plan.id, organization_id=org.organization.id)
    with tenancy.scope(org=org.organization.id):
        plan.refresh_from_db()
        bulk.confirm(actor=org.actor("owner", now=now), plan_id=plan.id, digest=plan.digest, count=plan.summary["doable"], now=now)
    bulk_run.run(plan_id=plan.id, organization_id=org.organization.id)
    assert (states(org, "member"), states(org, "guest"), len(states(org, "worker"))) == ([("schedule-deletion", "scheduled")], [], 1)
    line = act_file.data_of(BY_SLUG["schedule-deletion"], {"action": "schedule-deletion", "reason_code": "left_organization", "not_before": "2030-01-02T09:00:00Z"})
    assert line is not None and line["not_before"] == datetime(2030, 1, 2, 9, tzinfo=UTC)
    assert act_file.data_of(BY_SLUG["schedule-deletion"], {"action": "schedule-deletion", "reason_code": "left_organization", "until": "2030-01-02T09:00:00Z"}) is None
    pass_time(at + timedelta(minutes=1))
    assert [member(org, name).account.status for name in ("worker", "member", "guest")] == ["pending_deletion", "pending_deletion", "active"]
