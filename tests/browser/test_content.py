"""Opened content, exports of the organization and unused accounts, in a real browser: readable, reachable, on every screen."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Account, Management, Membership
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.dsar.test_content import letter
from tests.situations import access_for, arrange, export_of, role_for

pytestmark = pytest.mark.browser


def test_reading_and_its_pages(world: World, visit: Visit) -> None:
    org, now, made = world.north, datetime.now(UTC), []
    person = org.person("worker")

    def make() -> None:
        Management.objects.filter(account_id=person.account_id).update(since=now - timedelta(days=30))
        Membership.objects.filter(id=org.person("security").id).update(role=role_for(org, "Investigators", 60, "view_people", "view_content"))
        made.append(access_for(person, org.person("security")))
        access_for(org.person("member"), org.person("owner"), told_at=None, tell_at=now + timedelta(days=9), ended_at=now, ended_how="withdrawn")
        made.append(letter(person, "Dear Worker,\nyour access is suspended.", now - timedelta(days=2)))

    arrange(make)
    visit.sign_in(world, "security")
    base = f"/o/{org.slug}/content/"
    assert [found for path in (base, f"{base}{made[0].id}/", f"{base}{made[0].id}/letters/{made[1].id}/", f"/o/{org.slug}/people/{person.id}/view-content/") for found in problems(visit, path)] == []
    page = visit.go(f"{base}{made[0].id}/")
    page.click("text=Open >> nth=-1")
    assert "your access is suspended" in page.inner_text("main") and page.inner_text("main").count("Read by Security Person") == 2


def test_pages_of_exports_and_unused_accounts(world: World, visit: Visit) -> None:
    org, now = world.north, datetime.now(UTC)
    old = now - timedelta(days=900)
    arrange(lambda: (export_of(org), Account.objects.filter(id=org.person("worker").account_id).update(created_at=old, last_active_at=None),
                     Membership.objects.filter(id=org.person("worker").id).update(created_at=old, joined_at=old, last_active_at=None)))
    visit.sign_in(world, "owner")
    paths = ("copies/organization/", "do/export-organization/", "do/stop-organization-export/", "settings/unused/?days=365", "settings/unused/?days=1")
    assert [found for path in (*(f"/o/{org.slug}/{one}" for one in paths), "/me/exports/") for found in problems(visit, path)] == []
    assert "Worker Person" in visit.go(f"/o/{org.slug}/settings/unused/?days=365").inner_text("main")
    page = visit.go("/me/exports/")
    page.click("text=Agree")
    assert "You agreed" in page.inner_text("main")
