"""Law: another organization's ids answer like ids that do not exist; without a scope a query finds nothing."""
from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.urls import get_resolver, resolve

from accounts import tenancy
from accounts.models import Membership
from accounts.powers import POWERS
from portal.api.table import OPERATIONS
from portal.database import TABLES
from tests.browse import client_for
from tests.cast import World
from tests.situations import DATA

PAGES = ["/o/{slug}/requests/programs/", "/o/{slug}/", "/o/{slug}/webhooks/", "/o/{slug}/webhooks/events/", "/o/{slug}/webhooks/{other}/", "/o/{slug}/apps/", "/o/{slug}/apps/queue/", "/o/{slug}/apps/catalogue/", "/o/{slug}/apps/{other}/", "/o/{slug}/people/", "/o/{slug}/people/{person}/", "/o/{slug}/approvals/", "/o/{slug}/scheduled/", "/o/{slug}/approvals/{other}/", "/o/{slug}/audit/", "/o/{slug}/copies/organization/", "/o/{slug}/copies/organization/{other}/", "/o/{slug}/content/", "/o/{slug}/content/{other}/", "/o/{slug}/content/{other}/letters/{other}/", "/o/{slug}/processing/", "/o/{slug}/processing.csv", "/o/{slug}/processing.json", "/transparency/{slug}/", "/transparency/{slug}/report.csv", "/o/{slug}/registers/", "/o/{slug}/registers/disclosures/{other}/", "/o/{slug}/registers/disclosures/{other}/files/{other}/", "/o/{slug}/registers/recipients/", "/o/{slug}/registers/report/", "/o/{slug}/registers/report.csv", "/o/{slug}/registers/transfer/", "/o/{slug}/copies/", "/o/{slug}/holds/", "/o/{slug}/holds/{other}/", "/o/{slug}/holds/matters/{other}/", "/o/{slug}/copies/{other}/", "/o/{slug}/audit/{other}/", "/o/{slug}/audit/retention/", "/o/{slug}/retention/", "/o/{slug}/retention/look/", "/o/{slug}/retention/runs/{other}/", "/o/{slug}/audit/exports/", "/o/{slug}/audit/exports/new/", "/o/{slug}/audit/exports/{other}/", "/o/{slug}/audit/exports/{other}/files/manifest.json", "/o/{slug}/requests/", "/o/{slug}/requests/figures/", "/o/{slug}/requests/{other}/", "/o/{slug}/requests/{other}/files/{other}/", "/o/{slug}/domains/", "/o/{slug}/announcements/", "/o/{slug}/settings/", "/o/{slug}/settings/notice/", "/o/{slug}/settings/inactivity/", "/o/{slug}/settings/unused/", "/o/{slug}/domains/{other}/", "/o/{slug}/domains/{other}/claim/", "/o/{slug}/domains/claims/", "/o/{slug}/domains/claims/{other}/", "/o/{slug}/email-changes/", "/o/{slug}/audit/streams/", "/o/{slug}/audit/streams/{other}/", "/o/{slug}/audit/{other}/receipt.txt", "/o/{slug}/audit/{other}/proof.txt", "/o/{slug}/audit/{other}/record.json", "/o/{slug}/audit/about/{person}/", "/o/{slug}/audit/by/{person}/", "/o/{slug}/tokens/",
         "/o/{slug}/help/", "/o/{slug}/help/suspend/", "/o/{slug}/find/", "/o/{slug}/go/people/", "/o/{slug}/people/import/", "/o/{slug}/overview/", "/o/{slug}/views/", "/o/{slug}/people/bulk/", "/o/{slug}/people/act/", "/o/{slug}/jobs/", "/o/{slug}/jobs/{other}/", "/o/{slug}/people/export.csv", "/o/{slug}/do/invite/",
         "/o/{slug}/administrators/", "/o/{slug}/administrators/roles/", "/o/{slug}/administrators/protected/", "/o/{slug}/administrators/service-accounts/", "/o/{slug}/administrators/service-accounts/{person}/", "/o/{slug}/administrators/succession/", "/o/{slug}/succession/", "/o/{slug}/succession/recovery/", "/o/{slug}/groups/", "/o/{slug}/groups/{other}/",
         "/o/{slug}/groups/{other}/people/", *[f"/o/{{slug}}/administrators/roles/{{other}}/{p.slug}/" for p in POWERS if p.over == "role"],
         *[f"/o/{{slug}}/groups/{{other}}/{p.slug}/" for p in POWERS if p.over == "group"],
         "/o/{slug}/services/", "/o/{slug}/services/{other}/", *[f"/o/{{slug}}/services/{{other}}/{p.slug}/" for p in POWERS if p.over == "service"],
         *[f"/o/{{slug}}/people/{{person}}/{p.slug}/" for p in POWERS if p.over == "member"]]
