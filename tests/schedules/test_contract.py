"""The end of a contract: a day in the organization's zone, after which nothing of the person works here."""
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import access, brake, door, listing_query, policy, tenancy
from accounts.models import Account, Management, Membership, MembershipSnapshot, Organization, OrganizationPolicy, Plan
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, StepUpNeeded
from accounts.schedules import rules
from tests.browse import client_for
from tests.cast import World
from tests.schedules.stage import DAY, actions, ask, follow, letters, member, pass_time, scheduled, states, works
from tests.situations import arrange, domain_for, token_for

BERLIN = "Europe/Berlin"


@pytest.fixture
def berlin(world: World) -> World:
    arrange(lambda: Organization.objects.filter(id=world.north.organization.id).update(time_zone=BERLIN))
    return world


@pytest.mark.parametrize(("last", "over"), [
    (date(2027, 3, 27), datetime(2027, 3, 27, 23, tzinfo=UTC)), (date(2027, 3, 28), datetime(2027, 3, 28, 22, tzinfo=UTC)),
    (date(2027, 10, 30), datetime(2027, 10, 30, 22, tzinfo=UTC)), (date(2027, 10, 31), datetime(2027, 10, 31, 23, tzinfo=UTC)), (date(2028, 2, 29), datetime(2028, 2, 29, 23, tzinfo=UTC))])
def test_a_day_is_over_at_midnight_of_the_organization(last: date, over: datetime) -> None:
    assert (rules.over_after(last, BERLIN), rules.last_day(over, BERLIN)) == (over, last)
    assert rules.last_day(over + timedelta(microseconds=1), BERLIN) == last + DAY


def test_a_night_without_midnight() -> None:
    """Beirut turned the clocks at midnight: the day is over when the next one begins, at one."""
    assert rules.over_after(date(2022, 3, 26), "Asia/Beirut") == datetime(2022, 3, 26, 22, tzinfo=UTC)
    assert rules.last_day(datetime(2022, 3, 26, 22, tzinfo=UTC), "Asia/Beirut") == date(2022, 3, 26)


def test_from_the_day_it_is_set_to_the_day_it_is_over(berlin: World) -> None:
    org, made = berlin.north, []
    now = timezone.now()
    last = (now + 40 * DAY).date()
    over = rules.over_after(last, BERLIN)
    arrange(lambda: made.append(token_for(org.person("worker"), expires_at=now + 300 * DAY)))
    ask(org, "set-contract-end", "worker", by="people-manager", now=now, ends_on=last, message="Thank you", private_note="not for them")
    assert (member(org, "worker").contract_ends_on, member(org, "worker").access_ends_at, member(org, "worker").account.access_ends_at) == (last, over, over)
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/people/{org.person('worker').id}/").content.decode()
    assert f"<dd>{last}</dd>" in page and "End of the contract" in page and "The role was given until then" not in page
    assert "End of the contract" in client_for(org.person("owner")).get(f"/o/{org.slug}/scheduled/?power=end-contract").content.decode()
    with pytest.raises(Refused) as refusal:
        ask(org, "set-contract-end", "worker", now=now, ends_on=last)
    assert refusal.value.codes == ["nothing_to_change"]
    for before in (31, 29, 8, 6, 1.5, 0.5):
        pass_time(over - before * DAY)
    assert len(actions(org, "plan.due_soon")) == 3
    arrange(lambda: Membership.objects.filter(id=org.person("people-manager").id).update(role=org.roles["member"]))  # whoever set it need not be there any more
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(protected=True, role=org.roles["administrator"]))
    pass_time(over - timedelta(seconds=1))
    assert (member(org, "worker").status, works(org, "worker", over - timedelta(seconds=1)), works(org, "worker", over)) == ("active", "", "access_over")
    assert (access.check_token(secret=made[0][1], now=over - timedelta(seconds=1), ip="").refusal, access.check_token(secret=made[0][1], now=over, ip="").refusal) == ("", "access_over")
    pass_time(over)
    row = member(org, "worker")
    assert (row.status, row.reason_code, row.account.status, row.contract_ends_on, row.access_ends_at, row.account.access_ends_at) == ("removed", "contract_ended", "deactivated", last, None, None)
    assert states(org, "worker") == [("end-contract", "done")]
    record, = actions(org, "membership.contract_ended")
    assert (record["actor"]["type"], record["why"]["reason_code"], record["facts"]["deactivated"], record["facts"]["ends_on"]) == ("schedule", "contract_ended", True, last.isoformat())
    follow()
    assert ("worker", True) in [(name, "Thank you" in text and str(last) in text and "not for them" not in text) for name, text in letters(org, "set-contract-end")]
    assert "deactivated" in dict(letters(org, "end-contract"))["worker"]
    assert {"worker"} == {name for name, _text in letters(org, "scheduled-news")}
    assert "administrator" in {name for name, _text in letters(org, "scheduled-administrators")}
    pass_time(over + DAY)
    assert len(actions(org, "membership.contract_ended")) == 1
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(protected=False))
    ask(org, "restore", "worker", now=over + DAY)
    assert member(org, "worker").contract_ends_on is None


