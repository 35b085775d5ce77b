"""The copy of one's data as the person meets it: asked for, made, fetched, read without a connection."""
from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Route

from dsar.export import run
from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.cast import World
from tests.dsar.copies import numbered
from tests.dsar.test_copy import marked

pytestmark = pytest.mark.browser


def test_a_person_gets_their_copy_and_reads_it(world: World, visit: Visit, tmp_path: Path) -> None:
    marked(world, "worker")
    visit.sign_in(world, "worker")
    page = visit.go("/me/data/")
    page.click("text=Get a copy")
    page.click("form button.primary")
    page.wait_for_selector("text=Your copy is being made")
    numbered()
    run.resume(now=datetime.now(UTC))
    page = visit.go("/me/copies/")
    with page.expect_download() as found:
        page.click("text=Fetch it")
    path = found.value.path()
    with zipfile.ZipFile(io.BytesIO(Path(path).read_bytes())) as archive:
        archive.extractall(tmp_path)
    (readme,) = tmp_path.glob("*/data/README.html")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    alone = visit.context.new_page()
    alone.route(lambda url: not url.startswith("file:"), refuse)
    complaints: list[str] = []
    alone.on("console", lambda message: complaints.append(message.text))
    alone.goto(readme.as_uri())
    assert alone.inner_text("h1") == "A copy of your data"
    for width, scheme in ((1280, "light"), (320, "light"), (1280, "dark")):
        alone.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        alone.set_viewport_size({"width": width, "height": 900})
        assert [v["id"] for v in violations(alone)] == []
        assert alone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert asked == [], "it loads nothing from anywhere"
    assert not [text for text in complaints if "Content Security" not in text], complaints
