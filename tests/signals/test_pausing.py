"""Administrators pause and resume the security events of a program: on the page, through the API, and whatever the program itself wants."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from accounts.models import SignalStream
from accounts.reasons import Refused
from accounts.signals import push, running
from accounts.signals.mapping import DISABLED
from tests.api.calls import Api
from tests.audit.receivers import https
from tests.browse import client_for
from tests.cast import World
from tests.signals.acts import Program
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
