"""The page about one's data and rights, and the pause: seen, switched off, and back by the link of the mail. Accessible, in both themes, at 320 px."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser

from accounts.models import Management, Membership, Organization
from audit import sequencer
from dsar.cases import intake
from tests.browser.conftest import Visit
from tests.browser.test_deletion import shot
from tests.browser.test_pages import problems
from tests.cast import World
from tests.deletion.acts import account, act
from tests.deletion.test_own_deactivation import link
from tests.situations import arrange, case_for, group_for, restriction_for

pytestmark = pytest.mark.browser


def test_from_the_page_to_the_pause_and_back(world: World, visit: Visit) -> None:
    person = world.north.person("owner")
    reference = intake.reference()
    arrange(lambda: (case_for(person, reference, "triage"), restriction_for(world.north.person("member"))))
    visit.sign_in(world, "owner")
    assert problems(visit, "/me/privacy/") == []
    shot(visit, "privacy-managed")
    assert reference in visit.page.inner_text("main")
    assert problems(visit, "/me/deactivate/") == []
    shot(visit, "deactivate-managed")
    arrange(lambda: Management.objects.filter(account_id=person.account_id).delete())
    assert problems(visit, "/me/privacy/") == []
    shot(visit, "privacy-alone")
    visit.page.click("section[aria-labelledby=h-deactivate] a.btn")
    shot(visit, "deactivate-alone")
    visit.page.click("form.card button.danger")
    assert "Your account is deactivated" in visit.page.inner_text("main") and account(person).status == "deactivated"
    shot(visit, "away")
    visit.go(link(person))
    shot(visit, "come-back")
    visit.page.click("main form button.primary")
    assert account(person).status == "active"
    assert visit.complaints == []


def test_one_part_is_restricted_on_the_page_and_seen_by_those_who_may_object(world: World, visit: Visit) -> None:
    org, worker = world.north, world.north.person("worker")
    arrange(lambda: (Membership.objects.filter(id=worker.id).update(title="Clerk", department="Accounts"), group_for(org, "Works council", worker)))
    visit.sign_in(world, "worker")
    visit.go("/me/restriction/")
    visit.page.click("details summary")
    visit.page.get_by_label("What").first.select_option(label="Membership in the group “Works council”")
    shot(visit, "part-chosen")
    visit.page.get_by_role("button", name="Restrict", exact=True).click()
    assert "may only store this" in visit.page.inner_text("main")
    visit.page.click("details summary")
    visit.page.get_by_label("What").first.select_option(label="Title in this organization")
    visit.page.get_by_role("button", name="Restrict", exact=True).click()
    assert problems(visit, "/me/restriction/") == []
    shot(visit, "parts")
    assert problems(visit, "/me/privacy/") == []
    shot(visit, "privacy-parts")
    said, name = visit.page.inner_text("main"), org.organization.name
    assert all(f"{name} may only store this about you: {what}" in said for what in ("Title in this organization", "Membership in the group “Works council”"))
    assert said.count(f"Restricted in part at {name}.") == 1 and f"Restricted at {name}." not in said and "Everything else stays in use." in said
    visit.go("/me/values/")
    shot(visit, "values")
    visit.sign_in(world, "owner")
    here = f"/o/{org.slug}/people/{worker.id}/"
    visit.go(here)
    shot(visit, "part-person")
    seen = visit.page.inner_text("main")
    assert "Clerk" not in seen and "Works council" not in seen and "Membership in one group" in seen and "restricted the use of a part of their data" in seen
    visit.go(f"{here}lift-restriction/")
    assert "Works council" in visit.page.inner_text("main")
    shot(visit, "part-lift")
    visit.go(f"{here}update-profile/")
    shot(visit, "part-update")
    assert visit.complaints == []


def test_four_people_look_at_their_page(world: World, browser: Browser, address: str) -> None:
    """Unmanaged, managed, suspended, restricted: the same page, and on it what differs for each of them."""
    org, name = world.north, world.north.organization.name
    act(org, "suspend", org.person("member"), reason_code="absence", message="Until you are back.", until=datetime.now(UTC) + timedelta(days=9))
    arrange(lambda: (restriction_for(org.person("auditor")), Organization.objects.filter(id=org.organization.id).update(contact_name="Ada Admin", contact_email="ada@north.example")))
    while sequencer.run_once():
        pass
    alone, theirs = "You alone. Nobody has to agree.", f"{name}, which manages your account."
    closed, stored = f"Your access to {name} is suspended", f"{name} may only store what it holds about you"
    rests = "closed while your access is suspended"
    expected = {
        "guest": ("unmanaged", "Nobody but you manages your account", alone, (), (closed, stored, rests)),
        "worker": ("managed", f"{name} manages your account", theirs, (), (closed, stored, rests)),
        "member": ("suspended", f"{name} manages your account", theirs,
                   (closed, "On leave or away", "Until you are back.", "It comes back by itself at", "every right on this page is yours", rests, "Owner Person suspended Member Person"), (stored,)),
        "auditor": ("restricted", f"{name} manages your account", theirs,
                    (stored, "The organization can object until", "You sign in and use your services as before.", f"Restricted at {name}.", "Restrict, or end it"), (closed, rests)),
    }
    for person, (what, manages, closes, there, absent) in expected.items():
        visit = Visit(browser, address).sign_in(world, person)
        assert problems(visit, "/me/privacy/") == []
        assert visit.page.evaluate("[...document.querySelectorAll('.tablebox')].filter(box => box.scrollWidth > box.clientWidth).length") == 0, "on a phone nothing is out of sight"
        shot(visit, f"privacy-{what}")
        words = visit.page.inner_text("main")
        assert visit.page.inner_text("#h-who") == manages
        decides = {key: visit.page.inner_text(f"section[aria-labelledby=h-{key}] dd >> nth=0") for key in ("access", "portability", "withdraw_consent", "opt_out", "object", "deactivate", "erasure")}
        assert decides == {**dict.fromkeys(("access", "portability", "withdraw_consent", "opt_out"), alone), "object": "The organization that you ask.", "deactivate": closes, "erasure": closes}, what
        assert [one for one in there if one not in words] == [] and [one for one in absent if one in words] == [], what
        visit.context.close()
        assert visit.complaints == []
