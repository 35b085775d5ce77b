"""Another address in a real browser: the person asks, the mailbox confirms, an administrator agrees, the old mailbox undoes. Without scripts too."""
from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.emails import post
from tests.emails.acts import address
from tests.situations import arrange, change_for, domain_for

pytestmark = pytest.mark.browser


def shot(page: Page, name: str) -> None:
    """For whoever wants to look: wide, narrow and dark, into the folder that STEWARD_SHOTS names."""
    if folder := os.environ.get("STEWARD_SHOTS"):
        for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=str(Path(folder) / f"email-{name}-{scheme}-{width}.png"), full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})


def walk(world: World, visit: Visit) -> None:
    """From the request to the undo."""
    org, person = world.north, world.north.person("worker")
    old, new = address(person), f"worker.married@{org.slug}.example"
    arrange(lambda: domain_for(org, f"{org.slug}.example"))
    page = visit.sign_in(world, "worker").go("/me/email/")
    shot(page, "mine")
    page.fill("#id_change-own-email_email", new)
    page.click("main >> text=Send the link >> nth=0")
    assert new in page.inner_text("main")
    assert "Waiting for the new mailbox" in page.inner_text("main")
    page.goto(f"{visit.address}/address/confirm/{post.word(person.account_id, new)}/")
    shot(page, "confirm")
    page.click("text=Yes, confirm")
    assert "administrator is asked" in page.inner_text("main")
    shot(page, "confirmed")
    shot(visit.go("/me/email/"), "mine-waiting")
    assert address(person) == old

    page = visit.sign_in(world, "people-manager").go(f"/o/{org.slug}/email-changes/")
    shot(page, "queue")
    page.goto(f"{visit.address}/o/{org.slug}/people/{person.id}/")
    assert new in page.inner_text("main")
    shot(page, "person")
    page.goto(f"{visit.address}/o/{org.slug}/email-changes/")
    page.click("text=Agree >> nth=0")
    assert new in page.inner_text("main")
    shot(page, "agree")
    page.click("form.card button.primary")
    assert address(person) == new
    assert "Done and recorded" in page.inner_text("body")

    page.goto(f"{visit.address}/address/undo/{post.word(person.account_id, old)}/")
    shot(page, "undo")
    page.click("form >> text=Undo the change")
    assert old in page.inner_text("main")
    shot(page, "undone")
    assert address(person) == old


def test_request_approval_undo(world: World, visit: Visit) -> None:
    walk(world, visit)


def test_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    walk(world, visit_without_scripts)


def test_pages(world: World, visit: Visit) -> None:
    """Accessible, in both themes, at 320 px; with a mistake, with a look-alike, with everything at once."""
    org = world.north
    arrange(lambda: (change_for(org, org.person("worker"), new_address=f"{'long' * 12}@nоrth-{org.slug}.example", new_key=f"x@xn--nrth-{org.slug}-1fh.example", outside=True),
                     change_for(org, org.person("auditor"), state="done", finished_at=datetime.now(UTC)), change_for(org, org.person("legal"), state="requested")))
    visit.sign_in(world, "owner")
    worker = org.person("worker").id
    for path in ("/me/email/", f"/o/{org.slug}/email-changes/", f"/o/{org.slug}/people/{worker}/approve-email-change/", f"/o/{org.slug}/people/{worker}/deny-email-change/",
                 f"/o/{org.slug}/people/{org.person('member').id}/change-email/"):
        assert problems(visit, path) == [], path
    shot(visit.go(f"/o/{org.slug}/email-changes/"), "queue-full")
    shot(visit.go(f"/o/{org.slug}/people/{org.person('member').id}/change-email/"), "change")
    page = visit.go("/me/email/")
    page.fill("#id_change-own-email_email", "nobody")
    page.click("main >> text=Send the link >> nth=0")
    assert "There is a problem" in page.inner_text("main")
    shot(page, "mine-mistake")
