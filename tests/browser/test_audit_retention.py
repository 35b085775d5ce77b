"""The page about how long the log is kept, in a real browser: accessible, in both themes, at 320 px."""
from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import door, tenancy
from accounts.powers import BY_SLUG
from tests.audit.logs import number_all
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World

pytestmark = pytest.mark.browser
PAGES = ["audit/retention/", "audit/retention/?years=3", "audit/retention/?years=99", "do/set-audit-retention/", "do/hold-audit/", "do/release-audit-hold/"]


@pytest.mark.parametrize("path", PAGES)
def test_pages(world: World, visit: Visit, path: str) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        for typed in ({"kind": "log", "matter": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk against everybody"}, {"kind": "subject", "person": f"worker@{org.slug}.example", "matter": "M"}):
            door.perform(power=BY_SLUG["hold-audit"], actor=org.actor("legal"), data={"private_note": "a claim", **typed}, now=timezone.now())
    number_all()
    visit.sign_in(world, "owner")
    assert problems(visit, f"/o/{org.slug}/{path}") == []
    name = path.strip("/").replace("/", "_").replace("?", "-")
    visit.shot(f"keep-{name}")
