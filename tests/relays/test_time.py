"""Restriction and deletion reach programs, programs that ask us hear what to do, and whoever does not answer is shut out until they do."""
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

from accounts import door, outbox, purging, tenancy
from accounts.models import Installation, Mail
from accounts.oauth import subjects
from accounts.reasons import Refused
from dsar.ledger import file, restoring, states
from dsar.ledger.duties_again import Change
from dsar.powers import cases, responders
from dsar.relays import following, messages, watching
from dsar.relays.models import Relay, Responder, Type
from tests.audit.logs import nothing_waits
from tests.browse import client_for
from tests.cases.helpers import received
from tests.cases.test_acts import by, letters
from tests.cases.test_carrying import follow
from tests.cast import World
from tests.fields.test_questions import act
from tests.relays.programs import installed, relays
from tests.relays.test_push import entries, subjects_of
from tests.situations import arrange, deletion_for


@pytest.fixture(autouse=True)
def quiet(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    nothing_waits()


def known_as(responder: Responder, account: Any) -> str:
    with tenancy.installation("a test looks"):
        return subjects.subject(account_id=account, application_id=messages.application(Responder.objects.get(id=responder.id)))


def through(world: World, name: str, power: Any, **data: Any) -> Any:
    with tenancy.scope(org=world.north.organization.id, purpose="act"):
        return door.perform(power=power, actor=world.north.actor(name), data=data, now=datetime.now(UTC))


def test_a_program_that_asks_us(world: World) -> None:
    responder, worker, guest = installed(world.north, email=""), world.north.person("worker"), world.north.person("guest")
    program = str(responder.installation_id)
    with pytest.raises(Refused) as refused:
        through(world, "app-manager", responders.TOKEN, program=program)
    assert refused.value.codes == ["does_not_ask_us"]
    through(world, "app-manager", responders.SET, program=program, way="pull", url="", public_key="", email="", cycle_days=7, independent=False)
    secret = through(world, "app-manager", responders.TOKEN, program=program).secret
    received(worker, "access")
    arrange(lambda: [following.asking.owe(organization_id=world.north.organization.id, account_id=one.account_id, types=types, cause=one.id, case=None, now=datetime.now(UTC))
                     for one, types in ((worker, ["erasure", "restriction"]), (guest, ["rectification"]))])
    follow()
    assert [row.state for row in relays(responder, type="access")] == ["by_hand"], "a copy cannot be said this way, and there is no mailbox"
    ids = {one: known_as(responder, one.account_id) for one in (worker, guest)}

    def pull(*people: str, token: str = secret, at: datetime | None = None, **more: Any) -> Any:
        body = {"subjects": [{"id": one, "fetched_at": (at or datetime(2026, 1, 1, tzinfo=UTC)).isoformat()} for one in people], **more}
        return Client().post("/relays/pull/", json.dumps(body), content_type="application/json", headers={"Authorization": f"Bearer {token}"})

    assert [pull(token=word).status_code for word in ("", "strp_wrong", "x" * 300)] == [401, 401, 401]
    assert pull(*[f"n{n}" for n in range(101)]).status_code == 422 and pull(more=1).status_code == 422
    assert Client().post("/relays/pull/", b"[" * 60_000, content_type="application/json", headers={"Authorization": f"Bearer {secret}"}).status_code == 422
    nothing = pull("nobody-we-know")
    assert (nothing.status_code, nothing.content, nothing.headers["Cycle-Period"]) == (204, b"", "7")
    first = pull(ids[worker], ids[guest], "nobody-we-know").json()["subjects"]
    assert {(one["id"], one["act"]) for one in first} == {(ids[worker], "erase"), (ids[worker], "restrict"), (ids[guest], "refresh")}
    assert {(one["id"], one["act"]) for one in pull(ids[worker], ids[guest]).json()["subjects"]} == {(ids[worker], "erase"), (ids[guest], "refresh")}, "what it heard of is restricted"
    assert pull(ids[guest], at=datetime.now(UTC)).status_code == 204 and relays(responder, type="rectification")[0].state == "completed", "it fetched it anew since"
    now = datetime.now(UTC)
    watching.run(now=now)
    assert relays(responder, type="erasure")[0].state == "pending"
    arrange(lambda: Responder.objects.filter(id=responder.id).update(polled_at=now + timedelta(days=7, minutes=1)))
    watching.run(now=now + timedelta(days=7, minutes=1))
    assert relays(responder, type="erasure")[0].state == "completed", "a whole cycle without the person: deleted there"
    watching.run(now=now + timedelta(days=15))
    assert len(entries(world, "relay.cycle_missed")) == 1
    again = through(world, "app-manager", responders.TOKEN, program=program).secret
    assert (pull().status_code, pull(token=again).status_code) == (401, 204), "a new token ends the old one"
    codes = [pull(token=again).status_code for _ in range(61)]
    assert codes.count(429) >= 1 and int(pull(token=again).headers["Retry-After"]) <= 60


def test_whoever_does_not_answer_is_shut_out_and_comes_back(world: World) -> None:
    responder, fast, person = installed(world.north), installed(world.north, "Fast"), world.north.person("worker")
    case = received(person, "object")
    follow()
    [row], now = relays(responder), datetime.now(UTC)
    arrange(lambda: Relay.objects.filter(id=relays_of(fast)).update(state="completed", next_try=None))
    late = datetime.combine(row.respond_by, now.time(), UTC) + timedelta(days=1)
    watching.run(now=late - timedelta(days=1))
    assert entries(world, "relay.overdue") == []
    watching.run(now=late)
    watching.run(now=late + timedelta(days=2))
    follow()
    assert len(entries(world, "relay.overdue")) == 1 and any("Notes does not answer" in one for one in subjects_of(world, "privacy-officer")), "warned first, once"
    assert state_of(responder) == "active"
    watching.run(now=late + timedelta(days=3))
    follow()
    assert (state_of(responder), state_of(fast)) == ("suspended", "active") and any("access of Notes rests" in one for one in subjects_of(world, "app-manager"))
    assert "Its access rests" in client_for(person).get(f"/me/requests/{case.id}/").content.decode(), "the person reads it"
    page = client_for(world.north.person("app-manager")).get(f"/o/{world.north.slug}/requests/programs/").content.decode()
    assert "Access rests" in page and "release-responder" in page
    assert client_for(world.north.person("member")).get(f"/o/{world.north.slug}/requests/programs/").status_code == 404
    with tenancy.installation("a test looks"):
        assert not Mail.objects.filter(template="relay-news", account_id=person.account_id).exists()
    through(world, "owner", responders.RELEASE, program=str(responder.installation_id), private_note="")
    arrange(lambda: Responder.objects.filter(id=responder.id).update(released_at=late + timedelta(days=3)))  # the clock of the test runs ahead
    watching.run(now=late + timedelta(days=4))
    assert state_of(responder) == "active", "whom somebody let in again is not shut out for the same"
    arrange(lambda: Responder.objects.filter(id=responder.id).update(released_at=None))
    watching.run(now=late + timedelta(days=5))
    assert state_of(responder) == "suspended"
    arrange(lambda: Relay.objects.filter(responder=responder).update(state="completed", next_try=None))
    watching.run(now=late + timedelta(days=6))
    assert state_of(responder) == "active" and len(entries(world, "relay.caught_up")) == 1, "who answered is let in again"


def relays_of(responder: Responder) -> Any:
    with tenancy.installation("a test looks"):
        return Relay.objects.filter(responder=responder).values_list("id", flat=True)[0]


def state_of(responder: Responder) -> str:
    with tenancy.installation("a test looks"):
        return Installation.objects.get(id=responder.installation_id).state


def test_restriction_and_deletion_reach_everybody_and_outlive_a_restore(world: World) -> None:
    here, person = installed(world.north), world.north.person("guest")
    there, elsewhere = installed(world.contoso), world.contoso.person("member")
    case = received(person, "restrict")
    follow()
    follow()
    assert [row.type for row in relays(here)] == ["restriction"] and relays(there) == [], "within the round in which the log is read, and only where it was asked"
    assert case.id != relays(here)[0].cause

    worker = world.north.person("worker")
    for slug, what in (("restrict-own-use", "groups"), ("restrict-own-use", "profile.title"), ("end-own-restriction", "profile.title")):
        assert act(world.north, slug, "worker", {"what": what, "trigger": "accuracy"}, by="worker") == []
    follow()
    assert [(row.type, row.account_id) for row in relays(here, account=worker.account_id)] == [("rectification", worker.account_id)] * 2, "of a value they read the data anew, twice; no program is told of groups"
    arrange(lambda: Relay.objects.filter(account=worker.account_id).delete())

    arrange(lambda: deletion_for(elsewhere, warned=True))
    with tenancy.installation("the worker"):
        assert purging.purge(account_id=elsewhere.account_id, now=datetime.now(UTC) + timedelta(days=60))
        assert [outbox.render(one)[1].count("have not confirmed it yet: Notes.") for one in Mail.objects.filter(template="account-deleted", account_id=elsewhere.account_id)] == [1]
    [row] = relays(there)
    assert (row.type, row.account_id, row.cause, row.state) == ("erasure", elsewhere.account_id, elsewhere.account_id, "waiting") and relays(here, type="erasure") == []
    corrected, granted = received(person, "correct"), received(person, "erasure")
    follow()
    assert relays(here, type="erasure") == relays(here, type="rectification") == [], "nothing is asked that nobody granted"
    by(world, "owner", cases.ANSWER, corrected, outcome="granted", ground="")
    follow()
    assert [row.case_id for row in relays(here, type="rectification")] == [corrected.id]
    assert any("have not confirmed it yet: Notes." in words for words in letters(person.account_id)), "the outcome letter names who has not confirmed"
    with tenancy.installation("the worker"):
        following._ask(person.organization_id, person.account_id, [Type.ERASURE], cause=granted.id, case=granted)
        following._ask(person.organization_id, person.account_id, [Type.ERASURE], cause=granted.id, case=granted)
    follow()
    [erasure] = relays(here, type="erasure")
    with tenancy.installation("a test looks"):
        lines = [line for line in file.walk() if line.kind == "relay.erasure" and line.subject == person.account_id]
    assert lines and lines[-1].facts["relay"] == str(erasure.id) and person.account.email not in json.dumps(lines[-1].facts)
    arrange(lambda: Relay.objects.filter(id=erasure.id).delete())
    found: list[Any] = []
    arrange(lambda: found.extend(restoring.relays(lines, datetime.now(UTC))))
    arrange(lambda: found.extend(restoring.relays(lines, datetime.now(UTC))))
    [again] = relays(here, type="erasure")
    assert found == [Change(person.organization_id, person.account_id)] and (again.id, again.state, again.way, again.case_id) == (erasure.id, "waiting", "mail", granted.id), "sent again under the same number"
    assert again.next_try is not None and "relay.asked" in states.TABLE
