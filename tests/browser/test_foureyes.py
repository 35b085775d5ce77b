"""Four eyes in a real browser: asked, found in the inbox, agreed to; a file checked, confirmed by number, carried out. Looked at in both themes and at 320 px."""
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from accounts import door, tenancy
from accounts.models import Brake, Membership
from accounts.powers import BY_SLUG
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.situations import arrange

pytestmark = pytest.mark.browser


def shoot(visit: Visit, name: str, path: str) -> None:
    """The page has no problem in light, dark and at 320 px; and pictures, where somebody wants to look."""
    assert problems(visit, path) == [], path
    visit.shot(f"foureyes-{name}")


def test_asked_found_and_agreed_to(world: World, browser: Browser, address: str, visit: Visit) -> None:
    """One owner suspends another: it waits, the other administrators see it, a second owner agrees."""
    org = world.north
    arrange(lambda: Membership.objects.filter(id=org.person("administrator").id).update(role=org.roles["owner"]))
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{org.slug}/people/{org.person('second-owner').id}/suspend/")
    page.select_option("#id_reason_code", "security_incident")
    page.click("form.card button.primary, form.card button.danger")
    page.wait_for_selector("text=A second person has to agree")
    shoot(visit, "asked", page.url.removeprefix(visit.address))
    other = Visit(browser, address).sign_in(world, "administrator")
    inbox = other.go(f"/o/{org.slug}/")
    inbox = other.go(f"/o/{org.slug}/approvals/")
    assert ", 1 waits" in inbox.inner_text("nav[aria-label=Main]")
    assert "Owner Person" in inbox.inner_text("main")
    assert "Ground: Security incident" in inbox.inner_text("main")
    shoot(other, "inbox", f"/o/{org.slug}/approvals/")
    other.page.click("text=Look and decide")
    shoot(other, "decide", other.page.url.removeprefix(other.address))
    other.page.fill("#id_note", "We spoke about it")
    other.page.click("text=Approve and do it")
    other.page.wait_for_selector("text=Approved, done and recorded")
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=org.person("second-owner").id).status == "suspended"
    assert other.complaints == []
    other.context.close()


def _file(world: World, tmp_path: Path) -> str:
    at = f"@{world.north.slug}.example"
    path = tmp_path / "acts.csv"
    path.write_text("email,action,reason_code,until,message\r\n" + f"worker{at},suspend,absence,,See you in May\r\nguest{at},restrict,policy_violation,,\r\nnobody{at},suspend,absence,,\r\nowner{at},suspend,absence,,\r\n")
    return str(path)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_is_checked_confirmed_and_carried_out(world: World, tmp_path: Path, request: pytest.FixtureRequest, scripts: bool) -> None:
    org, visit = world.north, request.getfixturevalue("visit" if scripts else "visit_without_scripts")
    visit.sign_in(world, "owner")
    if scripts:
        shoot(visit, "upload", f"/o/{org.slug}/people/act/")
    page = visit.go(f"/o/{org.slug}/people/act/")
    page.set_input_files("#id_file", _file(world, tmp_path))
    page.click("text=Check the file")
    page.wait_for_selector("text=Acts from a file: 2 people")
    said = page.inner_text("main")
    assert "Nobody in this organization has this address" in said
    assert "You cannot do this to yourself" in said
    job = page.url.removeprefix(visit.address)
    if scripts:
        shoot(visit, "dry-run", job)
    with page.expect_download() as download:
        page.click("text=Download all (CSV)")
    assert "unknown_person" in Path(download.value.path()).read_text()
    page.fill("input[name=count]", "2")
    page.click("button[value=confirm]")
    page.wait_for_selector(".badge.ok")
    with tenancy.scope(org=org.organization.id):
        assert {Membership.objects.get(id=org.person(name).id).status for name in ("worker", "guest")} == {"suspended", "restricted"}
    if scripts:
        shoot(visit, "results", job)


def test_the_pages_of_the_brake_and_of_protected_people(world: World, visit: Visit) -> None:
    org, made = world.north, {}

    def paused() -> None:
        made["brake"] = Brake.objects.create(organization=org.organization, account_id=org.person("people-manager").account_id, paused_at=datetime.now(UTC), paused_over="suspend")

    arrange(paused)
    with tenancy.scope(org=org.organization.id):
        data: dict[str, Any] = {"administrators": f"administrator@{org.slug}.example, owner@{org.slug}.example"}
        door.perform(power=BY_SLUG["protect"], actor=org.actor("owner"), ids=[org.person("worker").id], data=data, now=datetime.now(UTC))
    visit.sign_in(world, "owner")
    for name, path in (("overview", "overview/"), ("administrators", "administrators/"), ("protected", "administrators/protected/"), ("protected-person", f"people/{org.person('worker').id}/"),
                       ("release", f"people/{org.person('people-manager').id}/release-brake/")):
        shoot(visit, name, f"/o/{org.slug}/{path}")
