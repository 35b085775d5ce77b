"""Removing an app asks it to delete what it has of everybody who had allowed it something, where it has an address for requests."""
from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from accounts import tenancy
from accounts.models import Installation
from audit import subscribers
from audit.subscribers import Sealed
from dsar.relays import sending, uninstalled
from dsar.relays.models import Relay, Responder
from tests.apps.acts import app_for, installation_for
from tests.audit.logs import nothing_waits, number_all
from tests.cast import World
from tests.registers.acts import do
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
        sending.run(now=datetime.now(UTC))
        assert sorted(one["type"] for one, _body, _signature in program.got) == ["erasure", "erasure"] and len({one["id"] for one, _body, _signature in program.got}) == 2
    with tenancy.installation("a test looks"):
        assert {(row.responder.installation_id, row.account_id, row.way) for row in Relay.objects.filter(organization=org.organization, type="erasure").select_related("responder")} == {
            (made[0].id, worker.account_id, "push"), (made[0].id, guest.account_id, "push"), (made[1].id, worker.account_id, "mail")}, "the third names no address: its provider got the notice"
        count = Relay.objects.count()
        uninstalled.handle([Sealed(1, org.organization.id, 1, made[0].id, "app.uninstalled", "success", {"facts": {"installation": str(made[0].id)}})])
        assert Relay.objects.count() == count, "read twice, asked once"
