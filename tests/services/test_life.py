"""A service from being added to being removed: its secret is shown once, its addresses are exact, suspension and removal end what is open, and a hold keeps it."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from oauth2_provider.models import AccessToken

from accounts import tenancy
from accounts.models import OAuthApplication, Service, ServiceAccess
from accounts.oauth import clients
from accounts.services import addresses
from audit.models import Entry
from tests.browse import client_for
from tests.cast import Org, World
from tests.powers.test_roles import act, refused
from tests.services.test_access import made, said
from tests.situations import arrange, hold_for

REFUSED = [
    "https://*.example.com/back", "https://wiki.example.com/*", "https://wiki.example.com/back#top", "https://sam:pw@wiki.example.com/back", "https://wiki.example.com@evil.example/", "com.example.wiki:/back",
    "app://back", "javascript:alert(1)", "data:text/html,x", "http://wiki.example.com/back", "//wiki.example.com/back", "/back", "wiki.example.com/back", "https:///back", "https://", "https://wiki.example.com:0/",
    "https://wiki.example.com:99999/", "https://wiki.example.com/a/../b", "https://wiki.example.com/%2e%2e/b", "https://wiki.example.com\\@evil.example/", "https://wíki.example.com/", "https://-x.example.com/",
    "https://wiki.example.com/" + "a" * 500, "https://wiki .example.com/", "https://[::1/", "ftp://wiki.example.com/"]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_one_exact_https_address_is_refused_in_words(address: str) -> None:
    assert len(addresses.problem(address)) > 20


def test_addresses_that_can_be_used(settings: object) -> None:
    for address in ("https://wiki.example.com/back", "https://wiki.example.com:8443/back?from=us", "https://192.0.2.7/back"):
        assert addresses.problem(address) == "" and clients.refused(address) == "", address
    settings.SECURE = False  # type: ignore[attr-defined]
    assert addresses.problem("http://localhost:9000/back") == clients.refused("http://localhost:9000/back") == ""
    settings.SECURE = True  # type: ignore[attr-defined]
    assert addresses.problem("http://localhost:9000/back"), "on an installation that is really used, nothing travels without encryption"


def _client(org: Org, service: Service) -> OAuthApplication:
    with tenancy.scope(org=org.organization.id):
        return OAuthApplication.objects.get(service=service)


def test_from_adding_to_removing(world: World) -> None:
    org, browser = world.north, client_for(world.north.person("administrator"))
    form = {"name": "Wiki", "description": "What we know", "owner": f"legal@{org.slug}.example", "url": "https://wiki.example.com/", "redirect_uris": "https://wiki.example.com/back\nhttps://wiki.example.com/two",
            "logout_url": "https://wiki.example.com/out", "categories": ["user.name", "user.contact.email"]}
    add = f"/o/{org.slug}/do/add-service/"
    wrong = browser.post(add, {**form, "redirect_uris": "https://*.example.com/"})
    assert wrong.status_code == 422 and "a * stands for nothing here" in wrong.content.decode()
    assert browser.post(add, {**form, "redirect_uris": "\n".join(f"https://wiki.example.com/{n}" for n in range(21))}).status_code == 422
    assert browser.post(add, {**form, "owner": "nobody@elsewhere.example"}).status_code == 422
    page = browser.post(add, form)
    assert page.status_code == 200
    with tenancy.scope(org=org.organization.id):
        wiki = Service.objects.get(name="Wiki")
    row = _client(org, wiki)
    secret, text = page.context["secret"], page.content.decode()
    assert secret in text and row.client_id in text and clients.same(secret, row.client_secret) and secret not in row.client_secret
    assert row.redirect_uris.split() == form["redirect_uris"].split() and (row.logout_url, wiki.answered_by) == (form["logout_url"], org.person("legal").id)
    with tenancy.scope(org=org.organization.id):
        record, = Entry.objects.filter(record__contains='"service.added"', org=org.organization.id).filter(record__contains='"success"').values_list("record", flat=True)
    assert secret not in record and row.client_id in record and "wiki.example.com/two" in record
    assert secret not in browser.get(f"/o/{org.slug}/services/{wiki.id}/").content.decode()
    assert refused(org, "add-service", "owner", name="wiki") == ["name_taken"]

    act(org, "change-service", "owner", [wiki.id], description="All that we know")
    assert _client(org, wiki).redirect_uris == row.redirect_uris, "what was not sent stays"
    act(org, "change-service", "owner", [wiki.id], redirect_uris="https://wiki.example.com/two", owner="")
    assert _client(org, wiki).redirect_uris == "https://wiki.example.com/two"
    fresh = act(org, "new-service-secret", "owner", [wiki.id])
    assert clients.same(fresh.secret, _client(org, wiki).client_secret) and not clients.same(secret, _client(org, wiki).client_secret), "the old one stops at once"
    assert fresh.client_id == row.client_id and "secret" not in fresh.as_json()

    act(org, "set-service-everyone", "owner", [wiki.id], level="full")
    worker = org.person("worker")

    def signed_in() -> None:
        AccessToken.objects.create(user_id=worker.account_id, application=row, token="t" * 20, expires=datetime.now(UTC) + timedelta(hours=1), scope="openid")

    arrange(signed_in)
    act(org, "suspend-service", "app-manager", [wiki.id], private_note="")
    with tenancy.installation("look"):
        assert not AccessToken.objects.filter(application=row).exists()
    assert said(org, wiki) == ("", "service_suspended") and refused(org, "suspend-service", "owner", [wiki.id]) == ["wrong_status"]
    act(org, "restore-service", "app-manager", [wiki.id], private_note="")
    assert said(org, wiki) == ("full", ""), "who had access has it again"
    arrange(signed_in)
    assert refused(org, "remove-service", "owner", [wiki.id], name="wiki!") == ["wrong_name"]
    act(org, "remove-service", "owner", [wiki.id], name="Wiki")
    with tenancy.installation("look"):
        assert not AccessToken.objects.filter(application_id=row.id).exists() and not OAuthApplication.objects.filter(id=row.id).exists() and not Service.objects.filter(id=wiki.id).exists()
    assert said(org, wiki) == ("", "unknown_service")


def test_a_hold_keeps_who_had_access(world: World) -> None:
    org, notes = world.north, world.north.services[0]
    arrange(lambda: hold_for(org, org.person("worker"), "release-hold"))
    assert refused(org, "remove-service", "owner", [notes.id], name="Notes") == ["on_hold"]
    with tenancy.scope(org=org.organization.id):
        assert ServiceAccess.objects.filter(service=notes).exists()
    empty = made(org, "Empty")
    act(org, "remove-service", "owner", [empty.id], name="Empty")


def test_a_service_without_a_client_gets_one_with_its_first_secret_or_address(world: World) -> None:
    org = world.north
    one, two = made(org, "One", signs_in=False), made(org, "Two", signs_in=False)
    assert act(org, "new-service-secret", "owner", [one.id]).secret.startswith("sts_")
    shown = act(org, "change-service", "owner", [two.id], redirect_uris="https://two.example.com/back")
    assert clients.same(shown.secret, _client(org, two).client_secret) and _client(org, two).redirect_uris == "https://two.example.com/back"


def test_pages_and_api_show_who_has_access_through_what(standing: World) -> None:
    org = standing.north
    wiki = made(org, "Beacon", everyone="read_only", url="https://beacon.example.com/")
    owner, member = client_for(org.person("owner")), client_for(org.person("member"))
    assert "Beacon" in owner.get(f"/o/{org.slug}/services/").content.decode()
    page = owner.get(f"/o/{org.slug}/services/{wiki.id}/?q=worker").content.decode()
    assert "As everybody in the organization" in page and "Take away" in page and page.count("Worker Person") >= 1 and "Guest Person" not in page
    assert member.get(f"/o/{org.slug}/services/").status_code == 404
    assert '<a href="https://beacon.example.com/"' in member.get(f"/o/{org.slug}/").content.decode()
    assert "Beacon" in member.get("/me/privacy/").content.decode()
    assert "As everybody" in owner.get(f"/o/{org.slug}/people/{org.person('worker').id}/").content.decode()
    api = f"/api/v1/orgs/{org.slug}/services/"
    found = owner.get(f"{api}{wiki.id}/")
    assert found.json()["everyone"] == "read_only" and found.headers["ETag"]
    first = owner.get(f"{api}{wiki.id}/people/?limit=3").json()
    second = owner.get(f"{api}{wiki.id}/people/?limit=3&cursor={first['next']}").json()
    assert len(first["people"]) == 3 and not {p["id"] for p in first["people"]} & {p["id"] for p in second["people"]}
