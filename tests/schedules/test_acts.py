"""Scheduled acts: nothing before their time, once at it, judged again, told, taken back, moved, replaced."""
from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts import access, approvals, door, due, tenancy
from accounts.models import Account, ApiToken, Management, Membership, Plan
from accounts.models.plan import PlanState
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale
from accounts.schedules import falling, rules
from tests.browse import client_for
from tests.cast import World
from tests.schedules.stage import DAY, actions, ask, follow, letters, member, pass_time, scheduled, states, works
from tests.situations import WHY, arrange, scheduled_for, token_for


def test_nothing_happens_before_its_time_and_once_at_it(world: World) -> None:
    org, now = world.north, timezone.now()
    receipt = ask(org, "suspend", "worker", now=now, not_before=now + 10 * DAY)
    assert (receipt.due != "", receipt.undo) == (True, "cancel-scheduled")
    pass_time(now + 9 * DAY)
    assert (member(org, "worker").status, works(org, "worker", now + 9 * DAY)) == ("active", "")
    pass_time(now + 10 * DAY)
    assert member(org, "worker").status == "suspended"
    assert states(org, "worker") == [("suspend", "done")]
    pass_time(now + 11 * DAY)
    record, = actions(org, "membership.suspended")
    assert record["context"]["via"] == "schedule"
    assert record["actor"]["id"] == str(org.person("owner").account_id)
    assert record["facts"]["scheduled"] == str(scheduled(org, "worker")[0].id)
    assert member(org, "worker").access_ends_at is None


@pytest.mark.parametrize("power", ["suspend", "remove", "deactivate"])
def test_after_the_moment_nothing_works_though_nobody_carried_it_out(world: World, power: str) -> None:
    org, now, made = world.north, timezone.now(), []
    arrange(lambda: made.append(token_for(org.person("worker"), expires_at=now + 300 * DAY)))
    ask(org, power, "worker", now=now, not_before=now + 2 * DAY)
    before, after = now + 2 * DAY - timedelta(seconds=1), now + 2 * DAY
    assert works(org, "worker", before) == ""
    assert access.check_token(secret=made[0][1], now=before, ip="").refusal == ""
    assert works(org, "worker", after) == "access_over"
    assert access.check_token(secret=made[0][1], now=after, ip="").refusal == "access_over"
    account = Account.objects.get(id=org.person("worker").account_id)
    assert account.is_over(after) == (power == "deactivate")


def test_new_tokens_end_with_the_access(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "suspend", "administrator", now=now, not_before=now + 5 * DAY)
    with tenancy.scope(org=org.organization.id):
        actor, data = org.actor("administrator", now=now), {"label": "job", "scopes": ["view_people"], "days": 90}
        plan = door.plan(power=BY_SLUG["create-token"], actor=actor, ids=[org.person("administrator").id], data=data, now=now)
        assert "capped" in [effect.code for effect in plan.verdicts[0].effects]
        door.perform(power=BY_SLUG["create-token"], actor=actor, ids=[org.person("administrator").id], data=data, now=now)
        assert ApiToken.objects.get(membership=org.person("administrator")).expires_at == now + 5 * DAY


def test_invitations_end_with_the_access_of_whoever_invites(world: World) -> None:
    org, now = world.north, timezone.now()
    with tenancy.scope(org=org.organization.id):
        row = {"rows": [{"email": "early@elsewhere.example", "role": "member"}]}
        door.perform(power=BY_SLUG["invite"], actor=org.actor("administrator", now=now), data=row, now=now)
    ask(org, "suspend", "administrator", now=now, not_before=now + 5 * DAY)
    with tenancy.scope(org=org.organization.id):
        row = {"rows": [{"email": "late@elsewhere.example", "role": "member"}]}
        door.perform(power=BY_SLUG["invite"], actor=org.actor("administrator", now=now), data=row, now=now)
        early, late = (Membership.objects.get(account__email=f"{name}@elsewhere.example") for name in ("early", "late"))
        assert late.invitation_expires_at == now + 5 * DAY
        actor = access.actor_in(access.standing(account_id=early.account_id, organization_id=org.organization.id), proof=org.actor("owner").proof)  # type: ignore[arg-type]
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["answer-invitation"], actor=actor, ids=[early.id], data={"answer": "accept"}, now=now + 6 * DAY)
        assert refusal.value.codes == ["expired"]


