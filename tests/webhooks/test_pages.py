"""Webhooks on pages and through the API: added, changed, health in words; who may choose what, and what is never shown."""
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import tenancy
from accounts.models import Webhook, WebhookAttempt, WebhookDelivery
from audit.streams import secrets
from tests.api.calls import Api
from tests.browse import client_for
from tests.cast import Org, World
from tests.situations import DELIVERY, arrange, webhook_for
from tests.webhooks.acts import records

GOOD = {"name": "Payroll", "url": "https://hooks.example.com/very-secret-path", "families": ["membership.*"], "events": "account.locked account.deactivated"}


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def rows(org: Org) -> list[Webhook]:
    with tenancy.scope(org=org.organization.id):
        return list(Webhook.objects.filter(organization=org.organization).order_by("created_at"))


def test_the_way_of_a_webhook_on_pages(world: World) -> None:
    """Added with its secret shown once, changed, tested, its health in words, sent again, paused, removed: each an entry without the path and the secret."""
    org, client = world.north, client_for(world.north.person("owner"))
    base, do = f"/o/{org.slug}/webhooks/", f"/o/{org.slug}/do/"
    assert "No webhook yet" in text(client.get(base)) and "List of events" in text(client.get(base + "events/")) and "membership.suspended" in text(client.get(base + "events/"))
    assert "Webhooks" in text(client.get(f"/o/{org.slug}/settings/"))
    for wrong, words in (({"url": "https://10.0.0.1/in"}, "not a public one"), ({"url": "ftp://a.example"}, "Write an address such as"), ({"url": "http://a.example"}, "Only https"), ({"families": [], "events": ""}, "at least one event"),
                         ({"events": "membership.flew"}, "There is no event named membership.flew"), ({"service": "nothing"}, "There is no service"), ({"app": "nothing"}, "No app with this name"),
                         ({"service": str(org.services[0].id), "families": ["audit.*"]}, "gets only events about people"), ({"name": "\u202e"}, "invisible")):
        answer = client.post(do + "add-webhook/", {**GOOD, **wrong})
        assert answer.status_code == 422 and words in text(answer), (wrong, text(answer)[:2000])
    shown = client.post(do + "add-webhook/", GOOD)
    secret = re.search(r'value="(whsec_[A-Za-z0-9+/=]+)"', shown.content.decode())
    (row,) = rows(org)
    held = secrets.unseal(bytes(row.secret), stream=row.id)
    assert secret and held and held.text == secret[1] and row.events == ["account.deactivated", "account.locked", "membership.*"]
    assert "name_taken" not in text(shown) and client.post(do + "add-webhook/", GOOD).status_code == 422
    form = client.get(do + f"change-webhook/?webhook={row.id}").content.decode()
    assert 'value="Payroll"' in form and "account.deactivated account.locked" in form and "very-secret-path" not in form and re.search(r'value="membership\.\*"[^>]*checked', form)
    assert client.post(do + "change-webhook/", {"webhook": str(row.id), "name": "Wages", "url": "", "families": ["account.*"], "events": ""}).status_code == 302
    assert (rows(org)[0].name, rows(org)[0].events, rows(org)[0].url) == ("Wages", ["account.*"], GOOD["url"])
    assert client.post(do + "test-webhook/", {"webhook": "Wages"}).status_code == 302
    with tenancy.scope(org=org.organization.id):
        now = datetime.now(UTC)
        test = WebhookDelivery.objects.get(webhook=row, entry=None)
        WebhookAttempt.objects.create(organization=org.organization, delivery=test, at=now, code="receiver_failed", status=500, took=31)
        WebhookDelivery.objects.filter(id=test.id).update(state="failed", attempts=1)
        Webhook.objects.filter(id=row.id).update(failures=2, next_try=now + timedelta(minutes=5), last_error="receiver_failed", last_status=500, last_error_at=now)
    page = client.get(f"{base}{row.id}/")
    for words in ("Failing, tried again", "2 attempts failed. Nothing is lost", "an error of its own. It answered 500", "31 ms", "Given up", held.public, "https://hooks.example.com", "Try now"):
        assert words in text(page), words
    for answer in (page, client.get(base)):
        assert not any(word in answer.content.decode() for word in ("very-secret-path", secret[1], held.seed.hex()))
    assert client.post(do + "redeliver-webhook/", {"webhook": "Wages", "since": "2026-01-01T00:00"}).status_code == 422, "there is nothing that was sent"
    assert client.post(do + "redeliver-webhook/", {"webhook": "Wages"}).status_code == 422
    for slug in ("pause-webhook", "resume-webhook", "remove-webhook"):
        assert client.post(do + f"{slug}/", {"webhook": "Wages"}).status_code == 302, slug
    assert rows(org) == [] and client.get(f"{base}{row.id}/").status_code == 404
    entries = [record for name in ("added", "changed", "tested", "paused", "resumed", "removed") for record in records(org, f"webhook.{name}") if record["decision"]["outcome"] == "success"]
    assert len(entries) == 6 and not any(word in str(entries) for word in ("very-secret-path", secret[1], "whsec_")) and all(any(t["type"] == "webhook" for t in e["targets"]) for e in entries)
    assert "removed the webhook “Wages”" in text(client.get(f"/o/{org.slug}/audit/"))


def test_who_may_choose_what(world: World) -> None:
    """Who manages apps may; who may not read the log sends none of it away; others find no page."""
    org = world.north
    manager = client_for(org.person("app-manager"))
    answer = manager.post(f"/o/{org.slug}/do/add-webhook/", {**GOOD, "families": ["*"]})
    assert answer.status_code == 422 and "may read the audit log" in text(answer)
    assert manager.post(f"/o/{org.slug}/do/add-webhook/", GOOD).status_code == 200 and manager.get(f"/o/{org.slug}/webhooks/{rows(org)[0].id}/").status_code == 200
    for name in ("auditor", "member"):
        client = client_for(org.person(name))
        assert {client.get(f"/o/{org.slug}/webhooks/{path}").status_code for path in ("", "events/", f"{rows(org)[0].id}/")} == {404}
    assert client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/webhooks/{rows(org)[0].id}/").status_code == 404


def test_through_the_api(world: World) -> None:
    api = Api(world, scopes=["manage_apps"])
    arrange(lambda: webhook_for(world.north, "Payroll", delivery=True))
    (listed,) = api.call("get", "/webhooks/").json()["webhooks"]
    assert (listed["name"], listed["state"], listed["given_up"], listed["events"]) == ("Payroll", "idle", 1, ["membership.*"]) and "url" not in listed and "secret" not in listed
    full = api.call("get", f"/webhooks/{listed['id']}/").json()
    assert [d["id"] for d in full["deliveries"]] == [DELIVERY] and api.call("get", f"/webhook-deliveries/{DELIVERY}/").json()["state"] == "failed"
    assert {"name": "account.locked"}.items() <= next(e for e in api.call("get", "/webhook-events/").json()["events"] if e["name"] == "account.locked").items()
    arrange(lambda: webhook_for(world.contoso, "Theirs"))
    theirs = rows(world.contoso)[0].id
    assert api.call("get", f"/webhooks/{theirs}/").status_code == 404
