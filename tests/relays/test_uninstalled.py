"""Removing an app asks it to delete what it has of everybody who had allowed it something, where it has an address for requests."""
from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Installation
from audit import subscribers
from audit.subscribers import Sealed
from dsar.relays import sending, uninstalled
from dsar.relays.models import Relay, Responder
from tests.apps.acts import app_for, installation_for
from tests.audit.logs import nothing_waits, number_all
from tests.cast import World, add_people
from tests.registers.acts import do, entries
from tests.relays.programs import running
from tests.situations import arrange


def read() -> None:
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain([uninstalled.SUBSCRIBER])


def test_a_removed_app_is_asked_to_delete(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    org, worker, guest = world.north, world.north.person("worker"), world.north.person("guest")
    nothing_waits()
    made: list[Installation] = []
    with running() as program:
        arrange(lambda: made.extend([installation_for(org, app_for(org.organization), worker, guest),
                                     installation_for(org, app_for(org.organization, slug="easel", name="Easel", requests_url="https://easel.example/requests"), worker),
                                     installation_for(org, app_for(org.organization, slug="plain", name="Plain"), worker)]))
        arrange(lambda: Responder.objects.create(organization=org.organization, installation=made[0], way="push", url=program.url, public_key=program.public, email="privacy@whiteboard.example"))
        do(org, "uninstall-app", app="whiteboard")
        do(org, "block-app", app="easel")
        do(org, "uninstall-app", app="plain")
        read()
        assert uninstalled.waiting() and not uninstalled.run(now=datetime.now(UTC))
        sending.run(now=datetime.now(UTC))
        assert sorted(one["type"] for one, _body, _signature in program.got) == ["erasure", "erasure"] and len({one["id"] for one, _body, _signature in program.got}) == 2
    with tenancy.installation("a test looks"):
        assert {(row.responder.installation_id, row.account_id, row.way) for row in Relay.objects.filter(organization=org.organization, type="erasure").select_related("responder")} == {
            (made[0].id, worker.account_id, "push"), (made[0].id, guest.account_id, "push"), (made[1].id, worker.account_id, "mail")}, "the third names no address: its provider got the notice"
        count = Relay.objects.count()
        uninstalled.handle([Sealed(1, org.organization.id, 1, made[0].id, "app.uninstalled", "success", {"facts": {"installation": str(made[0].id)}})])
        assert not uninstalled.waiting() and not uninstalled.run(now=datetime.now(UTC)) and Relay.objects.count() == count, "read twice, asked once"
        assert [one["facts"]["people"] for one in entries(org, "relay.app_gone")] == [2, 1]


def test_many_are_asked_about_in_batches_that_go_on_after_a_kill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, now = world.north, datetime.now(UTC)
    nothing_waits()
    made: list[Installation] = []
    arrange(lambda: add_people(org, [(f"user{n}", "member", False) for n in range(7)], now))
    people = [row for name, row in org.people.items() if name.startswith("user")]
    arrange(lambda: made.append(installation_for(org, app_for(org.organization, requests_url="https://board.example/requests"), *people)))
    do(org, "uninstall-app", app=made[0].app.slug)
    read()
    monkeypatch.setattr(uninstalled, "BATCH", 3)
    ask, asked = uninstalled._ask, []

    def killed(responder: Responder, batch: list[Any], *, now: datetime) -> None:
        ask(responder, batch, now=now)
        asked.append(len(batch))
        if len(asked) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(uninstalled, "_ask", killed)
    with tenancy.installation("a test looks"):
        rows = Relay.objects.filter(organization=org.organization)
        assert not rows.exists(), "reading the log asks nobody"
        with pytest.raises(KeyboardInterrupt):
            uninstalled.run(now=now)
        assert rows.count() == 3 and Responder.objects.get(installation=made[0]).gone_reached == max(rows.values_list("account_id", flat=True))
        uninstalled.run(now=now)
        assert asked == [3, 3, 3, 1] and {row.account_id for row in rows} == {one.account_id for one in people}
        assert len(entries(org, "relay.asked")) == 7, "each with their entry, and what was killed has none"
        Responder.objects.filter(installation=made[0]).update(gone_reached=None, gone_done_at=None)  # as after a restore
        uninstalled.run(now=now)
        assert rows.count() == len(entries(org, "relay.asked")) == 7
