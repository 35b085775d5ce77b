"""The pages of legal holds in a real browser: accessible, in both themes, at 320 px."""
from __future__ import annotations

import pytest

from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.holds.acts import follow, place
from tests.situations import arrange, deletion_for, group_for

pytestmark = pytest.mark.browser


def test_pages(world: World, visit: Visit) -> None:
    org = world.north
    arrange(lambda: (group_for(org, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", org.person("guest")), deletion_for(org.person("guest"), by_person=True)))
    hold = place(org, org.person("worker"), org.person("owner"), disclosure="yes", categories=["user.content.private", "user.workplace"], first_day="2020-01-01")
    fresh = place(org, org.person("guest"), confirmed="")
    follow()
    visit.sign_in(world, "owner")
    base = f"/o/{org.slug}/"
    for name, path in {"list": f"{base}holds/", "matter": f"{base}holds/matters/{hold.matter_id}/", "hold": f"{base}holds/{hold.id}/", "fresh": f"{base}holds/{fresh.id}/", "place": f"{base}do/place-hold/?matter={hold.matter_id}",
                       "release": f"{base}do/release-hold/?hold={hold.id}", "let-go": f"{base}do/release-custodians/?hold={hold.id}&person={org.person('worker').account_id}",
                       "person": f"{base}people/{org.person('guest').id}/", "mine": "/me/holds/"}.items():
        assert problems(visit, path) == [], path
        visit.shot(f"holds-{name}")
