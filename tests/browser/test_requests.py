"""Requests in the browser: the person asks, and every page that follows is whole at every width and in the dark."""
from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from django.core.cache import cache

from accounts import tenancy
from accounts.models import Account
from dsar.cases.models import Agent, Case
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cases.helpers import happen, received
from tests.cases.test_child_reports import cases_of
from tests.cases.test_child_reports import work as take_in
from tests.cases.test_corrections import disputed
from tests.cases.test_without_session import CODE, mailed, worker
from tests.cases.test_without_session import address as address_of
from tests.cast import World
from tests.situations import arrange


def test_asking_and_following(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go("/me/requests/")
    page.select_option("#id_right", "correct")
    page.fill("#id_message", "My title is wrong.")
    page.click("form button.primary")
    page.wait_for_selector("text=Your request is written down")
    with tenancy.installation("a test looks"):
        case = Case.objects.get(account_id=world.north.person("owner").account_id)
    other = received(world.north.person("worker"), "erasure")
    happen(case, "ask", who="administrator", words="Which title?")
    for path in ("/me/requests/", f"/me/requests/{case.id}/", f"/o/{world.north.slug}/requests/", f"/o/{world.north.slug}/requests/{other.id}/", f"/o/{world.north.slug}/requests/figures/",
                 f"/o/{world.north.slug}/do/refuse-request/?request={other.id}"):
        assert problems(visit, path) == []
        shoot(visit, path)


def test_asking_without_signing_in(world: World, visit: Visit) -> None:
    """The form, the code from the mail, the page of the request: by typing and clicking alone."""
    person = world.north.person("worker")
    page = visit.go("/rights/request/")
    shoot(visit, "/rights/request/")
    page = visit.go("/rights/request/")
    page.fill("#id_email", address_of(person))
    page.select_option("#id_right", "object")
    page.click("form.card button.primary")
    worker()
    assert "Look into your mailbox" in page.inner_text("main, body")
    page.fill("#id_code", "WRONG-ONE")
    page.click("form.card button.primary")
    assert "not right" in page.inner_text("body")
    shoot(visit, "/rights/code/")
    visit.go("/rights/code/").fill("#id_code", CODE.search(mailed(person))[0])  # type: ignore[index]
    page.click("form.card button.primary")
    page.wait_for_selector("text=You have to be answered by")
    assert problems(visit, "/rights/status/") == []
    shoot(visit, "/rights/status/")


def test_a_correction_with_a_file_that_shows_it(world: World, visit: Visit) -> None:
    """The person disputes a value, adds a file in the browser; whoever answers sees old and proposed beside each other and fetches the file as a download."""
    person, slug = world.north.person("worker"), world.north.slug
    case = disputed(world.north)
    visit.sign_in(world, "worker")
    page = visit.go(f"/me/requests/{case.id}/")
    page.set_input_files("#add_file", {"name": "deed.pdf", "mimeType": "text/html", "buffer": b"%PDF-1.7 deed"})
    page.click("button[value=add]")
    page.wait_for_selector("text=added")
    for path in (f"/me/requests/{case.id}/", "/me/values/"):
        assert problems(visit, path) == []
        shoot(visit, path)
    visit.sign_in(world, "administrator")
    for path in (f"/o/{slug}/requests/{case.id}/", f"/o/{slug}/people/{person.id}/", f"/o/{slug}/people/{person.id}/answer-value-dispute/?field=title"):
        assert problems(visit, path) == []
        shoot(visit, path)
    page = visit.go(f"/o/{slug}/requests/{case.id}/")
    with page.expect_download() as got:
        page.click("text=Fetch the file")
    assert got.value.suggested_filename.endswith(".pdf")


def test_a_report_about_a_child(world: World, visit: Visit) -> None:
    page = visit.go("/rights/child/")
    assert problems(visit, "/rights/child/") == []
    shoot(visit, "/rights/child/")
    page.fill("#id_email", address_of(world.north.person("worker")))
    page.click("form.card button.primary")
    page.wait_for_selector("text=Your report was taken in")
    take_in()
    case, = cases_of(world.north.person("worker"))
    visit.sign_in(world, "worker")
    shoot(visit, f"/me/requests/{case.id}/")
    assert problems(visit, f"/me/requests/{case.id}/") == []
    visit.sign_in(world, "owner")
    for path in (f"/o/{world.north.slug}/requests/", f"/o/{world.north.slug}/do/rebut-child-report/?request={case.id}"):
        assert problems(visit, path) == []
        shoot(visit, path)


def shoot(visit: Visit, path: str) -> None:
    if folder := os.environ.get("SHOTS"):
        for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
            visit.page.emulate_media(color_scheme=scheme)
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.go(path)
            visit.page.screenshot(path=str(Path(folder) / f"{path.split('?')[0].strip('/').replace('/', '-')[-70:]}-{scheme}-{width}.png"), full_page=True)


def test_agents_links_and_delays_are_whole_pages(world: World, visit: Visit) -> None:
    """Who acts for somebody, a link that is shown once, and what rests: signed in, and in the queue."""
    org, person = world.north, world.north.person("owner")
    cache.clear()
    assert problems(visit, "/rights/agent/") == []
    shoot(visit, "/rights/agent/")
    visit.sign_in(world, "owner")
    case = received(person, "erasure", level=0, channel="agent")
    other = received(org.person("worker"), "access")
    arrange(lambda: (Agent.objects.create(case=case, organization=case.organization, account=case.account, name="Ada Agent", email="ada@agents.example", authority="lawyer"),
                     Case.objects.filter(id=other.id).update(assigned=org.person("privacy-officer").account_id),
                     Account.objects.filter(id__in=[person.account_id, other.account_id]).update(credentials_changed_at=datetime.now(UTC))))
    for path in (f"/me/requests/{case.id}/", "/me/copies/", "/me/delete/", f"/o/{org.slug}/requests/", f"/o/{org.slug}/requests/?whose=mine", f"/o/{org.slug}/requests/{other.id}/",
                 f"/o/{org.slug}/do/assign-request/?request={other.id}", f"/o/{org.slug}/do/record-request/", f"/o/{org.slug}/do/make-calendar-link/"):
        assert problems(visit, path) == [], path
        shoot(visit, path)
    page = visit.go(f"/o/{org.slug}/do/make-calendar-link/")
    page.click("form button.primary")
    page.wait_for_selector("#link")
    assert page.input_value("#link").endswith("/requests.ics")
