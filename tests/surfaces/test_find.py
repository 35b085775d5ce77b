"""“Find or go”: what is found, by whom, and what never is; the way to the same place in another organization; whose time zone is shown."""
from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, Membership, Organization, SavedView
from accounts.powers.access import returns_at
from accounts.powers.forms import UntilForm
from portal import zones
from tests.browse import client_for
from tests.cast import World, add_person
from tests.situations import WHY, arrange, group_for, role_for


def options(client: object, slug: str, q: str, *, page: bool = False) -> str:
    headers = {} if page else {"HX-Request": "true"}
    answer = client.get(f"/o/{slug}/find/", {"q": q}, headers=headers)  # type: ignore[attr-defined]
    assert answer.status_code == 200
    return answer.content.decode()


def test_finds_every_kind(world: World) -> None:
    arrange(lambda: (group_for(world.north, "Worker council"), role_for(world.north, "Worker liaison", 10, "view_people"),
                     SavedView.objects.create(organization=world.north.organization, owner=world.north.person("second-owner"), page="people", name="Workers without factor", query="mfa=no", shared=True,
                                              created_at=datetime.now(UTC))))
    client = client_for(world.north.person("owner"))
    found = options(client, world.north.slug, "work")
    for text in ("Worker Person", f"worker@{world.north.slug}.example", "Worker council", "Worker liaison", "Workers without factor", "?mfa=no", 'role="option"', "4 results"):
        assert text in found, text
    assert "<html" not in found
    assert "<html" in options(client, world.north.slug, "work", page=True)
    assert f"/o/{world.north.slug}/do/invite/" in options(client, world.north.slug, "invi")
    assert f"/o/{world.north.slug}/help/suspend/" in options(client, world.north.slug, "susp")
    assert f"/o/{world.north.slug}/audit/" in options(client, world.north.slug, "")


def test_finds_only_what_one_may_see(world: World) -> None:
    for name in ("member", "guest"):
        found = options(client_for(world.north.person(name)), world.north.slug, "worker")
        assert "Worker Person" not in found and "0 results" in found
    assert "do/invite" not in options(client_for(world.north.person("auditor")), world.north.slug, "invite")
    arrange(lambda: SavedView.objects.create(organization=world.north.organization, owner=world.north.person("owner"), page="audit", name="Zebra", query="", created_at=datetime.now(UTC)))
    assert "Zebra" in options(client_for(world.north.person("owner")), world.north.slug, "zeb")
    assert "Zebra" not in options(client_for(world.north.person("second-owner")), world.north.slug, "zeb"), "a view that is not shared"
    assert "contoso" not in options(client_for(world.north.person("owner")), world.north.slug, "contoso").lower()


def test_a_role_limited_to_groups_finds_only_these_people(world: World) -> None:
    def limit() -> None:
        group = group_for(world.north, "Reached", world.north.person("worker"))
        group_for(world.north, "Beyond", world.north.person("guest"))
        Membership.objects.filter(id=world.north.person("help-desk").id).update(role_scope=[group.id])

    arrange(limit)
    client = client_for(world.north.person("help-desk"))
    assert "Worker Person" in options(client, world.north.slug, "person")
    assert "Guest Person" not in options(client, world.north.slug, "person")
    assert "Reached" in options(client, world.north.slug, "reached") and "Beyond" not in options(client, world.north.slug, "beyond")


@pytest.mark.parametrize("q", ["x" * 10_000, "%", "_", "%%%%", "\\", "'; DROP TABLE accounts_membership; --", "a\x00b", "\x1b[31m", "\u202e", "<script>alert(1)</script>", "🦓", "ﬁ", " ", "a " * 500])
def test_whatever_is_typed(world: World, q: str) -> None:
    for page in (True, False):
        found = options(client_for(world.north.person("owner")), world.north.slug, q, page=page)
        assert "<script>alert" not in found
        assert "Worker Person" not in found or "worker" in q


def test_the_number_of_queries_does_not_grow_and_nothing_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    client = client_for(world.north.person("owner"))
    options(client, world.north.slug, "person")
    with CaptureQueriesContext(connection) as few:
        options(client, world.north.slug, "person")
    arrange(lambda: [add_person(world.north, f"more{n}", "member", True, datetime.now(UTC)) for n in range(20)])
    with caplog.at_level(logging.DEBUG), CaptureQueriesContext(connection) as many:
        found = options(client, world.north.slug, "person")
    assert len(many) <= len(few)
    assert len(few) <= 20, [q["sql"][:100] for q in few]
    assert found.count('id="hit-people-') == 8, "at most eight of a kind"
    assert all("q=person" not in record.getMessage() for record in caplog.records if record.name.startswith("steward"))


def also_in_contoso(world: World, name: str, role: str) -> None:
    person = world.north.person(name)
    arrange(lambda: Membership.objects.create(organization=world.contoso.organization, account_id=person.account_id, role=world.contoso.roles[role], status="active", joined_at=datetime.now(UTC), created_at=datetime.now(UTC)))


