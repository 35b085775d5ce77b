"""Somebody who is not signed in comes from an app, signs in with our form, is asked, and goes back: our policy lets no form go elsewhere, and the way works all the same."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import PASSWORD, World
from tests.oauth.programs import app_for

pytestmark = pytest.mark.browser


@pytest.fixture
def charts() -> Iterator[str]:
    """The app's own address, on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><html lang=en><title>Charts</title><link rel=icon href=data:,><h1>Welcome to Charts</h1>")

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/back"
    server.shutdown()
    server.server_close()


def test_from_an_app_and_back(world: World, visit: Visit, charts: str) -> None:
    app = app_for(world.north, "openid", "profile", "email", "view_people", where=charts)
    uri, _verifier = app.ask(redirect_uri=charts, scope="openid profile email view_people")
    page = visit.go(uri)
    page.locator("[name=login]").fill(world.north.person("worker").account.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.get_by_role("heading", name="Sign in to Charts?")).to_be_visible()
    asked = page.url.removeprefix(visit.address)
    assert problems(visit, asked) == [] and problems(visit, "/oauth/device/") == [] and problems(visit, "/oauth/logout/") == []
    visit.page.set_viewport_size({"width": 1280, "height": 900})
    page = visit.go(asked)
    page.get_by_role("button", name="Allow and sign in").click()
    expect(page.get_by_role("heading", name="Welcome to Charts")).to_be_visible()
    assert "code=" in page.url and "iss=" in page.url
    visit.go(app.ask(redirect_uri=charts, scope="openid profile")[0])
    expect(page.get_by_role("heading", name="Welcome to Charts")).to_be_visible()
