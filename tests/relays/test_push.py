"""A request of a person reaches a program, which signs that it has it and what came of it; and nothing that is wrong about an answer counts."""
from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.test import Client

from accounts import outbox, tenancy
from accounts.models import Mail
from accounts.oauth import subjects
from audit.models import Entry
from dsar.cases.models import Case
from dsar.export import run
from dsar.models import Copy
from dsar.powers import carrying
from dsar.relays import messages, sending, watching
from dsar.relays.models import Relay, Responder
from portal import mailbox
from tests.audit.logs import nothing_waits
from tests.browse import client_for
from tests.cases.helpers import happen, received
from tests.cases.test_acts import by, letters
from tests.cases.test_carrying import follow, over
from tests.cast import World
from tests.dsar import copies
from tests.relays.programs import HEADER, Program, installed, relays, running
from tests.situations import arrange


@pytest.fixture(autouse=True)
def quiet(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    nothing_waits()


@pytest.fixture
def program() -> Iterator[Program]:
    with running() as found:
        yield found


def pushed(world: World, program: Program, **more: Any) -> Responder:
    return installed(world.north, **{"way": "push", "url": program.url, "public_key": program.public, "email": "", **more})


def entries(world: World, action: str) -> list[Entry]:
    with tenancy.installation("a test looks"):
        return [one for one in Entry.objects.filter(org=world.north.organization.id).order_by("id") if json.loads(one.record)["action"] == action]


def answer(asked: dict[str, Any], program: Program, body: bytes, **more: Any) -> Any:
    path = asked["callback"].partition("//")[2].partition("/")[2]
    return Client().post("/" + more.pop("path", path), body, content_type="application/json", headers={HEADER: more.pop("signature", program.sign(body))})


def test_a_copy_with_what_a_program_gave(world: World, program: Program) -> None:
    responder, person, silent = pushed(world, program), world.north.person("worker"), installed(world.north, "Silent", email="")
    case = received(person, "access")
    follow()
    sending.run(now=datetime.now(UTC))
    [(asked, raw, signature)] = program.got
    with tenancy.installation("a test looks"):
        known = messages.application(Responder.objects.get(id=responder.id))
    assert (asked["type"], asked["subject"], asked["application"]) == ("access", subjects.subject(account_id=person.account_id, application_id=known), str(known))
    assert str(person.account_id) not in raw.decode() and person.account.email not in raw.decode() and case.reference not in raw.decode(), "the identifier of this program, and nothing else of the person"
    [jwk] = Client().get("/relays/keys.json").json()["keys"]
    Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "=")).verify(base64.b64decode(signature.partition(":")[2]), raw)
    assert signature.startswith(jwk["kid"] + ":") and asked["respond_by"] == (case.statutory_due - timedelta(days=10)).isoformat()  # type: ignore[operator]
    [row] = relays(responder)
    assert (row.state, row.next_try) == ("pending", None) and row.told_at and row.expected_on == (datetime.now(UTC) + timedelta(days=2)).date() and len(row.receipt) == 64
    follow()
    sending.run(now=datetime.now(UTC))
    assert len(program.got) == 1, "once, however often the log is read"
    assert relays(silent)[0].state == "by_hand" and any("has to be asked by hand" in m for m in subjects_of(world, "privacy-officer")), "nobody said how: somebody asks by hand"

    over(world, "privacy-officer", carrying.COPY, person)
    run.resume(now=datetime.now(UTC))
    assert the_copy(case).state == "asked", "it waits for what is given for it"
    given = {"notes": [{"text": "mine, said to other.person@elsewhere.example"}], "count": 1.5}
    assert answer(asked, program, program.said(asked, "completed", data=given)).json() == {"id": asked["id"], "status": "completed"}
    assert b"mine" not in bytes(relays(responder)[0].answer or b""), "it lies sealed"
    run.resume(now=datetime.now(UTC))
    follow()
    page = client_for(world.north.person("privacy-officer")).get(f"/o/{world.north.slug}/requests/{case.id}/").content.decode()
    assert "Notes" in page and "Confirmed" in page and "send-relay-again" in page
    by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")
    [letter] = [words for words in letters(person.account_id) if "have not confirmed" in words]
    assert "Silent" in letter and "Notes" not in letter, "the answer does not wait; it says who has not confirmed"
    with zipfile.ZipFile(io.BytesIO(copies.fetched(the_copy(case)))) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    [told] = [json.loads(text) for name, text in files.items() if name.endswith("/answer.json")]
    origins = [json.loads(text) for name, text in files.items() if name.startswith("data/apps/") and name.endswith("/provenance.json")]
    assert told["notes"][0]["text"].startswith("mine, said to ") and "other.person@" not in json.dumps(told) and told["count"] == 1.5
    assert {(one["from"], one["status"], bool(one["signed_with"])) for one in origins} == {("Notes", "completed", True), ("Silent", "by_hand", False)}
    assert "data/apps/" in files["data/README.html"].decode()
    mine = client_for(person).get(f"/me/requests/{case.id}/").content.decode()
    assert "Notes" in mine and "Silent" in mine and "send-relay-again" not in mine
    watching.run(now=datetime.now(UTC) + timedelta(days=31))
    assert relays(responder)[0].answer is None, "what was given goes when the copy cannot be made once more"