def test_one_of_a_kind_is_pending(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "suspend", "worker", now=now, not_before=now + DAY)
    with pytest.raises(Refused) as refusal:
        ask(org, "suspend", "worker", now=now, not_before=now + 2 * DAY)
    assert refusal.value.codes == ["pending_conflict"]
    ask(org, "remove", "worker", now=now, not_before=now + 2 * DAY)
    with pytest.raises(IntegrityError):  # the database says the same
        arrange(lambda: Plan.objects.filter(subject=org.person("worker").id, power="remove").update(power="suspend"))


@pytest.mark.parametrize("power", sorted(set(rules.ENDS) - {"leave", "cancel-invitation", "transfer-ownership", "schedule-deletion", "grant-own-deletion", "suspend-inactive", "restore", "reactivate", "end-contract"}))
def test_an_act_now_takes_the_pointless_ones_with_it(world: World, power: str) -> None:
    org, now = world.north, timezone.now()
    kinds = ("restrict", "suspend", "restore", "remove", "change-role", "deactivate", "reactivate")
    for kind in kinds:
        arrange(lambda kind=kind: scheduled_for(org.person("worker"), kind, due_at=now + 5 * DAY))
    ask(org, power, "worker", now=now, **({"role": "auditor"} if power == "change-role" else {}))
    ended = {row.power for row in scheduled(org, "worker") if row.state == PlanState.SUPERSEDED}
    assert ended == rules.ENDS[power] & set(kinds)
    assert {record["facts"]["power"] for record in actions(org, "plan.superseded")} == ended
    left = set(kinds) - ended
    assert (member(org, "worker").access_ends_at is None) == (not left & rules.CLOSES_HERE)


def test_cancelled(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "remove", "worker", now=now, not_before=now + 5 * DAY)
    for name in ("auditor", "security"):
        with pytest.raises(Refused) as refusal:
            ask(org, "cancel-scheduled", "worker", by=name)
        assert refusal.value.codes == ["no_permission"]
    ask(org, "cancel-scheduled", "worker", by="people-manager", scheduled=str(scheduled(org, "worker")[0].id))
    assert states(org, "worker") == [("remove", "cancelled")]
    assert member(org, "worker").access_ends_at is None
    pass_time(now + 6 * DAY)
    assert member(org, "worker").status == "active"
    with pytest.raises(Refused) as refusal:
        ask(org, "cancel-scheduled", "worker")
    assert refusal.value.codes == ["nothing_scheduled"]


def test_moved(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "suspend", "worker", now=now, not_before=now + 5 * DAY, until=now + 9 * DAY)
    with pytest.raises(Refused) as refusal:
        ask(org, "reschedule", "worker", now=now, at=now + 9 * DAY)
    assert refusal.value.codes == ["after_its_end"]
    ask(org, "reschedule", "worker", now=now, at=now + 7 * DAY)
    assert member(org, "worker").access_ends_at == now + 7 * DAY
    pass_time(now + 6 * DAY)
    assert member(org, "worker").status == "active"
    pass_time(now + 7 * DAY)
    assert member(org, "worker").status == "suspended"
    pass_time(now + 9 * DAY)
    assert member(org, "worker").status == "active"


def test_which_one_must_be_said_where_there_are_several(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "suspend", "worker", now=now, not_before=now + 5 * DAY)
    ask(org, "deactivate", "worker", now=now, not_before=now + 6 * DAY)
    with pytest.raises(Refused) as refusal:
        ask(org, "cancel-scheduled", "worker", private_note="which?")
    assert refusal.value.codes == ["unknown_scheduled"]


