"""Webhooks against real receivers on loopback: what arrives, signed by whom, about whom, and what happens when a receiver misbehaves."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import standardwebhooks
from django.db import connections

from accounts import tenancy
from accounts.models import Mail, ServiceAccess, Webhook, WebhookAttempt, WebhookDelivery
from accounts.oauth.subjects import subject
from accounts.reasons import Refused
from accounts.webhooks import delivery, ending, events, running
from audit import outbound
from audit.streams import secrets, sending
from audit.streams.runner import Runner
from tests.audit.logs import tampering
from tests.audit.receivers import Receiver, drip, https
from tests.cast import World
from tests.signals.acts import client_of
from tests.situations import arrange
from tests.webhooks.acts import check_v1a, deliveries, do, follow, made, now, over, records, said, turn

ROOT = Path(__file__).parents[2]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with https(None) as found:
        yield found


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> Iterator[None]:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    yield
    with tampering() as attacker:
        for table in ("webhookattempt", "webhookdelivery", "webhook"):
            attacker.execute(f"DELETE FROM accounts_{table}")


def test_what_arrives_is_thin_in_order_and_signed_both_ways(world: World, receiver: Receiver) -> None:
    """`standardwebhooks` verifies v1, cryptography v1a; nobody's name or address is in it; what was not asked for, and what was refused, is not sent."""
    org = world.north
    row, secret = made(org, receiver, events=["membership.*"])
    do(org, "suspend", "worker", "guest")
    do(org, "restore", "worker")
    do(org, "revoke-sessions", "worker")
    with pytest.raises(Refused):
        do(org, "restore", "worker")
    follow("webhooks")
    follow("webhooks")
    assert turn(row) == 3 and turn(row) == 0
    assert [said(got)["type"] for got in receiver.got] == ["membership.suspended", "membership.suspended", "membership.restored"]
    numbers = [said(got)["data"]["number"] for got in receiver.got]
    assert numbers == sorted(numbers) and len({got.headers["webhook-id"] for got in receiver.got}) == 3
    person = org.person("worker")
    assert {"type": "person", "id": str(person.account_id)} in said(receiver.got[0])["data"]["about"] and said(receiver.got[0])["data"]["organization"] == str(org.organization.id)
    for got in receiver.got:
        assert standardwebhooks.Webhook(secret.text).verify(got.body, got.headers) == said(got)
        check_v1a(got, secret.public)
        assert got.headers["content-type"] == "application/json" and not any(word in got.body for word in (b"Person", b".example", org.slug.encode(), b"absence"))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secrets.mint().text).verify(receiver.got[0].body, receiver.got[0].headers)
    old = {**receiver.got[0].headers, "webhook-timestamp": str(int(time.time()) - 3600)}
    with pytest.raises(standardwebhooks.WebhookVerificationError):  # a message that somebody kept and sends later
        standardwebhooks.Webhook(secret.text).verify(receiver.got[0].body, old)


def test_both_secrets_sign_for_a_day(world: World, receiver: Receiver) -> None:
    row, secret = made(world.north, receiver)
    receipt = over(world.north, "rotate-webhook-secret", by="app-manager")
    fresh = receipt.secret
    do(world.north, "suspend", "worker")
    follow("webhooks")
    assert turn(row) == 1
    for text in (fresh, secret.text):
        assert standardwebhooks.Webhook(text).verify(receiver.got[0].body, receiver.got[0].headers)
    arrange(lambda: Webhook.objects.filter(id=row.id).update(old_until=datetime.now(UTC) - timedelta(seconds=1)))
    do(world.north, "restore", "worker")
    follow("webhooks")
    assert turn(row) == 1
    assert standardwebhooks.Webhook(fresh).verify(receiver.got[1].body, receiver.got[1].headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret.text).verify(receiver.got[1].body, receiver.got[1].headers)
    assert fresh not in str(records(world.north, "webhook.secret_rotated"))


