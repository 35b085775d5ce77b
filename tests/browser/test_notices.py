"""The notices page in a real browser: accessible, narrow, without scripts."""
from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Mail
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World

pytestmark = pytest.mark.browser


def told(world: World, who: str, n: int) -> None:
    person = world.north.person(who)
    Mail.objects.bulk_create([Mail(
        entry=uuid.uuid4(), organization_id=world.north.organization.id, account_id=person.account_id, template="suspend", address=person.account.email, state="sent",
        subject=f"Your access is suspended {i:03} · {world.north.organization.name}", created_at=timezone.now() - timedelta(minutes=n - i), read_at=timezone.now() if i % 3 == 0 else None,
        body=f"It is suspended.\n\nThe page: http://localhost:8000/o/{world.north.slug}/jobs/{uuid.uuid4()}/\n{'unbroken' * 20}\n") for i in range(n)])


def test_accessible_and_narrow(world: World, visit: Visit) -> None:
    told(world, "owner", 160)
    visit.sign_in(world, "owner")
    assert problems(visit, "/me/notices/") == []
    assert "99+" in visit.page.inner_text("#bell")
    visit.page.click("a[rel=next]")
    visit.page.wait_for_selector("a[rel=prev]")
    assert problems(visit, visit.page.url.removeprefix(visit.address)) == []
    assert problems(visit, f"/o/{world.north.slug}/people/") == []  # the header with the widest bell


def test_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    told(world, "worker", 4)
    visit = visit_without_scripts.sign_in(world, "worker")
    page = visit.go(f"/o/{world.north.slug}/?services")
    page.click("#bell")
    assert page.locator("h1").inner_text() == "Notices"
    assert page.locator("article .badge").count() == 2
    page.click("article button >> nth=0")
    assert "The notice is marked as read." in page.inner_text("main")
    assert page.locator("article .badge").count() == 1
    page.click("text=Mark all as read")
    assert page.locator("article .badge").count() == 0
    assert page.locator("text=Mark all as read").count() == 0
    assert page.locator("article").count() == 4