@pytest.mark.parametrize(("what", "why"), [
    ("requester lost the power", "requester_lost"), ("requester left", "requester_lost"), ("person rose above the requester", "rank"), ("person got a role", "changed_since"),
    ("person became an owner", "second_person"), ("person was protected", "protected"), ("account was released", "changed_since"), ("person was suspended", "wrong_status")])
def test_judged_again_when_it_falls_due(world: World, what: str, why: str) -> None:
    """What people agreed to must still be so; else it is not done, access is given back, and both sides are told."""
    org, now = world.north, timezone.now()
    by = "owner" if "owner" in what or "got a role" in what else "people-manager"
    ask(org, "suspend", "worker", by=by, now=now, not_before=now + 5 * DAY)
    asker, person = Membership.objects.filter(id=org.person(by).id), Membership.objects.filter(id=org.person("worker").id)
    arrange({
        "requester lost the power": lambda: asker.update(role=org.roles["member"]), "requester left": lambda: asker.update(status="removed"),
        "person rose above the requester": lambda: person.update(role=org.roles["administrator"]), "person got a role": lambda: person.update(role=org.roles["auditor"]),
        "person became an owner": lambda: person.update(role=org.roles["owner"]), "person was protected": lambda: person.update(protected=True),
        "account was released": lambda: Management.objects.filter(account_id=org.person("worker").account_id).delete(), "person was suspended": lambda: person.update(status="suspended")}[what])
    status = member(org, "worker").status
    pass_time(now + 5 * DAY)
    row, = scheduled(org, "worker")
    assert (row.state, row.failure.split(",")[0]) == ("void", why)
    assert (member(org, "worker").status, member(org, "worker").access_ends_at) == (status, None)
    record, = actions(org, "plan.not_done")
    assert record["decision"] == {"outcome": "failure", "reason_code": row.failure}
    follow()
    assert "worker" in dict(letters(org, "scheduled-news"))
    assert str(row.failure) not in dict(letters(org, "scheduled-news"))["worker"]
    assert "administrator" in dict(letters(org, "scheduled-administrators"))


def test_daily_life_does_not_undo_what_was_agreed(world: World) -> None:
    """Nobody gets around it by making a token, being active, or a new title."""
    org, now = world.north, timezone.now()
    ask(org, "remove", "worker", now=now, not_before=now + 5 * DAY)
    arrange(lambda: token_for(org.person("worker")))
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(last_active_at=now + DAY, title="Chief", version=9))
    pass_time(now + 5 * DAY)
    assert states(org, "worker") == [("remove", "done")]


def test_everybody_is_told(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "suspend", "worker", now=now, not_before=now + 10 * DAY, message="See you in May", private_note="not for them")
    pass_time(now + 6 * DAY)
    assert actions(org, "plan.due_soon") == []
    for day in (7, 7.5, 9, 9.5):
        pass_time(now + day * DAY)
    assert len(actions(org, "plan.due_soon")) == 2
    ask(org, "reschedule", "worker", now=now + 9 * DAY, at=now + 20 * DAY)
    ask(org, "cancel-scheduled", "worker", now=now + 9 * DAY)
    follow()
    told = letters(org, "scheduled-news")
    assert sorted((name, text.split(" ")[0]) for name, text in told) == sorted(("worker", w) for w in ("On", "Soon,", "Soon,", "Moved", "It"))
    first = next(text for _name, text in told if text.startswith("On "))
    assert "See you in May" in first and "absence" in first and "not for them" not in "".join(text for _name, text in told)
    assert {name for name, _text in letters(org, "scheduled-administrators")} == {"owner", "second-owner", "administrator", "people-manager"}


def test_warnings_as_far_as_the_distance_allows(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "suspend", "worker", now=now, not_before=now + 2 * DAY)
    ask(org, "suspend", "guest", now=now, not_before=now + timedelta(hours=3))
    pass_time(now + timedelta(hours=1))
    assert actions(org, "plan.due_soon") == []
    pass_time(now + 1.5 * DAY)
    assert len(actions(org, "plan.due_soon")) == 1


