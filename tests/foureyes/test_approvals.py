"""Plans that wait for a second person: who may decide, what makes them void, and what stands for a second person where there is none."""
from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.utils import timezone

from accounts import access, alone, approvals, bulk, bulk_run, door, due, tenancy
from accounts.models import Account, GroupMembership, Mail, Management, Membership, Plan
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import INSTALLATION, subscribers
from audit.models import Entry
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.foureyes.test_brake import crowd, recorded
from tests.situations import WHY, arrange, group_for, token_for

CHANGE, SUSPEND = BY_SLUG["change-role"], BY_SLUG["suspend"]


def ask(org: Org, who: str, target: str, *, power: Any = CHANGE, data: dict[str, Any] | None = None, now: datetime | None = None) -> Plan:
    """A plan that waits: making an owner, unless said otherwise."""
    now = now or timezone.now()
    with tenancy.scope(org=org.organization.id):
        receipt = door.perform(power=power, actor=org.actor(who, now=now), ids=[org.person(target).id], data=data or {"role": "owner"}, now=now)
        assert receipt.plan_id and not receipt.entries
        return Plan.objects.get(id=receipt.plan_id)


def decide(org: Org, plan: Plan, actor: Any, *, approve: bool = True, now: datetime | None = None) -> Any:
    with tenancy.scope(org=org.organization.id):
        row = Plan.objects.get(id=plan.id)
        return approvals.decide(plan_id=plan.id, actor=actor, requester=approvals.requester(row), power=BY_SLUG.get(row.power, SUSPEND), approve=approve, note="agreed", now=now or timezone.now())


def refused(org: Org, plan: Plan, actor: Any, code: str, **more: Any) -> None:
    """Refused with this code, and the log says so."""
    before = recorded(org, f'"reason_code":"{code}"')
    with pytest.raises(Refused) as refusal:
        decide(org, plan, actor, **more)
    assert refusal.value.codes == [code]
    assert recorded(org, f'"reason_code":"{code}"') == before + 1


def state(org: Org, plan: Plan) -> str:
    with tenancy.scope(org=org.organization.id):
        return Plan.objects.get(id=plan.id).state


def actor(org: Org, name: str) -> Any:
    with tenancy.scope(org=org.organization.id):
        return org.actor(name)


def token_actor(org: Org, person: Membership) -> Any:
    made: list[str] = []
    arrange(lambda: made.append(token_for(person)[1]))
    with tenancy.installation("a token names its organization"):
        return access.actor_of_token(access.check_token(secret=made[0], now=timezone.now(), ip=""))


def test_who_may_not_decide(world: World) -> None:
    org = world.north
    plan = ask(org, "owner", "administrator")
    refused(org, plan, actor(org, "owner"), "same_person")
    refused(org, plan, token_actor(org, org.person("owner")), "same_person")  # one's own token
    refused(org, plan, token_actor(org, org.person("second-owner")), "not_approver")  # a token is no person who looks
    refused(org, plan, actor(org, "auditor"), "not_approver")
    refused(org, plan, actor(org, "people-manager"), "not_approver")
    refused(org, plan, actor(org, "second-owner"), "expired", now=timezone.now() + timedelta(hours=73))
    assert decide(org, plan, actor(org, "second-owner")).entries
    refused(org, plan, actor(org, "second-owner"), "wrong_status")


def test_one_person_with_several_accounts_is_one(world: World) -> None:
    """The same account through a group; a second account with the same mailbox; whoever made the service account that asks."""
    org = world.north
    plan = ask(org, "owner", "administrator")
    arrange(lambda: group_for(org, "Chiefs", org.person("owner"), role="owner"))
    refused(org, plan, actor(org, "owner"), "same_person")

    def second() -> None:
        org.people["second"] = add_person(org, "owner+second", "owner", True, datetime.now(UTC))

    arrange(second)
    refused(org, plan, actor(org, "second"), "same_person")
    with tenancy.scope(org=org.organization.id):
        assert {a.email.partition("@")[0] for a in approvals.could_approve(plan)} == {"second-owner"}


