"""Scheduling, cancelling and bringing forward: what is closed at once, what comes back, what stands in the way."""
from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client

from accounts import access, approvals, deletions, door, tenancy
from accounts.models import Account, ApiToken, Deletion, Dispute, Membership, OrganizationPolicy, Protection, Session
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, Stale, StepUpNeeded
from audit import holds
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.deletion.acts import DAY, account, act, deletion
from tests.situations import WHY, arrange, deletion_for, session_for, token_for


def test_the_table_is_whole() -> None:
    """Every step leads to a state of the table, every state but the end is left, and nothing leaves the end."""
    assert set(deletions.STEPS) == {"none", "over", *deletions.S}
    assert {after for steps in deletions.STEPS.values() for after in steps.values()} <= set(deletions.STEPS)
    assert deletions.STEPS["over"] == {}
    row = Deletion(state="purging")
    for step in ("cancel", "expedite", "release_address", "begin", "schedule"):
        assert not deletions.may(row, step)
        with pytest.raises(deletions.Impossible):
            deletions.go(row, step)
    assert deletions.may(None, "schedule") and not deletions.may(row, "schedule")


def test_everything_is_closed_at_once(world: World) -> None:
    org, person, made = world.north, world.north.person("worker"), {}
    arrange(lambda: made.update(token=token_for(person), session=session_for(person)))
    browser = client_for(person)
    assert browser.get("/me/").status_code == 200
    now = datetime.now(UTC)
    act(org, "schedule-deletion", person, now=now, days=10)
    found = account(person)
    assert (found.status, found.status_until) == ("pending_deletion", now + 10 * DAY)
    assert browser.get("/me/").status_code == 302, "the session is over"
    assert access.check_token(secret=made["token"][1], now=now, ip="").token is None
    assert Session.objects.get(id=made["session"].id).ended_reason == "pending_deletion"
    with tenancy.installation("look"):
        assert ApiToken.objects.get(id=made["token"][0].id).state == "disabled"
        assert Membership.objects.get(id=person.id).effective_status == "pending_deletion"
    assert b"your account is closed" in Client().post("/sign-in/", {"login": found.email, "password": "correct horse battery staple"}, follow=True).content.lower()


@pytest.mark.parametrize("before", ["active", "deactivated", "locked"])
def test_cancelling_brings_back_what_was(world: World, before: str) -> None:
    org, person = world.north, world.north.person("worker")
    if before != "active":
        act(org, {"deactivated": "deactivate", "locked": "lockdown"}[before], person, reason_code="absence", message="Until May.")
    was = account(person)
    act(org, "schedule-deletion", person, reason_code="contract_ended")
    assert account(person).reason_code == "contract_ended"
    act(org, "cancel-deletion", person)
    found = account(person)
    same = ("status", "reason_code", "reason_text", "status_until", "status_changed_by", "status_changed_at", "password", "email")
    assert {name: getattr(found, name) for name in same} == {name: getattr(was, name) for name in same}
    assert deletion(person) is None
    with pytest.raises(Refused):
        act(org, "cancel-deletion", person)


@pytest.mark.parametrize(("days", "good"), [(1, True), (90, True), (None, True), (0, False), (91, False), (-3, False), ("x", False)])
def test_how_many_days(days: Any, good: bool) -> None:
    form = BY_SLUG["schedule-deletion"].form({**WHY, "days": days})
    assert form.is_valid() == good
    if good:
        assert form.cleaned_data["days"] == days


def test_a_ground_is_required() -> None:
    assert "reason_code" in BY_SLUG["schedule-deletion"].form({"days": 3}).errors


def test_a_fresh_second_factor_is_required(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id), pytest.raises(StepUpNeeded):
        door.perform(power=BY_SLUG["schedule-deletion"], actor=world.north.actor("owner", tier=1), ids=[world.north.person("worker").id], data={**WHY, "days": 14}, now=datetime.now(UTC))


# What stands in the way


def refused(org: Org, slug: str, person: Membership, **data: Any) -> list[str]:
    with pytest.raises(Refused) as refusal:
        act(org, slug, person, **data)
    return refusal.value.codes