def test_the_clock_jumps_forty_days(world: World) -> None:
    """Everything due happens once and in order; warnings that became pointless are not sent."""
    org, now = world.north, timezone.now()
    ask(org, "suspend", "worker", now=now, not_before=now + 10 * DAY, until=now + 20 * DAY)
    ask(org, "remove", "guest", now=now, not_before=now + 12 * DAY)
    ask(org, "suspend", "guest", now=now, not_before=now + 11 * DAY)
    ask(org, "suspend", "member", now=now, not_before=now + 41 * DAY)
    pass_time(now + 40 * DAY + timedelta(hours=12))
    assert (member(org, "worker").status, member(org, "guest").status, member(org, "member").status) == ("active", "removed", "active")
    happened = [r["action"] for r in actions(org, "membership.suspended", "membership.removed", "membership.restored", "plan.due_soon", "plan.not_done")]
    assert sorted(happened) == ["membership.removed", "membership.restored", "membership.suspended", "membership.suspended", "plan.due_soon"]
    pass_time(now + 40 * DAY + timedelta(hours=13))
    assert len(actions(org, "membership.suspended", "membership.removed", "membership.restored", "plan.due_soon")) == 5


def test_a_role_for_a_time(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "change-role", "worker", by="administrator", now=now, role="auditor", until=now + 5 * DAY)
    assert (member(org, "worker").role.slug, member(org, "worker").role_until) == ("auditor", now + 5 * DAY)
    with tenancy.scope(org=org.organization.id):
        standing = access.standing(account_id=org.person("worker").account_id, organization_id=org.organization.id, now=now + 6 * DAY)
        assert standing is not None and access.actor_in(standing, proof=org.actor("owner").proof).permissions == frozenset()
    arrange(lambda: Membership.objects.filter(id=org.person("administrator").id).update(role=org.roles["member"]))  # whoever gave it need not be there any more
    pass_time(now + 5 * DAY)
    assert (member(org, "worker").role.slug, member(org, "worker").role_until) == ("member", None)
    assert states(org, "worker") == [("change-role", "done")]


def test_deactivated_for_a_time(world: World) -> None:
    org, now = world.north, timezone.now()
    ask(org, "deactivate", "worker", now=now, until=now + 5 * DAY)
    pass_time(now + 4 * DAY)
    assert member(org, "worker").account.status == "deactivated"
    pass_time(now + 5 * DAY)
    assert member(org, "worker").account.status == "active"


def test_what_needs_two_people_needs_them_when_it_is_asked_for(world: World) -> None:
    org, now = world.north, timezone.now()
    receipt = ask(org, "suspend", "second-owner", now=now, not_before=now + 10 * DAY)
    assert receipt.plan_id
    arrange(lambda: Membership.objects.filter(id=org.person("administrator").id).update(role=org.roles["owner"]))
    with tenancy.scope(org=org.organization.id):
        row = Plan.objects.get(id=receipt.plan_id)
        approvals.decide(plan_id=row.id, actor=org.actor("administrator", now=now + timedelta(hours=1)), requester=approvals.requester(row), power=BY_SLUG["suspend"], approve=True, note="", now=now + timedelta(hours=1))
    assert states(org, "second-owner") == [("suspend", "scheduled")]
    assert member(org, "second-owner").status == "active"
    pass_time(now + 10 * DAY)
    assert member(org, "second-owner").status == "suspended"
    assert actions(org, "membership.suspended")[0]["delegation"]["approved_by"] == [str(org.person("administrator").account_id)]