def the_copy(case: Case) -> Copy:
    with tenancy.installation("a test looks"):
        return Copy.objects.filter(for_case=case.id).latest("asked_at")


def subjects_of(world: World, name: str) -> list[str]:
    with tenancy.installation("a test looks"):
        return [outbox.render(one)[0] for one in Mail.objects.filter(account_id=world.north.person(name).account_id, template="relay-news")]


def test_what_is_wrong_about_an_answer_is_refused_and_recorded(world: World, program: Program) -> None:
    responder, other = pushed(world, program), pushed(world, program, url=program.url + "/other")
    received(world.north.person("worker"), "object")
    follow()
    sending.run(now=datetime.now(UTC))
    first, second = sorted((one[0] for one in program.got), key=lambda one: one["to"] != program.url)
    now, stranger = datetime.now(UTC), Ed25519PrivateKey.generate()
    good = program.said(first, "completed")
    for code, status, body, more in (
        ("bad_signature", 401, good, {"signature": base64.b64encode(stranger.sign(good)).decode()}),
        ("bad_signature", 401, good.replace(b"completed", b"not_found"), {"signature": program.sign(good)}),
        ("bad_signature", 401, good, {"signature": ""}), ("bad_signature", 401, b"{", {"signature": "!"}),
        ("not_json", 422, b"{", {}), ("not_json", 422, good[:-1] + b', "status": "completed"}', {}), ("not_json", 422, b"[" * 5000, {}),
        ("wrong_sender", 403, program.said(first, "completed", **{"from": second["application"]}), {}),
        ("wrong_addressee", 403, program.said(first, "completed", to="https://elsewhere.example/relays/"), {}),
        ("wrong_addressee", 403, program.said(second, "completed", **{"from": first["application"]}), {}),
        ("another_request", 403, program.said(first, "completed", id=second["id"]), {}),
        ("wrong_time", 403, program.said(first, "completed", issued_at=(now - timedelta(minutes=6)).isoformat()), {}),
        ("wrong_time", 403, program.said(first, "completed", issued_at=(now + timedelta(minutes=6)).isoformat()), {}),
        ("wrong_time", 403, program.said(first, "completed", issued_at="yesterday"), {}), ("expired", 403, program.said(first, "completed", expires_at=(now - timedelta(seconds=1)).isoformat()), {}),
        ("unknown_status", 422, program.said(first, "gone"), {}), ("unknown_status", 422, program.said(first, ["completed"]), {}), ("no_nonce", 422, program.said(first, "completed", nonce="short"), {}),
        ("no_code", 422, program.said(first, "rejected", code="we do not like it"), {}),
    ):
        found = answer(first, program, body, **more)
        assert (found.status_code, found.json()["code"]) == (status, code), (code, found.content)
    assert relays(responder)[0].state == "pending"
    assert {json.loads(one.record)["decision"]["reason_code"] for one in entries(world, "relay.answer_refused")} == {
        "bad_signature", "not_json", "wrong_sender", "wrong_addressee", "another_request", "wrong_time", "expired", "unknown_status", "no_nonce", "no_code"}
    working = program.said(first, "in_progress")
    assert [answer(first, program, working).status_code, answer(first, program, working).json()["code"]] == [200, "replayed"]
    assert answer(first, program, program.said(first, "rejected", code="legal_claims")).json()["status"] == "rejected"
    assert answer(first, program, program.said(first, "completed")).json()["code"] == "answered_already", "an answer stays"
    assert relays(responder)[0].code == "legal_claims" and relays(other)[0].state == "pending"
    nobody = answer({"callback": f"x://y/relays/{world.north.organization.id}/"}, program, good)
    assert (nobody.status_code, Client().get("/" + first["callback"].partition("//")[2].partition("/")[2]).status_code) == (404, 405)
    assert answer(second, program, b"x" * (messages.LARGEST + 1)).status_code == 413


