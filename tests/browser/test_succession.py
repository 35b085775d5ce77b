"""Succession in a real browser: accessible, in both themes, at 320 px; prepared, offered, accepted and stopped without scripts."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.models import SuccessionCase
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import Org, World
from tests.situations import arrange
from tests.succession.acts import DAY, HOUR, account, case, do, factor, look, make_codes, name, role, signs_in, small

pytestmark = pytest.mark.browser


def world_of(org: Org) -> World:
    return World(org)


def shots(visit: Visit, path: str, key: str) -> None:
    """Nothing to complain about; and pictures, where somebody wants to look."""
    assert problems(visit, path) == [], path
    visit.shot(f"succession-{key}")


def offered() -> Org:
    """Ownership is offered to the first successor at this moment."""
    org, now = small(), datetime.now(UTC) - 73 * HOUR
    name(org, "first", "second")
    account(org, "owner", status="locked")
    for hours in (0, 24, 60, 72):
        look(org, now + hours * HOUR)
    assert case(org).state == "offered"
    return org


def test_pages_of_owners(visit: Visit) -> None:
    org, now = small(owners=2), datetime.now(UTC)
    visit.sign_in(world_of(org), "owner")
    base = f"/o/{org.slug}"
    shots(visit, f"{base}/administrators/succession/", "empty")
    shots(visit, f"{base}/do/name-successors/", "name")
    shots(visit, f"{base}/do/set-succession-days/", "days")
    name(org, "first", "second", "third")
    factor(org, False, "second")
    do(org, "decline-succession", "third")
    codes = make_codes(org, now=now - 400 * DAY)
    look(org, now + 61 * DAY)
    signs_in(org, "owner", now + 62 * DAY)
    do(org, "present-recovery-codes", "first", first=codes[0], second=codes[1])
    make_codes(org, now=now - 400 * DAY)
    arrange(lambda: SuccessionCase.objects.create(organization=org.organization, way="operator", state="waiting", opened_at=now - DAY, waiting_since=now - DAY, waits_until=now + 13 * DAY, told=1,
                                                  person=org.person("first").id, reference="letter 41/2026", words="The register of companies names her as the director, and nobody who was an owner works here any more. " * 4))
    arrange(lambda: SuccessionCase.objects.create(organization=org.organization, way="successors", cause="silent", state="operator", opened_at=now - 30 * DAY, waiting_since=now - 30 * DAY, waits_until=now - 16 * DAY, told=3))
    shots(visit, f"{base}/administrators/succession/", "everything")
    shots(visit, f"{base}/do/stop-succession/", "stop")
    shots(visit, f"{base}/do/make-recovery-codes/", "make")
    page = visit.go(f"{base}/do/make-recovery-codes/")
    page.click("form.card button.primary")
    page.locator("main .mono").first.wait_for()
    assert page.locator("main .mono").count() == 3
    visit.shot("succession-codes")
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_pages_of_whoever_follows(visit: Visit) -> None:
    org = offered()
    visit.sign_in(world_of(org), "first")
    shots(visit, f"/o/{org.slug}/succession/", "offer")
    shots(visit, f"/o/{org.slug}/do/accept-ownership/", "accept")
    shots(visit, f"/o/{org.slug}/do/decline-succession/", "decline")
    visit.sign_in(world_of(org), "second")
    shots(visit, f"/o/{org.slug}/succession/", "named")
    shots(visit, f"/o/{org.slug}/succession/recovery/", "recovery")
    visit.page.fill("#id_first", "1-ABCDE-FGHJK-MNPQR-STUVW")
    visit.page.fill("#id_second", "2-ABCDE-FGHJK-MNPQR-STUVW")
    visit.page.click("form.card button.primary")
    assert "not two codes that open something" in visit.page.inner_text(".errors")
    assert visit.page.input_value("#id_first") == ""


def test_the_operators_page(visit: Visit) -> None:
    org = offered()
    arrange(lambda: type(org.person("third").account).objects.filter(id=org.person("third").account_id).update(is_operator=True))
    visit.sign_in(world_of(org), "third")
    shots(visit, "/operator/", "operator")


def test_named_offered_and_accepted_without_scripts(visit_without_scripts: Visit) -> None:
    visit, org = visit_without_scripts, small()
    page = visit.sign_in(world_of(org), "owner").go(f"/o/{org.slug}/administrators/")
    page.click("nav.tabs >> text=Succession")
    page.click("text=Name successors")
    page.fill("#id_successors", f"first@{org.slug}.example")
    page.click("form.card button.primary")
    assert "First Person" in page.inner_text("main")
    account(org, "owner", status="locked")
    for hours in (-73, -49, -13, -1):
        look(org, datetime.now(UTC) + hours * HOUR)
    page = visit.sign_in(world_of(org), "first").go(f"/o/{org.slug}/succession/")
    page.click("main >> text=Accept")
    page.click("form.card button.primary")
    assert "within a minute" in page.inner_text("main")
    look(org, datetime.now(UTC))
    page.reload()
    assert "You are an owner." in page.inner_text("main")
    assert role(org, "first") == "owner"


def test_the_link_of_a_mail_stops_it_without_scripts(visit_without_scripts: Visit) -> None:
    from tests.succession.test_stopping import link

    visit, org, now = visit_without_scripts, small(), datetime.now(UTC)
    arrange(lambda: type(org.organization).objects.filter(id=org.organization.id).update(created_at=now - 30 * DAY))
    factor(org, False, "owner")
    look(org, now)
    page = visit.sign_in(world_of(org), "owner").go(link(org))
    assert case(org).state == "waiting"
    page.click("main button")
    assert "It is stopped" in page.inner_text("main")
    assert case(org).state == "stopped"
