"""The API page in a browser: accessible, on narrow screens too, with a filter that needs no script."""
from __future__ import annotations

import pytest

from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.cast import World

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("who", ["member", ""])
def test_the_api_page(world: World, visit: Visit, who: str) -> None:
    if who:
        visit.sign_in(world, who)
    page = visit.page
    page.goto(f"{visit.address}/api/")
    page.locator("#q").fill("suspend")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/api/?q=suspend")
    assert page.locator("#suspend").count() == 1
    assert page.locator("#tokens").count() == 0
    page.locator("#suspend > summary").click()
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert [v["id"] for v in violations(page)] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 4).map(e => e.outerHTML.slice(0, 120))")
    assert visit.complaints == []
