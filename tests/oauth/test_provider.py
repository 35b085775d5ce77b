"""A program signs people in through us: codes, tokens, statements, devices, signing out."""
from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import jwcrypto.jwk
import jwcrypto.jwt
import orjson
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oauth2_provider.models import AccessToken, DeviceGrant, Grant, RefreshToken

from accounts import tenancy
from accounts.models import AppGrant, ProgramSession, SigningKey
from accounts.oauth import keys
from accounts.oauth.subjects import subject
from audit.models import Entry
from tests.browse import client_for
from tests.cast import World
from tests.oauth.programs import BACK, SCOPES, app_for, back, service_for
from tests.situations import arrange


def entries(world: World) -> list[str]:
    with tenancy.installation("look"):
        return [orjson.loads(r)["action"] for r in Entry.objects.filter(org=world.north.organization.id).order_by("occurred_at", "id").values_list("record", flat=True)]


def said(page: Client, token: str) -> dict[str, Any]:
    """What a statement says, verified with the published keys as a program does."""
    listed = page.get("/oauth/keys/").json()
    read = jwcrypto.jwt.JWT(jwt=token, key=jwcrypto.jwk.JWKSet.from_json(orjson.dumps(listed).decode()), algs=["RS256"])
    return dict(orjson.loads(read.claims))


def test_a_service_signs_somebody_in(world: World) -> None:
    worker = world.north.person("worker")
    notes, browser = service_for(world.north, worker), client_for(worker)
    found = notes.page.get("/.well-known/openid-configuration").json()
    assert found["issuer"] == settings.STEWARD_URL and found["code_challenge_methods_supported"] == ["S256"] and found["backchannel_logout_session_supported"] is True
    uri, verifier = notes.ask()
    got = back(browser.get(uri))
    assert got["iss"] == settings.STEWARD_URL and got["state"] == "st4te"
    answer = notes.exchange(got["code"], verifier)
    tokens = answer.json()
    assert answer.status_code == 200 and tokens["expires_in"] == 600 and answer.headers["Cache-Control"] == "no-store"
    claims = said(notes.page, tokens["id_token"])
    sub = subject(account_id=worker.account_id, application_id=notes.client.id)
    assert (claims["iss"], claims["aud"], claims["sub"], claims["nonce"], claims["acr"], claims["access"]) == (settings.STEWARD_URL, notes.client.client_id, sub, "n0nce", "second_factor", "full")
    assert claims["exp"] - claims["iat"] == 600 and claims["auth_time"] <= claims["iat"]
    assert claims["at_hash"] == base64.urlsafe_b64encode(hashlib.sha256(tokens["access_token"].encode()).digest()[:16]).rstrip(b"=").decode()
    who = notes.userinfo(tokens["access_token"]).json()
    assert who["sub"] == sub and who["email"] == worker.account.email and who["name"] == worker.account.name and who["access"] == "full"
    seen = notes.post("introspect", token=tokens["access_token"]).json()
    assert seen["active"] and seen["sub"] == sub and seen["scope"].split() == SCOPES.split() and seen["sid"] == claims["sid"]
    fresh = notes.refresh(tokens["refresh_token"]).json()
    assert notes.active(fresh["access_token"]) and not notes.active(tokens["access_token"]) and fresh["refresh_token"] != tokens["refresh_token"]
    with tenancy.installation("look"), connection.cursor() as cursor:
        for table in ("oauth2_provider_accesstoken", "oauth2_provider_refreshtoken", "oauth2_provider_grant", "accounts_programsession", "accounts_oauthapplication", "accounts_signingkey"):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            kept = cursor.fetchone()[0] or ""
            assert not any(secret in kept for secret in (got["code"], tokens["access_token"], tokens["refresh_token"], fresh["access_token"], notes.secret, '"d"')), table
    assert entries(world).count("session.program_signed_in") == 1
    other = service_for(world.north, worker, name="Other").sign_in(browser)
    assert said(notes.page, other["id_token"])["sub"] != sub, "two programs cannot join what they hold"
    assert notes.post("revoke", token=fresh["refresh_token"]).status_code == 200
    assert not notes.active(fresh["access_token"]) and notes.refresh(fresh["refresh_token"]).json()["error"] == "invalid_grant"


def test_introspection_is_cheap(world: World) -> None:
    """A known number of queries, whatever the person and the program have."""
    notes = service_for(world.north, world.north.person("worker"))
    tokens = [notes.sign_in(client_for(world.north.person("worker"))) for _n in range(3)]
    assert notes.active(tokens[0]["access_token"])
    with CaptureQueriesContext(connection) as asked:
        assert notes.active(tokens[0]["access_token"])
    assert len(asked) <= 16, [q["sql"][:100] for q in asked]


