"""Every way of ending access, against every credential that a program holds: afterwards none works, the rows are gone, and the program is told."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import orjson
import pytest
import time_machine
from django.db import connections
from django.utils import timezone
from jwcrypto import jwk, jwt
from oauth2_provider.models import AccessToken, DeviceGrant, Grant, RefreshToken

from accounts import credentials, door, purge_parts, tenancy
from accounts.models import Account, LogoutCall, Membership, Organization, ProgramSession, ServiceAccess
from accounts.oauth import calling, ending
from accounts.oauth.subjects import subject
from accounts.powers import BY_SLUG
from audit.streams import runner
from tests.browse import client_for
from tests.cast import World
from tests.oauth.programs import Program, back, service_for
from tests.situations import WHY, arrange

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def told() -> int:
    """What the streamer does: every program that something is due for has its turn."""
    return runner.once([calling.LINE])


@contextmanager
def listening(status: int = 200, waits: threading.Event | None = None) -> Iterator[tuple[str, list[str]]]:
    """A program that hears of sign-outs, and perhaps answers late."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["logout_token"][0])
            if waits is not None:
                waits.wait(20)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/out", heard
    finally:
        server.shutdown()
        server.server_close()


def act(slug: str, by: str = "administrator", **data: Any) -> Callable[[World, Membership], None]:
    def done(world: World, person: Membership) -> None:
        with tenancy.scope(org=world.north.organization.id, purpose="act"):
            door.perform(power=BY_SLUG[slug], actor=world.north.actor(by), ids=[person.id], data={**WHY, **data}, now=timezone.now())

    return done


def changed(what: Callable[[Membership], object]) -> Callable[[World, Membership], None]:
    def done(_world: World, person: Membership) -> None:
        with tenancy.installation("an act"):
            arrange(lambda: what(person))

    return done


WAYS: dict[str, Callable[[World, Membership], None]] = {
    "suspend": act("suspend"), "remove": act("remove"), "deactivate": act("deactivate"), "lockdown": act("lockdown"), "revoke-sessions": act("revoke-sessions"),
    "require-password-reset": act("require-password-reset"), "schedule-deletion": act("schedule-deletion"),
    "password changed": changed(lambda p: credentials.password_changed(account_id=p.account_id, keep_session="", now=timezone.now())),
    "purged": changed(lambda p: purge_parts.credentials(Account.objects.get(id=p.account_id), "")),
    "service access taken": changed(lambda p: ServiceAccess.objects.filter(membership_id=p.id).update(state="off")),
    "access over": changed(lambda p: Membership.objects.filter(id=p.id).update(access_ends_at=datetime.now(UTC) - timedelta(seconds=1))),
    "epoch only": changed(lambda p: Account.objects.filter(id=p.account_id).update(auth_epoch=99)),
    "organization gone": changed(lambda p: Organization.objects.filter(id=p.organization_id).update(status="deleted")),
    "ended": changed(lambda p: ending.end(accounts=[p.account_id], now=timezone.now())),
}
ONLY_CHECKED = {"service access taken", "access over", "epoch only", "organization gone"}
"""Nobody ended the rows here: that nothing works all the same is the point."""


def holding(notes: Program, person: Membership) -> dict[str, Any]:
    """Everything that a program can hold of a person at once."""
    browser = client_for(person)
    held = notes.sign_in(browser)
    uri, held["verifier"] = notes.ask()
    held["code"] = back(browser.get(uri))["code"]
    begun = notes.post("device/begin", scope="openid").json()
    assert browser.post("/oauth/device/", {"code": begun["user_code"], "answer": "allow"}).status_code == 200
    return {**held, "device_code": begun["device_code"], "browser": browser}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_works_afterwards(world: World, way: str) -> None:
    person = world.north.person("worker")
    notes = service_for(world.north, person)
    held = holding(notes, person)
    assert notes.active(held["access_token"])
    WAYS[way](world, person)
    assert not notes.active(held["access_token"]) and notes.userinfo(held["access_token"]).status_code == 401
    for answer in (notes.refresh(held["refresh_token"]), notes.exchange(held["code"], held["verifier"]), notes.post("token", grant_type=DEVICE, device_code=held["device_code"])):
        assert answer.status_code == 400 and set(answer.json()) <= {"error", "error_description"}, (way, answer.content)
    again = held["browser"].get(notes.ask()[0])
    assert "code=" not in again.headers.get("Location", "") + again.headers.get("Refresh", "") or way in {"ended"}, way
    with tenancy.installation("look"):
        if way not in ONLY_CHECKED:
            assert not any(model.objects.filter(user_id=person.account_id, **more).exists() for model, more in ((AccessToken, {}), (RefreshToken, {}), (Grant, {}), (DeviceGrant, {})) if way != "ended")
            assert not ProgramSession.objects.filter(account_id=person.account_id, ended_at=None).exists() or way == "ended"


