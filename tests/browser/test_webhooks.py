"""The pages of webhooks in a real browser: accessible, in both themes, and at 320 px."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Webhook, WebhookAttempt, WebhookDelivery
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.signals.acts import Program
from tests.situations import arrange, webhook_for

pytestmark = pytest.mark.browser
PAGES = ["webhooks/", "webhooks/{failing}/", "webhooks/{gone}/", "webhooks/events/", "do/add-webhook/", "do/redeliver-webhook/?webhook={failing}&delivery={delivery}"]


def test_pages(world: World, visit: Visit) -> None:
    org, now, made = world.north, datetime.now(UTC), {}
    for key, name, more in (("failing", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau", {"failures": 7, "failing_since": now, "next_try": now + timedelta(minutes=4), "last_error": "private_address", "last_error_at": now}),
                            ("gone", "Lake", {"state": "paused", "paused_why": "gone", "last_error": "gone", "last_status": 410, "last_error_at": now, "service": org.services[0]})):
        arrange(lambda name=name, more=more, key=key: made.update({key: webhook_for(org, name, delivery=key == "failing", **more)}))
    with tenancy.scope(org=org.organization.id):
        first = WebhookDelivery.objects.get(webhook=made["failing"])
        for number, (state, code, status) in enumerate((("due", "receiver_failed", 502), ("done", "", 204)), start=2):
            one = WebhookDelivery.objects.create(organization=org.organization, webhook=made["failing"], entry=first.id if number == 2 else None, seq=number, action="membership.group_joined", state=state,
                                                 occurred_at=now, made_at=now, attempts=1, next_try=now if state == "due" else None)
            WebhookAttempt.objects.create(organization=org.organization, delivery=one, at=now, code=code, status=status, took=31)
        assert Webhook.objects.filter(organization=org.organization).count() == 2
    Program(org).subscribe(url="https://events.example.com/in")
    visit.sign_in(world, "owner")
    for path in PAGES:
        assert problems(visit, f"/o/{org.slug}/" + path.format(failing=made["failing"].id, gone=made["gone"].id, delivery=first.id)) == [], path
        name = path.split("?")[0].strip("/").replace("/", "_").replace("{", "").replace("}", "")
        visit.shot(f"webhooks-{name}")
