"""The pages about who may do what: administrators, roles, groups, service accounts; and what a limited role sees of people."""
from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import administrators, tenancy
from accounts.models import Account, Group, GroupMembership, Membership, Role
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.powers.test_groups import group, members
from tests.powers.test_roles import act, made
from tests.powers.test_service_accounts import service, token
from tests.situations import arrange, group_for, role_for, token_for

NOW = datetime.now


def text(answer: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))  # type: ignore[attr-defined]


def test_the_administrators_page_says_who_and_how(world: World) -> None:
    org = world.north
    support = group(org, "Support", "guest")
    group(org, "Night crew", "worker", role="security")
    arrange(lambda: Membership.objects.filter(id=org.person("help-desk").id).update(role_scope=[support.id]))
    arrange(lambda: token_for(org.person("security")))
    act(org, "protect", "owner", [org.person("auditor").id], administrators=f"owner@{org.slug}.example")
    service(org, "Payroll", "legal")
    client = client_for(org.person("auditor"))
    page = client.get(f"/o/{org.slug}/administrators/")
    said = text(page)
    for expected in ("Security through Night crew", "Support", "1 token", "Protected", "Service account", "API only", "Worker Person", "Second factor", "Password only"):
        assert expected in said, expected
    assert "Guest Person" not in said
    assert said.index("Owner Person") < said.index("Administrator Person") < said.index("Auditor Person")
    only = text(client.get(f"/o/{org.slug}/administrators/?role=security"))
    assert "Worker Person" in only
    assert "Security Person" in only
    assert "Owner Person" not in only
    assert "Owner Person" in text(client.get(f"/o/{org.slug}/administrators/?role=no-such-role"))
    assert client_for(org.person("member")).get(f"/o/{org.slug}/administrators/").status_code == 404


def test_many_administrators_by_pages(world: World) -> None:
    """Every one once, in the same order backwards; a forged or foreign cursor is the first page."""
    org = world.north
    arrange(lambda: [add_person(org, f"desk{n:03}", "help-desk", True, NOW(UTC)) for n in range(120)])
    client, seen, cursor, pages = client_for(org.person("owner")), [], "", 0
    while True:
        page = client.get(f"/o/{org.slug}/administrators/", {"cursor": cursor} if cursor else {})
        seen += [str(row.id) for row in page.context["rows"]]
        pages += 1
        if not page.context["page"].next:
            break
        cursor = page.context["page"].next
    assert pages == 3
    assert len(seen) == len(set(seen)) == 130
    back = client.get(f"/o/{org.slug}/administrators/", {"cursor": page.context["page"].previous})
    assert [str(row.id) for row in back.context["rows"]] == seen[50:100]
    first = [str(row.id) for row in client.get(f"/o/{org.slug}/administrators/").context["rows"]]
    for cursor_ in ("nonsense", cursor + "x", page.context["page"].previous):
        answer = client.get(f"/o/{org.slug}/administrators/", {"cursor": cursor_, "role": "help-desk"})
        assert answer.status_code == 200
        assert not answer.context["page"].previous
    other = client_for(world.contoso.person("owner"))
    arrange(lambda: Account.objects.filter(id=world.contoso.person("owner").account_id).update(has_second_factor=True))
    assert {str(r.id) for r in other.get(f"/o/{world.contoso.slug}/administrators/", {"cursor": cursor}).context["rows"]} == {str(world.contoso.person("owner").id)}
    assert first == seen[:50]


@pytest.mark.parametrize("path", ["administrators/", "administrators/roles/", "administrators/service-accounts/", "groups/", "groups/{group}/"])
def test_queries_do_not_grow(world: World, path: str) -> None:
    org = world.north
    crew = group(org, "Crew", "worker", "guest", role="auditor")
    client = client_for(org.person("owner"))
    address = f"/o/{org.slug}/{path.format(group=crew.id)}"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        assert client.get(address).status_code == 200

    def more() -> None:
        people = [add_person(org, f"more{n}", "auditor", True, NOW(UTC)) for n in range(15)]
        for n in range(15):
            role_for(org, f"Own {n}", 10, "view_people")
            group_for(org, f"Group {n}", people[n], role="auditor")
            GroupMembership.objects.create(organization=org.organization, group=crew, membership=people[n])
            Account.objects.filter(id=people[n].account_id).update(kind="service" if n < 7 else "person")

    arrange(more)
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) <= len(few) + 1, "grows with the rows"
    assert len(few) <= 20, [q["sql"][:100] for q in few]


