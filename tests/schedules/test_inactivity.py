"""The inactivity rule: warned twice, suspended by the clock, decided anew for each, and never those who are left out."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import brake, door, listing_query, tenancy
from accounts.inactivity import rules, running
from accounts.models import Account, ApiToken, GroupMembership, Membership, NoticeVersion, OrganizationPolicy
from accounts.models import Group as OfPeople
from accounts.powers import BY_SLUG, inactivity
from accounts.reasons import Refused, StepUpNeeded
from accounts.work import plain
from audit import holds
from tests.browse import client_for
from tests.cast import Org, World
from tests.faults.test_races import at_once
from tests.schedules.stage import DAY, actions, ask, follow, letters, member
from tests.situations import arrange, token_for

NAMES = ("administrator", "auditor", "guest", "help-desk", "worker")
RULE = rules.Rule(90, datetime(2027, 1, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def no_rule_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """The clock looks at every organization, also at those of other tests."""
    yield
    if "world" in request.fixturenames:
        arrange(lambda: OrganizationPolicy.objects.update(inactive_days=None, inactive_since=None))


@pytest.mark.parametrize(("used", "warned", "reminded", "now", "step", "ends"), [
    (-200, None, None, 0, "warn", 14), (-76, None, None, -0.1, "", 14), (-70, None, None, 5, "", 20), (-70, None, None, 6, "warn", 20), (-70, None, None, 30, "warn", 44),
    (-200, 0, None, 10.9, "", 14), (-200, 0, None, 11, "remind", 14), (-200, 0, None, 40, "remind", 43),
    (-200, 0, 11, 13.9, "", 14), (-200, 0, 11, 14, "suspend", 14), (-200, 0, 13, 15, "", 16), (-200, 0, 13, 16, "suspend", 16),
    (-200, -1, None, 0, "warn", 14),  # warned under an earlier rule
    (1, 0, 11, 14, "", 91), (1, 0, 11, 77, "warn", 91), (5, 5, 16, 19, "", 95)])  # came back since
def test_what_is_to_be_done(used: float, warned: float | None, reminded: float | None, now: float, step: str, ends: float) -> None:
    def at(days: float | None) -> Any:
        return None if days is None else RULE.since + timedelta(days=days)

    assert rules.step(RULE, rules.Stand(at(used), at(warned), at(reminded)), at(now)) == (step, at(ends))


def noon() -> datetime:
    """Today at noon: what is counted by days must not depend on when the tests run."""
    return timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)


def idle(org: Org, days: float, *names: str, now: datetime) -> None:
    """These people were last here so many days ago."""
    long_ago = now - timedelta(days=days)
    ids = [org.person(name).id for name in names]
    arrange(lambda: (Membership.objects.filter(id__in=ids).update(created_at=now - 900 * DAY, joined_at=now - 900 * DAY, last_active_at=long_ago),
                     Account.objects.filter(memberships__in=ids).update(last_active_at=now - 900 * DAY)))


def decide(org: Org, days: int | None, now: datetime, by: str = "owner", tier: int = 2) -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["set-inactivity-rule"], actor=org.actor(by, tier=tier, now=now), data={"days": days}, now=now)


def statuses(org: Org, *names: str) -> list[str]:
    return [member(org, name).status for name in names]


def test_from_the_rule_to_the_suspension_and_back(world: World) -> None:
    org, now = world.north, noon()
    arrange(lambda: token_for(org.person("administrator")))
    idle(org, 200, *NAMES, now=now)
    running.run(now=now)
    assert actions(org, *running.EVENTS.values()) == []  # there is no rule
    decide(org, 90, now)
    for days in (0, 0.1, 1, 5):
        running.run(now=now + days * DAY)
    warned = actions(org, running.EVENTS["warn"])
    assert len(warned) == len(NAMES) and {record["facts"]["ends_at"] for record in warned} == {plain(now + 14 * DAY)}
    page = client_for(org.person("owner"))
    assert f"{len(NAMES)} people are suspended for inactivity within 14 days" in page.get(f"/o/{org.slug}/overview/").content.decode()
    assert "Worker Person" in page.get(f"/o/{org.slug}/people/?due=inactive").content.decode()
    arrange(lambda: Membership.objects.filter(id=org.person("guest").id).update(last_active_at=now + 9 * DAY))  # opened a page
    arrange(lambda: ApiToken.objects.filter(membership=org.person("administrator")).update(last_used_at=now + 9 * DAY))
    arrange(lambda: Account.objects.filter(id=org.person("auditor").account_id).update(last_active_at=now + 9 * DAY))  # signed in, and the organization manages the account
    with tenancy.scope(org=org.organization.id):
        assert {row.email.split("@")[0] for row in listing_query.page(organization_id=org.organization.id, want=listing_query.wanted({"due": "inactive"})).rows} == {"help-desk", "worker"}
    for days in (11, 11.1, 12, 13.9):
        running.run(now=now + days * DAY)
    assert len(actions(org, running.EVENTS["remind"])) == 2
    assert set(statuses(org, *NAMES)) == {"active"}
    for days in (14, 14.1, 15, 20):
        running.run(now=now + days * DAY)
    assert statuses(org, *NAMES) == ["active", "active", "active", "suspended", "suspended"]
    assert (member(org, "worker").reason_code, member(org, "worker").account.status) == ("inactive", "active")
    records = actions(org, "membership.suspended_inactive")
    assert [(r["actor"]["type"], r["why"]["reason_code"], r["facts"]["days"]) for r in records] == [("schedule", "inactive", 90)] * 2
    assert [(r["facts"]["warned"], r["facts"]["reminded"], r["facts"]["suspended"]) for r in actions(org, running.REPORT)] == [(5, 0, 0), (0, 2, 0), (0, 0, 2)]
    follow()
    told = letters(org, "inactivity-warning")
    assert sorted(name for name, _text in told) == sorted([*NAMES, "help-desk", "worker"])
    assert all(f"/o/{org.slug}/" in text and "90 days" in text for _name, text in told)
    assert {name for name, _text in letters(org, "suspend-inactive")} == {"help-desk", "worker"}
    report = [text for name, text in letters(org, "inactivity-report") if name == "owner"]
    assert len(report) == 3 and "5 people were warned for the first time" in report[0] and "2 people were suspended" in report[2]
    ask(org, "restore", "worker", now=now + 21 * DAY)
    running.run(now=now + 21 * DAY)
    assert (member(org, "worker").status, len(actions(org, running.EVENTS["warn"]))) == ("active", len(NAMES))  # whoever was given back begins anew
    running.run(now=now + 21 * DAY + 76 * DAY)
    assert len(actions(org, running.EVENTS["warn"])) > len(NAMES)


def test_whom_it_leaves_out(world: World) -> None:
    org, now = world.north, noon()
    idle(org, 300, *[name for name in org.people], now=now)
    idle(world.contoso, 300, *[name for name in world.contoso.people], now=now)
    elsewhere = world.contoso

    def kept() -> None:
        rows = Membership.objects
        rows.filter(id=org.person("legal").id).update(protected=True)
        rows.filter(id=org.person("member").id).update(status="invited")
        rows.filter(id=org.person("privacy-officer").id).update(use_restricted=True)
        rows.filter(id=org.person("security").id).update(status="restricted")
        Account.objects.filter(id=org.person("app-manager").account_id).update(kind="service")
        owners = OfPeople.objects.create(organization=org.organization, name="Owners", role=org.roles["owner"], created_at=now)
        GroupMembership.objects.create(organization=org.organization, group=owners, membership=org.person("people-manager"))
        holds.place(org=org.organization.id, kind="subject", subject=org.person("worker").account_id, matter="m", ground="g", by=None, now=now)
        holds.place(org=elsewhere.organization.id, kind="subject", subject=org.person("guest").account_id, matter="m", ground="g", by=None, now=now)  # none of our business
        Account.objects.filter(id=org.person("guest").account_id).update(last_active_at=now)  # nor is it where somebody whom nobody here manages signs in

    arrange(kept)
    decide(org, 30, now)
    shown = client_for(org.person("owner")).get(f"/o/{org.slug}/settings/inactivity/").content.decode()
    for days in (0, 11, 14):
        running.run(now=now + days * DAY)
    gone = {name for name in org.people if member(org, name).status == "suspended"}
    assert gone == {"administrator", "auditor", "guest", "help-desk", "security"}
    assert len(actions(org, running.EVENTS["warn"])) == len(gone)  # nobody else is written to
    assert "5 people have not used anything here" in shown and {n for n in org.people if f"{n.title()} Person" in shown.partition("<tbody>")[2]} == gone
    assert {m.status for m in map(lambda n: member(elsewhere, n), elsewhere.people)} == {"active"}  # the rule of one organization is none of another
    arrange(lambda: Membership.objects.filter(id=org.person("privacy-officer").id).update(use_restricted=False))


def test_decided_anew_in_the_last_moment(world: World) -> None:
    """Who came back between the look and the act stays, and who is protected, held or made an owner meanwhile."""
    org, now = world.north, noon()
    idle(org, 200, *NAMES, now=now)
    decide(org, 90, now)
    running.run(now=now)
    running.run(now=now + 11 * DAY)
    at = now + 14 * DAY
    arrange(lambda: (Membership.objects.filter(id=org.person("guest").id).update(last_active_at=at), Membership.objects.filter(id=org.person("auditor").id).update(protected=True),
                     Membership.objects.filter(id=org.person("help-desk").id).update(role=org.roles["owner"]),
                     holds.place(org=org.organization.id, kind="subject", subject=org.person("administrator").account_id, matter="m", ground="g", by=None, now=at)))
    with tenancy.scope(org=org.organization.id):
        done = door.perform(power=inactivity.END, actor=running.schedule(org.organization.id), ids=[org.person(n).id for n in NAMES], data={"reason_code": "inactive"}, now=at, partial=True)
    assert done.targets == (str(org.person("worker").id),)
    assert statuses(org, *NAMES) == ["active", "active", "active", "active", "suspended"]


def test_changed_and_turned_off(world: World) -> None:
    org, now = world.north, noon()
    idle(org, 70, "worker", now=now)
    decide(org, 60, now)
    running.run(now=now)
    decide(org, 65, now + 13 * DAY)  # another rule: everybody is told anew
    for days in (13, 14, 24, 26):
        running.run(now=now + days * DAY)
    assert member(org, "worker").status == "active" and len(actions(org, running.EVENTS["warn"])) == 2
    decide(org, None, now + 26 * DAY)
    running.run(now=now + 60 * DAY)
    assert member(org, "worker").status == "active"
    with tenancy.scope(org=org.organization.id):
        assert listing_query.page(organization_id=org.organization.id, want=listing_query.wanted({"due": "inactive"})).rows == []
    assert [(r["facts"]["days_before"], r["facts"]["days"]) for r in actions(org, "policy.inactivity_set")] == [(None, 60), (60, 65), (65, None)]


def test_only_so_many_in_a_day_and_two_clocks_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, now = world.north, noon()
    monkeypatch.setattr(brake, "limit", lambda _people: 2)
    for number, name in enumerate(NAMES):
        idle(org, 200 + number, name, now=now)
    decide(org, 90, now)
    for days in (0, 11):
        assert at_once(world, *[lambda days=days: running.run(now=now + days * DAY)] * 3) == [None] * 3
    assert [len(actions(org, event)) for event in (*running.EVENTS.values(), running.REPORT)] == [5, 5, 2]
    assert at_once(world, *[lambda: running.run(now=now + 14 * DAY)] * 3) == [None] * 3
    assert statuses(org, *NAMES) == ["active", "active", "active", "suspended", "suspended"]  # whoever stayed away longest
    assert actions(org, running.REPORT)[-1]["facts"] == {"days": 90, "warned": 0, "reminded": 0, "suspended": 2, "waiting": 3}
    ask(org, "restore", "worker", now=now + 14 * DAY + timedelta(minutes=1))
    running.run(now=now + 14 * DAY + timedelta(minutes=2))  # a day that was reported is over
    assert statuses(org, *NAMES) == ["active", "active", "active", "suspended", "active"]
    for days in (15, 16, 17):
        running.run(now=now + days * DAY)
    assert statuses(org, *NAMES) == ["suspended", "suspended", "suspended", "suspended", "active"]
    assert len(actions(org, "membership.suspended_inactive")) == 5


def test_a_kill_between_the_steps_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was done before stays done once; the report counts all of the day."""
    org, now = world.north, noon()
    idle(org, 200, *NAMES, now=now)
    decide(org, 90, now)
    running.run(now=now)
    running.run(now=now + 11 * DAY)
    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(brake, "limit", lambda _people: 3)
    perform, calls = door.perform, []

    def killed(**more: Any) -> door.Receipt:
        calls.extend([1] * (more["actor"].organization_id == org.organization.id))
        if len(calls) == 2:
            raise SystemExit
        return perform(**more)

    monkeypatch.setattr(door, "perform", killed)
    with pytest.raises(SystemExit):
        running.run(now=now + 14 * DAY)
    assert statuses(org, *NAMES).count("suspended") == 2
    running.run(now=now + 14 * DAY)
    assert statuses(org, *NAMES).count("suspended") == 3 == len(actions(org, "membership.suspended_inactive"))  # what was done before the kill counts for the day
    assert (actions(org, running.REPORT)[-1]["facts"]["suspended"], actions(org, running.REPORT)[-1]["facts"]["waiting"]) == (3, 2)
    running.run(now=now + 15 * DAY)
    assert statuses(org, *NAMES).count("suspended") == 5 == len(actions(org, "membership.suspended_inactive"))


