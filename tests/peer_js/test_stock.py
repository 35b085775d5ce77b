"""Clients in JavaScript that somebody else wrote, each in a process of its own: openid-client signs people in, standardwebhooks and svix verify deliveries, jose verifies security events and logout."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from ipaddress import ip_network
from threading import Timer
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import Webhook
from accounts.oauth import calling
from accounts.oauth.subjects import subject
from accounts.signals import push
from accounts.signals.mapping import DISABLED, SESSION_REVOKED
from audit.streams import runner
from tests import live, node
from tests.audit.logs import tampering
from tests.audit.receivers import Receiver
from tests.browse import client_for
from tests.cast import World
from tests.oauth.programs import BACK, SCOPES, service_for
from tests.signals.acts import Program as Listener
from tests.situations import arrange
from tests.webhooks.acts import deliveries, do, follow, made, over, turn


class Script:
    """A script of this folder that runs; it speaks in lines of JSON."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        self.process = stack.enter_context(subprocess.Popen([node.PROGRAM, f"{name}.mjs"], cwd=node.ready(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
                                                            env={"PATH": "/usr/bin:/bin"}))
        late = Timer(30, self.process.kill)  # a script that says nothing fails its test
        late.start()
        stack.callback(late.cancel)
        stack.callback(self.process.kill)

    def tell(self, **said: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(said) + "\n")

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return dict(json.loads(line))


@pytest.fixture
def stack(settings: Any) -> Iterator[ExitStack]:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    with ExitStack() as found:
        settings.STEWARD_URL = found.enter_context(live.serving())
        yield found
    with tampering() as attacker:
        for table in ("webhookattempt", "webhookdelivery", "webhook", "signalevent", "signalexclusion", "signalstream"):
            attacker.execute(f"DELETE FROM accounts_{table}")


def visit(browser: Client, script: Script) -> None:
    """The person's browser goes where the client sends it, and comes back to the client."""
    where = urlsplit(script.hear()["visit"])
    script.tell(back=browser.get(f"{where.path}?{where.query}").headers["Location"])


def test_openid_client_goes_the_whole_way(world: World, stack: ExitStack, settings: Any) -> None:
    worker = world.north.person("worker")
    notes, browser = service_for(world.north, worker), client_for(worker)
    script = Script("openid_client", stack)
    script.tell(issuer=settings.STEWARD_URL, id=notes.client.client_id, secret=notes.secret, back=BACK, scope=SCOPES)
    visit(browser, script)
    visit(browser, script)
    said = script.hear()
    me = subject(account_id=worker.account_id, application_id=notes.client.id)
    assert said["wrong"] == "invalid_grant", "a code that somebody took is worth nothing without its verifier"
    assert (said["claims"]["sub"], said["person"]["sub"], said["person"]["email"], said["told"]["sub"]) == (me, me, worker.account.email, me)
    assert said["told"]["active"] is True and said["before"] == {"active": False} and 0 < said["expires"] <= 600
    first, again = said["claims"], said["refreshed"]
    assert again["iat"] >= first["iat"] and "nonce" not in again
    assert {name: again[name] for name in ("iss", "sub", "aud", "auth_time", "sid", "acr")} == {name: first[name] for name in ("iss", "sub", "aud", "auth_time", "sid", "acr")}, "OpenID Connect Core 1.0, section 12.2"
    visit(browser, script)
    ended = script.hear()
    assert (ended["out"], ended["after"], ended["refresh"]) == (f"{BACK}?state=bye", {"active": False}, "invalid_grant")
    browser = client_for(worker)
    visit(browser, script)
    assert script.hear() == {"revoked": {"active": False}} and script.process.wait(10) == 0


def test_standardwebhooks_and_svix_verify_deliveries(world: World, stack: ExitStack) -> None:
    """Both signatures; and both secrets for a day after the change."""
    org, script = world.north, Script("webhooks", stack)
    row, secret = made(org, Receiver(url=script.hear()["url"]))

    def sent(text: str, count: int) -> list[dict[str, Any]]:
        script.tell(secret=text, public=secret.public)
        assert script.hear() == {}
        turn(row)
        return [script.hear() for _n in range(count)]

    do(org, "suspend", "worker", "guest")
    follow("webhooks")
    assert sent(secret.text, 2) == [{"type": "membership.suspended", "refused": []}] * 2
    fresh = over(org, "rotate-webhook-secret").secret
    for slug, text in (("restore", secret.text), ("suspend", fresh)):
        do(org, slug, "worker")
        follow("webhooks")
        assert [one["refused"] for one in sent(text, 1)] == [[]], "signed with the old secret and with the new"
    arrange(lambda: Webhook.objects.filter(id=row.id).update(old_until=datetime.now(UTC)))
    do(org, "restore", "worker")
    follow("webhooks")
    assert [one["refused"] for one in sent(secret.text, 1)] == [["standardwebhooks", "svix", "v1a"]] and [one.state for one in deliveries(row)] == ["done"] * 4 + ["due"]


def test_jose_verifies_security_events_and_logout(world: World, stack: ExitStack, settings: Any) -> None:
    org, worker, script = world.north, world.north.person("worker"), Script("jose", stack)
    here = script.hear()["url"]
    program = service_for(org, worker, logout_url=f"{here}/out")
    listener = Listener.__new__(Listener)
    listener.client, listener.secret, listener.http = program.client, program.secret, program.page
    listener.subscribe(SESSION_REVOKED, DISABLED, url=f"{here}/events")
    script.tell(issuer=settings.STEWARD_URL, audience=program.client.client_id)
    assert script.hear() == {}
    claims = program.sign_in(client_for(worker))
    do(org, "suspend", "worker")
    follow("signals")
    assert push.turn(UUID(listener.stream["stream_id"]), org.organization.id) == 2
    got = [script.hear() for _n in range(2)]
    me = subject(account_id=worker.account_id, application_id=program.client.id)
    assert [one.get("refused") for one in got] == [None, None] and {one["type"] for one in got} == {"application/secevent+jwt"}
    assert {next(iter(one["claims"]["events"])) for one in got} == {SESSION_REVOKED, DISABLED}
    assert all(one["claims"]["sub_id"] == {"format": "iss_sub", "iss": settings.STEWARD_URL, "sub": me} for one in got)
    assert runner.once([calling.LINE]) and claims["id_token"]
    out = script.hear()
    assert "refused" not in out and (out["path"], out["claims"]["sub"]) == ("/out", me) and list(out["claims"]["events"]) == ["http://schemas.openid.net/event/backchannel-logout"]
