"""The log, an entry with its proof, and both timelines: wide, narrow and dark; and by hand without scripts."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from accounts import tenancy
from audit import queries
from audit.queries import Filters
from tests.audit.logs import number_all
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.situations import WHY
from tests.surfaces.test_audit_pages import act

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("place", ["", "?action=membership.suspended", "?since=2026-02-02&until=2026-02-01", "?address=192.0.2.0/24", "{entry}/", "by/{administrator}/", "about/{worker}/", "by/{worker}/"])
def test_the_pages_of_the_log(world: World, visit: Visit, place: str) -> None:
    org = world.north
    act(world, "suspend", **WHY)
    number_all()
    with tenancy.scope(org=org.organization.id):
        entry = queries.page(org=org.organization.id, filters=Filters(action="membership.suspended")).entries[0].id
    visit.sign_in(world, "auditor")
    path = f"/o/{org.slug}/audit/" + place.format(entry=entry, administrator=org.person("administrator").id, worker=org.person("worker").id)
    assert problems(visit, path) == []
    if folder := os.environ.get("PICTURES"):
        for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
            visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.screenshot(path=Path(folder) / f"{place.strip('/?{}').replace('/', '-')[:20] or 'log'}-{scheme}-{width}.png", full_page=True)


def test_a_search_and_the_way_to_a_person_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    act(world, "suspend", **WHY)
    number_all()
    visit = visit_without_scripts.sign_in(world, "auditor")
    page = visit.go(f"/o/{world.north.slug}/audit/")
    page.select_option("#f-action", "membership.suspended")
    page.click("form.filters button[type=submit]")
    assert page.locator("tbody").first.locator("tr").count() == 1
    page.locator("tbody").first.locator("a").first.click()
    assert "suspended" in page.inner_text("h1")
    page.click("text=Everything about this person")
    assert "Entries 1 to" in page.inner_text("main") or "1 numbered entry" in page.inner_text("main")