def test_counts_of_holders(world: World) -> None:
    org = world.north
    group(org, "Night crew", "worker", "security", "guest", role="security")
    with tenancy.scope(org=org.organization.id):
        numbers = administrators.holders(organization_id=org.organization.id)
    assert numbers[org.roles["security"].id] == 3  # the security person counts once
    assert numbers[org.roles["owner"].id] == 2
    page = client_for(org.person("auditor")).get(f"/o/{org.slug}/administrators/roles/")
    assert "3 hold it" in text(page)
    assert "Create a role" not in text(page)


def test_a_role_by_its_pages(world: World) -> None:
    org, client = world.north, client_for(world.north.person("administrator"))
    page = client.get(f"/o/{org.slug}/do/create-role/")
    assert page.status_code == 200
    assert "transfer_ownership" not in page.content.decode()
    assert client.post(f"/o/{org.slug}/do/create-role/", {"name": "", "rank": "0"}).status_code == 422
    assert client.post(f"/o/{org.slug}/do/create-role/", {"name": "X", "rank": "80", "permissions": ["view_people"]}).status_code == 422
    done = client.post(f"/o/{org.slug}/do/create-role/", {"name": "<script>alert(1)</script>", "rank": "20", "permissions": ["view_people"]})
    assert (done.status_code, done.headers["Location"]) == (302, f"/o/{org.slug}/administrators/roles/")
    with tenancy.scope(org=org.organization.id):
        role = Role.objects.get(builtin=False)
    listed = client.get(f"/o/{org.slug}/administrators/roles/")
    assert b"<script>alert" not in listed.content
    path = f"/o/{org.slug}/administrators/roles/{role.id}/update-role/"
    form = client.get(path)
    version = re.search(r'name="version" value="([^"]+)"', form.content.decode())
    assert version
    assert client.post(path, {"name": "Readers", "rank": "21", "permissions": ["view_people"], "version": version[1]}).status_code == 302
    assert client.post(path, {"name": "Others", "rank": "22", "permissions": ["view_people"], "version": version[1]}).status_code == 412
    assert client.get(f"/o/{org.slug}/administrators/roles/{role.id}/delete-group/").status_code == 404
    assert client.get(f"/o/{org.slug}/administrators/roles/{role.id}/suspend/").status_code == 404
    assert client.get(f"/o/{org.slug}/do/update-role/").status_code == 404
    assert client_for(org.person("auditor")).get(path).status_code == 404
    # it is offered where roles are given, and found under its word
    offered = client.get(f"/o/{org.slug}/people/{org.person('worker').id}/change-role/")
    assert f'value="{role.slug}"' in offered.content.decode()
    assert client.post(f"/o/{org.slug}/people/{org.person('worker').id}/change-role/", {"role": role.slug}).status_code == 302
    assert client.post(f"/o/{org.slug}/administrators/roles/{role.id}/delete-role/", {}).status_code == 422
    assert client.post(f"/o/{org.slug}/do/create-role/", {"name": "x" * 10_000_000, "rank": "20", "permissions": ["view_people"]}).status_code in {400, 413, 422}


def test_a_group_by_its_pages(world: World) -> None:
    org, client = world.north, client_for(world.north.person("people-manager"))
    assert client.post(f"/o/{org.slug}/do/create-group/", {"name": "Anglers & friends"}).status_code == 302
    with tenancy.scope(org=org.organization.id):
        found = Group.objects.get()
    base = f"/o/{org.slug}/groups/{found.id}/"
    assert "Anglers &amp; friends" in client.get(f"/o/{org.slug}/groups/").content.decode()
    assert "No group matches" in client.get(f"/o/{org.slug}/groups/?q=zebra").content.decode()
    assert "Choose a role" not in text(client.get(base))
    assert client.get(f"{base}set-group-role/").status_code == 404
    joined = client.post(f"/o/{org.slug}/people/{org.person('worker').id}/add-to-group/?group={found.id}", {"group": str(found.id)})
    assert (joined.status_code, joined.headers["Location"]) == (302, base)
    page = client.get(base)
    assert "Worker Person" in text(page)
    assert client.get(f"{base}?q=nobody").context["people"].rows == []
    leave = client.get(f"/o/{org.slug}/people/{org.person('worker').id}/remove-from-group/?group={found.id}")
    assert f'value="{found.id}" selected' in leave.content.decode()
    assert client.post(f"/o/{org.slug}/people/{org.person('worker').id}/remove-from-group/?group={found.id}", {"group": str(found.id)}).status_code == 302
    assert members(org, found) == set()
    assert client.get(f"/o/{org.slug}/people/{org.person('worker').id}/add-to-group/?group=nonsense").status_code == 200
    assert client.post(f"{base}rename-group/", {"name": "Anglers"}).headers["Location"] == base
    assert client.post(f"{base}delete-group/", {}).headers["Location"] == f"/o/{org.slug}/groups/"
    assert client.get(base).status_code == 404


