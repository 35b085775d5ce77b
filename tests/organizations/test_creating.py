"""A new organization: who may make one, what it has from its first moment, which addresses are nobody's."""
from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connections

from accounts import access, tenancy
from accounts.actor import Proof
from accounts.models import Account, Membership, NoticeVersion, Organization, Role
from accounts.organizations import creating
from accounts.people import usable_owners
from audit import sequencer
from audit.models import Entry
from audit.record import ActorRef
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange

OPERATOR = ActorRef(type="operator")


def made(owner: Membership, slug: str, name: str = "Fabrikam") -> Organization:
    return creating.create(name=name, slug=slug, time_zone="Europe/Berlin", owner=Account.objects.get(id=owner.account_id), actor=OPERATOR, via="cli", now=datetime.now(UTC))


def fresh(world: World) -> str:
    return f"fab-{world.north.slug.rpartition('-')[2]}"


def test_it_has_an_owner_roles_a_notice_and_a_first_entry(world: World) -> None:
    owner = world.north.person("owner")
    org = made(owner, fresh(world))
    with tenancy.scope(org=org.id):
        assert usable_owners(organization_id=org.id, without=[]) == 1
        assert Role.objects.filter(organization=org).count() == 10
        assert NoticeVersion.objects.filter(organization=org, state="published").count() == 1
        actor = access.actor_for(account_id=owner.account_id, organization_id=org.id, proof=Proof(method="totp", at=datetime.now(UTC)))
        assert actor.rank == 100 and actor.may("manage_access")
    with tenancy.installation("a test looks"):
        while sequencer.run_once():
            pass
        (entry,) = Entry.objects.filter(org=org.id)
        assert "organization.created" in entry.record and "@" not in entry.record
    assert client_for(owner).get(f"/o/{org.slug}/people/").status_code == 200
    assert client_for(world.north.person("administrator")).get(f"/o/{org.slug}/people/").status_code == 404


@pytest.mark.parametrize("slug", ["admin", "adm1n", "API", "a", "-ab", "a--b", "123", "нorth", "x" * 51, "ab c", ""])
def test_addresses_that_are_nobodys(world: World, slug: str) -> None:
    with pytest.raises(ValidationError):
        made(world.north.person("owner"), slug)


def test_a_taken_address_and_one_that_looks_like_it(world: World) -> None:
    taken = made(world.north.person("owner"), fresh(world)).slug
    for slug in (taken, taken.upper(), taken.replace("fab", "f-ab")):
        with pytest.raises(ValidationError) as refusal:
            made(world.contoso.person("owner"), slug)
        assert refusal.value.messages == ["This address cannot be used. Choose another one."]


@pytest.mark.parametrize(("change", "code"), [({"has_second_factor": False}, "no_second_factor"), ({"email_verified_at": None}, "address_unverified"), ({"status": "deactivated"}, "wrong_status"), ({"kind": "service"}, "wrong_status")])
def test_who_cannot_own_one(world: World, change: dict[str, Any], code: str) -> None:
    owner = world.north.person("owner")
    arrange(lambda: Account.objects.filter(id=owner.account_id).update(**change))
    assert creating.problem(Account.objects.get(id=owner.account_id)) == code


def test_two_want_the_same_address_at_once(world: World) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def want(org: Any) -> None:
        try:
            barrier.wait(10)
            made(org.person("owner"), fresh(world))
            outcomes.append("made")
        except ValidationError:
            outcomes.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=want, args=(org,)) for org in (world.north, world.contoso)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["made", "told"]


def test_people_make_them_only_where_the_installation_allows_it(world: World, settings: Any) -> None:
    client, data = client_for(world.north.person("owner")), {"name": "Fabrikam", "slug": fresh(world), "time_zone": "UTC"}
    assert client.get("/me/organizations/new/").status_code == client.post("/me/organizations/new/", data).status_code == 404
    settings.PEOPLE_MAY_CREATE_ORGANIZATIONS = True
    assert "Make an organization" in client.get("/?choose").content.decode()
    assert client.post("/me/organizations/new/", {**data, "slug": "admin"}).status_code == 422
    assert client.post("/me/organizations/new/", {**data, "time_zone": "Mars"}).status_code == 422
    assert client.post("/me/organizations/new/", data).headers["Location"] == f"/o/{data['slug']}/"
    assert client_for(world.north.person("security"), tier=1).post("/me/organizations/new/", {**data, "slug": f"{data['slug']}x"}).status_code == 302
    for n in range(2, 5):
        answer = client.post("/me/organizations/new/", {**data, "slug": f"{data['slug']}-nr{n}"})
        assert answer.status_code == (302 if n < 4 else 422)
    arrange(lambda: Account.objects.filter(id=world.north.person("member").account_id).update(has_second_factor=False))
    assert "second factor" in client_for(world.north.person("member")).get("/me/organizations/new/").content.decode()


def test_the_command(world: World) -> None:
    slug, owner = fresh(world), Account.objects.get(id=world.north.person("owner").account_id).email
    call_command("create_organization", "Fabrikam", "--slug", slug, "--owner", owner)
    for more, code in ((["--slug", slug, "--owner", owner], 2), (["--slug", f"{slug}b", "--owner", "nobody@nowhere.example"], 2), (["--slug", f"{slug}b", "--owner", owner, "--time-zone", "Mars"], 2),
                       (["--slug", f"{slug}b", "--owner", Account.objects.get(id=world.north.person("member").account_id).email], 1)):
        with pytest.raises(CommandError) as refusal:
            call_command("create_organization", "Fabrikam", *more)
        assert refusal.value.returncode == code
