"""Accounts that nobody uses: three warnings that left the house, then closed, then deleted; kept by one sign-in; and never those that are left out (policy C1, C3)."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import door, outbox, own_deletion, purging, tenancy
from accounts.dormant import people, rules, running
from accounts.models import Account, ApiToken, Deletion, Dispute, Dormancy, Mail, Management, Membership, OrganizationPolicy, Tombstone
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import holds, subscribers
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.dsar.copies import numbered
from tests.schedules.stage import actions
from tests.situations import arrange, case_for, domain_for, token_for

DAY = timedelta(days=1)
RULE = rules.Rule(365, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def no_rule_stays(request: pytest.FixtureRequest, settings: Any) -> Iterator[None]:
    """The clock looks at every account, also at those of other tests."""
    settings.INACTIVE_ACCOUNT_DAYS = 0
    yield
    if "world" in request.fixturenames:
        arrange(lambda: (OrganizationPolicy.objects.update(unused_days=None, unused_since=None), Dormancy.objects.all().delete()))


@pytest.mark.parametrize(("used", "told", "now", "step", "ends"), [
    (0, (), 304.9, "", 365), (0, (), 305, "warn", 365), (0, (), 500, "warn", 560), (0, (305,), 334.9, "", 365), (0, (305,), 335, "warn", 365), (0, (305, 335), 358, "warn", 365),
    (0, (305, 335, 358), 364.9, "", 365), (0, (305, 335, 358), 365, "close", 365), (0, (305, 335, 364), 370.9, "", 371), (0, (305, 335, 364), 371, "close", 371), (0, (305, 400), 420, "", 430),
    (310, (305, 335, 358), 365, "", 675), (-500, (-100,), 0, "warn", 60), (-500, (), 0, "warn", 60)])
def test_what_is_to_be_done(used: float, told: tuple[float, ...], now: float, step: str, ends: float) -> None:
    at = lambda days: RULE.since + timedelta(days=days)  # noqa: E731
    assert rules.step(RULE, at(used), [at(one) for one in told], at(now)) == (step, at(ends))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(used=st.integers(0, 800), first=st.integers(0, 900), gaps=st.tuples(st.integers(0, 60), st.integers(0, 60)), later=st.integers(0, 70))
def test_nobody_is_closed_with_less_than_was_promised(used: int, first: int, gaps: tuple[int, int], later: int) -> None:
    at = lambda days: RULE.since + timedelta(days=days)  # noqa: E731
    told, now = [at(first), at(first + gaps[0]), at(first + sum(gaps))], first + sum(gaps) + later
    step, ends = rules.step(RULE, at(used), told, at(now))
    if step == "close":
        assert now >= used + 365 and all(one > at(used) and at(now) - one >= before for one, before in zip(told, rules.WARNED, strict=True)) and ends <= at(now)


def unused(org: Org, days: float, *names: str, now: datetime) -> None:
    """Nobody has used the accounts of these people for so many days, in whatever way."""
    at = now - timedelta(days=days)
    ids = [org.person(name).account_id for name in names]
    arrange(lambda: (Account.objects.filter(id__in=ids).update(created_at=at, last_active_at=None, last_login=None, status_changed_at=None),
                     Membership.objects.filter(account_id__in=ids).update(created_at=at, joined_at=at, last_active_at=None, status_changed_at=None)))


def decide(org: Org, days: int | None, now: datetime, by: str = "owner") -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["set-unused-accounts-rule"], actor=org.actor(by, now=now), data={"days": days}, now=now)


def account(org: Org, name: str) -> Account:
    return Account.objects.get(id=org.person(name).account_id)


def sent(now: datetime) -> None:
    """What is owed leaves the house now."""
    numbered()
    with tenancy.installation("a test sends"):
        subscribers.drain()
        while outbox.deliver(now=now):
            pass
        Mail.objects.filter(template__startswith="unused-account", sent_at__isnull=False, sent_at__gt=now).update(sent_at=now)


def days_pass(start: datetime, until: int, *, step: int = 1, first: int = 0) -> datetime:
    for day in range(first, until + 1, step):
        running.run(now=start + day * DAY)
        sent(start + day * DAY)
    return start + until * DAY


def test_a_managed_account_from_the_rule_to_the_tombstone(world: World) -> None:
    """Three letters, a report, closed, deleted after the organization's grace. Whoever signs in stays, and whoever came back after it was closed too."""
    org, now = world.north, datetime.now(UTC).replace(hour=12)
    unused(org, 400, "worker", "auditor", "guest", "member", now=now)
    arrange(lambda: Membership.objects.filter(id=org.person("member").id).update(status="removed"))  # who left is managed all the same
    running.run(now=now)
    assert not actions(org, running.WARNED), "there is no rule"
    decide(org, 365, now)
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/settings/unused/").content.decode()
    assert "3 accounts have not been used" in page and "Worker Person" in page and "Guest Person" not in page
    assert client_for(org.person("owner")).get(f"/api/v1/orgs/{org.slug}/unused-accounts/").json() | {"decided_at": 0} == {"days": 365, "decided_at": 0, "in_force": True, "count": 3}
    days_pass(now, 35, step=5)
    assert [(r["facts"]["number"], r["facts"]["of"]) for r in actions(org, running.WARNED)] == [(1, 3)] * 3 + [(2, 3)] * 3
    arrange(lambda: Account.objects.filter(id=org.person("auditor").account_id).update(last_active_at=now + 40 * DAY))  # one click
    days_pass(now, 59, step=2, first=37)
    assert account(org, "worker").status == "active" and len(actions(org, running.BACK)) == 1
    days_pass(now, 61, first=60)
    assert [account(org, name).status for name in ("worker", "auditor", "guest", "member")] == ["pending_deletion", "active", "active", "pending_deletion"]
    with tenancy.installation("look"):
        row = Deletion.objects.get(account=org.person("worker").account_id)
        assert (row.reason_code, row.by_person, row.organization_id, (row.purge_at - row.scheduled_at).days) == ("unused", True, org.organization.id, 14) and not Dormancy.objects.filter(account=row.account).exists()
    with tenancy.installation("look"):
        told = list(Mail.objects.filter(account=org.person("worker").account_id, template="unused-account").order_by("created_at").values_list("body", flat=True))
        reports = Mail.objects.filter(account=org.person("owner").account_id, template="unused-accounts-report").count()
    assert len(told) == 4 and "sign in once" in told[0] and "was closed" in told[3] and "[link removed]" in told[3] and reports >= 3
    with tenancy.installation("look"):
        back = Deletion.objects.get(account=org.person("member").account_id)
    own_deletion.keep(own_deletion.link(back).rstrip("/").rpartition("/")[2], now=now + 62 * DAY)
    assert account(org, "member").status == "active", "taken back by its holder"
    at = now + 61 * DAY + 11 * DAY + timedelta(hours=1)
    purging.run(now=at)
    sent(at)
    purging.run(now=at + 4 * DAY)
    assert account(org, "worker").status == "purged"
    with tenancy.installation("look"):
        stone = Tombstone.objects.get(account=org.person("worker").account_id)
    assert (stone.reason_code, stone.by_person) == ("unused", False), "nobody asked for it"
    running.run(now=now + 80 * DAY)
    assert len([r for r in actions(org, running.WARNED) if r["targets"][0]["id"] == str(org.person("member").account_id)]) == 3, "taking it back is a use"


