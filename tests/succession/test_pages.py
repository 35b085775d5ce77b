"""Succession on pages and in the API: who sees what, what is shown once, what is not there for others."""
from __future__ import annotations

from datetime import UTC, datetime

from django.core.cache import cache

from accounts import tenancy
from accounts.models import RecoveryCode, SuccessionCase, Successor
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange, token_for
from tests.succession.acts import DAY, HOUR, account, case, do, factor, look, make_codes, name, role, small


def test_an_owner_prepares_on_the_page() -> None:
    org = small()
    client, base = client_for(org.person("owner")), f"/o/{org.slug}"
    page = client.get(f"{base}/administrators/succession/").content.decode()
    for said in ("Nobody is named", "There are none.", "1 owner can sign in", "60 days"):
        assert said in page, said
    form = client.get(f"{base}/do/name-successors/").content.decode()
    assert "Name them" in form
    wrong = client.post(f"{base}/do/name-successors/", {"successors": f"plain@{org.slug}.example"})
    assert wrong.status_code == 422 and "needs a second factor" in wrong.content.decode()
    assert client.post(f"{base}/do/name-successors/", {"successors": f"second@{org.slug}.example\nfirst@{org.slug}.example"}).status_code == 302
    assert client.post(f"{base}/do/set-succession-days/", {"days": "90"}).status_code == 302
    assert client.post(f"{base}/do/set-succession-days/", {"days": "29"}).status_code == 422
    made = client.post(f"{base}/do/make-recovery-codes/", {}).content.decode()
    assert made.count("Code ") >= 3 and "1-" in made and "3-" in made
    factor(org, False, "first")
    page = client.get(f"{base}/administrators/succession/").content.decode()
    assert "90 days" in page and page.index("Second Person") < page.index("First Person") and "Has no second factor" in page and "Make new ones" in page
    overview = client.get(f"{base}/overview/").content.decode()
    assert "1 named successor could not follow now." in overview
    with tenancy.scope(org=org.organization.id):
        assert Successor.objects.count() == 2 and RecoveryCode.objects.count() == 3
    codes = [line for line in made.split() if line.count("-") == 4]
    assert not any(code in page for code in codes)


def test_what_cannot_be_named() -> None:
    org, other = small(), small("x")
    client = client_for(org.person("owner"))

    def said(*addresses: str) -> str:
        answer = client.post(f"/o/{org.slug}/do/name-successors/", {"successors": ", ".join(addresses)})
        assert answer.status_code == 422
        return answer.content.decode()

    here = f"@{org.slug}.example"
    assert "Nobody in this organization has this address" in said(f"first@{other.slug}.example")
    assert "an owner already" in said(f"owner{here}")
    assert "at most three" in said(*(f"{who}{here}" for who in ("first", "second", "third", "plain")))
    account(org, "third", status="deactivated")
    assert "not possible in the current status" in said(f"third{here}")
    assert "already as you asked" in said("")
    account(org, "third", status="active")
    name(org, "first", "first", "second")
    with tenancy.scope(org=org.organization.id):
        assert list(Successor.objects.order_by("place").values_list("place", "membership_id")) == [(1, org.person("first").id), (2, org.person("second").id)]


def test_the_offer_is_accepted_on_the_page_and_nobody_elses() -> None:
    org, now = small(), datetime.now(UTC) - 73 * HOUR
    name(org, "first", "second")
    account(org, "owner", status="locked")
    for hours in (0, 24, 60, 72):
        look(org, now + hours * HOUR)
    first, second = client_for(org.person("first")), client_for(org.person("second"))
    assert "Ownership is offered to you" in first.get(f"/o/{org.slug}/succession/").content.decode()
    page = second.get(f"/o/{org.slug}/succession/").content.decode()
    assert "asked as number 2" in page and "is offered to you now" not in page
    assert second.post(f"/o/{org.slug}/do/accept-ownership/", {}).status_code == 422
    assert client_for(org.person("first"), tier=1).post(f"/o/{org.slug}/do/accept-ownership/", {}).status_code == 302
    assert case(org).state == "offered", "without a fresh second factor it only leads there"
    assert first.post(f"/o/{org.slug}/do/accept-ownership/", {}).status_code == 302
    assert case(org).state == "accepted"
    look(org, datetime.now(UTC))
    assert role(org, "first") == "owner"
    owner = client_for(org.person("first"))
    assert "Done" in owner.get(f"/o/{org.slug}/administrators/succession/").content.decode()


def test_declining_on_the_page() -> None:
    org = small()
    name(org, "first")
    client = client_for(org.person("first"))
    assert client.post(f"/o/{org.slug}/do/decline-succession/", {}).status_code == 302
    assert "You declined" in client.get(f"/o/{org.slug}/succession/").content.decode()
    assert client.post(f"/o/{org.slug}/do/decline-succession/", {}).status_code == 422
    assert "Declined" in client_for(org.person("owner")).get(f"/o/{org.slug}/administrators/succession/").content.decode()


