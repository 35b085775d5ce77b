"""The brake: who does too much harm in a day is paused, on every surface, by account; a second person lets them go on."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import access, brake, bulk, bulk_run, door, due, tenancy
from accounts.models import Account, Brake, Mail, Management, Membership
from accounts.powers import BY_SLUG, POWERS
from accounts.reasons import Refused
from audit import subscribers
from audit.models import Entry
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.situations import DATA, WHY, arrange, ready, role_for, token_for

SUSPEND = BY_SLUG["suspend"]
BRAKING = [p.slug for p in POWERS if p.brake and p.over == "member"]


def crowd(org: Org, n: int) -> list[uuid.UUID]:
    """So many further members."""
    made: list[Membership] = []
    arrange(lambda: made.extend(add_person(org, f"crowd{i:03}-{uuid.uuid4().hex[:4]}", "member", True, datetime.now(UTC)) for i in range(n)))
    return [m.id for m in made]


def suspend(org: Org, who: str, ids: list[uuid.UUID], *, now: datetime | None = None) -> list[str]:
    """Each on their own; the codes of those that were refused."""
    codes = []
    with tenancy.scope(org=org.organization.id):
        for one in ids:
            try:
                door.perform(power=SUSPEND, actor=org.actor(who, now=now), ids=[one], data=WHY, now=now or timezone.now())
            except Refused as refusal:
                codes += refusal.codes
    return codes


def hits(org: Org, who: str) -> int:
    with tenancy.scope(org=org.organization.id):
        row = Brake.objects.filter(organization=org.organization, account_id=org.person(who).account_id).first()
        return sum(row.hits.values()) if row else 0


def near(org: Org, who: str, n: int) -> None:
    """As if the person had done so many harmful acts just now."""
    slot = brake._slot(timezone.now())
    arrange(lambda: Brake.objects.update_or_create(organization=org.organization, account_id=org.person(who).account_id, defaults={"hits": {slot: n}, "paused_at": None}))


def recorded(org: Org, text: str) -> int:
    with tenancy.scope(org=org.organization.id):
        return Entry.objects.filter(org=org.organization.id, record__contains=text).count()


def test_the_one_too_many_is_refused_and_pauses(world: World) -> None:
    org = world.north
    ids = crowd(org, 28)
    assert suspend(org, "administrator", ids[:25]) == []
    assert suspend(org, "administrator", ids[25:]) == ["actor_paused"] * 3
    assert recorded(org, '"action":"actor.paused"') == 1
    assert recorded(org, '"reason_code":"actor_paused"') == 3  # each attempt
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.filter(id__in=ids, status="suspended").count() == 25
        actor = org.actor("administrator")
        assert actor.paused
        for slug in BRAKING:  # every further power that brakes, others not
            with pytest.raises(Refused) as refusal:
                door.perform(power=BY_SLUG[slug], actor=actor, ids=[ready(org, slug).id], data=DATA[slug], now=timezone.now())
            assert "actor_paused" in refusal.value.codes, slug
        door.perform(power=BY_SLUG["restore"], actor=actor, ids=ids[:1], data=DATA["restore"], now=timezone.now())
    assert suspend(org, "owner", ids[26:]) == []  # the brake is each one's own
    cache.clear()  # Redis is emptied: nothing of it was there
    assert suspend(org, "administrator", ids[25:26]) == ["actor_paused"]


def test_a_large_organization_and_the_day(world: World) -> None:
    org, now = world.north, timezone.now()
    assert (brake.limit(13), brake.limit(500), brake.limit(1000), brake.limit(100_000)) == (25, 25, 50, 5000)
    ids = crowd(org, 27)
    assert suspend(org, "administrator", ids[:25], now=now - timedelta(hours=24, minutes=11)) == []
    assert suspend(org, "administrator", ids[25:26], now=now) == []  # that was a day ago
    assert hits(org, "administrator") == 1


def test_two_connections_with_thirty_acts_each(world: World) -> None:
    """Real connections at the same time: exactly as many are done as one person may do."""
    org = world.north
    ids, start, codes = crowd(org, 60), threading.Barrier(2), []

    def go(part: list[uuid.UUID]) -> None:
        try:
            start.wait(10)
            codes.extend(suspend(org, "administrator", part))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=(part,)) for part in (ids[:30], ids[30:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert codes == ["actor_paused"] * 35
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.filter(id__in=ids, status="suspended").count() == 25
    assert recorded(org, '"action":"actor.paused"') == 1


def _door(org: Org, slug: str, person: Membership) -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person.id], data=DATA[slug], now=timezone.now())


def _page(org: Org, slug: str, person: Membership) -> None:
    path = f"/o/{org.slug}/people/{person.id}/{slug}/"
    client_for(org.person("owner")).post(path, {**DATA[slug], "confirm": Account.objects.get(id=person.account_id).email})


def _api(org: Org, slug: str, person: Membership) -> None:
    client_for(org.person("owner")).post(f"/api/v1/orgs/{org.slug}/people/{person.id}/actions/{slug}/", DATA[slug], content_type="application/json")


def _token(org: Org, slug: str, person: Membership) -> None:
    made: list[str] = []
    arrange(lambda: made.append(token_for(org.person("owner"))[1]))
    with tenancy.installation("a token names its organization"):
        actor = access.actor_of_token(access.check_token(secret=made[0], now=timezone.now(), ip=""))
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=actor, ids=[person.id], data=DATA[slug], now=timezone.now())


def _command_line(org: Org, slug: str, person: Membership) -> None:
    address = {name: Account.objects.get(id=m.account_id).email for name, m in (("owner", org.person("owner")), ("target", person))}
    try:
        call_command("power", slug, address["target"], "--org", org.slug, "--as", address["owner"], *[f"--set={k}={v}" for k, v in DATA[slug].items() if v])
    except SystemExit as ended:
        assert ended.code == 1  # noqa: PT017


def _bulk(org: Org, slug: str, person: Membership) -> None:
    with tenancy.scope(org=org.organization.id):
        plan = bulk.freeze(power=BY_SLUG[slug], actor=org.actor("owner"), data=DATA[slug], now=timezone.now(), ids=[person.id])
        if plan.summary["doable"] == 0:
            return
        bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=1, now=timezone.now())
    bulk_run.run(plan_id=plan.id, organization_id=org.organization.id)


SURFACES: list[Callable[[Org, str, Membership], None]] = [_door, _page, _api, _token, _command_line, _bulk]


@pytest.mark.parametrize("slug", BRAKING)
@pytest.mark.parametrize("surface", SURFACES, ids=lambda f: f.__name__.strip("_"))
def test_every_power_that_brakes_is_counted_on_every_surface(world: World, surface: Callable[[Org, str, Membership], None], slug: str) -> None:
    """The law of guard rail 12: once counted each; and at the limit none of them does more."""
    org = world.north
    surface(org, slug, ready(org, slug))
    assert hits(org, "owner") == 1
    arrange(lambda: (Membership.objects.filter(id=org.person("worker").id).update(status="active"), Account.objects.filter(id=org.person("worker").account_id).update(status="active"),
                     Brake.objects.filter(organization=org.organization).update(paused_at=datetime.now(UTC))))
    person = ready(org, slug)
    with tenancy.scope(org=org.organization.id):
        before = Membership.objects.get(id=person.id).effective_status
    with suppress(Refused):
        surface(org, slug, person)
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=person.id).effective_status == before
    assert hits(org, "owner") == 1


def test_a_job_that_meets_the_brake_ends_there(world: World) -> None:
    """Small enough when it was planned; other acts of the same person came between."""
    org = world.north
    ids = crowd(org, 10)
    with tenancy.scope(org=org.organization.id):
        plan = bulk.freeze(power=SUSPEND, actor=org.actor("administrator"), data=WHY, now=timezone.now(), ids=ids)
        assert plan.tier == 1
        bulk.confirm(actor=org.actor("administrator"), plan_id=plan.id, digest=plan.digest, count=10, now=timezone.now())
    near(org, "administrator", 20)
    bulk_run.resume()
    with tenancy.scope(org=org.organization.id):
        plan.refresh_from_db()
        assert (plan.state, plan.summary["done"], plan.summary["failed"]) == ("done", 0, 10)
        assert {tuple(row.codes) for row in plan.rows.all()} == {("actor_paused",)}
        assert org.actor("administrator").paused
    assert recorded(org, '"action":"actor.paused"') == 1


def test_who_may_let_them_go_on(world: World) -> None:
    org, release = world.north, BY_SLUG["release-brake"]
    near(org, "administrator", 25)
    assert suspend(org, "administrator", [org.person("worker").id]) == ["actor_paused"]
    arrange(lambda: add_person(org, "administrator2", "administrator", True, datetime.now(UTC)))
    with tenancy.scope(org=org.organization.id):
        org.people["administrator2"] = Membership.objects.get(organization=org.organization, account__email__startswith="administrator2@")
        target = [org.person("administrator").id]
        for who, code in (("administrator", "self"), ("administrator2", "rank"), ("people-manager", "no_permission")):
            with pytest.raises(Refused) as refusal:
                door.perform(power=release, actor=org.actor(who), ids=target, data=WHY, now=timezone.now())
            assert code in refusal.value.codes, who
        door.perform(power=release, actor=org.actor("owner"), ids=target, data=WHY, now=timezone.now())
        assert not org.actor("administrator").paused
        with pytest.raises(Refused, match="not_paused"):
            door.perform(power=release, actor=org.actor("owner"), ids=target, data=WHY, now=timezone.now())
    assert suspend(org, "administrator", [org.person("worker").id]) == []


def test_an_owner_lets_an_owner_go_on(world: World) -> None:
    org = world.north
    near(org, "owner", 25)
    assert suspend(org, "owner", [org.person("worker").id]) == ["actor_paused"]
    with tenancy.scope(org=org.organization.id):
        receipt = door.perform(power=BY_SLUG["release-brake"], actor=org.actor("second-owner"), ids=[org.person("owner").id], data=WHY, now=timezone.now())
        assert receipt.entries  # the second owner is the second person; nobody asks a third


def test_a_pause_that_nobody_else_could_end_ends_by_itself(world: World) -> None:
    org, alone, now = world.north, world.contoso, timezone.now()
    for place in (org, alone):
        near(place, "owner", 25)
        assert suspend(place, "owner", [place.person("member").id]) == ["actor_paused"]
    due.run(now=now + timedelta(hours=47))
    with tenancy.scope(org=alone.organization.id):
        assert alone.actor("owner").paused
    due.run(now=now + timedelta(hours=49))
    with tenancy.scope(org=alone.organization.id):
        assert not alone.actor("owner").paused
    assert recorded(alone, '"action":"actor.pause_ended"') == 1
    with tenancy.scope(org=org.organization.id):
        assert org.actor("owner").paused  # the second owner can decide about it


def test_it_is_told_and_seen(world: World) -> None:
    org = world.north
    near(org, "people-manager", 25)
    suspend(org, "people-manager", [org.person("worker").id])
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain()
        told = set(Mail.objects.filter(organization_id=org.organization.id, template="brake").values_list("address", flat=True))
    assert told == {f"{name}@{org.slug}.example" for name in ("owner", "second-owner", "administrator", "people-manager")}
    client = client_for(org.person("owner"))
    assert "1 administrator is paused" in client.get(f"/o/{org.slug}/overview/").content.decode()
    assert "Paused" in client.get(f"/o/{org.slug}/administrators/").content.decode()
    assert "Let them go on" in client.get(f"/o/{org.slug}/people/{org.person('people-manager').id}/").content.decode()


def test_counting_costs_one_query(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, counts = world.north, {}
    ids = crowd(org, 4)
    suspend(org, "owner", ids[:1])
    for counted in (True, False):
        if not counted:
            monkeypatch.setattr(brake, "concerns", lambda **_more: False)
        with tenancy.scope(org=org.organization.id):
            actor = org.actor("owner")
            with CaptureQueriesContext(connection) as queries:
                door.perform(power=SUSPEND, actor=actor, ids=[ids[2 + counted]], data=WHY, now=timezone.now())
        counts[counted] = len(queries)
    assert counts[True] == counts[False] + 1


def test_service_accounts_are_counted_too(world: World) -> None:
    """They act by tokens only; two tokens of one account share one count."""
    org, made = world.north, {}

    def make() -> None:
        made["role"] = role_for(org, "Off-boarding", 40, "manage_access", "view_people")
        made["person"] = add_person(org, "robot", "member", True, datetime.now(UTC))
        Membership.objects.filter(id=made["person"].id).update(role=made["role"])
        Account.objects.filter(id=made["person"].account_id).update(kind="service")
        made["secrets"] = [token_for(made["person"], scopes=["manage_access", "view_people"])[1] for _n in range(2)]

    arrange(make)
    ids, codes = crowd(org, 27), []
    for n, one in enumerate(ids):
        with tenancy.installation("a token names its organization"):
            actor = access.actor_of_token(access.check_token(secret=made["secrets"][n % 2], now=timezone.now(), ip=""))
        with tenancy.scope(org=org.organization.id):
            try:
                door.perform(power=SUSPEND, actor=actor, ids=[one], data=WHY, now=timezone.now())
            except Refused as refusal:
                codes += refusal.codes
    assert codes == ["actor_paused"] * 2
    assert Management.objects.count() == 0  # no scope is left behind
