"""Deletion and the rights door in a real browser: two people bring a deletion forward; somebody who cannot sign in reaches their page. Accessible, in both themes, at 320 px."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser

from accounts import purging, tenancy
from accounts.models import Organization
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.deletion.acts import account, act
from tests.deletion.test_rights_door import link_for
from tests.situations import arrange

pytestmark = pytest.mark.browser


def shot(visit: Visit, name: str) -> None:
    visit.shot(f"deletion-{name}")


def test_two_people_bring_a_deletion_forward(world: World, browser: Browser, address: str, visit: Visit) -> None:
    org, person = world.north, world.north.person("worker")
    visit.sign_in(world, "owner")
    here = f"/o/{org.slug}/people/{person.id}/"
    assert problems(visit, f"{here}schedule-deletion/") == []
    shot(visit, "schedule")
    page = visit.go(f"{here}schedule-deletion/")
    page.select_option("#id_reason_code", "contract_ended")
    page.fill("#id_days", "30")
    page.fill("#id_confirm", account(person).email)
    page.click("form.card button.danger, form.card button.primary")
    assert "will be deleted at" in page.inner_text("main") and account(person).status == "pending_deletion"
    assert problems(visit, here) == []
    shot(visit, "person")
    page = visit.go(f"{here}expedite-deletion/")
    page.select_option("#id_reason_code", "person_asked")
    page.fill("#id_confirm", account(person).email)
    page.click("form.card button.danger, form.card button.primary")
    assert account(person).status == "pending_deletion", "one person is not enough"
    plan = page.url.removeprefix(address)
    second = Visit(browser, address).sign_in(world, "administrator")
    assert "Delete now" in second.go(f"/o/{org.slug}/approvals/").inner_text("main")
    other = second.go(plan)
    shot(second, "approval")
    other.click("button[value=approve]")
    second.context.close()
    assert second.complaints == []
    with tenancy.installation("the schedule"):
        assert purging.purge(account_id=person.account_id, now=datetime.now(UTC))
    assert purging.former(person.account_id) in visit.go(here).inner_text("main")
    shot(visit, "purged")
    assert purging.former(person.account_id) not in visit.go(f"/o/{org.slug}/people/?q=former").inner_text("main")


def test_somebody_who_cannot_sign_in_reaches_their_page(world: World, visit: Visit, browser: Browser, address: str) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: Organization.objects.filter(id=org.organization.id).update(contact_name="Ada Admin", contact_email="ada@north.example"))
    act(org, "schedule-deletion", person, reason_code="person_asked", message="As you asked on the phone.")
    for path in ("/rights/", "/rights/sent/"):
        assert problems(visit, path) == []
    shot(visit, "door")
    link = link_for(person)
    assert problems(visit, link) == [], "looking at it uses nothing up"
    page = visit.go(link)
    page.click("text=Open the page")
    assert "As you asked on the phone." in page.inner_text("main") and "ada@north.example" in page.inner_text("main")
    assert problems(visit, "/rights/page/") == []
    page.fill("textarea[name=words]", "Everything, please.")
    page.select_option("select[name=right]", "object")
    page.click("button[value=ask]")
    assert "Being looked at" in page.inner_text("main") and "You have to be answered by" in page.inner_text("main")
    assert problems(visit, "/rights/page/") == []
    shot(visit, "rights")
    administrator = Visit(browser, address).sign_in(world, "privacy-officer")
    other = administrator.go(f"/o/{org.slug}/requests/")
    assert "Everything, please." in other.inner_text("main")
    assert problems(administrator, f"/o/{org.slug}/requests/") == []
    shot(administrator, "requests")
    other = administrator.go(f"/o/{org.slug}/requests/")
    other.click("main a.btn[href*=answer-request]")
    other.check("input[value=granted]")
    other.fill("#id_message", "You have it by Friday.")
    shot(administrator, "answer")
    other.click("form.card button.primary")
    assert "Answered" in other.inner_text("main")
    administrator.context.close()
    assert administrator.complaints == []
    page = visit.go("/rights/page/")
    page.click("text=What happened")
    assert "You have it by Friday." in page.inner_text("main")
    page.click("text=Cancel the deletion")
    assert account(person).status == "active"
