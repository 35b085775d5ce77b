"""The settings of an organization: names and addresses, whom people write to, and what happens to links with an old address."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts import door, policy, tenancy
from accounts.models import Account, Membership, OldSlug, Organization
from accounts.organizations import slugs
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from tests.browse import client_for
from tests.cast import Org, World
from tests.situations import arrange, token_for

NOW = datetime.now


def do(org: Org, slug: str, data: dict[str, object], name: str = "owner", now: datetime | None = None) -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=org.actor(name, now=now), data=data, now=now or NOW(UTC))


def slug_of(org: Org) -> str:
    with tenancy.installation("look"):
        return Organization.objects.get(id=org.organization.id).slug


@pytest.mark.parametrize("typed", ["", "ab", "a" * 51, "-abc", "abc-", "a--b", "Ünï", "аpple", "a_b", "a.b", "a b", "12345", "xn--abc", "a\x00bc", "abc\n\ndef", "٣٣٣", "ﬁne"])
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValidationError):
        slugs.clean(typed)


@pytest.mark.parametrize(("typed", "kept"), [("North-Star", "north-star"), ("  abc ", "abc"), ("a1-b2", "a1-b2"), ("x" * 50, "x" * 50)])
def test_what_is_an_address(typed: str, kept: str) -> None:
    assert slugs.clean(typed) == kept


def test_reserved_taken_given_up_and_alike_are_one_answer(world: World) -> None:
    """Whoever asks learns that they cannot have it, and nothing else."""
    org, other, mark = world.north, world.contoso, uuid.uuid4().hex[:8]
    old = f"old-mill-{mark}"
    do(other, "update-organization", {"slug": old})
    do(other, "update-organization", {"slug": f"new-mill-{mark}"})
    for wanted in ("admin", "adm1n", "rnailbox", f"new-mill-{mark}", f"new-mi1l-{mark}", f"new-rnill-{mark}", f"newmill{mark}", old, f"o1d-mill-{mark}"):
        with pytest.raises(Refused) as refusal:
            do(org, "update-organization", {"slug": wanted})
        assert refusal.value.codes == ["address_taken"], wanted
    do(org, "update-organization", {"slug": old}, now=NOW(UTC) + slugs.KEPT + timedelta(days=1))
    assert slug_of(org) == old, "after two years it is anybody's"


def test_an_old_address_leads_on_for_a_year_and_for_ones_own_only(world: World) -> None:
    org, old, new = world.north, world.north.slug, f"moved-{uuid.uuid4().hex[:8]}"
    client, stranger = client_for(org.person("member")), client_for(world.contoso.person("owner"))
    made: list[tuple[object, str]] = []
    arrange(lambda: made.append(token_for(org.person("administrator"))))
    do(org, "update-organization", {"slug": new, "name": "Moved"})
    assert client.get(f"/o/{old}/tokens/?x=1").status_code == 308
    assert client.get(f"/o/{old}/tokens/?x=1").headers["Location"] == f"/o/{new}/tokens/?x=1"
    assert client.get(f"/o/{new}/").status_code == 200
    assert stranger.get(f"/o/{old}/tokens/").status_code == stranger.get("/o/nobody-here/tokens/").status_code == 404
    answer = client.get(f"/api/v1/orgs/{old}/people/", headers={"Authorization": f"Bearer {made[0][1]}"})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"/api/v1/orgs/{new}/people/")
    arrange(lambda: OldSlug.objects.filter(slug=old).update(leads_until=NOW(UTC) - timedelta(seconds=1)))
    assert client.get(f"/o/{old}/tokens/").status_code == 404
    do(org, "update-organization", {"slug": old})
    assert slug_of(org) == old, "one's own address can be taken back"


def test_numbers_have_defaults_and_bounds(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        assert (policy.of(org.organization.id).deletion_days, policy.of(org.organization.id).closing_days) == (14, 14)
    do(org, "set-limits", {"deletion_days": 30})
    do(org, "set-limits", {"closing_days": 20})
    with tenancy.scope(org=org.organization.id):
        assert (policy.of(org.organization.id).deletion_days, policy.of(org.organization.id).closing_days) == (30, 20)
    with tenancy.scope(org=world.contoso.organization.id):
        assert policy.of(world.contoso.organization.id).deletion_days == 14
    client = client_for(org.person("owner"))
    for wrong in ({"deletion_days": "0"}, {"deletion_days": "91"}, {"closing_days": "13"}, {"deletion_days": "ten"}, {"deletion_days": "1" * 500}):
        assert client.post(f"/o/{org.slug}/do/set-limits/", wrong).status_code == 422, wrong


@pytest.mark.parametrize("wrong", [{"contact_email": "nobody"}, {"contact_link": "javascript:alert(1)"}, {"contact_link": "ftp://example.com/"}, {"contact_name": "IT\x00", "contact_email": "a@b.example"},
                                   {"contact_name": "\u202eTI", "contact_email": "a@b.example"}, {"contact_name": "x" * 201}])
def test_what_is_no_contact(world: World, wrong: dict[str, str]) -> None:
    assert client_for(world.north.person("owner")).post(f"/o/{world.north.slug}/do/set-contact/", wrong).status_code == 422


def test_the_contact_is_where_people_look_for_it(world: World) -> None:
    """On their page, while they are suspended, and after they were removed; without one they are told to ask the owners."""
    org, person = world.north, world.north.person("worker")
    client, owner = client_for(person), client_for(org.person("owner"))
    assert "Ask the owners of" in client.get("/me/who/").content.decode()
    assert "No contact is published" in owner.get(f"/o/{org.slug}/overview/").content.decode()
    do(org, "set-contact", {"contact_name": "Help desk", "contact_email": "help@north.example", "contact_link": "https://north.example/help"})
    for who, path in ((client, "/me/who/"), (owner, f"/o/{org.slug}/settings/")):
        page = who.get(path).content.decode()
        assert "mailto:help@north.example" in page and "https://north.example/help" in page and "Help desk" in page
    assert "No contact is published" not in owner.get(f"/o/{org.slug}/overview/").content.decode()
    arrange(lambda: Membership.objects.filter(id=person.id).update(status="suspended"))
    closed = client.get(f"/o/{org.slug}/")
    assert closed.status_code == 403 and "mailto:help@north.example" in closed.content.decode()
    arrange(lambda: Membership.objects.filter(id=person.id).update(status="removed"))
    assert "mailto:help@north.example" in client.get("/me/who/").content.decode(), "also who was here once"
    do(org, "set-contact", {"contact_name": "", "contact_email": "", "contact_link": ""})
    assert "mailto:" not in client.get("/me/who/").content.decode()


def test_only_members_with_the_right_see_the_settings(world: World) -> None:
    org = world.north
    for name, may in (("owner", True), ("administrator", True), ("auditor", False), ("member", False)):
        client = client_for(org.person(name))
        for path in ("settings/", "settings/notice/"):
            assert client.get(f"/o/{org.slug}/{path}").status_code == (200 if may else 404), (name, path)
        assert client.get(f"/api/v1/orgs/{org.slug}/settings/").status_code == (200 if may else 404)
        assert client.get(f"/api/v1/orgs/{org.slug}/notice/").status_code == 200
    assert Account.objects.filter(id=org.person("owner").account_id).exists()
