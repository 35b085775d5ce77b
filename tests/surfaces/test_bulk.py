"""Bulk: a frozen choice, a verdict for each, a typed count, a job that can be stopped and taken up, results in words."""
from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import approvals, bulk, bulk_run, door, tenancy
from accounts.listing_query import Wanted
from accounts.models import Account, Membership, Plan, PlanRow, Protection, Service, ServiceAccess
from accounts.powers import BY_SLUG, POWERS
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from audit.models import Entry
from tests.browse import client_for
from tests.cast import World, add_person
from tests.situations import WHY, arrange, group_for

SUSPEND = BY_SLUG["suspend"]


def crowd(world: World, n: int) -> list[uuid.UUID]:
    """So many further members."""
    made: list[Membership] = []
    arrange(lambda: made.extend(add_person(world.north, f"crowd{i:03}", "member", True, datetime.now(UTC)) for i in range(n)))
    return [m.id for m in made]


def status(world: World) -> dict[str, int]:
    with tenancy.scope(org=world.north.organization.id):
        found: dict[str, int] = {}
        for one in Membership.objects.filter(account__email__startswith="crowd").values_list("status", flat=True):
            found[one] = found.get(one, 0) + 1
        return found


def freeze(world: World, who: str = "owner", **choice: Any) -> Plan:
    return bulk.freeze(power=SUSPEND, actor=world.north.actor(who), data=WHY, now=timezone.now(), **choice)


def test_the_choice_is_frozen_and_each_exclusion_has_its_reason(world: World) -> None:
    crowd(world, 3)
    org = world.north
    arrange(lambda: (Membership.objects.filter(id=org.person("guest").id).update(protected=True),
                     Protection.objects.create(organization=org.organization, membership=org.person("guest"), administrator=org.person("second-owner")),
                     Membership.objects.filter(id=org.person("member").id).update(status="suspended")))
    with tenancy.scope(org=org.organization.id):
        plan = freeze(world, wanted=Wanted())
        reasons = {r.target: r.codes for r in PlanRow.objects.filter(plan=plan)}
        assert plan.state == "planned"
        assert plan.total == len(reasons) == Membership.objects.filter(organization=org.organization).exclude(status="removed").count()
        assert reasons[org.person("owner").id][:1] == ["self"]
        assert reasons[org.person("second-owner").id] == ["owner_in_bulk"]
        assert reasons[org.person("guest").id] == ["protected"]
        assert reasons[org.person("member").id] == ["wrong_status"]
        assert plan.summary["doable"] == sum(1 for codes in reasons.values() if not codes)
        assert plan.summary["doable"] + plan.summary["skipped"] == plan.total
    late: list[Membership] = []
    arrange(lambda: late.append(add_person(org, "late", "member", True, datetime.now(UTC))))  # whoever joins afterwards is not in it
    with tenancy.scope(org=org.organization.id):
        assert not PlanRow.objects.filter(plan=plan, target=late[0].id).exists()


def test_a_job_does_it_once_for_each_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 4)
    ids = crowd(world, 10)
    org = world.north
    with tenancy.scope(org=org.organization.id):
        plan = freeze(world, ids=ids)
        with pytest.raises(Stale):
            bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest="0" * 64, count=10, now=timezone.now())
        with pytest.raises(Refused, match="wrong_count"):
            bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=9, now=timezone.now())
        with pytest.raises(StepUpNeeded):
            bulk.confirm(actor=org.actor("owner", tier=0), plan_id=plan.id, digest=plan.digest, count=10, now=timezone.now())
        with pytest.raises(NotFound):
            bulk.confirm(actor=org.actor("administrator"), plan_id=plan.id, digest=plan.digest, count=10, now=timezone.now())
        assert bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=10, now=timezone.now()).state == "running"
        with pytest.raises(Refused, match="wrong_status"):
            bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=10, now=timezone.now())
        bulk_run.step(plan_id=plan.id, now=timezone.now())
    assert status(world) == {"suspended": 4, "active": 6}
    arrange(lambda: Membership.objects.filter(id=ids[7]).update(version=99))  # somebody changed this one meanwhile
    arrange(lambda: Membership.objects.filter(id=ids[8]).delete())
    assert bulk_run.resume() is False
    assert status(world) == {"suspended": 8, "active": 1}
    with tenancy.scope(org=org.organization.id):
        plan.refresh_from_db()
        assert (plan.state, plan.progress, plan.summary["done"], plan.summary["failed"]) == ("done", 10, 8, 2)
        rows = {r.target: r for r in PlanRow.objects.filter(plan=plan)}
        assert (rows[ids[7]].codes, rows[ids[8]].codes) == (["stale"], ["not_found"])
        for one in ids[:7]:
            entries = Entry.objects.filter(org=org.organization.id, record__contains=str(one))
            assert [e.id for e in entries] == [rows[one].entry]
        record = Entry.objects.get(id=rows[ids[0]].entry).record
        assert f'"bulk":{{"id":"{plan.id}","index":{rows[ids[0]].number},"total":10}}' in record


