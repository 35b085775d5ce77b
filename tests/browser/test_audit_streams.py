"""The pages of log streams in a real browser: accessible, in both themes, at 320 px, and without scripts."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts import tenancy
from audit.models import Stream, StreamAttempt
from tests.audit.logs import number_all
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.situations import arrange, stream_for

pytestmark = pytest.mark.browser
PAGES = ["audit/streams/", "audit/streams/{failing}/", "audit/streams/{gone}/", "audit/streams/{fine}/", "do/add-log-stream/", "do/resume-log-stream/?stream={gone}", "do/rotate-log-stream-secret/?stream={fine}",
         "do/remove-log-stream/?stream={failing}"]


@pytest.fixture
def streams(world: World) -> dict[str, object]:
    number_all()
    org, now, made = world.north, datetime.now(UTC), {}
    for key, more in {"failing": {"failures": 7, "failing_since": now - timedelta(hours=2), "next_try": now + timedelta(minutes=4), "last_error": "private_address", "last_error_at": now, "old_until": now + timedelta(hours=3)},
                      "gone": {"state": "paused", "paused_why": "gone", "last_error": "gone", "last_status": 410, "last_error_at": now}, "fine": {"seq": 2**40, "last_success": now}}.items():
        name = {"failing": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau", "gone": "Lake", "fine": "SIEM"}[key]
        arrange(lambda name=name, more=more, key=key: made.update({key: stream_for(org, name, **more).id}))
    with tenancy.scope(org=org.organization.id):
        for n, (code, status) in enumerate([("", 204), ("private_address", None), ("receiver_failed", 502), ("redirected", 301)]):
            StreamAttempt.objects.create(stream=made["failing"], org=org.organization.id, at=now, first=1 + n, last=500 + n, count=500, code=code, status=status, took=31, test=n == 0)
    return made


@pytest.mark.parametrize("path", PAGES)
def test_pages(world: World, streams: dict[str, object], visit: Visit, path: str) -> None:
    visit.sign_in(world, "owner")
    assert problems(visit, f"/o/{world.north.slug}/" + path.format(**streams)) == []
    name = path.split("?")[0].strip("/").replace("/", "_").replace("{", "").replace("}", "")
    visit.shot(f"streams-{name}")


def test_a_stream_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    """Found from the log, added, its secret seen once, paused."""
    visit, org = visit_without_scripts.sign_in(world, "owner"), world.north
    page = visit.go(f"/o/{org.slug}/audit/")
    page.click("main >> text=Log streams")
    page.click("text=Add a log stream")
    page.fill("#id_name", "SIEM")
    page.fill("#id_url", "https://siem.example.com/in")
    page.click("form.card button.primary")
    assert page.input_value("#secret").startswith("whsec_")
    page.click("text=Done")
    page.click("tbody a")
    assert "Nothing was sent yet" in page.inner_text("main")
    page.click("text=Send a test")
    assert "A test delivery waits to be sent." in page.inner_text("main")
    page.click("main >> text=Pause")
    assert page.input_value("#id_stream") != ""
    page.click("form.card button.primary")
    assert "Paused" in page.inner_text("main")
    with tenancy.scope(org=org.organization.id):
        assert Stream.objects.get().state == "paused"
