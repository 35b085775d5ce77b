"""What axe finds on a page. Only what is wrong comes back: telling where everything right stands would cost as much time as looking."""
from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_SCRIPT = Axe().axe_script


def violations(page: Page, options: dict[str, Any] | None = None, *, again: bool = False) -> list[dict[str, Any]]:
    """What axe finds. `again` for a page that it has already looked at since it was loaded."""
    if not again:
        page.evaluate(_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(document, options).then(results => results.violations)", {**(options or {}), "resultTypes": ["violations"]})
    return found