def test_a_session_that_the_organization_ended_opens_no_program(world: World) -> None:
    """Neither by the address nor by a device's code: the person signs in again first."""
    guest = world.north.person("guest")
    notes, browser = service_for(world.north, guest), client_for(guest)
    tokens = notes.sign_in(browser)
    act("revoke-sessions")(world, guest)
    assert not notes.active(tokens["access_token"])
    code = notes.post("device/begin", scope="openid").json()["user_code"]
    for answer in (browser.get(notes.ask()[0]), browser.post("/oauth/device/", {"code": code, "answer": "allow"})):
        assert answer.status_code == 403 and "Sign in again" in answer.content.decode()
    assert back(browser.get(notes.ask(prompt="none")[0]))["error"] == "login_required"
    assert back(client_for(guest).get(notes.ask()[0]))["code"]


def test_signing_out_ends_what_began_there(world: World) -> None:
    person = world.north.person("worker")
    notes, browser, elsewhere = service_for(world.north, person), client_for(person), client_for(person)
    here, there = notes.sign_in(browser), notes.sign_in(elsewhere)
    browser.post("/sign-in/out/")
    assert not notes.active(here["access_token"]) and notes.active(there["access_token"])


def test_programs_are_told(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    person = world.north.person("worker")
    arrange(lambda: LogoutCall.objects.filter(state="due").update(state="failed", finished_at=timezone.now()))  # what tests before it left
    with listening() as (url, heard), listening(500) as (broken, tried):
        notes, deaf = service_for(world.north, person, logout_url=url), service_for(world.north, person, name="Deaf", logout_url=broken)
        browser = client_for(person)
        tokens, _deaf = notes.sign_in(browser), deaf.sign_in(browser)
        WAYS["suspend"](world, person)
        assert told() and not calling.due()
        read = jwt.JWT(jwt=heard[0], key=jwk.JWKSet.from_json(orjson.dumps(notes.page.get("/oauth/keys/").json()).decode()), algs=["RS256"])
        claims = orjson.loads(read.claims)
        known = orjson.loads(jwt.JWT(jwt=tokens["id_token"], key=jwk.JWKSet.from_json(orjson.dumps(notes.page.get("/oauth/keys/").json()).decode()), algs=["RS256"]).claims)
        assert orjson.loads(read.header)["typ"] == "logout+jwt" and claims["aud"] == notes.client.client_id and claims["events"] == {calling.EVENT: {}} and "nonce" not in claims
        assert claims["sub"] == subject(account_id=person.account_id, application_id=notes.client.id) and claims["sid"] == known["sid"] and claims["iss"] == known["iss"]
        assert len(heard) == 1 and len(tried) == 1
        for seconds in (5, 60, 600, 3600, 86400, 3 * 86400, 4 * 86400, 9 * 86400):  # within the block: the program must be there to refuse
            with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
                told()
    with tenancy.installation("look"):
        assert {row.url: (row.state, row.attempts, row.last_error) for row in LogoutCall.objects.filter(account_id=person.account_id)} == {url: ("sent", 1, ""), broken: ("failed", 9, "status_500")}
        assert LogoutCall.objects.get(url=broken).state == "failed"
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30)):
        calling.forget(now=timezone.now())
    with tenancy.installation("look"):
        assert not LogoutCall.objects.filter(account_id=person.account_id).exists()


def test_a_program_that_hangs_or_has_many_calls_keeps_nobody_signed_in_elsewhere(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    monkeypatch.setattr(calling, "SECONDS", 20.0)
    person, free, now = world.north.person("worker"), threading.Event(), timezone.now()
    arrange(lambda: LogoutCall.objects.filter(state="due").update(state="failed", finished_at=now))  # what tests before it left
    with listening(waits=free) as (hanging, asked), listening() as (url, heard), ThreadPoolExecutor(runner.HANDS) as pool:
        slow, notes = service_for(world.north, person, name="Slow", logout_url=hanging), service_for(world.north, person, logout_url=url)
        arrange(lambda: LogoutCall.objects.bulk_create([LogoutCall(
            id=uuid4(), organization=world.north.organization, account_id=person.account_id, session_id=uuid4(), url=hanging, audience=slow.client.client_id, subject="s", made_at=now, next_at=now - timedelta(minutes=1))
            for _n in range(40)]))
        serving = runner.Runner(threading.Event(), calling.LINE)
        assert serving.round(pool) == 1
        notes.sign_in(client_for(person))
        WAYS["suspend"](world, person)
        assert serving.round(pool) == 1, "the one that hangs is in hand already"
        until = time.monotonic() + 15
        while not heard and time.monotonic() < until:
            time.sleep(0.01)
        came = len(heard), len(asked)
        free.set()
        assert came == (1, calling.AT_ONCE), "and no more than a few at once wait for the one that hangs"
    connections.close_all()
    assert len(asked) == 40


def test_a_private_address_is_not_called(world: World) -> None:
    person = world.north.person("worker")
    with listening() as (url, heard):
        notes = service_for(world.north, person, logout_url=url)
        notes.sign_in(client_for(person))
        WAYS["lockdown"](world, person)
        told()
        assert not heard
    with tenancy.installation("look"):
        assert LogoutCall.objects.get(account_id=person.account_id).last_error == "private_address"