def hold(org: Org, person: Membership) -> uuid.UUID:
    made: list[uuid.UUID] = []
    arrange(lambda: made.append(holds.place(org=org.organization.id, kind="subject", subject=person.account_id, matter="Smith v. Jones", ground="claim", by=None, now=datetime.now(UTC)).id))
    return made[0]


def test_a_hold_on_the_person_stands_in_the_way(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    found = hold(org, person)
    assert refused(org, "schedule-deletion", person) == ["on_hold"]
    people = [uuid.uuid4(), uuid.uuid4()]
    arrange(lambda: holds.release(org=org.organization.id, hold=found, by=people, now=datetime.now(UTC)))
    act(org, "schedule-deletion", person)


def test_a_hold_of_another_organization_is_told_as_nothing_but_an_obligation(world: World) -> None:
    hold(world.contoso, world.north.person("worker"))
    assert refused(world.north, "schedule-deletion", world.north.person("worker")) == ["external_obligation"]
    act(world.north, "lockdown", world.north.person("worker"))


def test_a_hold_on_the_whole_log_is_on_the_log(world: World) -> None:
    org = world.north
    arrange(lambda: holds.place(org=org.organization.id, kind="log", matter="Audit", ground="claim", by=None, now=datetime.now(UTC)))
    act(org, "schedule-deletion", org.person("worker"))


def test_the_last_owner_stays(world: World) -> None:
    org = world.north
    arrange(lambda: Account.objects.filter(id=org.person("second-owner").account_id).update(status="deactivated"))
    assert "last_owner" in deletions.blockers([org.person("owner").account_id])[org.person("owner").account_id]
    arrange(lambda: Account.objects.filter(id=org.person("second-owner").account_id).update(status="active"))
    assert deletions.blockers([org.person("owner").account_id]) == {}
    both = [org.person(name).account_id for name in ("owner", "second-owner")]
    assert deletions.blockers(both) == {one: ["last_owner"] for one in both}, "of two at once one has to stay"


def owner_elsewhere(world: World, name: str = "worker") -> Membership:
    made: list[Membership] = []
    arrange(lambda: made.append(Membership.objects.create(organization=world.contoso.organization, account_id=world.north.person(name).account_id, role=world.contoso.roles["owner"], status="active",
                                                          created_at=datetime.now(UTC))))
    arrange(lambda: Account.objects.filter(id=world.north.person(name).account_id).update(has_second_factor=True))
    return made[0]


def test_the_last_owner_elsewhere_waits_and_nobody_learns_of_what(world: World) -> None:
    """Guard rail 8: deletion waits, lockdown and deactivation work."""
    org, person = world.north, world.north.person("worker")
    owner_elsewhere(world)
    act(org, "schedule-deletion", person)  # contoso has an owner of its own
    act(org, "cancel-deletion", person)
    arrange(lambda: Account.objects.filter(id=world.contoso.person("owner").account_id).update(status="locked"))
    assert refused(org, "schedule-deletion", person) == ["external_obligation"]
    act(org, "deactivate", person)


def test_whoever_alone_may_act_on_somebody_stays(world: World) -> None:
    org, person, other = world.north, world.north.person("people-manager"), world.north.person("security")
    arrange(lambda: Protection.objects.create(organization=org.organization, membership=org.person("worker"), administrator=person))
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(protected=True))
    assert refused(org, "schedule-deletion", person) == ["sole_control"]
    arrange(lambda: Protection.objects.create(organization=org.organization, membership=org.person("worker"), administrator=other))
    act(org, "schedule-deletion", person)
    assert refused(org, "schedule-deletion", other) == ["sole_control"], "the first one cannot act any more"