def test_it_is_stopped_and_never_runs_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 3)
    ids = crowd(world, 9)
    org = world.north
    with tenancy.scope(org=org.organization.id):
        plan = freeze(world, ids=ids)
        bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=9, now=timezone.now())
        bulk_run.step(plan_id=plan.id, now=timezone.now())
        other = freeze(world, "second-owner", ids=ids[5:])
        with pytest.raises(Refused, match="job_running"):
            bulk.confirm(actor=org.actor("second-owner"), plan_id=other.id, digest=other.digest, count=other.summary["doable"], now=timezone.now())
        with pytest.raises(NotFound):
            bulk.stop(actor=org.actor("help-desk"), plan_id=plan.id, now=timezone.now())
        bulk.stop(actor=org.actor("administrator"), plan_id=plan.id, now=timezone.now())
    bulk_run.resume()
    assert status(world) == {"suspended": 3, "active": 6}
    with tenancy.scope(org=org.organization.id):
        plan.refresh_from_db()
        assert plan.state == "stopped"
        assert PlanRow.objects.filter(plan=plan, state="waiting").count() == 6


def test_one_bad_row_does_not_hold_up_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = crowd(world, 6)
    org, real = world.north, door._apply

    def breaks(judged: Any, allowed: list[Any], *rest: Any, **more: Any) -> Any:
        if any(target.id == ids[2] for target in allowed):
            raise ValueError("a fault of ours")
        return real(judged, allowed, *rest, **more)

    with tenancy.scope(org=org.organization.id):
        plan = freeze(world, ids=ids)
        bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=6, now=timezone.now())
    monkeypatch.setattr(door, "_apply", breaks)
    bulk_run.resume()
    assert status(world) == {"suspended": 5, "active": 1}
    with tenancy.scope(org=org.organization.id):
        assert PlanRow.objects.get(plan=plan, target=ids[2]).codes == ["internal_error"]
        assert Plan.objects.get(id=plan.id).state == "done"


def test_it_gives_up_after_failing_again_and_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = crowd(world, 2)
    with tenancy.scope(org=world.north.organization.id):
        plan = freeze(world, ids=ids)
        bulk.confirm(actor=world.north.actor("owner"), plan_id=plan.id, digest=plan.digest, count=2, now=timezone.now())
    monkeypatch.setattr(bulk, "save_rows", lambda _rows: (_ for _ in ()).throw(ValueError("always")))
    bulk_run.resume()
    assert status(world) == {"active": 2}
    with tenancy.scope(org=world.north.organization.id):
        plan.refresh_from_db()
        assert (plan.state, plan.failure) == ("failed", "ValueError")


def test_many_harmful_acts_need_a_second_person(world: World) -> None:
    ids = crowd(world, 40)
    org = world.north
    with tenancy.scope(org=org.organization.id):
        first = freeze(world, ids=ids[:20])
        assert first.tier == 1
        bulk.confirm(actor=org.actor("owner"), plan_id=first.id, digest=first.digest, count=20, now=timezone.now())
        bulk_run.run(plan_id=first.id, organization_id=org.organization.id)
    with tenancy.scope(org=org.organization.id):
        plan = freeze(world, ids=ids[20:])  # 20 in one day already
        assert (plan.tier, plan.summary["brake"]) == (3, True)
        assert bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=20, now=timezone.now()).state == "awaiting_approval"
        bulk_run.resume()
        assert status(world)["active"] == 20
    with tenancy.scope(org=org.organization.id):
        decide = {"plan_id": plan.id, "requester": bulk.requester(plan), "power": SUSPEND, "approve": True, "note": "", "now": timezone.now()}
        with pytest.raises(Refused, match="same_person"):
            approvals.decide(actor=org.actor("owner"), **decide)
        with pytest.raises(Refused, match="not_approver"):
            approvals.decide(actor=org.actor("people-manager"), **decide)
        approvals.decide(actor=org.actor("administrator"), **decide)
    bulk_run.resume()
    assert status(world) == {"suspended": 40}
    with tenancy.scope(org=org.organization.id):
        record = Entry.objects.get(id=PlanRow.objects.get(plan=plan, target=ids[20]).entry).record
        assert str(org.person("administrator").account_id) in record
        assert freeze(world, "second-owner", ids=[org.person("worker").id]).tier == 1  # the brake is each one's own