def test_what_was_not_sent_has_warned_nobody(world: World, settings: Any) -> None:
    """The mail server is away: nobody is closed until the last letter left seven days ago, or was given up. A clock that leaps warns first."""
    org, now = world.north, datetime.now(UTC)
    settings.INACTIVE_ACCOUNT_DAYS = 365
    unused(org, 2000, "guest", now=now)
    start = now
    for day in (0, 30, 53):
        running.run(now=start + day * DAY)
    for day in (60, 90):
        running.run(now=start + day * DAY)
        assert account(org, "guest").status == "active", "nothing was read from the log"
    numbered()
    with tenancy.installation("a test reads"):
        subscribers.drain()
    running.run(now=start + 100 * DAY)
    assert account(org, "guest").status == "active", "the letters wait to be sent"
    sent(start + 100 * DAY)
    running.run(now=start + 106 * DAY)
    assert account(org, "guest").status == "active"
    running.run(now=start + 107 * DAY)
    assert account(org, "guest").status == "pending_deletion"
    with tenancy.installation("look"):
        row = Deletion.objects.get(account=org.person("guest").account_id)
    assert row.organization_id is None and (row.purge_at - row.scheduled_at).days == settings.OWN_DELETION_DAYS
    with tenancy.installation("look"):
        assert [mail.template for mail in Mail.objects.filter(account=row.account, organization_id=None).exclude(template="own-security")] == ["unused-account"] * 3


def test_who_is_left_out(world: World, settings: Any) -> None:
    """Owners, protected, held, disputed, restricted, with an open request, locked, governed by a directory, under a contested domain, operators, programs; and whoever used anything anywhere."""
    org, other, now = world.north, world.contoso, datetime.now(UTC)
    settings.INACTIVE_ACCOUNT_DAYS = 365
    names = ("held", "disputed", "restricted", "protected", "asking", "locked", "scim", "operator", "token", "elsewhere", "owns", "plain")
    arrange(lambda: [add_person(org, name, "member", True, now) for name in names])
    ids = {name: org.person(name).account_id for name in names}
    unused(org, 800, *names, "owner", now=now)

    def states() -> None:
        holds.place(org=org.organization.id, kind="subject", subject=ids["held"], matter="M", ground="g", by=None, now=now)
        Dispute.objects.create(id=uuid.uuid4(), account_id=ids["disputed"], since=now)
        Membership.objects.filter(account_id=ids["restricted"]).update(use_restricted=True)
        Membership.objects.filter(account_id=ids["protected"]).update(protected=True)
        case_for(org.person("asking"), "R-7777-8888")
        Account.objects.filter(id=ids["locked"]).update(status="locked")
        Management.objects.filter(account_id=ids["scim"]).update(basis="scim")
        Account.objects.filter(id=ids["operator"]).update(is_operator=True)
        ApiToken.objects.filter(id=token_for(org.person("token"))[0].id).update(last_used_at=now - DAY)
        for name, role, at in (("elsewhere", "member", now - DAY), ("owns", "owner", None)):
            Membership.objects.create(organization=other.organization, account_id=ids[name], role=other.roles[role], status="active", created_at=now - 800 * DAY, last_active_at=at)

    arrange(states)
    rule = rules.Rule(365, now)
    with tenancy.installation("look"):
        found = {one.account for one in people.unused(people.of_organization(org.organization.id, rule), before=now - 305 * DAY)}
    assert found == {ids["plain"]}
    arrange(lambda: Management.objects.filter(account_id__in=ids.values()).delete())
    with tenancy.installation("look"):
        free = {one.account for whose in people.of_installation() for one in people.unused(whose, before=now - 305 * DAY, ids=[*ids.values(), org.person("owner").account_id])}
    assert free == {ids["plain"], ids["scim"]}, "the same by the installation's rule, but for what a directory governed"