def test_recovery_on_the_page() -> None:
    org = small()
    one, two, three = make_codes(org)
    path = f"/o/{org.slug}/succession/recovery/"
    unproven = client_for(org.person("first"), tier=1)
    answer = unproven.post(path, {"first": one, "second": two})
    assert answer.status_code == 302
    assert one not in str(dict(unproven.session.items())), "no session keeps what was typed"
    assert unproven.get(f"/o/{org.slug}/do/present-recovery-codes/").status_code == 302
    client = client_for(org.person("first"))
    assert "Present the codes" in client.get(path).content.decode()
    wrong = client.post(path, {"first": one, "second": one})
    assert wrong.status_code == 422 and "not two codes that open something" in wrong.content.decode() and one not in wrong.content.decode()
    assert client.post(path, {"first": three, "second": two}).status_code == 302
    assert "Your two codes were accepted" in client.get(f"/o/{org.slug}/succession/").content.decode()
    assert "under way already" in client_for(org.person("second")).get(path).content.decode()
    owner = client_for(org.person("owner"))
    assert "First Person presented two recovery codes" in owner.get(f"/o/{org.slug}/administrators/succession/").content.decode()
    assert "1 succession of the owners is under way" in owner.get(f"/o/{org.slug}/overview/").content.decode()
    assert owner.post(f"/o/{org.slug}/do/stop-succession/", {}).status_code == 302
    assert case(org, "codes").state == "stopped"


def test_who_sees_the_page(world: World) -> None:
    for who, status in (("owner", 200), ("administrator", 200), ("security", 404), ("auditor", 404), ("member", 404)):
        client = client_for(world.north.person(who))
        assert client.get(f"/o/{world.north.slug}/administrators/succession/").status_code == status, who
        assert client.get(f"/o/{world.north.slug}/succession/").status_code == 200
        tabs = client.get(f"/o/{world.north.slug}/administrators/")
        assert ("administrators/succession" in tabs.content.decode()) == (status == 200), who
    page = client_for(world.north.person("administrator")).get(f"/o/{world.north.slug}/administrators/succession/").content.decode()
    assert "do/name-successors" not in page and "do/make-recovery-codes" not in page


def test_the_api_shows_and_changes_the_same() -> None:
    from django.test import Client

    org, other = small(), small("x")
    made: list[str] = []
    arrange(lambda: made.append(token_for(org.person("owner"))[1]))
    client, headers, base = Client(), {"HTTP_AUTHORIZATION": f"Bearer {made[0]}"}, f"/api/v1/orgs/{org.slug}"
    named = client.post(f"{base}/actions/name-successors/", {"successors": f"first@{org.slug}.example"}, content_type="application/json", **headers)
    assert named.status_code == 200, named.content
    look(org, datetime.now(UTC) + 61 * DAY)
    found = client.get(f"{base}/succession/", **headers).json()
    assert (found["owners"], found["usable_owners"], found["silent_after_days"], found["codes_made_at"]) == (1, 1, 60, None)
    assert found["successors"] == [{"person_id": str(org.person("first").id), "name": "First Person", "place": 1, "declined": False, "able": True}]
    assert [(c["way"], c["cause"], c["state"], c["notices"]) for c in found["cases"]] == [("successors", "silent", "waiting", 1)]
    assert client.post(f"{base}/actions/stop-succession/", {}, content_type="application/json", **headers).status_code == 200
    assert client.get(f"{base}/succession/", **headers).json()["cases"][0]["state"] == "stopped"
    refused = client.post(f"{base}/actions/make-recovery-codes/", {}, content_type="application/json", **headers)
    assert refused.status_code == 403 and "by_person_only" in refused.content.decode(), "sealed codes are for people, not for programs"
    assert client.get(f"/api/v1/orgs/{other.slug}/succession/", **headers).status_code == 404
    assert client.post(f"{base}/people/{org.person('first').id}/actions/grant-ownership/", {}, content_type="application/json", **headers).status_code == 404


def test_nothing_of_other_organizations() -> None:
    org, other, now = small(), small("x"), datetime.now(UTC)
    name(other, "first")
    account(other, "owner", status="locked")
    look(other, now)
    look(org, now)
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/administrators/succession/").content.decode()
    assert other.slug not in page and "Waiting" not in page
    do(org, "make-recovery-codes")
    with tenancy.scope(org=org.organization.id):
        assert SuccessionCase.objects.count() == 0 and Successor.objects.count() == 0 and RecoveryCode.objects.count() == 3
    cache.clear()