def test_a_service_account_never_approves(world: World) -> None:
    org = world.north

    def make() -> None:
        org.people["robot"] = add_person(org, "robot", "owner", True, datetime.now(UTC))
        Account.objects.filter(id=org.person("robot").account_id).update(kind="service")

    arrange(make)
    plan = ask(org, "owner", "administrator")
    refused(org, plan, token_actor(org, org.person("robot")), "not_approver")
    with tenancy.scope(org=org.organization.id):
        assert {a.email.partition("@")[0] for a in approvals.could_approve(plan)} == {"second-owner"}


def test_the_world_moved(world: World) -> None:
    org = world.north
    plan = ask(org, "owner", "administrator")
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["update-profile"], actor=org.actor("owner"), ids=[org.person("administrator").id], data={"title": "New"}, now=timezone.now())
    assert "Something changed" in client_for(org.person("second-owner")).get(f"/o/{org.slug}/approvals/{plan.id}/").content.decode()
    refused(org, plan, actor(org, "second-owner"), "stale")
    assert state(org, plan) == "void"
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=org.person("administrator").id).role.slug == "administrator"


def test_whoever_asked_lost_the_right(world: World) -> None:
    """By a new role, by suspension: nobody has to look at it for it to be void."""
    org = world.north
    first, second = ask(org, "owner", "administrator"), ask(org, "second-owner", "security")
    arrange(lambda: (Membership.objects.filter(id=org.person("owner").id).update(role=org.roles["auditor"]), Membership.objects.filter(id=org.person("second-owner").id).update(status="suspended")))
    due.run(now=timezone.now())
    assert (state(org, first), state(org, second)) == ("void", "void")
    assert recorded(org, '"action":"plan.voided"') == 2


def test_two_approvers_at_once(world: World) -> None:
    """Real connections: exactly one act, the other is told."""
    org = world.north
    arrange(lambda: org.people.update(third=add_person(org, "third-owner", "owner", True, datetime.now(UTC))))
    for _round in range(8):
        plan, start, outcomes = ask(org, "owner", "administrator"), threading.Barrier(2), []

        def go(name: str, plan: Plan = plan, start: threading.Barrier = start, outcomes: list[str] = outcomes) -> None:
            try:
                by = actor(org, name)
                start.wait(10)
                decide(org, plan, by)
                outcomes.append("done")
            except Refused as refusal:
                outcomes.extend(refusal.codes)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=go, args=(name,)) for name in ("second-owner", "third")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["done", "wrong_status"]
        arrange(lambda: Membership.objects.filter(id=org.person("administrator").id).update(role=org.roles["administrator"]))
    with tenancy.scope(org=org.organization.id):
        acts = Entry.objects.filter(org=org.organization.id, record__contains='"action":"membership.role_changed"')
        assert (acts.filter(record__contains='"outcome":"success"').count(), acts.filter(record__contains='"reason_code":"wrong_status"').count()) == (8, 8)


def test_a_waiting_plan_blocks_others_over_the_same_person(world: World) -> None:
    """Few against few, few against many, many against few, whatever the kinds."""
    org = world.north
    ask(org, "owner", "administrator")
    with pytest.raises(Refused, match="pending_conflict"):
        ask(org, "second-owner", "administrator")
    ids = crowd(org, 30)
    arrange(lambda: Account.objects.filter(memberships=ids[0]).update(has_second_factor=True))
    with tenancy.scope(org=org.organization.id):
        many = bulk.freeze(power=SUSPEND, actor=org.actor("owner"), data=WHY, now=timezone.now(), ids=[*ids, org.person("administrator").id])
        assert "pending_conflict" in many.rows.get(target=org.person("administrator").id).codes
        other = bulk.freeze(power=BY_SLUG["remove"], actor=org.actor("second-owner"), data=WHY, now=timezone.now(), ids=ids[:26])
        assert (many.tier, other.tier) == (3, 3)
        bulk.confirm(actor=org.actor("owner"), plan_id=many.id, digest=many.digest, count=30, now=timezone.now())
        with pytest.raises(Refused, match="pending_conflict"):  # it was planned before the other one was asked for
            bulk.confirm(actor=org.actor("second-owner"), plan_id=other.id, digest=other.digest, count=26, now=timezone.now())
        with pytest.raises(Refused, match="pending_conflict"):
            door.perform(power=CHANGE, actor=org.actor("second-owner"), ids=[ids[0]], data={"role": "owner"}, now=timezone.now())