def test_declined_and_dropped_plans_leave_no_rows(world: World) -> None:
    ids = crowd(world, 30)
    org = world.north
    with tenancy.scope(org=org.organization.id):
        plan = freeze(world, ids=ids)
        bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=30, now=timezone.now())
        approvals.decide(actor=org.actor("administrator"), plan_id=plan.id, requester=bulk.requester(plan), power=SUSPEND, approve=False, note="", now=timezone.now())
        assert not PlanRow.objects.filter(plan=plan).exists()
        dropped = freeze(world, ids=ids[:2])
        bulk.cancel(actor=org.actor("owner"), plan_id=dropped.id, now=timezone.now())
        assert not PlanRow.objects.filter(plan=dropped).exists()
        with pytest.raises(Refused):
            bulk.confirm(actor=org.actor("owner"), plan_id=dropped.id, digest=dropped.digest, count=2, now=timezone.now())
    assert status(world) == {"active": 30}


def test_foreign_unknown_and_no_ids(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id):
        for ids in ([world.contoso.person("member").id], [uuid.uuid4()], [world.north.person("worker").id, world.contoso.person("member").id]):
            with pytest.raises(NotFound):
                freeze(world, ids=ids)
        with pytest.raises(Refused, match="nobody_chosen"):
            freeze(world, ids=[])
        with pytest.raises(Refused, match="nobody_chosen"):
            freeze(world, wanted=Wanted(q="nobody-at-all"))
        with pytest.raises(Refused, match="no_permission"):
            freeze(world, "auditor", ids=[world.north.person("worker").id])
        with pytest.raises(Refused, match="not_in_bulk"):
            bulk.freeze(power=BY_SLUG["change-role"], actor=world.north.actor("owner"), data={}, now=timezone.now(), ids=[world.north.person("worker").id])
        assert not Plan.objects.exists()


@pytest.mark.parametrize("power", [p for p in POWERS if p.bulk and p.over == "member" and p.slug != "withdraw-password-reset"], ids=lambda p: p.slug)
def test_every_bulk_power_costs_the_same_queries_for_more_people(world: World, power: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.situations import DATA

    ids = crowd(world, 24)
    status_for = {"restore": "suspended", "cancel-invitation": "invited"}.get(power.slug)
    if status_for:
        arrange(lambda: Membership.objects.filter(id__in=ids).update(status=status_for))
    if power.slug == "reactivate":
        arrange(lambda: Account.objects.filter(memberships__in=ids).update(status="deactivated"))
    if power.slug == "cancel-deletion":
        from tests.situations import deletion_for

        arrange(lambda: [deletion_for(Membership.objects.get(id=i)) for i in ids])
    org, counts = world.north, []
    data = dict(DATA.get(power.slug, {}))
    if power.slug in {"add-to-group", "remove-from-group"}:
        everybody = Membership.objects.filter(id__in=ids) if power.slug == "remove-from-group" else ()
        arrange(lambda: data.update(group=str(group_for(org, "Testers", *everybody).id)))
    if power.slug == "grant-service-access":
        arrange(lambda: ServiceAccess.objects.filter(membership_id__in=ids).delete())
    if power.slug in {"restrict-service-access", "take-service-access"}:
        arrange(lambda: Service.objects.filter(id=org.services[0].id).update(everyone="full"))
    if power.slug == "revoke-tokens":
        from tests.situations import token_for

        arrange(lambda: [token_for(Membership.objects.get(id=i)) for i in ids])
    with tenancy.scope(org=org.organization.id):
        for part in (ids[:4], ids[4:]):
            plan = bulk.freeze(power=power, actor=org.actor("owner"), data=data, now=timezone.now(), ids=part)
            assert plan.summary["doable"] == len(part), [r.codes for r in PlanRow.objects.filter(plan=plan)]
            plan = bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=len(part), now=timezone.now())
            if plan.state == "awaiting_approval":
                approvals.decide(actor=org.actor("second-owner"), plan_id=plan.id, requester=bulk.requester(plan), power=power, approve=True, note="", now=timezone.now())
            with CaptureQueriesContext(connection) as queries:
                bulk_run.step(plan_id=plan.id, now=timezone.now())
            counts.append(len(queries))
            assert Plan.objects.get(id=plan.id).summary["done"] == len(part)
    assert counts[1] <= counts[0] + 2, counts


