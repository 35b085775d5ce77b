"""Schedules in a real browser: the end of a contract is set, stands on the overview and in the list, and is cancelled; the inactivity rule is previewed and set."""
from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.schedules.stage import member, states
from tests.situations import arrange

pytestmark = pytest.mark.browser


def test_from_the_last_day_to_the_cancelling(world: World, visit: Visit) -> None:
    org, person, last = world.north, world.north.person("worker"), (timezone.now() + timedelta(days=20)).date()
    arrange(lambda: Membership.objects.filter(id=org.person("guest").id).update(created_at=timezone.now() - timedelta(days=400), joined_at=timezone.now() - timedelta(days=400)))
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{org.slug}/people/{person.id}/set-contract-end/")
    page.fill("#id_ends_on", last.isoformat())
    page.click("form.card button.danger, form.card button.primary")
    assert last.isoformat() in page.inner_text("main") and member(org, "worker").contract_ends_on == last
    page = visit.go(f"/o/{org.slug}/overview/")
    page.click("main li:has-text('The contract of 1 person ends within 30 days.') a")
    assert "Worker Person" in page.inner_text("main") and "Guest Person" not in page.inner_text("main")
    assert problems(visit, f"/o/{org.slug}/scheduled/?power=end-contract") == []
    page = visit.go(f"/o/{org.slug}/scheduled/?power=end-contract")
    assert "Worker Person" in page.inner_text("main")
    page.click("main table a:has-text('Cancel')")
    page.click("form.card button.danger, form.card button.primary")
    page.wait_for_load_state()
    assert states(org, "worker") == [("end-contract", "cancelled")] and member(org, "worker").contract_ends_on is None
    page = visit.go(f"/o/{org.slug}/settings/inactivity/")
    page.fill("#id_days", "365")
    page.click("text=Preview")
    assert "1 person has not used anything here for 365 days" in page.inner_text("main") and "Guest Person" in page.inner_text("main")
    page.click("text=Set a rule of 365 days")
    assert page.input_value("#id_days") == "365" and "Nobody is suspended before" in page.inner_text("main")
    page.click("form.card button.primary")
    page.wait_for_load_state()
    assert "whoever has not used anything here for 365 days is suspended" in page.inner_text("main")
    assert problems(visit, f"/o/{org.slug}/settings/inactivity/") == []