def test_reminders_and_expiry(world: World) -> None:
    org, now = world.north, timezone.now()
    plan = ask(org, "owner", "administrator")
    for hours in (47, 49, 50):
        due.run(now=now + timedelta(hours=hours))
    assert recorded(org, '"action":"plan.reminded"') == 1
    assert [m.address.partition("@")[0] for m in follow(org) if m.template == "plan-waiting" and "still waits" in words(m)] == ["second-owner"]
    due.run(now=now + timedelta(hours=73))
    assert state(org, plan) == "expired"


def follow(org: Org) -> list[Mail]:
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain()
        return list(Mail.objects.filter(organization_id=org.organization.id).order_by("address"))


def words(mail: Mail) -> str:
    from accounts import outbox

    with tenancy.installation("a mail"):
        subject, body, _html = outbox.render(mail)
    return f"{subject}\n{body}"


def test_an_asker_who_is_paused_is_decided_about_first(world: World) -> None:
    org = world.north
    plan = ask(org, "owner", "second-owner", power=SUSPEND, data=WHY)
    from accounts.models import Brake

    arrange(lambda: Brake.objects.create(organization=org.organization, account_id=org.person("owner").account_id, paused_at=timezone.now(), paused_over="suspend"))
    arrange(lambda: org.people.update(third=add_person(org, "third", "owner", True, timezone.now())))
    refused(org, plan, actor(org, "third"), "asker_paused")
    assert state(org, plan) == "awaiting_approval"


# Small organizations


def alone_in(world: World) -> Org:
    """Contoso has one owner and a member who can be one."""
    org = world.contoso
    arrange(lambda: Account.objects.filter(id=org.person("member").account_id).update(has_second_factor=True))
    return org


def test_time_and_openness_stand_for_the_second_person(world: World) -> None:
    org, now = alone_in(world), timezone.now()
    plan = ask(org, "owner", "member", now=now)
    assert plan.summary["due_at"]
    with tenancy.installation("the operator's log"):
        assert Entry.objects.filter(org=INSTALLATION, record__contains=str(plan.id)).count() == 1
    told = [m for m in follow(org) if m.template == "plan-delayed"]
    assert [m.address.partition("@")[0] for m in told] == ["owner"]
    assert "is carried out by itself" in words(told[0])
    due.run(now=now + timedelta(hours=47))
    assert state(org, plan) == "awaiting_approval"
    due.run(now=now + timedelta(hours=48, minutes=1))
    assert state(org, plan) == "done"
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=org.person("member").id).role.slug == "owner"
    assert recorded(org, '"action":"plan.delay_over"') == 1


def test_the_digest_is_still_checked_after_the_delay(world: World) -> None:
    org, now = alone_in(world), timezone.now()
    plan = ask(org, "owner", "member", now=now)
    arrange(lambda: Membership.objects.filter(id=org.person("member").id).update(version=9))
    due.run(now=now + timedelta(hours=49))
    assert state(org, plan) == "void"


def test_a_second_person_who_appears_is_waited_for(world: World) -> None:
    org, now = alone_in(world), timezone.now()
    plan = ask(org, "owner", "member", now=now)
    arrange(lambda: org.people.update(new=add_person(org, "new-owner", "owner", True, datetime.now(UTC))))
    due.run(now=now + timedelta(hours=49))
    assert state(org, plan) == "awaiting_approval"
    due.run(now=now + timedelta(hours=80))  # and its time begins anew
    assert state(org, plan) == "awaiting_approval"
    assert decide(org, plan, actor(org, "new")).entries