def test_many_people_by_a_paste(world: World) -> None:
    org, client = world.north, client_for(world.north.person("people-manager"))
    crew = group(org, "Crew", "guest")
    path = f"/o/{org.slug}/groups/{crew.id}/people/"
    addresses = f"WORKER@{org.slug}.example, guest@{org.slug}.example\nowner@{org.slug}.example;member@{world.contoso.slug}.example\nnobody@nowhere.example worker@{org.slug}.example"
    plan = client.post(path, {"addresses": addresses})
    assert plan.status_code == 200
    assert plan.context["paste"].joining == 1
    verdicts = {row["address"].lower(): " ".join(row["words"]) for row in plan.context["paste"].rows}
    assert len(verdicts) == 5
    assert verdicts[f"guest@{org.slug}.example"] == "Is in the group already."
    assert verdicts["nobody@nowhere.example"] == verdicts[f"member@{world.contoso.slug}.example"] == "Nobody with this address is in the organization."
    assert "below yours" in verdicts[f"owner@{org.slug}.example"]
    assert members(org, crew) == {org.person("guest").id}
    stale = client.post(path, {"addresses": addresses, "confirm": "1", "digest": "0" * 64})
    assert stale.status_code == 412
    assert members(org, crew) == {org.person("guest").id}
    done = client.post(path, {"addresses": " ".join(a["address"] for a in plan.context["paste"].rows), "confirm": "1", "digest": plan.context["paste"].plan.digest})
    assert (done.status_code, done.headers["Location"]) == (302, f"/o/{org.slug}/groups/{crew.id}/")
    assert members(org, crew) == {org.person("guest").id, org.person("worker").id}
    for bad in ("", " ,; ", "x" * 500, " ".join(f"a{n}@b.example" for n in range(1_001))):
        answer = client.post(path, {"addresses": bad})
        assert answer.status_code in {200, 422}, bad[:20]
        assert not answer.context.get("paste") or answer.context["paste"].joining == 0
    assert client.post(path, {"addresses": "a\x00b"}).status_code == 422
    assert client_for(org.person("auditor")).get(path).status_code == 404


def test_a_paste_of_a_thousand(world: World) -> None:
    org = world.north
    crew = group(org, "Crew")
    made_: list[str] = []
    arrange(lambda: made_.extend(add_person(org, f"crowd{n:04}", "member", False, NOW(UTC)).account.email for n in range(1_000)))
    client, path = client_for(org.person("owner")), f"/o/{org.slug}/groups/{crew.id}/people/"
    with CaptureQueriesContext(connection) as queries:
        plan = client.post(path, {"addresses": "\n".join(made_)})
    assert plan.context["paste"].joining == 1_000
    assert len(queries) <= 30
    with CaptureQueriesContext(connection) as queries:
        done = client.post(path, {"addresses": " ".join(made_), "confirm": "1", "digest": plan.context["paste"].plan.digest})
    assert done.status_code == 302
    assert len(queries) <= 45
    assert len(members(org, crew)) == 1_000


def test_a_paste_into_a_group_with_a_role_asks_for_proof_and_keeps_what_was_typed(world: World) -> None:
    org, client = world.north, client_for(world.north.person("administrator"), tier=0)
    crew = group(org, "Guards", role="security")
    path = f"/o/{org.slug}/groups/{crew.id}/people/"
    plan = client.post(path, {"addresses": f"worker@{org.slug}.example"})
    answer = client.post(path, {"addresses": f"worker@{org.slug}.example", "confirm": "1", "digest": plan.context["paste"].plan.digest})
    assert answer.status_code == 302
    assert "/me/" in answer.headers["Location"] or "/sign-in/" in answer.headers["Location"]
    again = client.get(path, {"resume": "1"})
    assert again.context["paste"].joining == 1
    assert members(org, crew) == set()