def test_a_dispute_that_the_operator_noted(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    call_command("dispute", account(person).email, "--ground", "an unpaid invoice is in dispute")
    assert refused(org, "schedule-deletion", person) == ["dispute_open"]
    call_command("dispute", account(person).email, "--lift", "--ground", "paid")
    act(org, "schedule-deletion", person)
    assert Dispute.objects.filter(account_id=person.account_id, lifted_at=None).count() == 0


# Four eyes


def test_bringing_forward_needs_two_and_the_same_cannot_agree(world: World) -> None:
    org, person, now = world.north, world.north.person("worker"), datetime.now(UTC)
    arrange(lambda: deletion_for(person))
    asked = act(org, "expedite-deletion", person, now=now)
    row = deletion(person)
    assert asked.plan_id and row is not None and row.purge_at > now, "nothing has happened yet"
    with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refusal:
        approvals.decide(plan_id=asked.plan_id, actor=org.actor("owner"), requester=org.actor("owner"), power=BY_SLUG["expedite-deletion"], approve=True, note="", now=now)
    assert refusal.value.codes == ["same_person"]
    with tenancy.scope(org=org.organization.id):
        approvals.decide(plan_id=asked.plan_id, actor=org.actor("administrator"), requester=org.actor("owner"), power=BY_SLUG["expedite-deletion"], approve=True, note="", now=now)
    row = deletion(person)
    assert row is not None and row.purge_at == now and row.term > now
    assert set(row.expedited_by) == {org.person("owner").account_id, org.person("administrator").account_id} and deletions.ready(row, now)
    row.expedited_by = row.expedited_by[:1]
    assert not deletions.ready(row, now) and deletions.ready(row, row.term), "one person is not two, and shortens nothing"


def test_a_hold_that_came_meanwhile_voids_the_plan(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: deletion_for(person))
    asked = act(org, "expedite-deletion", person)
    hold(org, person)
    with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refusal:
        approvals.decide(plan_id=asked.plan_id, actor=org.actor("administrator"), requester=org.actor("owner"), power=BY_SLUG["expedite-deletion"], approve=True, note="", now=datetime.now(UTC))
    assert refusal.value.codes == ["stale"]


# At once


def together(*acts: Any) -> list[Any]:
    """Run these at the same moment, each on a connection of its own; what each returned or raised."""
    start, found = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int) -> None:
        try:
            start.wait()
            found[number] = acts[number]()
        except Exception as error:
            found[number] = error  # type: ignore[call-overload]
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[n]) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_two_schedule_at_once(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    found = together(lambda: act(org, "schedule-deletion", person, days=3), lambda: act(org, "schedule-deletion", person, by="administrator", days=30))
    assert sorted(isinstance(one, Refused) for one in found) == [False, True], found
    with tenancy.installation("look"):
        assert Deletion.objects.filter(account_id=person.account_id).count() == 1


def test_the_last_two_owners_elsewhere_at_once(world: World) -> None:
    """Two who own another organization together are scheduled at the same moment by their own: one stays."""
    org, now = world.north, datetime.now(UTC) - timedelta(days=1)
    arrange(lambda: org.people.update(helper=add_person(org, "helper", "member", True, now)))
    owner_elsewhere(world)
    owner_elsewhere(world, "helper")
    arrange(lambda: Account.objects.filter(id=world.contoso.person("owner").account_id).update(status="locked"))
    found = together(lambda: act(org, "schedule-deletion", org.person("worker")), lambda: act(org, "schedule-deletion", org.person("helper"), by="administrator"))
    assert sorted(isinstance(one, Refused | Stale) for one in found) == [False, True], found


def test_the_days_are_those_of_the_organization(world: World) -> None:
    """From every surface; and whoever names other days has those."""
    org, person = world.north, world.north.person("worker")
    arrange(lambda: OrganizationPolicy.objects.create(organization=org.organization, deletion_days=30))
    assert 'name="days" value="30"' in client_for(org.person("owner")).get(f"/o/{org.slug}/people/{person.id}/schedule-deletion/").content.decode()
    act(org, "schedule-deletion", person)
    row = deletion(person)
    assert row is not None and row.term - row.scheduled_at == timedelta(days=30)
    other = org.person("member")
    act(org, "schedule-deletion", other, days=3)
    row = deletion(other)
    assert row is not None and row.term - row.scheduled_at == timedelta(days=3)