def test_only_who_may_stay_gets_something_to_refresh(world: World) -> None:
    notes = service_for(world.north, world.north.person("worker"))
    tokens = notes.sign_in(client_for(world.north.person("worker")), scope="openid")
    assert "refresh_token" not in tokens and "email" not in notes.userinfo(tokens["access_token"]).json()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        assert not notes.active(tokens["access_token"]) and notes.userinfo(tokens["access_token"]).status_code == 401


def test_an_app_asks_first(world: World) -> None:
    worker = world.north.person("worker")
    charts, browser = app_for(world.north, "openid", "email", "offline_access"), client_for(worker)
    uri, verifier = charts.ask(scope="openid email profile nonsense")
    page = browser.get(uri)
    text = page.content.decode()
    assert page.status_code == 200 and "Charts Ltd" in text and "https://charts.example/privacy" in text and "See your e-mail address" in text and "See your name" not in text
    assert world.north.organization.name in text
    assert client_for(worker, enforce_csrf_checks=True).post(uri, {"answer": "allow"}).status_code == 403, "only from the page itself"
    for address, most in ((uri, 24), ("/oauth/device/", 14)):
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(address).status_code == 200
        assert len(asked) <= most, (address, [q["sql"][:100] for q in asked])
    assert back(browser.get(charts.ask(prompt="none")[0]))["error"] == "consent_required"
    assert back(browser.post(uri, {"answer": "deny"}))["error"] == "access_denied"
    tokens = charts.exchange(back(browser.post(uri, {"answer": "allow"}))["code"], verifier).json()
    assert tokens["scope"].split() == ["openid", "email"], "what is given is what was asked for and is approved"
    assert {"app.consent_refused", "app.consent_given", "session.program_signed_in"} <= set(entries(world))
    assert back(browser.get(charts.ask(scope="openid", prompt="none")[0]))["code"], "allowed once, it is not asked again"
    assert "more than you allowed" in browser.get(charts.ask(scope="openid offline_access")[0]).content.decode()
    assert browser.get(charts.ask(scope="openid", prompt="consent")[0]).status_code == 200
    with tenancy.installation("withdraw"):
        arrange(lambda: AppGrant.objects.update(ended_at=datetime.now(UTC), ended_why="withdrawn"))
    assert not charts.active(tokens["access_token"])
    assert back(browser.get(charts.ask(scope="openid", prompt="none")[0]))["error"] == "consent_required"


def test_a_fresh_proof_where_one_is_asked_for(world: World) -> None:
    worker = world.north.person("worker")
    notes = service_for(world.north, worker)
    stranger = Client()
    uri, _verifier = notes.ask()
    assert stranger.get(uri).headers["Location"].startswith("/sign-in/?next=%2Foauth%2Fauthorize%2F")
    assert back(stranger.get(notes.ask(prompt="none")[0])) == {"error": "login_required", "state": "st4te", "iss": settings.STEWARD_URL}
    for ask in ({"prompt": "login"}, {"max_age": "0"}):
        browser = client_for(worker)
        uri, _verifier = notes.ask(**ask)
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=5)):
            assert "/sign-in/again/" in browser.get(uri).headers["Location"], ask
            with time_machine.travel(datetime.now(UTC) + timedelta(seconds=5)):
                session = browser.session
                session["account_authentication_methods"] = [*session["account_authentication_methods"], {"method": "password", "at": datetime.now(UTC).timestamp(), "reauthenticated": True}]
                session.save()
                page = browser.get(uri)
                assert page.status_code == 200 and back(page)["code"], "after our own form the browser leaves from a page"
    weak = client_for(worker, tier=1)
    assert weak.get(notes.ask(acr_values="second_factor")[0]).headers["Location"] == "/me/second-factor/"
    assert back(weak.get(notes.ask(acr_values="second_factor", prompt="none")[0]))["error"] == "login_required"


def test_a_device(world: World) -> None:
    worker = world.north.person("worker")
    notes, browser = service_for(world.north, worker), client_for(worker)
    begun = notes.post("device/begin", scope="openid offline_access").json()
    assert re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", begun["user_code"]) and begun["expires_in"] == 600
    with tenancy.installation("look"):
        assert not DeviceGrant.objects.filter(device_code=begun["device_code"]).exists()

    def poll() -> Any:
        return notes.post("token", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=begun["device_code"])

    assert poll().json()["error"] == "slow_down"
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=10)):
        assert poll().json()["error"] == "authorization_pending"
    assert browser.post("/oauth/device/", {"code": "BBBB-BBBB"}).status_code == 422
    page = browser.post("/oauth/device/", {"code": begun["user_code"].lower()})
    assert page.status_code == 200 and "If somebody sent you the code, refuse" in page.content.decode()
    assert "You are signed in to Notes" in browser.post("/oauth/device/", {"code": begun["user_code"], "answer": "allow"}).content.decode()
    tokens = poll().json()
    assert notes.active(tokens["access_token"]) and said(notes.page, tokens["id_token"])["sub"] == subject(account_id=worker.account_id, application_id=notes.client.id)
    assert notes.refresh(tokens["refresh_token"]).status_code == 200
    assert poll().json()["error"] == "invalid_grant"
    with tenancy.installation("look"):
        assert ProgramSession.objects.get(client=notes.client).ended_why == "used_twice", "a code that comes a second time ends what came of the first"
    refused = notes.post("device/begin", scope="openid").json()
    browser.post("/oauth/device/", {"code": refused["user_code"], "answer": "deny"})
    assert notes.post("token", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=refused["device_code"]).json()["error"] == "access_denied"