API = [f"/api/v1/{o.path}".replace("{person_id}", "{person}").replace("_id}", "}").replace("{app}", "{other}").replace("{plan}", "{other}").replace("{role}", "{other}").replace("{group}", "{other}").replace("{service}", "{other}").replace("{token}", "{other}").replace("{entry}", "{other}").replace("{export}", "{other}").replace("{stream}", "{other}").replace("{domain}", "{other}").replace("{copy}", "{other}").replace("{claim}", "{other}").replace("{case}", "{other}").replace("{disclosure}", "{other}").replace("{scheduled}", "{other}").replace("{run}", "{other}").replace("{webhook}", "{other}").replace("{delivery}", "{other}")
       for o in OPERATIONS if o.method == "GET" and "{slug}" in o.path]
"""Those that read; tests/api/test_law.py tries all of them."""


def _bare(body: bytes) -> bytes:
    """Without what differs between any two answers: ids of requests and tokens of forms."""
    return re.sub(rb'"request_id": ?"[^"]*"|urn:steward:request:[^"]*|value="[A-Za-z0-9]{64}"', b"", body)


@pytest.mark.parametrize("path", [*PAGES, *API])
def test_foreign_organizations_are_not_there(standing: World, path: str) -> None:
    client = client_for(standing.north.person("owner"))
    foreign = standing.contoso.person("member")
    path = path.replace("{hold}", "{other}")
    real = client.get(path.format(slug=standing.contoso.slug, person=foreign.id, other=uuid.uuid4()))
    made_up = client.get(path.format(slug="no-such-organization", person=uuid.uuid4(), other=uuid.uuid4()))
    assert real.status_code == made_up.status_code == 404
    assert _bare(real.content) == _bare(made_up.content)


@pytest.mark.parametrize("path", [p for p in [*PAGES, *API] if "{person}" in p])
def test_foreign_people_are_not_there(standing: World, path: str) -> None:
    """One's own organization with somebody else's person."""
    client = client_for(standing.north.person("owner"))
    real = client.get(path.format(slug=standing.north.slug, person=standing.contoso.person("member").id))
    made_up = client.get(path.format(slug=standing.north.slug, person=uuid.uuid4()))
    assert (real.status_code, made_up.status_code) == (404, 404)
    assert _bare(real.content) == _bare(made_up.content)


@pytest.mark.parametrize("slug", [p.slug for p in POWERS if p.over == "member"])
def test_acts_on_foreign_people_are_not_there(standing: World, slug: str) -> None:
    client = client_for(standing.north.person("owner"))
    foreign = standing.contoso.person("member")
    for path in (f"/o/{standing.north.slug}/people/{foreign.id}/{slug}/", f"/o/{standing.contoso.slug}/people/{foreign.id}/{slug}/"):
        assert client.post(path, {**DATA[slug], "confirm": f"member@{standing.contoso.slug}.example"}).status_code == 404
    answer = client.post(f"/api/v1/orgs/{standing.contoso.slug}/people/{foreign.id}/actions/{slug}/", DATA[slug], content_type="application/json")
    assert answer.status_code == 404
    with tenancy.installation("look"):
        row = Membership.objects.select_related("account").get(id=foreign.id)
        assert (row.status, row.version, row.account.version) == ("active", 1, 1)


def test_every_address_with_an_organization_is_tried() -> None:
    """A new address below /o/ or /api/ has to be added to the lists above."""
    names = {p.lookup_str for p in _patterns(get_resolver().url_patterns) if "<slug:slug>" in str(p.pattern) and "portal.api" not in p.lookup_str}
    tried = {resolve(path.format(slug="here", person=uuid.uuid4(), other=uuid.uuid4()))._func_path for path in PAGES}
    assert names - tried == set()


def _patterns(patterns: list) -> list:
    return [q for p in patterns for q in (_patterns(p.url_patterns) if hasattr(p, "url_patterns") else [p])]


@pytest.mark.parametrize("table", [name for name, table in TABLES.items() if table.scope])
def test_without_a_scope_nothing_is_found(standing: World, table: str) -> None:
    tenancy.clear()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] == 0
        with tenancy.scope(org=standing.contoso.organization.id):
            column = TABLES[table].scope
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} <> %s", [standing.contoso.organization.id])
            assert cursor.fetchone()[0] == 0


def test_a_forgotten_filter_shows_only_ones_own(world: World) -> None:
    with tenancy.scope(org=world.contoso.organization.id):
        assert set(Membership.objects.values_list("organization_id", flat=True)) == {world.contoso.organization.id}
