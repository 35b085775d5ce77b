"""Administrators pause and resume the security events of a program: on the page, through the API, and whatever the program itself wants."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from accounts.models import SignalExclusion, SignalStream
from accounts.oauth.subjects import subject
from accounts.reasons import Refused, Stale
from accounts.signals import push, running, streams
from accounts.signals.mapping import DISABLED
from tests.api.calls import Api
from tests.audit.receivers import https
from tests.browse import client_for
from tests.cast import World
from tests.signals.acts import Program
from tests.waiting import overtaken
from tests.webhooks.acts import do, follow, over, records


def test_paused_by_an_administrator(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    org, program = world.north, Program(world.north)
    base, owner = f"/o/{org.slug}/", client_for(org.person("owner"))
    with https(None) as receiver:
        stream = UUID(program.subscribe(DISABLED, url=receiver.url)["stream_id"])
        assert f"pause-security-events/?program={stream}" in owner.get(f"{base}webhooks/").content.decode()
        assert owner.post(f"{base}do/pause-security-events/", {"program": str(stream)}).status_code == 302
        do(org, "suspend", "worker")
        follow("signals")
        assert push.turn(stream, org.organization.id) == 0 and stream not in {one[0] for one in push.due()} and receiver.got == []
        status = program.call("GET", "/ssf/status").json()
        assert status["status"] == "paused" and "administrator" in status["reason"]
        for method, path, body in (("POST", "/ssf/status", {"status": "enabled"}), ("DELETE", f"/ssf/stream?stream_id={stream}", None)):
            assert program.call(method, path, body).status_code == 403, "the program cannot undo it, nor begin anew"
        page = owner.get(f"{base}webhooks/").content.decode()
        assert "Paused by an administrator" in page and f"resume-security-events/?program={stream}" in page and f"pause-security-events/?program={stream}" not in page
        with pytest.raises(Refused):
            over(org, "pause-security-events", by="app-manager", program="Notes")
        with pytest.raises(Refused):
            over(org, "pause-security-events", program="Nobody's")
        running.run(now=datetime.now(UTC) + timedelta(days=29))
        found = Api(world, "app-manager").call("get", "/security-event-streams/").json()["streams"]
        mine = next(one for one in found if one["id"] == str(stream))
        assert (mine["state"], mine["asked_state"], mine["waiting"]) == ("paused", "enabled", 2) and mine["paused_since"] and receiver.url not in str(found)
        over(org, "resume-security-events", by="app-manager", program=str(stream))
        assert push.turn(stream, org.organization.id) == 3
        told = [program.read(got.body.decode())["events"] for got in receiver.taken]
        assert [next(iter(one)).rpartition("/")[2] for one in told] == ["stream-updated", "account-disabled", "stream-updated"], "in the order in which it happened"
        assert program.call("GET", "/ssf/status").json()["status"] == "enabled"
        with pytest.raises(Refused):
            over(org, "resume-security-events", program=str(stream))
        program.call("POST", "/ssf/status", {"status": "paused"})
        over(org, "pause-security-events", program=str(stream))
        over(org, "resume-security-events", program=str(stream))
        assert program.call("GET", "/ssf/status").json()["status"] == "paused", "what the program itself let wait goes on waiting"
    assert [len(records(org, f"signals.{what}")) for what in ("paused", "resumed")] == [4, 3], "the refused ones too"
    with tenancy.installation("look"):
        assert SignalStream.objects.get(id=stream).held_at is None


def test_a_program_removes_its_stream_while_others_act_on_it(world: World) -> None:
    """Whoever was slower hears that it is gone, and nothing of what they did is left."""
    org, program = world.north, Program(world.north)
    person = {"format": "iss_sub", "iss": program.http.get("/.well-known/ssf-configuration").json()["issuer"], "sub": subject(account_id=org.person("worker").account_id, application_id=program.client.id)}
    acts: dict[str, Any] = {
        "pause": lambda: over(org, "pause-security-events", program="Notes"),
        "status": lambda: program.call("POST", "/ssf/status", {"status": "paused"}), "change": lambda: program.call("PATCH", "/ssf/stream", {"description": "x"}),
        "verify": lambda: program.call("POST", "/ssf/verify", {}), "subject": lambda: program.call("POST", "/ssf/subjects/remove", {"subject": person}),
        "again": lambda: program.call("DELETE", "/ssf/stream")}
    for name, act in acts.items():
        stream = UUID(program.subscribe(DISABLED)["stream_id"])
        answer = overtaken(world, lambda stream=stream: streams.remove(SignalStream.objects.select_related("application").get(id=stream), now=datetime.now(UTC)), act)
        assert isinstance(answer, Stale) if name == "pause" else getattr(answer, "status_code", None) == 404, (name, answer)
    with tenancy.installation("look"):
        assert not SignalStream.objects.filter(application=program.client).exists() and not SignalExclusion.objects.filter(stream__application=program.client).exists()