def test_whom_it_deactivates_is_decided_when_it_ends(world: World) -> None:
    org, now = world.north, timezone.now()
    for name in ("worker", "member"):
        ask(org, "set-contract-end", name, now=now, ends_on=(now + 5 * DAY).date())
    ask(org, "suspend", "worker", now=now, not_before=now + 20 * DAY)
    arrange(lambda: Management.objects.filter(account_id=org.person("worker").account_id).delete())
    pass_time(now + 7 * DAY)
    assert [(member(org, n).status, member(org, n).account.status) for n in ("worker", "member")] == [("removed", "active"), ("removed", "deactivated")]
    assert ("suspend", "superseded") in states(org, "worker")


def test_whose_account_is_left_alone(world: World) -> None:
    """A directory governs it, or its domain is contested, or only another organization manages it: the membership ends, the account stays. An invitation that was never accepted leaves nothing to bring back."""
    org, now, names = world.north, timezone.now(), ("worker", "member", "guest", "auditor")
    arrange(lambda: (Management.objects.filter(account_id=org.person("worker").account_id).update(basis="scim"),
                     Management.objects.filter(account_id=org.person("member").account_id).update(basis="domain_claim"), domain_for(org, f"{org.slug}.example", state="contested"),
                     Management.objects.create(account_id=org.person("guest").account_id, organization=world.contoso.organization, basis="created_by_org", since=now),
                     Membership.objects.filter(id=org.person("auditor").id).update(status="invited")))
    for name in names:
        ask(org, "set-contract-end", name, now=now, ends_on=(now + 2 * DAY).date())
    assert (member(org, "worker").account.access_ends_at, member(org, "guest").account.access_ends_at) == (None, None)
    pass_time(now + 4 * DAY)
    assert [(member(org, name).status, member(org, name).account.status) for name in names[:3]] == [("removed", "active")] * 3
    assert member(org, "auditor").status == "removed"
    with tenancy.installation("look"):
        assert set(MembershipSnapshot.objects.filter(organization=org.organization).values_list("membership_id", flat=True)) == {org.person(name).id for name in names[:3]}


def test_moved_and_cancelled(berlin: World) -> None:
    org, now = berlin.north, timezone.now()
    first, second = (now + 10 * DAY).date(), (now + 60 * DAY).date()
    ask(org, "set-contract-end", "worker", now=now, ends_on=first)
    ask(org, "set-contract-end", "worker", now=now, ends_on=second)
    assert (states(org, "worker"), member(org, "worker").contract_ends_on) == ([("end-contract", "scheduled")], second)
    ask(org, "reschedule", "worker", now=now, at=datetime.combine(first, datetime.min.time(), tzinfo=UTC) + timedelta(hours=15))
    row, = scheduled(org, "worker")
    assert (member(org, "worker").contract_ends_on, row.due_at, row.warned) == (first, rules.over_after(first, BERLIN), 1)
    with pytest.raises(Refused) as refusal:
        ask(org, "reschedule", "worker", now=now, at=datetime.combine(first, datetime.min.time(), tzinfo=UTC) + timedelta(hours=16))
    assert refusal.value.codes == ["nothing_to_change"]  # it is the day that counts
    ask(org, "cancel-scheduled", "worker", now=now)
    assert (member(org, "worker").contract_ends_on, member(org, "worker").access_ends_at, member(org, "worker").account.access_ends_at) == (None, None, None)
    pass_time(now + 11 * DAY)
    assert member(org, "worker").status == "active"
    ask(org, "set-contract-end", "worker", now=now, ends_on=second)
    ask(org, "remove", "worker", now=now)
    assert sorted(states(org, "worker")) == [("end-contract", "cancelled"), ("end-contract", "superseded")]


