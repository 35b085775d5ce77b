"""What others try: each attack from RFC 9700 and the issue, refused plainly, with nothing given away."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import override_settings

from accounts import tenancy
from accounts.models import AppGrant, Installation, ProgramSession
from accounts.oauth import clients
from audit.models import Entry
from tests.browse import client_for
from tests.cast import World
from tests.oauth.programs import BACK, app_for, back, challenge, service_for
from tests.situations import arrange
from tests.waiting import overtaken

BAD = ("https://notes.example/*", "https://*.example/back", "https://notes.example/back#part", "https://evil@notes.example/back", "notes://back", "javascript:alert(1)", "data:text/html,x",
       "http://notes.example/back", "//notes.example/back", "https:///back", "https://notes.example/a/../back", "https://notes.example:port/", "https://notes.example/ back", "https://notes.example/\\back", "")


def test_addresses_that_cannot_be_registered() -> None:
    assert all(clients.refused(uri) for uri in BAD) and not clients.refused(BACK)
    assert not clients.refused("http://127.0.0.1:9000/back") and not clients.refused("http://localhost/back")
    with override_settings(SECURE=True):
        assert clients.refused("http://127.0.0.1:9000/back") == "uri_scheme"


def test_nobody_is_sent_to_another_address(standing: World) -> None:
    """Open redirect: whatever is wrong with the program or the address is said here, and goes nowhere."""
    notes, browser = service_for(standing.north, standing.north.person("worker")), client_for(standing.north.person("worker"))
    for uri in (*BAD, BACK + "/", BACK + "?x=1", BACK.upper(), BACK.replace("notes", "evil"), BACK.replace("https", "http")):
        answer = browser.get(notes.ask(redirect_uri=uri)[0])
        assert answer.status_code == 400 and "Location" not in answer.headers and "Refresh" not in answer.headers, uri
        assert uri == "" or uri not in answer.content.decode() or uri in {"https://notes.example/"}, uri
    for more in ({"client_id": "nobody"}, {"client_id": None}, {"redirect_uri": None}, {"client_id": "a\x00b"}, {"state": "a\x00b"}):
        assert browser.get(notes.ask(**more)[0]).status_code == 400, more
    assert browser.get(notes.ask()[0] + "&redirect_uri=https://evil.example/").status_code == 400, "named twice"


def test_the_request_is_not_weakened(standing: World) -> None:
    """PKCE downgrade, other flows, unknown parameters: an error at the registered address, with `iss` against mix-up."""
    notes, browser = service_for(standing.north, standing.north.person("worker")), client_for(standing.north.person("worker"))
    for more, error in (({"code_challenge": None, "code_challenge_method": None}, "invalid_request"), ({"code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge_method": None}, "invalid_request"),
                        ({"code_challenge": "short"}, "invalid_request"), ({"response_mode": "fragment"}, "invalid_request"), ({"prompt": "none login"}, "invalid_request"),
                        ({"prompt": "pay"}, "invalid_request"), ({"max_age": "-1"}, "invalid_request"), ({"nonce": "n" * 300}, "invalid_request"), ({"request": "x.y.z"}, "request_not_supported"),
                        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"), ({"scope": "nonsense"}, "invalid_scope"), ({"scope": "manage_access"}, "invalid_scope")):
        got = back(browser.get(notes.ask(**more)[0]))
        assert got["error"] == error and got["iss"] == settings.STEWARD_URL and got["state"] == "st4te" and "code" not in got, more
    for kind in ("token", "id_token", "code token", "code id_token", "none"):
        answer = browser.get(notes.ask(response_type=kind)[0])
        assert answer.status_code in {302, 400} and "access_token" not in answer.headers.get("Location", "") and "code=" not in answer.headers.get("Location", ""), kind
    for grant in ("password", "client_credentials", "implicit", ""):
        assert notes.post("token", grant_type=grant, username="x", password="y").status_code in {400, 401}, grant


def test_codes_are_bound_and_used_once(world: World) -> None:
    """Code injection and replay."""
    worker = world.north.person("worker")
    notes, other, browser = service_for(world.north, worker), service_for(world.north, worker, name="Other"), client_for(worker)
    uri, verifier = notes.ask()
    code = back(browser.get(uri))["code"]
    for got in (other.exchange(code, verifier), notes.exchange(code, "x" * 64), notes.exchange(code, ""), notes.exchange(code, verifier, redirect_uri="https://evil.example/"),
                notes.exchange(code, challenge(verifier)), notes.exchange("nonsense", verifier)):
        assert got.status_code == 400 and got.json()["error"] in {"invalid_grant", "invalid_request"} and "access_token" not in got.json()
    tokens = notes.exchange(code, verifier).json()
    assert notes.active(tokens["access_token"])
    assert other.exchange(code, verifier).json()["error"] == "invalid_grant" and notes.active(tokens["access_token"]), "another program cannot end what is not its own"
    assert notes.exchange(code, verifier).json()["error"] == "invalid_grant"
    assert not notes.active(tokens["access_token"]) and notes.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert _last(world) == ("session.code_reused", "denied")


def test_an_old_refresh_token_ends_the_family(world: World) -> None:
    worker = world.north.person("worker")
    notes, other = service_for(world.north, worker), service_for(world.north, worker, name="Other")
    first = notes.sign_in(client_for(worker))
    second = notes.refresh(first["refresh_token"]).json()
    assert other.refresh(second["refresh_token"]).json()["error"] == "invalid_grant" and notes.active(second["access_token"])
    assert notes.refresh(second["refresh_token"], scope="openid manage_access").json()["error"] == "invalid_scope"
    assert notes.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert not notes.active(second["access_token"]) and notes.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert _last(world) == ("session.refresh_reused", "denied")
    with tenancy.installation("look"):
        assert ProgramSession.objects.get(client=notes.client).ended_why == "used_twice"


def test_programs_of_another_organization(world: World) -> None:
    """Token substitution across organizations, and a person of one at a program of the other."""
    worker, member = world.north.person("worker"), world.contoso.person("member")
    notes, theirs = service_for(world.north, worker), service_for(world.contoso, member, name="Theirs")
    foreign = app_for(world.contoso, "openid", name="Foreign")
    tokens = notes.sign_in(client_for(worker))
    assert not theirs.active(tokens["access_token"]) and not theirs.active(tokens["refresh_token"]) and theirs.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert theirs.post("revoke", token=tokens["refresh_token"]).status_code == 200 and notes.active(tokens["access_token"])
    assert not notes.active(tokens["id_token"]) and notes.userinfo(tokens["id_token"]).status_code == 401 and notes.userinfo(tokens["refresh_token"]).status_code == 401
    for program in (theirs, foreign):
        page = client_for(worker).get(program.ask(scope="openid")[0])
        text = page.content.decode()
        assert page.status_code == 403 and "an organization that you are not in" in text and world.contoso.organization.name not in text and program.client.name not in text
        assert back(client_for(worker).get(program.ask(scope="openid", prompt="none")[0]))["error"] == "access_denied"
    code = theirs.post("device/begin", scope="openid").json()["user_code"]
    assert client_for(worker).post("/oauth/device/", {"code": code, "answer": "allow"}).status_code == 403
    with tenancy.installation("look"):
        found = [orjson.loads(r) for r in Entry.objects.filter(org=world.contoso.organization.id).values_list("record", flat=True)]
    assert sum(r["action"] == "session.program_signed_in" and r["decision"] == {"outcome": "denied", "reason_code": r["decision"]["reason_code"]} for r in found) == 3


def test_a_wrong_secret(standing: World) -> None:
    notes = service_for(standing.north, standing.north.person("worker"))
    kept: Any = notes.client.client_secret
    assert clients.same(notes.secret, kept) and not clients.same(kept, kept) and not clients.same("", kept)
    for where in ("token", "introspect", "revoke", "device/begin"):
        answer = notes.post(where, "wrong", grant_type="refresh_token", refresh_token="x", token="x")
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client" and answer.headers["WWW-Authenticate"].startswith("Basic"), where
    assert notes.page.post("/oauth/token/", {"grant_type": "refresh_token", "client_id": notes.client.client_id}, content_type="application/json").status_code == 400
    assert notes.page.get("/oauth/token/").status_code == 405
    answers = [notes.post("introspect", "wrong", token="x", client_id=notes.client.client_id).status_code for _n in range(12)]
    assert answers[:10] == [401] * 10 and answers[10:] == [429, 429]
    assert service_for(standing.north, standing.north.person("worker"), name="Other").post("introspect", token="x").json() == {"active": False}, "another program is not kept out"


def test_malformed_forms(standing: World) -> None:
    notes = service_for(standing.north, standing.north.person("worker"))
    for given in ("grant_type=authorization_code&code=a&code=b", "grant_type=authorization_code&code=%00", "grant_type=authorization_code", "code=" + "x" * 5000, "%ff=%fe", ""):
        answer = notes.page.post("/oauth/token/", given, content_type="application/x-www-form-urlencoded", **notes.basic)
        assert answer.status_code == 400 and "error" in answer.json(), given
    with pytest.raises(ValueError, match="uri_fragment"):
        clients.make(None, organization=standing.north.organization, name="x", service=standing.north.services[0], redirect_uris=[BACK + "#x"])


def _last(world: World) -> tuple[str, str]:
    with tenancy.installation("look"):
        record = orjson.loads(Entry.objects.filter(org=world.north.organization.id).order_by("occurred_at", "id").values_list("record", flat=True).last())
    return record["action"], record["decision"]["outcome"]


def test_an_app_that_is_removed_while_somebody_says_yes_gets_nothing(world: World) -> None:
    """The page was right when it was shown; what counts is what is so when the answer arrives."""
    person, app = world.north.person("worker"), app_for(world.north, "openid", "profile")
    browser, (uri, _verifier) = client_for(person), app.ask(scope="openid profile")
    assert "Charts" in browser.get(uri).content.decode()

    def remove() -> None:
        arrange(lambda: Installation.objects.filter(id=app.client.installation_id).update(state="ended", ended_at=datetime.now(UTC), ended_why="uninstalled"))

    assert back(overtaken(world, remove, lambda: browser.post(uri, {"answer": "allow"})))["error"] == "access_denied"
    arrange(lambda: Installation.objects.filter(id=app.client.installation_id).update(state="active", ended_at=None, ended_why=""))
    begun = app.post("device/begin", scope="openid").json()
    answer = overtaken(world, remove, lambda: browser.post("/oauth/device/", {"code": begun["user_code"], "answer": "allow"}))
    assert getattr(answer, "status_code", answer) == 412
    with tenancy.installation("look"):
        assert not AppGrant.objects.filter(account_id=person.account_id).exists() and not ProgramSession.objects.filter(client=app.client).exists()


def test_guessing_the_codes_of_devices_ends_soon(world: World) -> None:
    """RFC 8628, section 5.1: with an answer at once as well as with a look first."""
    browser = client_for(world.north.person("worker"))
    for answer in ({"answer": "allow"}, {}):
        said = [browser.post("/oauth/device/", {"code": f"BCDF-GHJ{sign}", **answer}).status_code for sign in "BCDFGHJKLMNPQRSTVWXZBC"]
        assert said[-1] == 429 and set(said) <= {422, 429}, said
