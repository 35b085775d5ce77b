"""The overview: each number is right, leads to exactly those it counts, and shows nothing of other organizations."""
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import outbox, overview, tenancy
from accounts.models import Account, Mail, Membership, Organization, Plan
from portal.charts import Chart
from tests.browse import client_for
from tests.cast import World, add_person
from tests.situations import arrange, token_for


def numbers(world: World, who: str = "owner") -> dict[str, int]:
    with tenancy.scope(org=world.north.organization.id):
        return overview.numbers(actor=world.north.actor(who), now=timezone.now())


def test_in_order_it_says_so(world: World) -> None:
    arrange(lambda: Account.objects.filter(memberships__organization=world.north.organization).update(has_second_factor=True))
    arrange(lambda: Organization.objects.filter(id=world.north.organization.id).update(contact_email="help@north.example"))
    page = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/overview/").content.decode()
    assert "Everything is in order" in page


def test_each_number_and_the_list_it_leads_to(world: World) -> None:
    org, soon = world.north, timezone.now() + timedelta(days=1)
    before = numbers(world)

    def trouble() -> None:
        Membership.objects.filter(id=org.person("guest").id).update(status="invited", invitation_expires_at=soon)
        Membership.objects.filter(id=org.person("member").id).update(status="suspended", status_until=soon)
        Account.objects.filter(id=org.person("worker").account_id).update(status="locked")
        Account.objects.filter(id=org.person("security").account_id).update(has_second_factor=False)
        token_for(org.person("auditor"), expires_at=soon)
        outbox.owe(template="suspend", account=Account.objects.get(id=org.person("legal").account_id), context={}, entry=None, organization_id=org.organization.id, now=timezone.now())
        Mail.objects.filter(account_id=org.person("legal").account_id).update(state="failed")
        Plan.objects.create(organization=org.organization, power="suspend", requested_by=org.person("administrator").id, requested_via="ui", targets=[org.person("worker").id], digest="x", tier=3,
                            state="awaiting_approval", created_at=timezone.now(), expires_at=soon)

    arrange(trouble)
    found = numbers(world)
    assert {key: found[key] - before[key] for key in ("invitations", "returns", "locked", "administrators_without_factor", "tokens", "notices", "approvals")} == dict.fromkeys(
        ("invitations", "returns", "locked", "administrators_without_factor", "tokens", "notices", "approvals"), 1)
    assert numbers(world, "administrator")["approvals"] == 0  # one's own plan does not wait for oneself
    client = client_for(org.person("owner"))
    page = client.get(f"/o/{org.slug}/overview/").content.decode()
    for due, name in (("invitation", "guest"), ("return", "member"), ("token", "auditor"), ("notice", "legal")):
        assert f"/o/{org.slug}/people/?due={due}" in page
        listed = client.get(f"/o/{org.slug}/people/?due={due}").content.decode()
        assert set(re.findall(r"<small>([a-z-]+)@", listed)) == {name}
    listed = client.get(f"/o/{org.slug}/people/?status=locked").content.decode()
    assert set(re.findall(r"<small>([a-z-]+)@", listed)) == {"worker"}
    assert numbers_of(world, "contoso")["approvals"] == 0


def numbers_of(world: World, _name: str) -> dict[str, int]:
    with tenancy.scope(org=world.contoso.organization.id):
        return overview.numbers(actor=world.contoso.actor("owner"), now=timezone.now())


def test_the_queries_do_not_grow(world: World) -> None:
    client, address = client_for(world.north.person("owner")), f"/o/{world.north.slug}/overview/"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    arrange(lambda: [add_person(world.north, f"more{n}", "administrator", True, datetime.now(UTC)) for n in range(10)])
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) == len(few)
    assert len(few) <= 19, [query["sql"][:100] for query in few]


@pytest.mark.parametrize(("who", "status"), [("owner", 200), ("auditor", 200), ("help-desk", 200), ("member", 404)])
def test_who_sees_it(world: World, who: str, status: int) -> None:
    assert client_for(world.north.person(who)).get(f"/o/{world.north.slug}/overview/").status_code == status


def test_a_limited_role_has_its_list_instead(world: World) -> None:
    arrange(lambda: Membership.objects.filter(id=world.north.person("help-desk").id).update(role_scope=[]))
    assert client_for(world.north.person("help-desk")).get(f"/o/{world.north.slug}/overview/").headers["Location"] == f"/o/{world.north.slug}/people/"


def test_charts_hold_for_odd_numbers() -> None:
    for points in ([], [("a", [0])], [("<script>", [5, 7])], [(str(n), [n * 10**9]) for n in range(200)]):
        svg = str(Chart(id="x", title="T<b>", description="d", head="h", series=[("s", "bar")] * (len(points[0][1]) if points else 1), points=points).svg)
        assert "<script>" not in svg
        assert "<b>" not in svg
        assert "nan" not in svg.lower()
        assert "style=" not in svg


@pytest.mark.parametrize(("path", "section"), [("do/answer-request/", "Requests"), ("do/invite/", "People"), ("requests/", "Requests"), ("do/set-audit-retention/", "Audit log"), ("webhooks/", "Services"), ("do/add-webhook/", "Services")])
def test_the_way_around_says_where_one_is(world: World, path: str, section: str) -> None:
    """The page of a power belongs to the page that it leads back to."""
    page = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/{path}").content.decode()
    here = re.findall(r'<a href="[^"]*" aria-current="page">(?:<svg.*?</svg>)?([^<]*)', page.partition("</nav>")[0])
    assert here == [section]