def test_stop_against_execution_at_48_hours(world: World) -> None:
    """Real connections at the same moment: it is either stopped or done, never both."""
    org, now = alone_in(world), timezone.now()
    seen = set()
    for _round in range(6):
        plan, start = ask(org, "owner", "member", now=now), threading.Barrier(2)

        def stop(plan: Plan = plan, start: threading.Barrier = start) -> None:
            try:
                by = actor(org, "owner")
                start.wait(10)
                with tenancy.scope(org=org.organization.id):
                    approvals.cancel(plan_id=plan.id, actor=by, now=now + timedelta(hours=48, minutes=1))
            except Exception:
                pass
            finally:
                connections.close_all()

        def go(start: threading.Barrier = start) -> None:
            try:
                start.wait(10)
                with tenancy.scope(org=org.organization.id):
                    alone.go_on(organization_id=org.organization.id, now=now + timedelta(hours=48, minutes=1))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=f) for f in (stop, go)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        with tenancy.scope(org=org.organization.id):
            role = Membership.objects.get(id=org.person("member").id).role.slug
        assert (state(org, plan), role) in {("done", "owner"), ("cancelled", "member")}
        seen.add(state(org, plan))
        arrange(lambda: Membership.objects.filter(id=org.person("member").id).update(role=org.roles["member"]))
    assert seen <= {"done", "cancelled"}


def test_an_owner_who_could_not_approve_may_stop(world: World) -> None:
    """The date was given when nobody could agree; the second owner may stop it at once, without waiting for the schedule."""
    org = alone_in(world)
    plan = ask(org, "owner", "member")
    arrange(lambda: org.people.update(new=add_person(org, "new-owner", "owner", True, datetime.now(UTC))))
    page = client_for(org.person("new")).get(f"/o/{org.slug}/approvals/{plan.id}/").content.decode()
    assert "Nobody else here could agree" in page
    decide(org, plan, actor(org, "new"), approve=False)
    assert state(org, plan) == "denied"


def test_many_by_one_administrator_alone(world: World) -> None:
    """The brake asks for a second person; where there is none, the job runs after 48 hours, whole."""
    org, now = world.contoso, timezone.now()
    ids = crowd(org, 30)
    with tenancy.scope(org=org.organization.id):
        plan = bulk.freeze(power=SUSPEND, actor=org.actor("owner"), data=WHY, now=now, ids=ids)
        row = bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=30, now=now)
        assert (row.state, bool(row.summary["due_at"])) == ("awaiting_approval", True)
    due.run(now=now + timedelta(hours=49))
    assert state(org, plan) == "running"
    bulk_run.resume()
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.filter(id__in=ids, status="suspended").count() == 30
        assert not org.actor("owner").paused


