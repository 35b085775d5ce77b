"""Another address in a real browser: the person asks, the mailbox confirms, an administrator agrees, the old mailbox undoes. Without scripts too."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.emails import post
from tests.emails.acts import address
from tests.situations import arrange, change_for, domain_for

pytestmark = pytest.mark.browser


def walk(world: World, visit: Visit) -> None:
    """From the request to the undo."""
    org, person = world.north, world.north.person("worker")
    old, new = address(person), f"worker.married@{org.slug}.example"
    arrange(lambda: domain_for(org, f"{org.slug}.example"))
    page = visit.sign_in(world, "worker").go("/me/email/")
    visit.shot("email-mine")
    page.fill("#id_change-own-email_email", new)
    page.click("main >> text=Send the link >> nth=0")
    assert new in page.inner_text("main")
    assert "Waiting for the new mailbox" in page.inner_text("main")
    page.goto(f"{visit.address}/address/confirm/{post.word(person.account_id, new)}/")
    visit.shot("email-confirm")
    page.click("text=Yes, confirm")
    assert "administrator is asked" in page.inner_text("main")
    visit.shot("email-confirmed")
    visit.go("/me/email/")
    visit.shot("email-mine-waiting")
    assert address(person) == old

    page = visit.sign_in(world, "people-manager").go(f"/o/{org.slug}/email-changes/")
    visit.shot("email-queue")
    page.goto(f"{visit.address}/o/{org.slug}/people/{person.id}/")
    assert new in page.inner_text("main")
    visit.shot("email-person")
    page.goto(f"{visit.address}/o/{org.slug}/email-changes/")
    page.click("text=Agree >> nth=0")
    assert new in page.inner_text("main")
    visit.shot("email-agree")
    page.click("form.card button.primary")
    assert address(person) == new
    assert "Done and recorded" in page.inner_text("body")

    page.goto(f"{visit.address}/address/undo/{post.word(person.account_id, old)}/")
    visit.shot("email-undo")
    page.click("form >> text=Undo the change")
    assert old in page.inner_text("main")
    visit.shot("email-undone")
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
    visit.go(f"/o/{org.slug}/email-changes/")
    visit.shot("email-queue-full")
    visit.go(f"/o/{org.slug}/people/{org.person('member').id}/change-email/")
    visit.shot("email-change")
    page = visit.go("/me/email/")
    page.fill("#id_change-own-email_email", "nobody")
    page.click("main >> text=Send the link >> nth=0")
    assert "There is a problem" in page.inner_text("main")
    visit.shot("email-mine-mistake")