def test_through_the_pages(world: World) -> None:
    crowd(world, 12)
    slug = world.north.slug
    client = client_for(world.north.person("people-manager"))
    listed = client.get(f"/o/{slug}/people/?q=crowd").content.decode()
    assert "On all who match the filter" in listed
    assert client.post(f"/o/{slug}/people/bulk/", {"power": "suspend"}, follow=True).redirect_chain  # nobody ticked
    form = client.post(f"/o/{slug}/people/bulk/", {"power": "suspend", "scope": "filter", "query": "q=crowd"}).content.decode()
    assert "Check what would happen" in form
    assert client.post(f"/o/{slug}/people/bulk/", {"power": "suspend", "scope": "filter", "query": "q=crowd", "go": "1"}).status_code == 422  # no ground
    made = client.post(f"/o/{slug}/people/bulk/", {"power": "suspend", "scope": "filter", "query": "q=crowd", "go": "1", **WHY})
    job = made.headers["Location"]
    page = client.get(job)
    assert page.context["doable"] == 12
    assert client.post(job, {"do": "confirm", "digest": page.context["plan"].digest, "count": "twelve"}).status_code == 422
    assert client.post(job, {"do": "confirm", "digest": page.context["plan"].digest, "count": "12"}).status_code == 302
    assert status(world) == {"suspended": 12}
    assert "12 carried out" in client.get(job).content.decode()
    rows = list(csv.DictReader(io.StringIO(b"".join(client.get(job + "?file=results").streaming_content).decode())))
    assert len(rows) == 12
    assert {row["outcome"] for row in rows} == {"done"}
    assert all(row["entry"] for row in rows)
    assert "Suspend" in client.get(f"/o/{slug}/jobs/").content.decode()
    for other in ("auditor", "member"):
        assert client_for(world.north.person(other)).get(job).status_code == 404
    assert client_for(world.contoso.person("owner")).get(job).status_code == 404


def test_a_limited_role_chooses_only_whom_it_reaches(world: World) -> None:
    """By id as by filter: the page of the job would show names of people whom the role does not see."""
    org, ids = world.north, crowd(world, 3)
    arrange(lambda: Membership.objects.filter(id=org.person("people-manager").id).update(role_scope=[group_for(org, "Reached", Membership.objects.get(id=ids[0])).id]))
    with tenancy.scope(org=org.organization.id):
        assert freeze(world, "people-manager", wanted=Wanted()).total == 1
        assert freeze(world, "people-manager", ids=ids[:1]).total == 1
        with pytest.raises(NotFound):
            freeze(world, "people-manager", ids=ids)


def test_a_large_plan_is_judged_by_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 5)
    monkeypatch.setattr(bulk, "BATCH", 4)
    ids = crowd(world, 10)
    client = client_for(world.north.person("owner"))
    with tenancy.scope(org=world.north.organization.id):
        plan = freeze(world, ids=ids)
        assert plan.state == "preparing"
        assert bulk.judge_batch(plan_id=plan.id, now=timezone.now()) is True
    job = f"/o/{world.north.slug}/jobs/{plan.id}/"
    assert "4 of 10 are checked" in client.get(job).content.decode()
    assert "4 of 10" in client.get(job, headers={"HX-Request": "true"}).content.decode()
    bulk_run.resume()
    assert client.get(job, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert client.get(job).context["doable"] == 10
    assert client.post(job, {"do": "confirm", "digest": client.get(job).context["plan"].digest, "count": "10"}).status_code == 302
    assert status(world) == {"active": 10}  # it waits for the worker
    bulk_run.resume()
    assert status(world) == {"suspended": 10}


def test_rows_go_after_thirty_days(world: World) -> None:
    from accounts import due

    ids = crowd(world, 2)
    with tenancy.scope(org=world.north.organization.id):
        plan = freeze(world, ids=ids)
        bulk.confirm(actor=world.north.actor("owner"), plan_id=plan.id, digest=plan.digest, count=2, now=timezone.now())
    bulk_run.resume()
    for days, left in ((29, 2), (31, 0)):
        due.run(now=timezone.now() + timedelta(days=days))
        with tenancy.scope(org=world.north.organization.id):
            assert PlanRow.objects.filter(plan=plan).count() == left