def see(client: Client, org: Org) -> dict[str, bool]:
    """Which ways of reading show the worker, who is in no group that the reader's role reaches."""
    worker, found = org.person("worker"), {}
    found["list"] = "worker@" in client.get(f"/o/{org.slug}/people/?q=worker").content.decode()
    found["page"] = client.get(f"/o/{org.slug}/people/{worker.id}/").status_code == 200
    found["act"] = client.get(f"/o/{org.slug}/people/{worker.id}/revoke-sessions/").status_code == 200
    found["api list"] = "worker@" in client.get(f"/api/v1/orgs/{org.slug}/people/?q=worker").content.decode()
    found["api page"] = client.get(f"/api/v1/orgs/{org.slug}/people/{worker.id}/").status_code == 200
    found["api capabilities"] = client.get(f"/api/v1/orgs/{org.slug}/people/{worker.id}/capabilities/").status_code == 200
    found["file"] = "worker@" in b"".join(client.get(f"/o/{org.slug}/people/export.csv")).decode()
    found["log"] = client.get(f"/o/{org.slug}/audit/").status_code == 200
    found["api log"] = client.get(f"/api/v1/orgs/{org.slug}/audit/").status_code == 200
    found["administrators"] = "owner@" in client.get(f"/o/{org.slug}/administrators/").content.decode()
    found["groups"] = "Sales" in client.get(f"/o/{org.slug}/groups/").content.decode()
    return found


def test_a_limited_role_reads_only_its_groups(world: World) -> None:
    """Guard rail 21: what cannot be acted on cannot be read, in any way; without the limit all of it can."""
    org = world.north
    support, sales = group(org, "Support", "guest"), group(org, "Sales", "worker")
    manager = org.person("people-manager")
    assert all(see(client_for(manager), org).values()), see(client_for(manager), org)
    arrange(lambda: Membership.objects.filter(id=manager.id).update(role_scope=[support.id]))
    client = client_for(manager)
    assert not any(see(client, org).values()), see(client, org)
    listed = client.get(f"/o/{org.slug}/people/")
    assert [row.email for row in listed.context["people"].rows] == [f"guest@{org.slug}.example"]
    assert listed.context["numbers"]["all"] == 1
    assert client.get(f"/o/{org.slug}/people/{org.person('guest').id}/").status_code == 200
    assert client.get(f"/o/{org.slug}/groups/{support.id}/").status_code == 200
    for path in (f"groups/{sales.id}/", f"groups/{sales.id}/people/", f"groups/{sales.id}/rename-group/"):
        assert client.get(f"/o/{org.slug}/{path}").status_code == 404, path
    paste = client.post(f"/o/{org.slug}/groups/{support.id}/people/", {"addresses": f"worker@{org.slug}.example nobody@nowhere.example"})
    words = {" ".join(row["words"]) for row in paste.context["paste"].rows}
    assert words == {"Nobody with this address is in the organization."}
    # their own tokens stay theirs
    assert client.get(f"/o/{org.slug}/people/{manager.id}/create-token/").status_code == 200


def test_a_service_account_reads_within_its_groups_too(world: World) -> None:
    org = world.north
    support = group(org, "Support", "guest")
    found = service(org, "Desk bot", "help-desk")
    act(org, "change-role", "owner", [found.id], role="help-desk", scope=[str(support.id)])
    client = Client(headers={"Authorization": f"Bearer {token(org, found, 'view_people')}"})
    people = client.get(f"/api/v1/orgs/{org.slug}/people/").json()["people"]
    assert [p["email"] for p in people] == [f"guest@{org.slug}.example"]


def test_people_file_takes_own_roles(world: World) -> None:
    org = world.north
    role = made(org, "Night desk", 20, "view_people")
    act(org, "import-people", "owner", rows=[{"email": "new@elsewhere.example", "role": "Night desk"}])
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(account__email="new@elsewhere.example").role_id == role.id
    assert isinstance(role.id, UUID)
