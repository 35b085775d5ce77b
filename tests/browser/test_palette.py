"""“Find or go” with the keyboard, with the mouse, without scripts; the organization switcher."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Membership
from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.cast import World
from tests.situations import arrange

pytestmark = pytest.mark.browser


def active(page: Page) -> str:
    """The text of the option that the input points to."""
    return page.evaluate("document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent ?? ''")


@pytest.mark.parametrize("keys", ["Control+k", "Meta+k"])
def test_by_keyboard(world: World, visit: Visit, keys: str) -> None:
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    page.focus("#sort-name")
    page.keyboard.press(keys)
    expect(page.locator("#palette")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "palette-q"
    expect(page.locator("#palette [role=option]").first).to_be_visible()  # places to go, before anything is typed
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "sort-name"
    page.keyboard.press(keys)
    page.keyboard.type("owner")
    expect(page.locator("#palette [role=status]")).to_have_text("9 results")
    options = page.locator("#palette [role=option]")
    texts = options.all_text_contents()
    first = active(page)
    assert first == texts[0] and options.first.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowDown")
    second = active(page)
    assert second != first
    page.keyboard.press("End")
    assert active(page) == texts[-1]
    page.keyboard.press("ArrowDown")
    assert active(page) == first, "the list is a ring"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    assert active(page) == first
    assert page.locator("#palette [aria-selected=true]").count() == 1
    assert violations(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/o/{world.north.slug}/people/*-*/")
    assert "Owner Person" in page.inner_text("h1")


def test_nothing_is_done_only_found(world: World, visit: Visit) -> None:
    """A power leads to what it means, or to its page; nothing happens on the way."""
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    page.click("#find")
    page.keyboard.type("suspend")
    expect(page.locator("#palette [role=option]").first).to_contain_text("Suspend")
    page.keyboard.press("Enter")
    page.wait_for_url("**/help/suspend/")
    page.keyboard.press("Control+k")
    page.keyboard.type("nobody-is-called-this")
    expect(page.locator("#palette [role=status]")).to_have_text("0 results")
    expect(page.locator("#palette")).to_contain_text("Nothing is called that")
    page.mouse.click(5, 5)
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.locator("#find")).to_be_focused()


def test_enter_before_the_answer_and_a_failing_answer(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    page.route("**/find/?q=*", lambda route: route.fulfill(status=500) if route.request.headers.get("hx-request") else route.continue_())
    page.click("#find")
    page.keyboard.type("worker")
    expect(page.locator("#palette [role=listbox]")).to_contain_text("The search failed")
    page.keyboard.press("Enter")
    page.wait_for_url("**/find/?q=worker")
    expect(page.locator("main")).to_contain_text("Worker Person")
    visit.complaints.clear()  # the browser reports the answer that we made fail


def test_without_scripts_and_on_a_phone(world: World, visit_without_scripts: Visit) -> None:
    visit = visit_without_scripts.sign_in(world, "owner")
    visit.page.set_viewport_size({"width": 320, "height": 800})
    page = visit.go(f"/o/{world.north.slug}/audit/")
    page.click("#find")
    page.fill("#find-q", "worker")
    page.click("main form button")
    assert "Worker Person" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.click("main .hits a >> nth=0")
    assert "Worker Person" in page.inner_text("h1")


def test_switching_keeps_the_place(world: World, visit: Visit) -> None:
    owner = world.north.person("owner")
    arrange(lambda: Membership.objects.create(organization=world.contoso.organization, account_id=owner.account_id, role=world.contoso.roles["auditor"], status="active", joined_at=datetime.now(UTC),
                                              created_at=datetime.now(UTC)))
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/audit/")
    expect(page.locator("#organizations")).to_be_hidden()
    page.focus("#switch")
    page.keyboard.press("Enter")
    expect(page.locator("#organizations")).to_be_visible()
    assert violations(page) == []
    box, button = page.locator("#organizations").bounding_box(), page.locator("#switch").bounding_box()
    assert box and button and box["y"] >= button["y"] + button["height"] - 1 and box["x"] + box["width"] <= 1280
    assert page.locator("#organizations [aria-current]").inner_text().startswith(world.north.organization.name)
    page.keyboard.press("Escape")
    expect(page.locator("#organizations")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "switch"
    page.set_viewport_size({"width": 320, "height": 800})
    page.click("#switch")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    box = page.locator("#organizations").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 320
    page.click(f"#organizations a[href*='{world.contoso.slug}']")
    page.wait_for_url(f"**/o/{world.contoso.slug}/audit/")
    assert world.contoso.organization.name in page.title()