def test_the_operator_agrees_to_what_always_needs_two(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A deletion before its time: no delay stands for the second person; the operator may, with a ground that the owner reads."""
    org = world.contoso
    arrange(lambda: (Management.objects.create(organization=org.organization, account_id=org.person("member").account_id, basis="created_by_org", since=timezone.now())))
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["schedule-deletion"], actor=org.actor("owner"), ids=[org.person("member").id], data={**WHY, "days": 14}, now=timezone.now())
    plan = ask(org, "owner", "member", power=BY_SLUG["expedite-deletion"], data=WHY)
    assert "due_at" not in plan.summary
    with pytest.raises(CommandError, match="ground"):
        call_command("approve_plan", str(plan.id), "--org", org.slug, "--ground", " ")
    with pytest.raises(CommandError):
        call_command("approve_plan", str(uuid.uuid4()), "--org", org.slug, "--ground", "why")
    call_command("approve_plan", str(plan.id), "--org", org.slug, "--ground", "The owner called us, and we checked.")
    assert state(org, plan) == "done"
    assert recorded(org, '"action":"plan.operator_agreed"') == 1
    assert recorded(org, "The owner called us") == 0  # words are sealed, never in the record itself
    told = [m for m in follow(org) if m.template == "plan-decided"]
    assert any("The owner called us" in words(m) for m in told)
    with pytest.raises(CommandError):
        call_command("approve_plan", str(plan.id), "--org", org.slug, "--ground", "again")


def test_the_operator_does_not_decide_for_those_who_can(world: World) -> None:
    org = world.north
    plan = ask(org, "owner", "administrator")
    with pytest.raises(CommandError, match="Somebody in the organization"):
        call_command("approve_plan", str(plan.id), "--org", org.slug, "--ground", "why not")


def test_the_inbox(world: World) -> None:
    org = world.north
    plan = ask(org, "owner", "administrator")
    client = client_for(org.person("second-owner"))
    page = client.get(f"/o/{org.slug}/approvals/").content.decode()
    assert "Administrator Person" in page and "Owner Person" in page and "Look and decide" in page
    assert ", 1 waits" in page  # in the navigation
    assert "No plan fits" in client.get(f"/o/{org.slug}/approvals/?act=suspend").content.decode()
    assert "Administrator Person" in client.get(f"/o/{org.slug}/approvals/?act=change-role&who={plan.requested_by}").content.decode()
    own = client_for(org.person("owner"))
    assert ", 1 waits" not in own.get(f"/o/{org.slug}/approvals/").content.decode()
    assert "Administrator Person" in own.get(f"/o/{org.slug}/approvals/?show=mine").content.decode()
    client.post(f"/o/{org.slug}/approvals/{plan.id}/", {"decision": "approve", "note": "fine"})
    assert state(org, plan) == "done"
    assert GroupMembership.objects.count() == 0  # no scope is left behind


def test_nobody_is_the_second_person_about_themselves(world: World) -> None:
    """An owner asks for something about another owner: that one cannot agree to it, nor decline it; a third one can, and alone is asked."""
    org = world.north
    plan = ask(org, "owner", "second-owner", power=SUSPEND, data=WHY)
    for approve in (True, False):
        refused(org, plan, actor(org, "second-owner"), "about_yourself", approve=approve)
    with tenancy.scope(org=org.organization.id):
        assert approvals.could_approve(plan) == []
    arrange(lambda: org.people.update(third=add_person(org, "third", "owner", True, timezone.now())))
    with tenancy.scope(org=org.organization.id):
        assert [account.id for account in approvals.could_approve(plan)] == [org.person("third").account_id]
    decide(org, plan, actor(org, "third"))
    assert state(org, plan) == "done"


def test_whoever_a_plan_of_many_would_hit_does_not_confirm_it(world: World) -> None:
    """Also where the people are rows of the plan; and what was refused when it was confirmed stands in the log."""
    org = world.north
    with tenancy.scope(org=org.organization.id):
        asker, ids = org.actor("owner"), [org.person(name).id for name in ("administrator", "worker")]
        plan = bulk.freeze(power=SUSPEND, actor=asker, data=WHY, now=timezone.now(), ids=ids)
        arrange(lambda: Plan.objects.filter(id=plan.id).update(tier=3))
        for wrong, code in (({"count": 9}, "wrong_count"), ({"digest": "0" * 64}, "stale")):
            with pytest.raises((Refused, door.Stale)):
                bulk.confirm(actor=asker, plan_id=plan.id, now=timezone.now(), **{"digest": plan.digest, "count": 2, **wrong})
            assert recorded(org, f'"reason_code":"{code}"') == 1
        plan = bulk.confirm(actor=asker, plan_id=plan.id, digest=plan.digest, count=2, now=timezone.now())
    refused(org, plan, actor(org, "administrator"), "about_yourself")
    decide(org, plan, actor(org, "second-owner"))