def test_the_switcher_is_for_those_who_have_a_choice(world: World) -> None:
    alone = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/people/").content.decode()
    assert 'id="switch"' not in alone
    also_in_contoso(world, "owner", "auditor")
    client = client_for(world.north.person("owner"))
    both = client.get(f"/o/{world.north.slug}/people/").content.decode()
    assert 'id="switch"' in both and f'href="/o/{world.contoso.slug}/go/people/"' in both and "Auditor" in both and "you are here" in both
    assert client.get(f"/o/{world.contoso.slug}/go/people/").headers["Location"] == f"/o/{world.contoso.slug}/people/"
    assert client.get(f"/o/{world.contoso.slug}/go/plans/").headers["Location"] == f"/o/{world.contoso.slug}/", "an auditor approves nothing"
    assert client.get(f"/o/{world.contoso.slug}/go/nowhere/").headers["Location"] == f"/o/{world.contoso.slug}/"
    assert world.contoso.organization.name in options(client, world.north.slug, "contoso")


def test_the_organization_is_in_every_title(world: World) -> None:
    client, slug = client_for(world.north.person("owner")), world.north.slug
    person = world.north.person("worker").id
    for path in ("people/", f"people/{person}/", f"people/{person}/suspend/", f"people/{person}/deactivate/", "audit/", "approvals/", "jobs/", "tokens/", "help/", "help/suspend/", "find/", "groups/", "administrators/", "do/invite/", "people/import/"):
        title = client.get(f"/o/{slug}/{path}").content.decode().split("<title>")[1].split("</title>")[0]
        assert world.north.organization.name in title, path
    group = []
    arrange(lambda: group.append(group_for(world.north, "Anglers")))
    for path in (f"people/{person}/deactivate/", "do/invite/", "do/create-role/", f"groups/{group[0].id}/delete-group/"):
        assert world.north.organization.name in client.get(f"/o/{slug}/{path}").content.decode().split("<main")[1], path


def test_whose_time_zone(world: World) -> None:
    owner = world.north.person("owner")
    path = f"/o/{world.north.slug}/people/{world.north.person('worker').id}/suspend/"

    def zone(account: str, organization: str) -> str:
        arrange(lambda: (Account.objects.filter(id=owner.account_id).update(time_zone=account), Organization.objects.filter(id=world.north.organization.id).update(time_zone=organization)))
        return client_for(owner).get(path).content.decode()

    assert "Times are shown in Europe/Berlin." in zone("Europe/Berlin", "Asia/Tokyo")
    assert "Time zone: Asia/Tokyo." in zone("", "Asia/Tokyo"), "the field says in which zone it is read"
    assert "Times are shown in Asia/Tokyo." in zone("Mars/Olympus", "Asia/Tokyo")
    assert "Times are shown in UTC." in zone("Mars/Olympus", "../../etc/passwd")
    assert timezone.get_current_timezone_name() == "UTC", "nothing stays behind for the next request"


def test_a_time_is_read_and_shown_in_the_zone_of_the_person(world: World) -> None:
    owner, worker = world.north.person("owner"), world.north.person("worker")
    arrange(lambda: Account.objects.filter(id=owner.account_id).update(time_zone="Europe/Berlin"))
    client = client_for(owner)
    day = next(d for n in range(1, 400) if (d := datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(days=n)).month == 7)
    local = day.replace(hour=9, minute=30, second=0, microsecond=0)
    answer = client.post(f"/o/{world.north.slug}/people/{worker.id}/suspend/", {**WHY, "until": local.strftime("%Y-%m-%dT%H:%M")})
    assert answer.status_code == 302
    page = client.get(f"/o/{world.north.slug}/people/{worker.id}/").content.decode()
    assert local.strftime("%Y-%m-%d 09:30 CEST") in page and local.strftime("%Y-%m-%dT07:30:00Z") in page
    export = b"".join(client.get(f"/o/{world.north.slug}/people/export.csv")).decode()
    assert local.strftime("%Y-%m-%dT07:30:00") in export and "CEST" not in export
    row = next(line for line in export.splitlines() if f"worker@{world.north.slug}" in line)
    assert local.strftime("%Y-%m-%dT07:30:00") + "Z" in row.replace(".000000Z", "Z"), "exports are in UTC with Z"


def test_around_a_change_of_the_clock() -> None:
    """On 28 March 2027 Berlin skips from two to three; on 31 October 2027 two to three comes twice."""
    zones.use("Europe/Berlin")
    try:
        for typed, valid in (("2027-03-28T01:59", True), ("2027-03-28T02:30", False), ("2027-03-28T03:00", True), ("2027-10-31T01:30", True), ("2027-10-31T02:30", False), ("2027-10-31T03:00", True)):
            assert UntilForm({"reason_code": "absence", "until": typed}).is_valid() is valid, typed
        form = UntilForm({"reason_code": "absence", "until": "2027-03-28T03:00"})
        assert form.is_valid() and form.cleaned_data["until"].astimezone(UTC) == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
        texts = [str(returns_at({"until": datetime(2027, 3, 28, hour, 30, tzinfo=UTC)})[0].text) for hour in (0, 1)]
        assert "01:30 CET " in texts[0] and "03:30 CEST " in texts[1]
    finally:
        timezone.deactivate()