def test_refused_and_previewed_on_every_surface(world: World) -> None:
    org, now = world.north, noon()
    idle(org, 100, "worker", "guest", now=now)
    client, made, path = client_for(org.person("owner")), [], f"/o/{org.slug}/do/set-inactivity-rule/"
    arrange(lambda: made.append(token_for(org.person("administrator"), sensitive=True)))
    for days in ("29", "731", "-90", "ninety", "9" * 500, "90.5"):
        assert client.post(path, {"days": days}).status_code == 422, days
        page = client.get(f"/o/{org.slug}/settings/inactivity/", {"days": days})
        assert page.status_code == 200 and "Write a number from 30 to 730" in page.content.decode(), days
    with pytest.raises(Refused) as refusal:
        decide(org, None, now)
    assert refusal.value.codes == ["nothing_to_change"]
    with pytest.raises(Refused) as refusal:
        decide(org, 90, now, by="people-manager")
    assert refusal.value.codes == ["no_permission"]
    with pytest.raises(StepUpNeeded):
        decide(org, 90, now, tier=1)
    shown = client.get(f"/o/{org.slug}/settings/inactivity/?days=90").content.decode()
    assert "2 people have not used anything here for 90 days" in shown and "Worker Person" in shown and "?days=90" in shown
    assert "2 people have not used anything" in client.get(path + "?days=90").content.decode()
    headers = {"Authorization": f"Bearer {made[0][1]}"}
    answer = Client().get(f"/api/v1/orgs/{org.slug}/inactivity/?days=90&limit=1", headers=headers).json()
    assert (answer["in_force"], answer["count"], len(answer["people"]), answer["next"] is not None) == (False, 2, 1, True)
    assert Client().get(f"/api/v1/orgs/{org.slug}/inactivity/?days=29", headers=headers).status_code == 422
    named = [slug for slug in BY_SLUG if slug != "set-inactivity-rule"]
    arrange(lambda: NoticeVersion.objects.filter(organization=org.organization).update(powers=named, meanwhile=named))
    with pytest.raises(Refused) as refusal:
        decide(org, 90, now)
    assert refusal.value.codes == ["policy_off"]
    arrange(lambda: OrganizationPolicy.objects.create(organization=org.organization, inactive_days=90, inactive_since=now - DAY))
    running.run(now=now)
    assert actions(org, running.EVENTS["warn"]) == []  # time does not pass by the notice
    decide(org, None, now)  # turning it off is always possible
