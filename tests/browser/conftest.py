"""A real web server and a real Chromium. Every page is watched: content-policy messages and failed requests fail the test."""
from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, sync_playwright

from tests import chromium, live
from tests.browse import client_for
from tests.cast import World


@pytest.fixture(scope="session")
def address(django_db_setup: None) -> Iterator[str]:
    with live.serving() as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    os.environ |= chromium.environment()
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright runs an event loop in this thread; our tests are not asynchronous
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="browser-", dir=os.environ["STEWARD_DATA"])  # what Chromium and its driver leave when they are killed goes with the run
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        for kind in (Page, Locator):
            patch.setattr(kind, "click", _until_it_is_there(kind.click))
        found = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.ARGUMENTS)
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
        yield found
        found.close()


def _until_it_is_there(click: Callable[..., None]) -> Callable[..., None]:
    """A click ends when the page that it led to has begun, which on a busy machine is long before there is a word on it."""
    @wraps(click)
    def clicked(on: Page | Locator, *args: Any, **options: Any) -> None:
        click(on, *args, **options)
        (on if isinstance(on, Page) else on.page).wait_for_load_state("domcontentloaded")
    return clicked


class Visit:
    """One person's browser: signed in as somebody of the cast, or as nobody."""

    def __init__(self, browser: Browser, address: str, **options: object) -> None:
        self.address = address
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 900}, **options)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} and "status of 4" not in m.text else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._failed)

    def _failed(self, request: Request) -> None:
        """A request that the page itself gave up, because somebody typed on or went elsewhere, is none that failed."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def sign_in(self, world: World, name: str) -> Visit:
        key = client_for(world.north.person(name)).cookies["steward"].value
        self.context.add_cookies([{"name": "steward", "value": key, "url": self.address}])
        return self

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def shot(self, name: str) -> None:
        """For whoever wants to look: the page in the light, in the dark and narrow, into the folder that STEWARD_SHOTS names. Then it is light and wide again."""
        if folder := os.environ.get("STEWARD_SHOTS"):
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                self.page.set_viewport_size({"width": width, "height": 900})
                self.page.screenshot(path=str(Path(folder) / f"{name}-{scheme}-{width}.png"), full_page=True)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    found = Visit(browser, address)
    yield found
    found.context.close()
    assert found.complaints == []


@pytest.fixture(scope="module")
def _tourist(browser: Browser, address: str) -> Iterator[Visit]:
    found = Visit(browser, address)
    yield found
    found.context.close()


@pytest.fixture
def tour(_tourist: Visit) -> Iterator[Visit]:
    """One browser for all tests of a module that look at one page after another, as people do; the style sheet and the scripts are fetched once."""
    _tourist.context.clear_cookies()
    _tourist.complaints.clear()
    yield _tourist
    assert _tourist.complaints == []


@pytest.fixture
def visit_without_scripts(browser: Browser, address: str) -> Iterator[Visit]:
    found = Visit(browser, address, java_script_enabled=False)
    yield found
    found.context.close()
