"""A locked field in a real browser: who locked it and why, that the value is not right, and the answer."""
from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visit
from tests.browser.test_deletion import shot
from tests.browser.test_pages import problems
from tests.cast import World
from tests.fields.test_questions import act

pytestmark = pytest.mark.browser


def test_a_locked_field_is_disputed_and_answered(world: World, browser: Browser, address: str, visit: Visit) -> None:
    org, person = world.north, world.north.person("worker")
    administrator = Visit(browser, address).sign_in(world, "administrator")
    page = administrator.go(f"/o/{org.slug}/do/set-field-policy/?field=title")
    page.select_option("#id_owner", "administrator")
    page.fill("#id_ground", "The register of titles is kept by HR.")
    page.click("form.card button.primary")
    assert act(org, "update-profile", "worker", {"title": "Clerk"}) == []
    visit.sign_in(world, "worker")
    own = visit.go("/me/")
    own.click("text=The values of your profile")
    assert f"Locked by {org.organization.name}" in own.inner_text("main") and "The register of titles is kept by HR." in own.inner_text("main")
    own.click("a:has-text('This is not right Title')")
    own.fill("#id_proposed", "Engineer")
    own.fill("#id_words", "I have been one since May.")
    shot(visit, "dispute")
    own.click("form.card button.primary")
    assert "should be “Engineer”" in own.inner_text("main") and "Nobody has answered yet." in own.inner_text("main")
    here = f"/o/{org.slug}/people/{person.id}/"
    assert problems(administrator, here) == []
    shot(administrator, "person")
    page = administrator.go(here)
    page.click("dd a:has-text('Answer')")
    assert "I have been one since May." in page.inner_text("main")
    page.check("input[value=kept]")
    page.select_option("#id_reason_code", "our_records")
    page.fill("#id_message", "See page 2 of your contract.")
    shot(administrator, "answer")
    page.click("form.card button.primary")
    assert "Done and recorded" in page.inner_text("body")
    administrator.context.close()
    assert administrator.complaints == []
    assert problems(visit, "/me/values/") == []
    own = visit.go("/me/values/")
    assert "It is what our records say" in own.inner_text("main") and "See page 2 of your contract." in own.inner_text("main")
    shot(visit, "values")