def test_signing_out_from_a_program(world: World) -> None:
    worker = world.north.person("worker")
    notes, browser = service_for(world.north, worker), client_for(worker)
    tokens = notes.sign_in(browser)
    assert browser.get(f"/oauth/logout/?client_id={notes.client.client_id}&post_logout_redirect_uri=https://evil.example/").status_code == 400
    asked = browser.get(f"/oauth/logout/?client_id={notes.client.client_id}&post_logout_redirect_uri={BACK}&state=x")
    assert asked.status_code == 200 and notes.active(tokens["access_token"]), "whoever is sent here by anybody is asked"
    other = client_for(worker)
    assert other.get(f"/oauth/logout/?id_token_hint={tokens['id_token']}").status_code == 200, "a statement of another browser is no proof"
    assert back(browser.get(f"/oauth/logout/?id_token_hint={tokens['id_token']}&post_logout_redirect_uri={BACK}&state=x")) == {"state": "x"}
    assert not notes.active(tokens["access_token"]) and browser.get("/me/").status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = other.cookies
    assert strict.post("/oauth/logout/", {"answer": "out"}).status_code == 403 and other.get("/me/").status_code == 200


def test_keys_are_replaced(world: World) -> None:
    notes = service_for(world.north, world.north.person("worker"))
    tokens = notes.sign_in(client_for(world.north.person("worker")))
    keys.rotate(now=datetime.now(UTC))
    assert len(notes.page.get("/oauth/keys/").json()["keys"]) == 2 and said(notes.page, tokens["id_token"])["aud"] == notes.client.client_id
    assert SigningKey.objects.exclude(retired_at=None).latest("made_at").sealed == "", "what it could sign with is gone"
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        assert len(notes.page.get("/oauth/keys/").json()["keys"]) == 1
    assert keys.read(tokens["id_token"]) and keys.read(tokens["id_token"][:-8] + "AAAAAAAA") is None and keys.read("x.y.z") is None


def test_what_is_left_in_the_tables(world: World) -> None:
    """The library's own rows go with the session."""
    notes = service_for(world.north, world.north.person("worker"))
    tokens = notes.sign_in(client_for(world.north.person("worker")))
    notes.post("revoke", token=tokens["access_token"])
    with tenancy.installation("look"):
        assert not any(model.objects.filter(user_id=world.north.person("worker").account_id).exists() for model in (AccessToken, RefreshToken, Grant))


def test_an_app_calls_the_api_for_a_person(world: World) -> None:
    """With what the role and the scopes both hold, in the organization that installed it, and nothing that needs no permission: no token, no own data."""
    charts = app_for(world.north, "openid", "view_people", "update_profiles")

    def allowed(name: str, scope: str) -> str:
        uri, verifier = charts.ask(scope=scope)
        return str(charts.exchange(back(client_for(world.north.person(name)).post(uri, {"answer": "allow"}))["code"], verifier).json()["access_token"])

    def call(token: str, path: str = "people/", method: str = "get", **more: Any) -> int:
        return int(getattr(Client(), method)(f"/api/v1/orgs/{world.north.slug}/{path}", HTTP_AUTHORIZATION=f"Bearer {token}", **more).status_code)

    wide, signing_in, member = allowed("administrator", "openid view_people"), allowed("security", "openid"), allowed("worker", "openid view_people")
    assert call(wide) == 200 and call(signing_in) == 403 and call(member) == 404
    worker = world.north.person("worker").id
    assert call(wide, f"people/{worker}/actions/suspend/", "post", data={}, content_type="application/json") == 403
    assert call(wide, "tokens/") == 403 and Client().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {wide}").status_code == 403
    assert Client().get(f"/api/v1/orgs/{world.contoso.slug}/people/", HTTP_AUTHORIZATION=f"Bearer {wide}").status_code == 404
    notes = service_for(world.north, world.north.person("administrator"))
    assert call(notes.sign_in(client_for(world.north.person("administrator")))["access_token"]) == 401, "a service's token is for that service"
    with tenancy.installation("withdraw"):
        arrange(lambda: AppGrant.objects.update(ended_at=datetime.now(UTC), ended_why="withdrawn"))
    assert call(wide) == 401