def test_a_receiver_that_fails_loses_nothing_and_sees_the_same_id_again(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """500, a redirect, a drip without end, nobody there: each message waits its turn and comes with the same id and the same bytes."""
    org = world.north
    row, _secret = made(org, receiver)
    do(org, "suspend", "worker", "guest")
    follow("webhooks")
    answers: list[Any] = [500, (302, {"Location": "http://169.254.169.254/"}), lambda handler: drip(handler), (429, {"Retry-After": "120"})]
    for number, (answer, code) in enumerate(zip(answers, ("receiver_failed", "redirected", "too_slow", "busy"), strict=True), start=1):
        receiver.behave = lambda _n, answer=answer: answer
        monkeypatch.setattr(sending, "SECONDS", 0.4 if code == "too_slow" else 10.0)
        assert turn(row) == 0
        assert (now(row).last_error, now(row).failures, len(receiver.got)) == (code, number, number), "and nothing follows a redirect"
    waits = (now(row).next_try or datetime.now(UTC)) - datetime.now(UTC)
    assert timedelta(seconds=100) < waits <= timedelta(seconds=120)
    assert delivery.turn(row.id, org.organization.id) == 0 and row.id not in {one[0] for one in delivery.due()}, "it is left alone as long as it asked"
    arrange(lambda: Webhook.objects.filter(id=row.id).update(url="http://127.0.0.1:9/in"))
    assert turn(row) == 0 and now(row).last_error == "unreachable"
    arrange(lambda: Webhook.objects.filter(id=row.id).update(url=receiver.url))
    receiver.behave = lambda _n: 204
    assert turn(row) == 2
    assert {got.body for got in receiver.got[:5]} == {receiver.got[0].body} and {got.headers["webhook-id"] for got in receiver.got[:5]} == {receiver.got[0].headers["webhook-id"]}
    assert len(receiver.taken) == 2 and (now(row).failures, now(row).failing_since, now(row).last_error) == (0, None, "")
    first = deliveries(row)[0]
    with tenancy.scope(org=org.organization.id):
        tries = list(WebhookAttempt.objects.filter(delivery=first).order_by("id").values_list("code", "status"))
    assert tries == [("receiver_failed", 500), ("redirected", 302), ("too_slow", None), ("busy", 429), ("unreachable", None), ("", 204)]
    assert first.state == "done" and first.attempts == 6


def test_one_message_is_tried_for_three_days_and_holds_up_no_other(world: World, receiver: Receiver) -> None:
    """A message that the receiver never takes is given up in the end, the others pass it; whoever asks gets it sent again under its old id."""
    org = world.north
    row, _secret = made(org, receiver)
    do(org, "suspend", "worker")
    do(org, "restore", "worker")
    follow("webhooks")
    receiver.behave = lambda _n: 400 if b"suspended" in receiver.got[-1].body else 200
    assert turn(row) == 0 and delivery.turn(row.id, org.organization.id) == 0
    with tenancy.scope(org=org.organization.id):
        Webhook.objects.filter(id=row.id).update(next_try=None)
    assert delivery.turn(row.id, org.organization.id) == 1, "the other one goes while the first waits"
    for _ in range(len(delivery.WAITS)):
        turn(row)
    first, second = deliveries(row)
    assert (first.state, first.attempts, second.state) == ("failed", len(delivery.WAITS) + 1, "done")
    assert sum(delivery.WAITS) > 3 * 86_400 > sum(delivery.WAITS[:-1]) and len({delivery.after(3) for _ in range(20)}) > 10
    assert turn(row) == 0 and now(row).state == "active"
    receiver.behave = lambda _n: 200
    for data, count in (({"delivery": first.id}, 1), ({"since": datetime.now(UTC) - timedelta(hours=1), "taken": True}, 2)):
        over(org, "redeliver-webhook", **data)
        before = len(receiver.got)
        assert turn(row) == count and receiver.got[before].headers["webhook-id"] == f"msg_{first.id.hex}" and receiver.got[before].body == receiver.got[0].body
    assert sorted(r["facts"]["messages"] for r in records(org, "webhook.redelivered")) == [1, 2]


def test_gone_and_failing_for_days_pause_it_and_tell_administrators(world: World, receiver: Receiver) -> None:
    """410 at once, anything else after five days; what happens meanwhile waits, and a resumed webhook sends it."""
    org = world.north
    row, _secret = made(org, receiver)
    other, _secret = made(org, receiver, name="Other")
    receiver.behave = lambda _n: 410
    do(org, "suspend", "worker")
    follow("webhooks")
    assert turn(row) == 0 and (now(row).state, now(row).paused_why) == ("paused", "gone")
    at = datetime.now(UTC)
    with tenancy.scope(org=org.organization.id):
        Webhook.objects.filter(id=other.id).update(failures=9, failing_since=at - timedelta(days=4), last_error_at=at)
        assert running.run(now=at) == 0
        Webhook.objects.filter(id=other.id).update(failing_since=at - timedelta(days=5, minutes=1))
    assert running.run(now=at) == 1 and running.run(now=at) == 0 and (now(other).state, now(other).paused_why) == ("paused", "failing")
    follow("webhooks", "webhooks-paused")
    assert len(records(org, "webhook.gone")) == len(records(org, "webhook.paused_failing")) == 1
    with tenancy.installation("look"):
        told = set(Mail.objects.filter(template="webhook-paused", organization_id=org.organization.id).values_list("account_id", flat=True))
    assert told == {org.person(name).account_id for name in ("owner", "second-owner", "administrator", "app-manager")}
    do(org, "restore", "worker")
    follow("webhooks")
    assert turn(row) == 0 and len(receiver.got) == 1
    receiver.behave = lambda _n: 200
    over(org, "resume-webhook")
    assert delivery.turn(row.id, org.organization.id) == 2


def test_private_addresses_and_names_that_change_their_mind(world: World, receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row, _secret = made(world.north, receiver, url=receiver.url.replace("localhost", "hooks.example"))
    do(world.north, "suspend", "worker")
    follow("webhooks")
    answers, asked, used = [["93.184.216.34"], ["127.0.0.1"], ["169.254.169.254"]], [], []
    monkeypatch.setattr(outbound.socket, "getaddrinfo", lambda host, port, **_o: asked.append(host) or [(2, 1, 6, "", (a, port)) for a in answers[len(asked) - 1]])
    monkeypatch.setattr(outbound.socket, "create_connection", lambda where, timeout: used.append(where[0]) or (_ for _ in ()).throw(ConnectionRefusedError()))
    settings.OUTBOUND_ALLOW = []
    for code in ("plain_http", "private_address", "private_address"):
        assert turn(row) == 0 and now(row).last_error == code
    arrange(lambda: Webhook.objects.filter(id=row.id).update(url="https://hooks.example/in"))
    answers[:] = [[], [], [], ["93.184.216.34"], ["10.0.0.1"]]
    for code in ("unreachable", "private_address"):
        assert turn(row) == 0 and now(row).last_error == code
    assert used == ["93.184.216.34"] and receiver.got == [] and [d.state for d in deliveries(row)] == ["due"]


def test_a_webhook_of_a_service_names_people_as_the_service_knows_them_and_ends_with_it(world: World, receiver: Receiver) -> None:
    org = world.north
    client, _secret = client_of(org, "notes")
    row, _secret = made(org, receiver, events=["membership.*", "account.*", "data.*"], service=org.services[0])
    guest = org.person("guest")
    arrange(lambda: ServiceAccess.objects.filter(membership=guest, service=org.services[0]).delete())
    arrange(lambda: ServiceAccess.objects.get_or_create(membership=org.person("worker"), service=org.services[0], organization=org.organization, defaults={"granted_at": datetime.now(UTC)}))
    do(org, "suspend", "worker", "guest")
    do(org, "restore", "worker")
    do(org, "remove", "worker")
    follow("webhooks")
    assert turn(row) == 3
    sub = subject(account_id=org.person("worker").account_id, application_id=client.id)
    assert [said(got)["type"] for got in receiver.got] == ["membership.suspended", "membership.restored", "membership.removed"], "that it ended is told too; of whom the service does not know, nothing"
    assert all(said(got)["data"]["about"] == [{"type": "subject", "id": sub}] for got in receiver.got) and str(org.person("worker").account_id).encode() not in b"".join(g.body for g in receiver.got)
    do(org, "suspend", "member")
    follow("webhooks")
    arrange(lambda: ending.end(services=[org.services[0].id], now=datetime.now(UTC)))
    assert delivery.turn(row.id, org.organization.id) == 0 and len(receiver.got) == 3
    with tenancy.installation("look"):
        assert not Webhook.objects.filter(id=row.id).exists() and not WebhookDelivery.objects.filter(webhook_id=row.id).exists()


def test_a_slow_receiver_does_not_hold_up_the_others(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hangs, one works: the second has everything while the first is still being asked. Broken ones get half of the hands at most."""
    monkeypatch.setattr(sending, "SECONDS", 30.0)
    org, free = world.north, Event()
    arrange(lambda: Webhook.objects.update(state="paused"))  # those that tests before it left
    arrange(lambda: WebhookDelivery.objects.filter(state="due", entry=None).update(state="failed"))
    with https(None) as slow:
        slow.behave = lambda _n: lambda _handler: free.wait(30)
        made(org, slow, name="Slow")
        made(org, receiver, name="Good")
        do(org, "suspend", "worker", "guest")
        follow("webhooks")
        runner = Runner(Event(), delivery.LINE)
        with ThreadPoolExecutor(8) as pool:
            assert runner.round(pool) == 2
            until = time.monotonic() + 25
            while (len(receiver.got) < 2 or not slow.got) and time.monotonic() < until:
                time.sleep(0.01)
            came = len(receiver.got), len(slow.got)
            free.set()
            assert came == (2, 1) and time.monotonic() < until, "while the slow one is still being asked"
    connections.close_all()


def test_a_turn_uses_one_connection_and_survives_its_end(world: World, receiver: Receiver) -> None:
    """A receiver that keeps its connection open is not connected to anew for each message; one that ends it between two, without a word, gets the next over a new one: once, and in order."""
    row, _secret = made(world.north, receiver)
    do(world.north, "suspend", "worker", "guest")
    do(world.north, "restore", "worker", "guest")
    follow("webhooks")
    places: list[int] = []

    def behave(n: int) -> Any:
        def speak(handler: Any) -> None:
            places.append(handler.client_address[1])
            handler.protocol_version, handler.close_connection = "HTTP/1.1", n == 2
            handler.send_response(200)
            handler.send_header("content-length", "2")
            handler.end_headers()
            handler.wfile.write(b"ok")

        return speak

    receiver.behave = behave
    assert turn(row) == 4 and len(receiver.got) == len({got.headers["webhook-id"] for got in receiver.got}) == 4
    assert places[0] == places[1] != places[2] == places[3]
    numbers = [said(got)["data"]["number"] for got in receiver.got]
    assert numbers == sorted(numbers) and {d.state for d in deliveries(row)} == {"done"}


def test_killed_in_the_middle(world: World, receiver: Receiver) -> None:
    """The process dies after the receiver took a message and before that was remembered: it comes again under the same id, and nothing is missing."""
    org = world.north
    row, _secret = made(org, receiver)
    do(org, "suspend", "worker", "guest")
    follow("webhooks")
    killed: list[int] = []

    def behave(n: int) -> int:
        if n == 2:
            os.kill(process.pid, signal.SIGKILL)
            killed.append(n)
        return 200

    receiver.behave = behave
    code = f"import django; django.setup()\nfrom uuid import UUID\nfrom accounts.webhooks import delivery\ndelivery.turn(UUID({str(row.id)!r}), UUID({str(org.organization.id)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "STEWARD_OUTBOUND_ALLOW": "127.0.0.0/8", "DJANGO_SETTINGS_MODULE": "portal.settings"})
    process.wait(60)
    assert killed and [d.state for d in deliveries(row)] == ["done", "due"]
    assert turn(row) == 1 and [got.headers["webhook-id"] for got in receiver.got][1] == receiver.got[2].headers["webhook-id"] and receiver.got[1].body == receiver.got[2].body


def test_old_deliveries_go_and_the_names_of_events_are_those_of_the_log(world: World, receiver: Receiver) -> None:
    row, _secret = made(world.north, receiver)
    do(world.north, "suspend", "worker")
    follow("webhooks")
    running.run(now=datetime.now(UTC) + timedelta(days=29))
    assert len(deliveries(row)) == 1
    running.run(now=datetime.now(UTC) + timedelta(days=31))
    assert deliveries(row) == []
    assert events.unknown(["membership.suspended", "account.*", "*", "membership.flew", "no.*", "a b", "membership.suspended\n"]) == ["membership.flew", "no.*", "a b", "membership.suspended\n"]
    assert events.matches(["membership.*"], "membership.group_joined") and not events.matches(["member.*"], "membership.suspended") and not events.matches([], "membership.suspended")
