"""The transmitter as a program sees it: discovery, its stream, tokens pushed and fetched, checked with a stock library; and what it never learns."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import purging, tenancy
from accounts.models import Account, App, AppGrant, Deletion, Installation, ServiceAccess, SignalEvent, SignalStream
from accounts.oauth.subjects import subject
from accounts.signals import mapping, push, running
from accounts.signals.mapping import CREDENTIAL_CHANGE, DISABLED, MAPPING, SESSION_REVOKED, SUPPORTED
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from portal import sentences
from tests.audit.logs import tampering
from tests.audit.receivers import Receiver, https
from tests.cast import Org, World
from tests.deletion.acts import act, deletion, warned
from tests.signals.acts import Program
from tests.situations import arrange
from tests.webhooks.acts import do, follow, records


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with https(None) as found:
        yield found


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> Iterator[None]:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    yield
    with tampering() as attacker:
        for table in ("signalevent", "signalexclusion", "signalstream"):
            attacker.execute(f"DELETE FROM accounts_{table}")


def happened(org: uuid.UUID, action: str, account: uuid.UUID, by: uuid.UUID | None = None) -> None:
    """An entry of the log, as sign-in and others write it."""
    with tenancy.installation("a test writes"), transaction.atomic(), recording.opened(org=org, now=datetime.now(UTC)) as act:
        act.write([EntryDraft(org=org, action=action, category="account", outcome="success", actor=ActorRef(type="user", id=by or account),
                              targets=[TargetRef(type="person", id=account, subject=account)])])


def sub(program: Program, org: Org, name: str) -> str:
    return subject(account_id=org.person(name).account_id, application_id=program.client.id)


def test_discovery_and_the_life_of_a_stream(world: World) -> None:
    """SSF 1.0, sections 7 and 8.1: created, read, changed, put, paused, removed; each an entry; what makes no sense is refused in JSON."""
    org, program = world.north, Program(world.north)
    found = program.http.get("/.well-known/ssf-configuration").json()
    assert found["spec_version"] == "1_0" and set(found["delivery_methods_supported"]) == {"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"} and found["configuration_endpoint"].endswith("/ssf/stream")
    assert all(found[name].startswith(found["issuer"]) for name in found if name.endswith(("_endpoint", "_uri")))
    assert program.call("GET", "/ssf/stream").json() == []
    made = program.subscribe(SESSION_REVOKED, "https://example.com/unknown-type", url="https://events.example.com/in/secret", header="Bearer hidden")
    assert made["aud"] == program.client.client_id and made["events_delivered"] == [SESSION_REVOKED] and "hidden" not in str(made)
    assert program.call("POST", "/ssf/stream", {}).status_code == 409
    assert program.call("GET", f"/ssf/stream?stream_id={made['stream_id']}").json() == made == program.call("GET", "/ssf/stream").json()[0]
    changed = program.call("PATCH", "/ssf/stream", {"stream_id": made["stream_id"], "events_requested": [DISABLED], "description": "Notes"}).json()
    assert changed["events_delivered"] == [DISABLED] and changed["delivery"] == made["delivery"] and changed["description"] == "Notes"
    put = program.call("PUT", "/ssf/stream", {"stream_id": made["stream_id"], "events_requested": [SESSION_REVOKED]}).json()
    assert put["delivery"] == {"method": "urn:ietf:rfc:8936", "endpoint_url": f"{found['issuer']}/ssf/poll/{made['stream_id']}"} and "description" not in put
    bad = [("POST", "/ssf/status", {"status": "asleep"}), ("PATCH", "/ssf/stream", {"delivery": {"method": "smoke"}}), ("PATCH", "/ssf/stream", {"events_requested": "all"}), ("PATCH", "/ssf/stream", {"x": 1}),
           ("PATCH", "/ssf/stream", {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://10.0.0.1/in"}}), ("POST", "/ssf/verify", {"state": ["x"]}),
           ("PATCH", "/ssf/stream", {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://a.example/", "authorization_header": "a\r\nb: c"}}),
           ("POST", "/ssf/subjects/add", {"subject": {"format": "email", "email": "a@b.example"}}), ("POST", f"/ssf/poll/{made['stream_id']}", {"maxEvents": -1}), ("PATCH", "/ssf/stream", {"description": "a\0b"})]
    for method, path, body in bad:
        answer = program.call(method, path, body)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json"), (path, body)
    assert program.call("PATCH", "/ssf/stream", raw=b"{").status_code == program.call("PATCH", "/ssf/stream", raw=b"[]").status_code == 400
    assert program.call("POST", "/ssf/jwks.json").status_code in {200, 403, 405} and program.call("PUT", "/ssf/verify", {}).status_code == 405
    assert program.call("DELETE", f"/ssf/stream?stream_id={made['stream_id']}").status_code == 204 and program.call("GET", "/ssf/status").status_code == 404
    for action in ("created", "changed", "removed"):
        lines = records(org, f"signals.stream_{action}")
        assert lines and all(line["actor"] == {"type": "client", "id": str(program.client.id)} and "/in/secret" not in str(line) and "hidden" not in str(line) for line in lines)
        assert f"signals.stream_{action}" in sentences.EVENTS


def test_who_may_call(world: World) -> None:
    """Only a living client with its own secret; the stream of another program is not there for it."""
    program, other = Program(world.north), Program(world.north, "calendar")
    made = program.subscribe()
    other.subscribe()
    assert program.call("GET", "/ssf/stream", secret="wrong").status_code == 401 and "Basic" in program.call("GET", "/ssf/stream", secret="wrong").headers["WWW-Authenticate"]
    for header in ("", "Bearer x", "Basic !!", "Basic " + "A" * 5000, "Basic gIA6gA==", "Basic \u00e9", "Basic \u0661"):
        assert program.http.get("/ssf/stream", headers={"Authorization": header} if header else {}).status_code == 401
    for method, path, body in (("POST", f"/ssf/poll/{made['stream_id']}", {}), ("GET", f"/ssf/stream?stream_id={made['stream_id']}", None), ("DELETE", f"/ssf/stream?stream_id={made['stream_id']}", None),
                               ("POST", "/ssf/status", {"stream_id": made["stream_id"], "status": "disabled"}), ("POST", "/ssf/verify", {"stream_id": made["stream_id"]}),
                               ("POST", f"/ssf/poll/{uuid.uuid4()}", {})):
        assert other.call(method, path, body).status_code == 404, path
    for body in ({"delivery": {"method": []}}, {"delivery": {"method": {}}}, {"stream_id": []}, {"events_requested": [[]]}):
        assert program.call("PATCH", "/ssf/stream", body).status_code in {400, 404}, body
    assert program.call("GET", "/ssf/status").json()["status"] == "enabled"
    _app, installation = installed(world.north)
    third = Program(world.north, "app", installation=installation)
    assert third.call("GET", "/ssf/stream").status_code == 200
    arrange(lambda: Installation.objects.filter(id=installation.id).update(state="suspended"))
    assert third.call("GET", "/ssf/stream").status_code == 401


def installed(org: Org) -> tuple[App, Installation]:
    found: list[Any] = []
    now = datetime.now(UTC)

    def make() -> None:
        app = App.objects.create(id=uuid.uuid4(), organization=org.organization, slug=f"a{uuid.uuid4().hex[:8]}", name="Board", provider="Board Ltd", provider_email="x@board.example",
                                 privacy_url="https://board.example/privacy", created_at=now)
        found.extend([app, Installation.objects.create(id=uuid.uuid4(), organization=org.organization, app=app, installed_at=now)])

    arrange(make)
    return found[0], found[1]


def test_what_is_fetched_and_about_whom(world: World) -> None:
    """Acts become events about people whom the program knows, by the identifier that only it has; what is not acknowledged comes again, what is does not."""
    org, notes, calendar, far = world.north, Program(world.north), Program(world.north, "calendar"), Program(world.contoso)
    _app, installation = installed(org)
    board = Program(org, "board", installation=installation)
    worker = org.person("worker").account_id
    arrange(lambda: (ServiceAccess.objects.filter(membership__organization=org.organization).delete(),
                     [ServiceAccess.objects.create(organization=org.organization, service=org.services[0], membership=org.person(name), granted_at=datetime.now(UTC)) for name in ("worker", "guest")],
                     AppGrant.objects.create(id=uuid.uuid4(), organization=org.organization, installation=installation, account_id=worker, granted_at=datetime.now(UTC))))
    for program in (notes, calendar, board, far):
        program.subscribe()
    assert sub(notes, org, "worker") != sub(board, org, "worker")
    do(org, "suspend", "worker")
    do(org, "restore", "worker")
    do(org, "suspend", "member")
    happened(org.organization.id, "account.password_changed", worker)
    happened(org.organization.id, "account.email.changed", worker, by=org.person("owner").account_id)
    follow("signals")
    follow("signals")
    for program in (notes, board):
        me = sub(program, org, "worker")
        got = program.events()
        kinds = [kind for kind, _who, _claims in got]
        assert sorted(kinds) == ["account-disabled", "account-enabled", "credential-change", "identifier-changed", "session-revoked"] and {who for _kind, who, _claims in got} == {me}
        assert set(kinds[:2]) == {"session-revoked", "account-disabled"} and kinds[2:] == ["account-enabled", "credential-change", "identifier-changed"], "in the order in which it happened"
        by = {kind: claims for kind, _who, claims in got}
        assert by["account-disabled"]["initiating_entity"] == "admin" and by["credential-change"]["initiating_entity"] == "user" and by["identifier-changed"]["initiating_entity"] == "admin"
        assert by["credential-change"] | {"event_timestamp": 0} == {"event_timestamp": 0, "initiating_entity": "user", "credential_type": "password", "change_type": "update"}
        assert program.events() == []
    assert calendar.events() == far.events() == [], "whom a program does not know it hears nothing about"
    do(org, "remove", "guest")
    follow("signals")
    first, again = notes.poll(maxEvents=1), notes.poll(maxEvents=1)
    assert first["moreAvailable"] is True and first == again, "a lost answer loses nothing, and a token is the same to the byte"
    assert {kind for kind, who, _claims in notes.events() if who == sub(notes, org, "guest")} == {"session-revoked", "account-disabled"}
    with tenancy.installation("look"):
        assert not SignalEvent.objects.filter(stream_id=notes.stream["stream_id"]).exists(), "what was taken is not kept"


def test_exclusions_status_and_verification(world: World) -> None:
    org, program = world.north, Program(world.north)
    program.subscribe(DISABLED)
    someone = {"subject": {"format": "iss_sub", "iss": program.stream["iss"], "sub": sub(program, org, "worker")}}
    assert program.call("POST", "/ssf/subjects/remove", someone).status_code == 204
    assert program.call("POST", "/ssf/subjects/remove", {"subject": {**someone["subject"], "sub": sub(program, world.contoso, "owner")}}).status_code == 404
    do(org, "suspend", "worker")
    follow("signals")
    assert program.events() == []
    assert program.call("POST", "/ssf/subjects/add", someone).status_code == 200 and len(records(org, "signals.subject_removed")) == len(records(org, "signals.subject_added")) == 1
    assert program.call("POST", "/ssf/status", {"status": "paused", "reason": "Upgrade"}).json() == {"stream_id": program.stream["stream_id"], "status": "paused", "reason": "Upgrade"}
    do(org, "restore", "worker")
    do(org, "suspend", "worker")
    follow("signals")
    assert program.events() == []
    program.call("POST", "/ssf/status", {"status": "enabled"})
    assert sorted(kind for kind, _who, _claims in program.events()) == ["account-disabled", "stream-updated", "stream-updated"]
    assert program.call("POST", "/ssf/verify", {"state": "abc"}).status_code == 204 and program.call("POST", "/ssf/verify", {"state": "abc"}).status_code == 429
    assert program.events() == [("verification", program.stream["stream_id"], {"state": "abc"})]
    program.call("POST", "/ssf/status", {"status": "disabled"})
    do(org, "restore", "worker")
    do(org, "suspend", "worker")
    follow("signals")
    with tenancy.installation("look"):
        assert not SignalEvent.objects.filter(stream_id=program.stream["stream_id"]).exists()


def test_pushed_until_it_is_taken(world: World, receiver: Receiver) -> None:
    """RFC 8935: one token in each request, the header that was given, 202; what fails is sent again and is the same."""
    org, program = world.north, Program(world.north)
    program.subscribe(SESSION_REVOKED, DISABLED, url=receiver.url, header="Bearer of-the-receiver")
    row_id = uuid.UUID(program.stream["stream_id"])
    do(org, "suspend", "worker")
    follow("signals")
    receiver.behave = lambda n: [503, (400, {"Content-Type": "application/json"}, b'{"err":"invalid_key","description":"x"}'), (307, {"Location": "http://169.254.169.254/"})][n - 1] if n < 4 else 202
    for _ in range(3):
        assert push.turn(row_id, org.organization.id) == 0
        with tenancy.scope(org=org.organization.id):
            row = SignalStream.objects.get(id=row_id)
            assert row.failures and row.next_try and row.next_try > datetime.now(UTC) and row_id not in {one[0] for one in push.due()}
            SignalStream.objects.filter(id=row_id).update(next_try=None)
            SignalEvent.objects.filter(stream=row).update(next_try=None)
    assert row.last_error == "redirected" and row_id in {one[0] for one in push.due()}
    assert push.turn(row_id, org.organization.id) == 2
    assert receiver.got[0].body == receiver.got[1].body == receiver.got[3].body and {got.headers["authorization"] for got in receiver.got} == {"Bearer of-the-receiver"}
    assert {got.headers["content-type"] for got in receiver.got} == {"application/secevent+jwt"}
    told = [program.read(got.body.decode()) for got in receiver.taken]
    assert {next(iter(claims["events"])) for claims in told} == {SESSION_REVOKED, DISABLED} and {claims["sub_id"]["sub"] for claims in told} == {sub(program, org, "worker")}
    with tenancy.installation("look"):
        assert not SignalEvent.objects.filter(stream_id=row_id).exists()
    moved = program.call("PATCH", "/ssf/stream", {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": receiver.url + "/else"}})
    assert moved.status_code == 200
    with tenancy.installation("look"):
        assert SignalStream.objects.get(id=row_id).authorization == "", "the word for one receiver does not go to another"


def test_the_last_event_about_somebody_leaves_when_they_are_gone(world: World) -> None:
    org, program = world.north, Program(world.north)
    program.subscribe()
    who = sub(program, org, "worker")
    person = org.person("worker")
    act(org, "schedule-deletion", person)
    warned(person)
    row = deletion(person)
    assert row is not None
    with tenancy.installation("a deletion is due"):
        assert purging.purge(account_id=person.account_id, now=row.purge_at + timedelta(minutes=1))
    follow("signals")
    kinds = [kind for kind, about, _claims in program.events() if about == who]
    assert kinds.count("account-purged") == 1
    with tenancy.installation("look"):
        assert not SignalEvent.objects.filter(account_id=org.person("worker").account_id).exists() and Account.objects.get(id=org.person("worker").account_id).status == "purged"
        assert not Deletion.objects.filter(account_id=org.person("worker").account_id, state="purging").exists()


def test_the_table(world: World) -> None:
    """Every action in it exists, every event is one that can be asked for; levels change only when they really do; what nobody takes ends after 30 days."""
    assert set(MAPPING) <= set(sentences.EVENTS) and {s.kind for m in MAPPING.values() for s in m.signals} == set(SUPPORTED)
    org, program = world.north, Program(world.north)
    program.subscribe(mapping.ASSURANCE_CHANGE, CREDENTIAL_CHANGE)
    worker = org.person("worker").account_id
    def factors(*kinds: str) -> None:
        arrange(lambda: (Authenticator.objects.filter(user_id=worker).delete(), [Authenticator.objects.create(user_id=worker, type=kind, data={}) for kind in kinds]))

    seen = []
    for action, kinds in (("second_factor.app_added", ["totp", "recovery_codes"]), ("second_factor.passkey_added", ["totp", "webauthn"]), ("second_factor.app_removed", ["webauthn"]),
                          ("second_factor.passkey_removed", [])):
        factors(*kinds)
        happened(org.organization.id, action, worker)
        follow("signals")
        seen.append([claims["change_direction"] for kind, _who, claims in program.events() if kind == "assurance-level-change"])
    assert seen == [["increase"], [], [], ["decrease"]]
    happened(org.organization.id, "account.password_changed", worker)
    follow("signals")
    running.run(now=datetime.now(UTC) + timedelta(days=31))
    assert program.events() == []
