"""Organizations and accounts come to their end in a real browser: accounts go one by one, an account is handed on and its person reads what that means, and somebody deletes their own account and keeps it after all."""
from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser

from accounts.models import Account, Management
from accounts.transfers import leaving, running
from tests.browse import client_for
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.deletion.acts import DAY, account
from tests.emails import post
from tests.situations import arrange
from tests.transfers.acts import joins, manager, row

pytestmark = pytest.mark.browser


def shot(visit: Visit, name: str) -> None:
    visit.shot(f"ends-{name}")


def test_an_organization_ends_and_a_person_goes(world: World, browser: Browser, address: str, visit: Visit, settings: Any) -> None:
    settings.PEOPLE_MAY_CREATE_ORGANIZATIONS = True
    org, other, person, guest = world.north, world.contoso, world.north.person("worker"), world.north.person("guest")
    undecided = [org.person(name).account_id for name in ("worker", "auditor", "legal", "owner", "second-owner")]
    arrange(lambda: (Management.objects.filter(organization=org.organization).exclude(account_id__in=undecided).delete(), Account.objects.filter(id=undecided[4]).update(has_second_factor=True)))
    member = joins(other, person)
    # An organization is made, and says whom to write to and what it does.
    visit.sign_in(world, "owner")
    page = visit.go("/me/organizations/new/")
    shot(visit, "new")
    page.fill("#id_name", "Anglers’ Club")
    page.fill("#id_slug", f"club-{org.slug[-6:]}")
    page.click("form.card button.primary, main form button.primary")
    page = visit.go(f"/o/club-{org.slug[-6:]}/do/set-contact/")
    page.fill("#id_contact_email", "help@club.example")
    page.click("form.card button.primary")
    assert "help@club.example" in visit.go(f"/o/club-{org.slug[-6:]}/settings/").inner_text("main")
    assert "version 1" in visit.go(f"/o/club-{org.slug[-6:]}/settings/notice/").inner_text("main").lower()
    # The accounts of another one: released, scheduled, handed on, one by one.
    page = visit.go(f"/o/{org.slug}/settings/")
    assert "hand them to another organization" in page.inner_text("main")
    here = f"/o/{org.slug}/people/"
    for name, slug in (("auditor", "release-account"), ("legal", "schedule-deletion"), ("worker", "transfer-account")):
        page = visit.go(f"{here}{org.person(name).id}/{slug}/")
        page.select_option("#id_reason_code", "other" if slug == "transfer-account" else "left_organization")
        if slug == "transfer-account":
            page.fill("#id_private_note", "We end.")
            page.fill("#id_to", other.slug)
            shot(visit, "offer")
        if slug == "schedule-deletion":
            page.fill("#id_confirm", account(org.person(name)).email)
        page.click("form.card button.danger, form.card button.primary")
    shot(visit, "offered")
    assert "is offered to the organization" in page.inner_text("main")
    theirs = Visit(browser, address)
    theirs.context.add_cookies([{"name": "steward", "value": client_for(other.person("owner")).cookies["steward"].value, "url": address}])
    assert "Accounts offered to you" in theirs.go(f"/o/{other.slug}/domains/claims/").inner_text("main")
    shot(theirs, "claims")
    page = theirs.go(f"/o/{other.slug}/people/{member.id}/accept-transfer/")
    shot(theirs, "accept")
    page.click("form.card button.primary")
    shot(theirs, "accepted")
    assert "From " in page.inner_text("main") and theirs.complaints == []
    theirs.context.close()
    mine = Visit(browser, address).sign_in(world, "worker")
    assert problems(mine, "/me/transfer/") == []
    shot(mine, "mine")
    page = mine.go("/me/transfer/")
    page.fill("#id_address", f"own-{org.slug}@home-mail.com")
    page.click("text=Send the link")
    link = f"/leave-transfer/{leaving.token(row(person))}/"
    assert "A link is on its way" in page.inner_text("main") and mine.go(link).inner_text("h1") == "Take your account?"
    shot(mine, "leave")
    mine.go("/me/who/")
    shot(mine, "who")
    assert mine.complaints == []
    mine.context.close()
    for days in (12, 15):  # reminded first
        running.run(now=datetime.now(UTC) + days * DAY)
    assert manager(person) == other.organization.id
    page = visit.go(f"/o/{org.slug}/do/delete-organization/")
    page.fill("#id_ground", "We merge with Contoso.")
    page.fill("#id_address", org.slug)
    page.click("form.card button.danger, form.card button.primary")
    plan = page.url.removeprefix(address)
    second = Visit(browser, address).sign_in(world, "second-owner")
    second.go(plan).click("button[value=approve]")
    assert second.complaints == []
    second.context.close()
    assert "It ends on" in visit.go(f"/o/{org.slug}/settings/").inner_text("main")
    shot(visit, "ending")
    # Somebody whose account nobody manages deletes it, and keeps it by the link in the mail.
    gone = Visit(browser, address).sign_in(world, "guest")
    page = gone.go("/me/delete/")
    shot(gone, "delete")
    page.fill("#id_confirm", account(guest).email)
    page.click("text=Delete my account")
    assert page.url.endswith("/goodbye/") and account(guest).status == "pending_deletion"
    shot(gone, "goodbye")
    words = post.delivered(guest.account_id, template="deletion-news")[-1][2]
    keep = re.search(r"/keep-account/[\w:-]+/", words)
    assert keep is not None and problems(gone, keep[0]) == []
    shot(gone, "keep")
    gone.page.click("text=Keep my account")
    assert "is cancelled" in gone.page.inner_text("body") and account(guest).status == "active" and gone.complaints == []
    gone.context.close()