def test_nothing_is_lost_when_a_program_fails_hangs_or_is_gone(world: World, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.4)
    responder, gone = pushed(world, program), pushed(world, program, url="http://127.0.0.1:9/requests", email="privacy@gone.example")
    case = received(world.north.person("worker"), "object")
    follow()
    now, hung = datetime.now(UTC), []
    unsigned = (201, {}, b"{}")
    said: list[tuple[Any, str]] = [(500, "status_500"), ((302, {"Location": program.url}, b""), "status_302"), (200, "status_200"), (unsigned, "bad_signature"),
                                   (lambda handler: hung.append(handler.connection.recv(1)), "too_slow"), (lambda handler: handler.connection.close(), "unreachable")]
    wait = timedelta()
    for what, problem in said:
        program.behave = lambda _n, what=what: what
        sending.run(now=now)
        [row] = relays(responder)
        assert (row.state, row.problem) == ("waiting", problem)
        assert timedelta(minutes=0.8) <= row.next_try - now <= timedelta(hours=24 * 1.2), "later, and not at once"  # type: ignore[operator]
        assert row.next_try - now > wait / 2, "each time about twice as long"  # type: ignore[operator]
        wait, now = row.next_try - now, row.next_try  # type: ignore[assignment, operator]
    assert len({one[0]["id"] for one in program.got}) == 1 and len({one[0]["nonce"] for one in program.got}) == len(said), "the same request, each time sealed anew"
    assert len(entries(world, "relay.answer_refused")) == 1
    program.behave = lambda _n: None
    arrange(lambda: Relay.objects.filter(responder=responder).update(next_try=datetime.now(UTC)))
    sending.run(now=datetime.now(UTC))
    assert relays(responder)[0].state == "pending", "and in the end it is there"

    late = datetime.now(UTC) + timedelta(days=8)
    sending.run(now=late)
    sending.run(now=late)
    [row] = relays(gone)
    assert (row.way, row.state, row.how) == ("mail", "pending", "mail")
    assert [json.loads(one.record)["facts"]["then"] for one in entries(world, "relay.undeliverable")] == ["mail"]
    [sent] = [one for one in mailbox.letters() if one.to == "privacy@gone.example"]
    body = sent.body
    link = "/" + next(word for word in body.split() if "/relays/acknowledge/" in word).partition("//")[2].partition("/")[2]
    assert world.north.person("worker").account.email not in body and subjects_in(world, gone) in body
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.get(link).status_code == 200 and stranger.head(link).status_code == 200 and relays(gone)[0].state == "pending", "opening it confirms nothing"
    assert stranger.post(link, {"status": "completed"}).status_code == 403, "only from the page itself"
    assert Client().post(link, {"status": "cancelled"}).status_code == 422 and relays(gone)[0].state == "pending"
    assert Client().get(link[:-4] + "xx/").status_code == 404
    assert "is closed" in Client().post(link, {"status": "completed"}).content.decode()
    assert (relays(gone)[0].state, relays(gone)[0].how) == ("completed", "mail")
    assert Client().post(link, {"status": "not_found"}).status_code == 422

    arrange(lambda: Responder.objects.filter(id=responder.id).update(url="http://127.0.0.1:9/requests"))
    happen(case, "withdrawn", who="person", actor=world.north.person("worker").account_id)
    received(world.north.person("worker"), "portability")
    follow()
    assert relays(responder, type="objection")[0].state == "cancelled", "what is withdrawn is asked of nobody any more"
    sending.run(now=datetime.now(UTC))
    sending.run(now=datetime.now(UTC) + timedelta(days=8))
    assert [one.state for one in relays(responder, type="portability")] == ["by_hand"], "without a mailbox somebody asks by hand"


def subjects_in(world: World, responder: Responder) -> str:
    with tenancy.installation("a test looks"):
        return subjects.subject(account_id=world.north.person("worker").account_id, application_id=messages.application(Responder.objects.get(id=responder.id)))
