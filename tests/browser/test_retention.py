"""The pages of retention in a real browser: accessible, in both themes, at 320 px, with rules, runs and examples on them."""
from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.retention import stage
from tests.situations import RUN, ready

pytestmark = pytest.mark.browser
PAGES = ["retention/", "retention/look/?on=&what=accounts_mail&count=30", "retention/look/?on=1900-01-01", f"retention/runs/{RUN}/", "do/set-retention-rule/", "do/remove-retention-rule/"]


def test_pages(world: World, visit: Visit) -> None:
    org, old = world.north, timezone.now() - timedelta(days=100)
    ready(org, "continue-retention-run")
    long = stage.group(org, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", ["worker"])
    rows = [stage.rule(org, kind="keep", count=2, measure="months"), stage.rule(org, what="accounts_gone"), stage.rule(org, scope="group", about=long.id, count=60), stage.rule(org, what="accounts_session", count=5)]
    rows[3].effective_at = timezone.now() + timedelta(days=5)
    stage.stored(*rows)
    stage.made(*(stage.mail(org, name, old) for name in ("worker", "worker", "auditor")))
    stage.hold(org, "auditor")
    visit.sign_in(world, "owner")
    wrong = {}
    for number, path in enumerate(PAGES):
        wrong[path] = problems(visit, f"/o/{org.slug}/{path}")
        visit.shot(f"retention-{number}")
    assert {path: found for path, found in wrong.items() if found} == {}