def test_the_same_day_in_another_zone(berlin: World) -> None:
    """What is decided keeps its moment when the organization moves; saying the day again moves it to the end of that day there."""
    org, now = berlin.north, timezone.now()
    last = (now + 10 * DAY).date()
    ask(org, "set-contract-end", "worker", now=now, ends_on=last)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        before = scheduled(org, "worker")[0].due_at
        arrange(lambda zone=zone: Organization.objects.filter(id=org.organization.id).update(time_zone=zone))
        assert scheduled(org, "worker")[0].due_at == before
        ask(org, "set-contract-end", "worker", now=now, ends_on=last)
        row, = scheduled(org, "worker")
        assert (row.due_at, member(org, "worker").access_ends_at) == (rules.over_after(last, zone),) * 2
    early = now.replace(hour=5)  # the day before is not over on Samoa, fourteen hours further east tomorrow has begun
    ask(org, "set-contract-end", "member", now=early, ends_on=early.date() - DAY)
    arrange(lambda: Organization.objects.filter(id=org.organization.id).update(time_zone="Pacific/Kiritimati"))
    with pytest.raises(Refused) as refusal:
        ask(org, "set-contract-end", "guest", now=now.replace(hour=12), ends_on=now.date())
    assert refusal.value.codes == ["day_over"]


def test_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, now = world.north, timezone.now()
    for name, by, ends_on, code in (("worker", "owner", now.date() - 2 * DAY, "day_over"), ("administrator", "people-manager", now.date() + 9 * DAY, "rank"), ("worker", "auditor", now.date() + 9 * DAY, "no_permission")):
        with pytest.raises(Refused) as refusal:
            ask(org, "set-contract-end", name, by=by, now=now, ends_on=ends_on)
        assert refusal.value.codes == [code]
    arrange(lambda: Account.objects.filter(id=org.person("guest").account_id).update(kind="service"))
    with pytest.raises(Refused) as refusal:
        ask(org, "set-contract-end", "guest", now=now, ends_on=now.date() + 9 * DAY)
    assert refusal.value.codes == ["service_account"]
    with tenancy.scope(org=org.organization.id), pytest.raises(StepUpNeeded) as needed:
        door.perform(power=BY_SLUG["set-contract-end"], actor=org.actor("owner", tier=1, now=now), ids=[org.person("worker").id], data={"ends_on": now.date() + 9 * DAY}, now=now)
    assert needed.value.tier == 2
    monkeypatch.setattr(brake, "limit", lambda _people: 1)
    ask(org, "set-contract-end", "worker", by="people-manager", now=now, ends_on=now.date() + 9 * DAY)
    with pytest.raises(Refused) as refusal:
        ask(org, "set-contract-end", "member", by="people-manager", now=now, ends_on=now.date() + 9 * DAY)
    assert refusal.value.codes == ["actor_paused"]
    assert ask(org, "set-contract-end", "second-owner", now=now, ends_on=now.date() + 9 * DAY).plan_id  # a second owner is asked