def test_an_address_that_nobody_confirmed(world: World, settings: Any) -> None:
    """One letter, because it may go to a stranger; then it goes. One that is confirmed or in an organization is under the long rule."""
    settings.INACTIVE_ACCOUNT_DAYS = 365
    org, now, made = world.north, datetime.now(UTC), {}

    def make() -> None:
        for name, confirmed in (("stranger", None), ("confirmed", now)):
            address = f"{name}-{uuid.uuid4().hex[:8]}@home.example"
            made[name] = Account.objects.create(id=uuid.uuid4(), email=address, email_key=address, password="!", created_at=now - 40 * DAY, email_verified_at=confirmed)

    arrange(make)
    for day in (0, 1, 6, 8):
        running.run(now=now + day * DAY)
        sent(now + day * DAY)
    states = {name: Account.objects.get(id=row.id).status for name, row in made.items()}
    with tenancy.installation("look"):
        texts = [mail.body for mail in Mail.objects.filter(account=made["stranger"], template="unused-account").order_by("created_at")]
    assert states == {"stranger": "pending_deletion", "confirmed": "active"} and len(texts) == 2 and "never confirmed" in texts[0] and org
    settings.INACTIVE_ACCOUNT_DAYS = 0
    with tenancy.installation("look"):
        assert people.of_installation() == [], "switched off"


def test_the_brake_and_a_contested_domain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not more in a day than one administrator could; nobody under a contested domain, not even when it is scheduled already."""
    org, now = world.north, datetime.now(UTC).replace(hour=12)
    names = [f"idle{n}" for n in range(4)]
    arrange(lambda: [add_person(org, name, "member", True, now) for name in names])
    unused(org, 500, *names, now=now)
    decide(org, 365, now - 100 * DAY)
    told = [now - 70 * DAY, now - 40 * DAY, now - 10 * DAY]
    arrange(lambda: [Dormancy.objects.create(organization=org.organization, account_id=org.person(name).account_id, told=told, warning=None) for name in names])
    monkeypatch.setattr(running, "heard", lambda *_any: True)
    monkeypatch.setattr(running.brake, "limit", lambda _n: 2)

    def closed() -> int:
        return Account.objects.filter(id__in=[org.person(name).account_id for name in names], status="pending_deletion").count()

    for _twice in range(2):
        running.run(now=now)
    assert closed() == 2 and actions(org, running.REPORT)[-1]["facts"]["waiting"] == 2
    arrange(lambda: (domain_for(org, f"{org.slug}.example", state="contested"), Management.objects.filter(organization=org.organization).update(basis="domain_claim")))
    running.run(now=now + DAY)
    assert closed() == 2, "in doubt"
    with tenancy.installation("look"):
        from accounts import deletions

        row = Deletion.objects.filter(organization=org.organization, reason_code="unused").first()
        assert row is not None and deletions.in_doubt(row) == ["domain_contested"]
    arrange(lambda: Management.objects.filter(organization=org.organization).update(basis="created_by_org"))
    running.run(now=now + DAY)
    assert closed() == 4


def test_the_rule_is_the_organizations(world: World) -> None:
    org, now = world.north, datetime.now(UTC)
    for wrong in ({"days": 179}, {"days": 3651}, {"days": -1}, {"days": "x"}, {"days": "1e9"}):
        assert not BY_SLUG["set-unused-accounts-rule"].form(wrong).is_valid()
    decide(org, 365, now)
    with pytest.raises(Refused, match="nothing_to_change"):
        decide(org, 365, now)
    person = org.person("worker")
    assert "If nobody uses your account from now on" in client_for(person).get("/me/data/").content.decode()
    assert "If nobody uses your account from now on" not in client_for(org.person("owner")).get("/me/data/").content.decode()
    decide(org, None, now)
    with tenancy.installation("look"):
        assert OrganizationPolicy.objects.get(organization=org.organization).unused_days is None
    assert client_for(org.person("auditor")).get(f"/o/{org.slug}/settings/unused/").status_code == 404
    assert client_for(org.person("owner")).get(f"/o/{org.slug}/settings/unused/?days=12x").status_code == 200
