"""The admin guide is true: its pictures are taken from the pages, and each word it sets in bold stands on the page of its chapter.

`make guide` runs this and puts the pictures into docs/guide/pictures; otherwise they go to a folder of the test.
"""
from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from accounts import tenancy
from accounts.models import Account, Membership, Organization
from audit import sequencer
from tests.browser.conftest import Visit
from tests.browser.pictures import small
from tests.cast import Org, World, make_org
from tests.situations import WHY, arrange, group_for, role_for, token_for

pytestmark = pytest.mark.browser
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
MOST, LARGEST = 10, 120 * 1024
CAST = [("olivia", "Olivia Okafor", "owner"), ("otto", "Otto Lindqvist", "owner"), ("priya", "Priya Raman", "administrator"), ("pavel", "Pavel Novák", "people-manager"), ("hiro", "Hiro Tanaka", "help-desk"),
        ("ana", "Ana Almeida", "auditor"), ("oscar", "Oscar Osei", "owner"), *[(name.lower(), f"{name} {family}", "member") for name, family in (
            ("Agnieszka", "Kowalski"), ("Arjun", "Haddad"), ("Beatriz", "Lopes"), ("Chiara", "Ferrari"), ("Daan", "Jansen"), ("Elif", "Tamm"), ("Freya", "Eriksson"))]]
FILE = "email,display_name,role,title\nnew.person@northwind.example,New Person,member,Analyst\ndaan@northwind.example,Daan Jansen,member,Engineer\nnot an address,Nobody,member,\n"


def _northwind() -> World:
    """An organization whose people are always the same."""
    now = datetime.now(UTC)
    with tenancy.installation("the guide's organization"):
        org = make_org("northwind", [(name, role, True) for name, _full, role in CAST])

    def furnish() -> None:
        Organization.objects.filter(id=org.organization.id).update(name="Northwind", time_zone="Europe/Berlin", contact_email="help@northwind.example")
        for number, (name, full, _role) in enumerate(CAST):
            Account.objects.filter(id=org.person(name).account_id).update(name=full)
            Membership.objects.filter(id=org.person(name).id).update(last_active_at=now - timedelta(hours=3 * number + 1))
        Membership.objects.filter(id=org.person("elif").id).update(status="suspended", reason_code="absence", status_changed_at=now - timedelta(days=3))
        group_for(org, "Support", org.person("daan"), org.person("freya"))
        role_for(org, "Night desk", 10, "view_people", "revoke_sessions")
        token_for(org.person("olivia"), scopes=["view_people"], sensitive=False)

    arrange(furnish)
    return World(org)


class Walk:
    """Goes through the pages as the chapters do: remembers what stood on them and takes the pictures."""

    def __init__(self, visit: Visit, browser: Browser, world: World, folder: Path) -> None:
        self.visit, self.browser, self.world, self.folder = visit, browser, world, folder
        self.seen: dict[str, str] = {}
        self.chapter = ""

    @property
    def org(self) -> Org:
        return self.world.north

    def go(self, path: str, who: str = "olivia") -> Page:
        """A page of the organization, or of one's own with a leading slash."""
        self.visit.context.clear_cookies()
        if who:
            self.visit.sign_in(self.world, who)
        return self.look(self.visit.go(path if path.startswith("/") else f"/o/northwind/{path}"))

    def look(self, page: Page) -> Page:
        """Remember the words of this page for the chapter."""
        page.wait_for_load_state()
        words = page.title() + "\n" + page.evaluate("[...document.querySelectorAll('body *')].filter(e => !e.children.length || e.tagName === 'OPTION').map(e => e.textContent).join('\\n') + document.body.innerText")
        self.seen[self.chapter] = self.seen.get(self.chapter, "") + "\n" + words
        return page

    def click(self, selector: str) -> Page:
        """Follow a link or send a form, and look at the page that comes."""
        with self.visit.page.expect_navigation():
            self.visit.page.click(selector)
        return self.look(self.visit.page)

    def picture(self, name: str) -> None:
        self.visit.page.mouse.move(0, 0)
        (self.folder / f"{name}.png").write_bytes(small(self.browser, self.visit.page.screenshot(animations="disabled", caret="hide")))


def first_sign_in(walk: Walk) -> None:
    walk.go("/sign-in/", who="")
    walk.picture("sign-in")
    walk.go("/me/second-factor/")
    walk.go("/me/")


