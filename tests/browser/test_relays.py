"""What only pages show of requests to services and apps: they fit a narrow screen, and whoever runs a program answers by the page that a mail links to."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.urls import reverse

from dsar.relays import asking, sending
from dsar.relays.models import Relay, Responder
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cases.helpers import received
from tests.cast import World
from tests.relays.programs import installed, relays
from tests.situations import arrange


def test_pages_of_requests_to_programs(world: World, visit: Visit) -> None:
    org, person = world.north, world.north.person("worker")
    late, _pulls, mine = installed(org, "Late notes", way="push", url="https://late.example/requests", public_key="A" * 43 + "="), installed(org, "Whiteboard", way="pull"), installed(org, "Diagrams", independent=True)
    case, now = received(person, "access"), datetime.now(UTC)
    arrange(lambda: asking.owe(organization_id=org.organization.id, account_id=person.account_id, types=["access"], cause=case.id, case=case, now=now))
    arrange(lambda: Relay.objects.filter(responder=late).update(overdue_at=now, respond_by=now.date() - timedelta(days=5), problem="too_slow"))
    arrange(lambda: Responder.objects.filter(id=late.id).update(overdue_at=now, suspended_at=now))
    [relay] = relays(mine)
    link = reverse("relay-acknowledge", args=[sending.word(relay.id)])
    assert problems(visit, link) == []
    visit.page.get_by_label("It is done").check()
    visit.page.get_by_role("button", name="Send the answer").click()
    assert "is closed" in visit.page.inner_text("main") and relays(mine)[0].state == "completed"
    visit.sign_in(world, "owner")
    paths = [f"/o/{org.slug}/requests/programs/", f"/o/{org.slug}/requests/{case.id}/", f"/o/{org.slug}/do/set-responder/?program={late.installation_id}"]
    assert [problems(visit, path) for path in paths] == [[], [], []]
    for number, path in enumerate([link, *paths]):
        visit.go(path)
        visit.shot(f"relays-{number}")
