"""Asking for an export in a real browser: with and without scripts, in light, dark and at 320 px."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import tenancy
from audit.models import Export
from tests.audit.exports import ask, carry_out, exported, history, kept_apart
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    with kept_apart(settings, tmp_path):
        yield


def test_the_pages(world: World, visit: Visit) -> None:
    history(world.north, 3)
    base = f"/o/{world.north.slug}/audit/exports/"
    visit.sign_in(world, "legal")
    assert problems(visit, base) == []
    waiting = ask(world.north, matter="A matter with a very long name, " * 5)
    done = exported(world.north, matter="Smith v. Jones", withhold="why.private_note = attorney-client privilege")
    for path in (base, base + "new/", f"{base}{waiting.id}/", f"{base}{done.id}/"):
        assert problems(visit, path) == []


def test_from_the_form_to_the_file(world: World, visit_without_scripts: Visit) -> None:
    """Without scripts: look, start, wait, take a file away."""
    history(world.north, 3)
    visit = visit_without_scripts.sign_in(world, "legal")
    page = visit.go(f"/o/{world.north.slug}/audit/exports/new/")
    page.click("text=Look at what it contains")
    assert "This field is required" in page.inner_text("main")
    page.fill("#id_purpose", "A lawsuit")
    page.click("text=Look at what it contains")
    assert "match now" in page.inner_text("main")
    page.click("text=Start the export")
    assert "goes on by itself" in page.inner_text("body")
    with tenancy.scope(org=world.north.organization.id):
        row = Export.objects.get(org=world.north.organization.id)
    carry_out(row)
    page.reload()
    assert "Ready" in page.inner_text("main")
    with page.expect_download() as taken:
        page.click("text=manifest.json")
    assert taken.value.suggested_filename == "manifest.json"
