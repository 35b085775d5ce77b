"""Domains on pages and in the API: what to publish, what was found, who may, and nothing of others."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts import tenancy
from accounts.domains import life
from accounts.models import Domain
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange, domain_for, token_for


def only(world: World) -> Domain:
    with tenancy.scope(org=world.north.organization.id):
        return Domain.objects.get(organization=world.north.organization)


def test_adding_leads_to_what_must_be_published(world: World) -> None:
    org = world.north
    client = client_for(org.person("owner"))
    assert "No domain yet" in client.get(f"/o/{org.slug}/domains/").content.decode()
    assert client.post(f"/o/{org.slug}/do/add-domain/", {"domain": " Bücher.DE "}).status_code == 302
    row = only(world)
    page = client.get(f"/o/{org.slug}/domains/{row.id}/").content.decode()
    for said in ("bücher.de", "xn--bcher-kva.de", "_steward-challenge.xn--bcher-kva.de", f"steward-domain-verification={row.token}", "https://xn--bcher-kva.de/.well-known/steward-domain-verification.txt", "Waiting for proof"):
        assert said in page, said
    assert client.post(f"/o/{org.slug}/do/prove-domain/", {"domain": str(row.id)}).status_code == 302
    assert only(world).next_check_at <= datetime.now(UTC)  # type: ignore[operator]
    assert client.post(f"/o/{org.slug}/do/renew-domain-token/", {"domain": str(row.id)}).status_code == 302
    assert only(world).token != row.token
    assert client.post(f"/o/{org.slug}/do/remove-domain/", {"domain": str(row.id)}).status_code == 302
    page = client.get(f"/o/{org.slug}/domains/{row.id}/").content.decode()
    assert "Released" in page and only(world).token not in page


@pytest.mark.parametrize(("typed", "said"), [("gmail.com", "Anybody can have a mailbox"), ("co.uk", "Many organizations have names under this one"), ("exаmple.com", "mixes letters"), ("a@b.com", "no address and no link"),
                                             ("corp.local", "belong to nobody"), ("x" * 400, "300"), ("", "required"), ("a\x00b.com", "")])
def test_what_cannot_be_a_domain_is_a_form_error(world: World, typed: str, said: str) -> None:
    answer = client_for(world.north.person("owner")).post(f"/o/{world.north.slug}/do/add-domain/", {"domain": typed})
    assert answer.status_code == 422 and said in answer.content.decode()


@pytest.mark.parametrize(("more", "said"), [
    ({"state": "failing", "failing_since": datetime.now(UTC), "warned": 1, "last_problem": "no_record"}, "After 30 days without it"), ({"state": "failing", "failing_since": datetime.now(UTC), "warned": 30, "last_problem": "wrong_record"}, "until the proof is back"),
    ({"state": "contested", "contested_at": datetime.now(UTC), "proof_until": datetime.now(UTC) + timedelta(days=3), "fresh_at": None}, "Publish the new value below by"),
    ({"state": "contested", "contested_at": datetime.now(UTC) - timedelta(hours=1), "fresh_at": datetime.now(UTC)}, "Your new value was found"), ({"state": "lapsed", "ended_at": datetime.now(UTC)}, "Lapsed"),
    ({"state": "pending_proof", "proof_until": datetime.now(UTC), "last_problem": "web_tls_failed"}, "has no certificate for this name")])
def test_each_state_says_what_it_means(world: World, more: dict[str, object], said: str) -> None:
    arrange(lambda: domain_for(world.north, "example-mail.com", **more))
    client = client_for(world.north.person("administrator"))
    assert said in client.get(f"/o/{world.north.slug}/domains/{only(world).id}/").content.decode()
    assert client.get(f"/o/{world.north.slug}/domains/").status_code == 200


def test_who_may_and_nothing_of_others(world: World) -> None:
    arrange(lambda: domain_for(world.contoso, "contoso-mail.com"))
    with tenancy.scope(org=world.contoso.organization.id):
        foreign = Domain.objects.get(organization=world.contoso.organization)
    owner = client_for(world.north.person("owner"))
    assert owner.get(f"/o/{world.north.slug}/domains/{foreign.id}/").status_code == 404
    assert "contoso-mail" not in owner.get(f"/o/{world.north.slug}/domains/").content.decode()
    assert owner.post(f"/o/{world.north.slug}/do/remove-domain/", {"domain": str(foreign.id)}).status_code == 422
    for role, status in (("administrator", 200), ("people-manager", 404), ("auditor", 404), ("member", 404)):
        assert client_for(world.north.person(role)).get(f"/o/{world.north.slug}/domains/").status_code == status, role


def test_the_api_shows_and_changes_the_same(world: World) -> None:
    org = world.north
    secret = ""

    def made() -> None:
        nonlocal secret
        secret = token_for(org.person("owner"))[1]

    arrange(made)
    from django.test import Client

    client, headers, base = Client(), {"HTTP_AUTHORIZATION": f"Bearer {secret}"}, f"/api/v1/orgs/{org.slug}"
    added = client.post(f"{base}/actions/add-domain/", {"domain": "BÜCHER.de"}, content_type="application/json", **headers)
    assert added.status_code == 200, added.content
    (found,) = client.get(f"{base}/domains/", **headers).json()["domains"]
    assert (found["name"], found["display_name"], found["state"]) == ("xn--bcher-kva.de", "bücher.de", "pending_proof") and found["value"].endswith(only(world).token)
    assert client.get(f"{base}/domains/{found['id']}/", **headers).json() == found
    wrong = client.post(f"{base}/actions/add-domain/", {"domain": "gmail.com"}, content_type="application/json", **headers)
    assert wrong.status_code == 422 and wrong["Content-Type"].startswith("application/problem+json")
    arrange(lambda: Domain.objects.filter(id=found["id"]).update(state="released", ended_at=datetime.now(UTC)))
    assert client.get(f"{base}/domains/{found['id']}/", **headers).json()["value"] == ""


def test_the_job_looks_only_at_what_is_due(world: World) -> None:
    from accounts.domains import checks

    now = datetime.now(UTC)
    arrange(lambda: [domain_for(world.north, "due-mail.com", next_check_at=now), domain_for(world.north, "later-mail.com", next_check_at=now + life.CHECK_EVERY), domain_for(world.north, "over-mail.com", state="released", next_check_at=now)])
    with tenancy.scope(org=world.north.organization.id):
        ids = {row.name: row.id for row in Domain.objects.filter(organization=world.north.organization)}
    assert {name for name, i in ids.items() if i in checks.due(now=now)} == {"due-mail.com"}