def test_the_last_owner_stays(world: World) -> None:
    """Who was not the last owner when the day was set may be when it is over; that is said, not done."""
    org, now = world.north, timezone.now()
    ask(org, "set-contract-end", "worker", now=now, ends_on=now.date() + DAY)
    arrange(lambda: (Membership.objects.filter(organization=org.organization, role=org.roles["owner"]).update(role=org.roles["member"]), Membership.objects.filter(id=org.person("worker").id).update(role=org.roles["owner"])))
    pass_time(now + 3 * DAY)
    assert (member(org, "worker").status, member(org, "worker").contract_ends_on, member(org, "worker").access_ends_at) == ("active", None, None)
    assert (scheduled(org, "worker")[0].state, scheduled(org, "worker")[0].failure) == ("void", "last_owner")


def test_reminders_as_the_organization_decided(world: World) -> None:
    org, now = world.north, timezone.now()
    arrange(lambda: OrganizationPolicy.objects.create(organization=org.organization, contract_reminders="90, 2"))
    with tenancy.scope(org=org.organization.id):
        assert policy.of(org.organization.id).reminders == (90 * DAY, 2 * DAY)
    ask(org, "set-contract-end", "worker", now=now, ends_on=now.date() + 100 * DAY)
    for day in (5, 20, 80, 97, 98.1, 99.9):
        pass_time(now + day * DAY)
    assert len(actions(org, "plan.due_soon")) == 2


def test_the_list_shows_whose_contract_ends_soon(world: World) -> None:
    org, now = world.north, timezone.now()
    for name, days in (("worker", 20), ("guest", 50)):
        ask(org, "set-contract-end", name, now=now, ends_on=now.date() + days * DAY)
    with tenancy.scope(org=org.organization.id):
        found = listing_query.page(organization_id=org.organization.id, want=listing_query.wanted({"due": "contract"}))
    assert [row.id for row in found.rows] == [org.person("worker").id]
    assert "The contract of 1 person ends within 30 days." in client_for(org.person("owner")).get(f"/o/{org.slug}/overview/").content.decode()


def test_an_invitation_ends_with_the_contract(world: World) -> None:
    org, now = world.north, timezone.now()
    row = {"email": "short@elsewhere.example", "contract_ends_on": (now + 3 * DAY).date().isoformat()}
    for bad, code in (("2027-02-30", "invalid_value"), ((now - 3 * DAY).date().isoformat(), "day_over"), ("9999-12-31", "invalid_value")):
        with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["import-people"], actor=org.actor("owner", now=now), data={"rows": [{**row, "contract_ends_on": bad}]}, now=now)
        assert refusal.value.codes == [code]
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["import-people"], actor=org.actor("owner", now=now), data={"rows": [row]}, now=now)
        made = Membership.objects.get(account__email="short@elsewhere.example")
        assert (made.contract_ends_on, Plan.objects.get(subject=made.id).power, made.access_ends_at) == ((now + 3 * DAY).date(), "end-contract", Plan.objects.get(subject=made.id).due_at)
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["import-people"], actor=org.actor("owner", now=now), data={"rows": [{"email": org.person("worker").account.email, "contract_ends_on": row["contract_ends_on"]}]}, now=now)
        assert refusal.value.codes[0] == "contract_elsewhere"
    pass_time(now + 5 * DAY)
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=made.id).status == "removed"


def test_by_file(world: World) -> None:
    """The last day, and a time before which an act does not happen, each in a column of the file of acts."""
    from accounts import act_file

    line = {"action": "set-contract-end", "ends_on": "2030-06-30", "message": "Thank you"}
    assert act_file.data_of(BY_SLUG["set-contract-end"], line) == {"ends_on": date(2030, 6, 30), "message": "Thank you"}
    later = act_file.data_of(BY_SLUG["suspend"], {"action": "suspend", "reason_code": "absence", "not_before": "2030-01-02T09:00:00Z"})
    assert later is not None and later["not_before"] == datetime(2030, 1, 2, 9, tzinfo=UTC)
    for wrong in ({"action": "suspend", "reason_code": "absence", "ends_on": "2030-06-30"}, {"action": "set-contract-end"}, {"action": "set-contract-end", "ends_on": "30.6.2030"}):
        assert act_file.data_of(BY_SLUG[wrong["action"]], wrong) is None