def test_an_owner_without_an_end_stays(world: World) -> None:
    """An owner whose access has an end already does not count: when it comes, another must be left."""
    org, now = world.north, timezone.now()
    with tenancy.installation("a test with two owners"):
        arrange(lambda: scheduled_for(org.person("second-owner"), "suspend", due_at=now + 5 * DAY))
    arrange(lambda: Management.objects.filter(organization_id=org.organization.id).delete())
    with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refusal:
        door.perform(power=BY_SLUG["leave"], actor=org.actor("owner"), ids=[org.person("owner").id], data={}, now=now)
    assert refusal.value.codes == ["last_owner"]


def test_one_that_fails_does_not_stop_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, now = world.north, timezone.now()
    for name in ("worker", "guest", "member"):
        ask(org, "suspend", name, now=now, not_before=now + DAY)
    real, bad = door._do, org.person("guest").id

    def sometimes(work: object, judged: object, verdict: object, *more: object) -> None:
        if verdict.target.id == bad:  # type: ignore[attr-defined]
            raise ValueError("a defect")
        real(work, judged, verdict, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(door, "_do", sometimes)
    pass_time(now + DAY)
    assert [member(org, n).status for n in ("worker", "guest", "member")] == ["suspended", "active", "suspended"]
    assert works(org, "guest", now + DAY) == "access_over"
    monkeypatch.setattr(door, "_do", real)
    pass_time(now + DAY)
    assert member(org, "guest").status == "suspended"


def test_many_at_the_same_minute_are_done_together(world: World) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.cast import add_person

    org, now, counts = world.north, timezone.now(), []
    arrange(lambda: [org.people.update({f"m{n}": add_person(org, f"m{n}", "member", True, now)}) for n in range(40)])
    for first, last in ((0, 5), (5, 40)):
        ids = [org.person(f"m{n}").id for n in range(first, last)]
        falling.run(now=now + (first + 1) * DAY)  # what other tests left
        with tenancy.scope(org=org.organization.id):
            door.perform(power=BY_SLUG["restrict"], actor=org.actor("owner", now=now), ids=ids, data={**WHY, "mode": "read_only", "not_before": now + (first + 1) * DAY}, now=now)
        with CaptureQueriesContext(connection) as queries:
            falling.run(now=now + (first + 1) * DAY)
        counts.append(len(queries))
        assert {member(org, f"m{n}").status for n in range(first, last)} == {"restricted"}
    assert counts[1] <= counts[0] + 2


def test_of_several_one_has_to_be_named(world: World) -> None:
    """Nobody guesses which; not even where the form was left out altogether."""
    person = world.north.person("worker")
    arrange(lambda: (scheduled_for(person, "suspend"), scheduled_for(person, "restrict")))
    for slug, data in (("cancel-scheduled", {}), ("reschedule", {"at": (timezone.now() + 9 * DAY).isoformat()})):
        with tenancy.scope(org=world.north.organization.id), pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner"), ids=[person.id], data=data, now=timezone.now())
        assert refusal.value.codes == ["unknown_scheduled"]


def test_unknown_ones_are_not_found(world: World) -> None:
    with pytest.raises((NotFound, Refused, Stale)):
        ask(world.north, "cancel-scheduled", "worker", scheduled=str(world.contoso.person("member").id))
    assert due.run(now=timezone.now()) is None


def test_the_page_offers_what_is_scheduled(world: World) -> None:
    """In words; with the one that was chosen in the list; and of a person with one thing only, that."""
    org, person, made = world.north, world.north.person("worker"), []
    client, path = client_for(org.person("owner")), f"/o/{org.slug}/people/{person.id}/reschedule/"
    arrange(lambda: made.extend((scheduled_for(person, "suspend"), scheduled_for(person, "restrict"))))
    page = client.get(f"{path}?scheduled={made[1].id}").content.decode()
    assert f'<option value="{made[1].id}" selected>Restrict · ' in page and f'<option value="{made[0].id}">Suspend · ' in page and "Choose one" in page
    arrange(lambda: Plan.objects.filter(id=made[0].id).update(state=PlanState.CANCELLED))
    page = client.get(path).content.decode()
    assert page.count("<option") == 1 and "Restrict · " in page
