"""Services, apps, the provider, webhooks and security events together: whatever ends ends everywhere at once, what rests comes back, and use is noted."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from accounts import tenancy
from accounts.models import AppUse, Installation, LogoutCall, OAuthApplication, Service, ServiceAccess, SignalStream, Webhook
from accounts.webhooks import delivery
from dsar.relays import access, asking
from dsar.relays.models import Responder
from tests.audit.receivers import https
from tests.browse import client_for
from tests.cast import World
from tests.oauth.programs import Program, app_for, back, service_for
from tests.powers.test_roles import act
from tests.registers.acts import do
from tests.signals.acts import Program as Listener
from tests.situations import WHY, arrange
from tests.webhooks.acts import deliveries, follow, made, turn


def listener_of(program: Program) -> Listener:
    """The same program, as it fetches security events."""
    found = Listener.__new__(Listener)
    found.client, found.secret, found.stream = program.client, program.secret, {}
    from django.test import Client

    found.http = Client(enforce_csrf_checks=True)
    return found


def consented(program: Program, browser: Any, **more: str) -> dict[str, Any]:
    uri, verifier = program.ask(**more)
    page = browser.get(uri)
    if page.status_code == 200 and not page.headers.get("Refresh"):
        page = browser.post(uri, {"answer": "allow"})
    return dict(program.exchange(back(page)["code"], verifier).json())


def rest(world: World, service: Service | None = None, installation: Installation | None = None) -> None:
    def done() -> None:
        row = Responder.objects.filter(service=service, installation=installation).first() or Responder.objects.create(
            organization=world.north.organization, service=service, installation=installation, way="mail", email="privacy@notes.example")
        assert access.works(row) and asking.clients(row)
        access.rest(row, now=timezone.now())

    arrange(done)


SERVICE = {
    "take-service-access": lambda w, s: act(w.north, "take-service-access", "owner", [w.north.person("worker").id], service=str(s.id), **WHY),
    "restrict-service-access": lambda w, s: act(w.north, "restrict-service-access", "owner", [w.north.person("worker").id], service=str(s.id), **WHY),
    "suspend-service": lambda w, s: act(w.north, "suspend-service", "owner", [s.id]),
    "remove-service": lambda w, s: act(w.north, "remove-service", "owner", [s.id], name=s.name),
    "no answer": lambda w, s: rest(w, service=s),
}
APP = {
    "suspend-app": lambda w, i: do(w.north, "suspend-app", app=i.app.slug),
    "uninstall-app": lambda w, i: do(w.north, "uninstall-app", app=i.app.slug),
    "block-app": lambda w, i: do(w.north, "block-app", app=i.app.slug),
    "no answer": lambda w, i: rest(w, installation=i),
    "withdraw-app-grant": lambda w, i: do(w.north, "withdraw-app-grant", who="worker", grant=""),
}
PERSONAL = {"take-service-access", "restrict-service-access", "withdraw-app-grant"}
GONE = {"remove-service", "uninstall-app", "block-app"}


@pytest.mark.parametrize(("kind", "way"), [*(("service", way) for way in SERVICE), *(("app", way) for way in APP)])
def test_what_ends_ends_everywhere(world: World, settings: Any, kind: str, way: str) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    org, person = world.north, world.north.person("worker")
    out = "https://notes.example/out"
    program = service_for(org, person, logout_url=out) if kind == "service" else app_for(org, "openid", "profile", "email", "offline_access", "view_people")
    with tenancy.installation("a test looks"):
        client = OAuthApplication.objects.select_related("service", "installation__app").get(id=program.client.id)
        owner = client.service or client.installation
    arrange(lambda: OAuthApplication.objects.filter(id=client.id).update(logout_url=out))
    browser, more = client_for(person), {"scope": "openid profile offline_access view_people"} if kind == "app" else {}
    tokens = consented(program, browser, **more)
    uri, verifier = program.ask(**more)
    code = back(browser.get(uri))["code"]
    begun = program.post("device/begin", scope="openid").json()
    assert browser.post("/oauth/device/", {"code": begun["user_code"], "answer": "allow"}).status_code == 200
    listener, api = listener_of(program), f"/api/v1/orgs/{org.organization.slug}/people/"
    listener.subscribe()
    with https(None) as receiver:
        hook, _secret = made(org, receiver, "Theirs", **{kind if kind == "service" else "installation": owner, "events": ["membership.*"]})
        assert program.active(tokens["access_token"])
        assert program.page.get(api, HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}").status_code != 401 or kind == "service"
        (SERVICE if kind == "service" else APP)[way](world, owner)
        # every credential
        assert not program.post("introspect", token=tokens["access_token"]).json().get("active") and program.userinfo(tokens["access_token"]).status_code == 401
        for answer in (program.refresh(tokens["refresh_token"]), program.exchange(code, verifier),
                       program.post("token", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=begun["device_code"])):
            assert answer.status_code in {400, 401}, (way, answer.content)
        assert program.page.get(api, HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}").status_code == 401
        with tenancy.installation("a test looks"):
            assert LogoutCall.objects.filter(account_id=person.account_id, url=out, state="due").exists(), "the program is told at once"
            assert Webhook.objects.filter(id=hook.id).exists() is (way not in GONE) and SignalStream.objects.filter(application=client.id).exists() is (way not in GONE)
        if way in PERSONAL:
            return
        # what it has of its own
        act(org, "suspend", "owner", [person.id], **WHY)
        follow("webhooks", "signals")
        turn(hook) if way not in GONE else None
        assert receiver.got == [] and hook.id not in {row for row, _org, _failing in delivery.due()}
        assert listener.call("POST", f"/ssf/poll/{listener.stream['stream_id']}", {}).status_code == 401
        if way in GONE:
            return
        assert deliveries(hook), "it waits"
        arrange(lambda: type(owner).objects.filter(id=owner.id).update(state="active"))
        turn(hook)
        assert len(receiver.got) == 1 and listener.poll()["sets"], "and goes when it is back"


def test_use_is_noted_seldom_and_counted(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    cache.clear()
    notes, charts = service_for(org, person), app_for(org, "openid", "offline_access", "view_people")
    token = notes.sign_in(client_for(person))["access_token"]

    def at(moment: datetime | None = None) -> datetime | None:
        with tenancy.installation("a test looks"):
            row = ServiceAccess.objects.get(service_id=notes.client.service_id)
            if moment is not None:
                arrange(lambda: ServiceAccess.objects.filter(id=row.id).update(last_used_at=moment))
            return row.last_used_at

    first = at()
    assert first and notes.active(token) and at() == first, "not more than once in ten minutes"
    old = datetime.now(UTC) - timedelta(minutes=11)
    at(old)
    from accounts.models import ProgramSession

    arrange(lambda: ProgramSession.objects.filter(client=notes.client).update(last_used_at=old))
    assert notes.active(token) and at() != old
    mine = consented(charts, client_for(person), scope="openid view_people")["access_token"]
    for _n in range(3):
        assert charts.active(mine)

    def uses() -> dict[str, int]:
        with tenancy.installation("a test looks"):
            return dict(AppUse.objects.filter(installation_id=charts.client.installation_id).values_list("what", "calls"))

    assert uses() == {"sign_in": 1, "introspection": 1}
    cache.delete(f"app-calls-noted:{charts.client.installation_id}:introspection")
    assert charts.active(mine) and uses() == {"sign_in": 1, "introspection": 4}, "those in between were counted"


def test_no_open_address_reads_a_large_body(world: World) -> None:
    """And whoever tries tokens with which programs ask us is counted."""
    big, org = "a=" + "b" * 10_000_000, world.north
    notes = service_for(org, org.person("worker"))
    cache.clear()
    for where in ("/oauth/token/", "/oauth/introspect/", "/oauth/revoke/", "/oauth/userinfo/", "/oauth/device/begin/", "/relays/pull/", f"/relays/{notes.client.id}/", "/ssf/stream", "/ssf/verify",
                  f"/ssf/poll/{notes.client.id}"):
        answer = notes.page.post(where, big, content_type="application/x-www-form-urlencoded", REMOTE_ADDR="203.0.113.9", **notes.basic)
        assert answer.status_code == 413, (where, answer.status_code)
    with time_machine.travel(datetime.now(UTC), tick=False):
        found = [notes.page.post("/relays/pull/", b"{}", content_type="application/json", HTTP_AUTHORIZATION="Bearer strp_x").status_code for _n in range(61)]
    assert found == [401] * 60 + [429]


def test_what_is_there_is_found(world: World) -> None:
    org = world.north
    service_for(org, name="Quokka Desk")
    app_for(org, "openid", name="Quokka Board")
    owner, worker = client_for(org.person("owner")), client_for(org.person("worker"))
    page = f"/o/{org.organization.slug}/"
    said = owner.get(f"{page}find/", {"q": "quok"}).content.decode()
    assert "Quokka Desk" in said and "Quokka Board" in said and "Quokka Desk" not in worker.get(f"{page}find/", {"q": "quok"}).content.decode()
    for name in ("services", "apps"):
        assert f"{page}webhooks/" in owner.get(f"{page}{name}/").content.decode()