def the_people_list(walk: Walk) -> None:
    walk.go("people/?q=nobody-of-this-name")
    page = walk.go("people/")
    walk.picture("people")
    page.click("#find")
    page.keyboard.type("da")
    page.wait_for_selector("#palette [role=option]")
    walk.look(page)


def suspending(walk: Walk) -> None:
    person = walk.org.person("daan").id
    walk.go(f"people/{person}/")
    page = walk.go(f"people/{person}/suspend/")
    page.select_option("#id_reason_code", "absence")
    page.fill("#id_message", "See you in May")
    walk.picture("suspend")
    walk.click("form.card button.primary")


def many_at_once(walk: Walk) -> None:
    page = walk.go("people/")
    for box in page.locator("input[name=ids]").all()[2:5]:
        box.check()
    page.select_option("#bulk-power", "suspend")
    walk.click("text=On those ticked")
    page.select_option("#id_reason_code", "absence")
    walk.click("form.card button.primary")
    walk.picture("bulk")
    walk.go("jobs/")


def importing(walk: Walk) -> None:
    page = walk.go("people/import/")
    file = walk.folder / "people.csv"
    file.write_text(FILE)
    page.set_input_files("input[type=file]", str(file))
    walk.click("form.card button.primary")
    walk.picture("import")
    file.unlink()


def approvals(walk: Walk) -> None:
    page = walk.go(f"people/{walk.org.person('otto').id}/suspend/")
    page.select_option("#id_reason_code", WHY["reason_code"])
    walk.click("form.card button[type=submit]")
    walk.go("approvals/", who="oscar")
    walk.click("text=Look and decide")
    walk.picture("approval")


def administrators_and_roles(walk: Walk) -> None:
    walk.go("administrators/")
    walk.picture("administrators")
    walk.go("administrators/roles/")
    walk.go("administrators/service-accounts/")
    walk.go("do/create-role/")
    walk.go(f"people/{walk.org.person('daan').id}/change-role/")


def the_audit_log(walk: Walk) -> None:
    while sequencer.run_once():
        pass
    walk.go("audit/?outcome=failure")
    walk.go("audit/")
    walk.picture("audit")
    walk.click("tbody th a >> nth=0")


def api_tokens(walk: Walk) -> None:
    walk.go("tokens/")
    walk.picture("tokens")
    walk.go(f"people/{walk.org.person('olivia').id}/create-token/")


def the_audit_export(walk: Walk) -> None:
    walk.go("audit/")
    walk.go("audit/exports/")
    walk.go("audit/exports/new/")


CHAPTERS: dict[str, Callable[[Walk], None]] = {
    "1-first-sign-in.md": first_sign_in, "2-the-people-list.md": the_people_list, "3-suspending.md": suspending, "4-many-at-once.md": many_at_once, "5-importing.md": importing,
    "6-approvals.md": approvals, "7-administrators-and-roles.md": administrators_and_roles, "8-the-audit-log.md": the_audit_log, "9-api-tokens.md": api_tokens,
    "10-the-audit-export.md": the_audit_export,
}


@pytest.mark.skipif(not GUIDE.exists(), reason="an installation without its documentation")
def test_the_guide_is_true(browser: Browser, visit: Visit, tmp_path: Path, settings: object) -> None:
    settings.DEMO = False  # type: ignore[attr-defined]
    folder = Path(os.environ.get("STEWARD_GUIDE") or tmp_path)
    walk = Walk(visit, browser, _northwind(), folder)
    assert {path.name for path in GUIDE.glob("*.md")} == {"README.md", *CHAPTERS}
    missing = []
    for name, steps in CHAPTERS.items():
        walk.chapter = name
        steps(walk)
        words = " ".join(walk.seen[name].split())
        missing += [f"{name}: {bold}" for bold in re.findall(r"\*\*(.+?)\*\*", (GUIDE / name).read_text()) if bold not in words]
    assert missing == [], "the guide names what is not on the pages"
    named = {found for path in GUIDE.glob("*.md") for found in re.findall(r"\(pictures/([\w-]+\.png)\)", path.read_text())}
    taken = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert set(taken) == named and len(named) <= MOST
    assert max(taken.values()) <= LARGEST, taken
    assert named == {path.name for path in (GUIDE / "pictures").glob("*.png")}, "run: make guide"
    assert all(f"({name})" in (GUIDE / "README.md").read_text() for name in CHAPTERS)
