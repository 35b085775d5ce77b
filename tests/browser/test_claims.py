"""A claim in a real browser: announced by an owner, read in the mail's link, left with an address of the person's own. Accessible, in both themes, at 320 px, without scripts."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts import tenancy
from accounts.claims import leaving, running
from accounts.models import Account, Claim, ClaimedAccount, Domain, Management
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.claims.acts import DAY, announce, answer, domain, manager, person, row
from tests.situations import arrange

pytestmark = pytest.mark.browser


def _shots(visit: Visit, name: str) -> None:
    visit.shot(f"claims-{name}")


def test_pages(world: World, visit: Visit) -> None:
    org, on = world.north, domain(world.north)
    people = [person(on, name) for name in ("a-very-long-name-of-somebody-who-works-for-the-department-of-departments", "berta", "carl", "dora")]
    visit.sign_in(world, "owner")
    paths = {"preview": f"domains/{on.id}/claim/", "announce": f"do/announce-claim/?domain={on.id}", "release": f"do/release-domain/?domain={on.id}"}
    for name, path in paths.items():
        assert problems(visit, f"/o/{org.slug}/{path}") == [], path
        _shots(visit, name)
    claim = announce(org, on)
    answer(people[1], "object-to-claim", message="This was my own account long before I came here, and my children’s school writes to it.")
    answer(people[2], "accept-claim")
    for name, path in {"index": "domains/claims/", "detail": f"domains/claims/{claim.id}/", "objected": f"domains/claims/{claim.id}/?state=objected", "answer": f"do/answer-objection/?account={row(people[1]).id}",
                       "exempt": f"do/exempt-account/?account={row(people[3]).id}", "cancel": f"do/cancel-claim/?claim={claim.id}", "domain": f"domains/{on.id}/"}.items():
        assert problems(visit, f"/o/{org.slug}/{path}") == [], path
        _shots(visit, name)


def test_choosing_by_file(world: World, visit_without_scripts: Visit, visit: Visit) -> None:
    """Wrong lines are shown with their reasons, the corrected file with what would happen, and only then somebody is told; without scripts too."""
    org, on = world.north, domain(world.north)
    people = [person(on, name) for name in ("anna", "berta")]
    path = f"/o/{org.slug}/domains/{on.id}/claim/"
    for one, files in ((visit, ("wrong", "right")), (visit_without_scripts, ("right",))):
        one.sign_in(world, "owner")
        for name in files:
            rows = [people[0].email, "=HYPERLINK(1)", f"nobody-with-a-really-long-address-that-has-to-break-somewhere@{on.name}", people[0].email.upper()] if name == "wrong" else [account.email for account in people]
            page = one.go(path)
            page.set_input_files("#id_file", {"name": "people.csv", "mimeType": "text/csv", "buffer": "\r\n".join(["email", *rows]).encode()})
            page.click("text=Check the file")
            page.wait_for_selector("#h-judged")
            if one is visit:
                _shots(visit, f"file-{name}")
            assert ("3 lines are not right" if name == "wrong" else "all of them are right") in page.inner_text("main")
    visit_without_scripts.page.click("text=Announce to 2 accounts")
    assert "Done and recorded" in visit_without_scripts.page.inner_text("body")
    running.run(now=datetime.now(UTC))
    assert {row(account).state for account in people} == {"announced"}


def test_contested_and_managed_without_belonging(world: World, visit: Visit) -> None:
    """What a person sees while the domain is contested, and what somebody sees whose account is managed by an organization they do not belong to; and the operator's page."""
    org, on, second = world.north, domain(world.north), domain(world.contoso)
    guest, outsider = org.person("guest"), org.person("member")
    arrange(lambda: Management.objects.filter(account_id=outsider.account_id).delete())
    for member, there, who in ((guest, on, org), (outsider, second, world.contoso)):
        arrange(lambda member=member, there=there: Account.objects.filter(id=member.account_id).update(email=f"{member.id}@{there.name}", email_key=f"{member.id}@{there.name}"))
        announce(who, there)
    running.run(now=datetime.now(UTC) + 14 * DAY)
    assert manager(Account.objects.get(id=outsider.account_id)) == world.contoso.organization.id
    arrange(lambda: Domain.objects.filter(id=on.id).update(state="contested", contested_at=datetime.now(UTC), fresh_at=None))
    arrange(lambda: ClaimedAccount.objects.filter(account_id=guest.account_id).update(state="announced"))
    arrange(lambda: Management.objects.filter(account_id=guest.account_id).delete())
    visit.sign_in(world, "guest")
    mine = f"/me/claims/{row(Account.objects.get(id=guest.account_id)).id}/"
    assert problems(visit, mine) == []
    assert "The claim rests" in visit.page.inner_text("main")
    _shots(visit, "contested")
    assert problems(visit, f"{mine}notice/") == []
    _shots(visit, "notice-of-claim")
    visit.context.clear_cookies()
    visit.sign_in(world, "member")
    assert problems(visit, "/me/who/") == []
    assert "You do not belong to it" in visit.page.inner_text("main")
    _shots(visit, "who-outsider")
    arrange(lambda: Account.objects.filter(id=outsider.account_id).update(is_operator=True))
    assert problems(visit, "/operator/") == []
    assert on.name in visit.page.inner_text("main")
    _shots(visit, "operator")
    arrange(lambda: Account.objects.filter(id=outsider.account_id).update(is_operator=False))


def test_claim_notice_leave(world: World, visit: Visit, visit_without_scripts: Visit) -> None:
    org, on = world.north, domain(world.north)
    guest = org.person("guest")
    arrange(lambda: Account.objects.filter(id=guest.account_id).update(email=f"guest@{on.name}", email_key=f"guest@{on.name}"))
    account = Account.objects.get(id=guest.account_id)
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{org.slug}/domains/{on.id}/claim/")
    page.click("main >> text=Announce a claim")
    page.click("form.card button.primary")
    assert "Done and recorded" in page.inner_text("body")
    running.run(now=datetime.now(UTC))
    with tenancy.scope(org=org.organization.id):
        claim = Claim.objects.get(domain=on)
    assert f"guest@{on.name}" in visit.go(f"/o/{org.slug}/domains/claims/{claim.id}/").inner_text("main")

    mine, home = row(account), f"own@{org.slug}-home.com"
    answer(account, "leave-claim", address=home)
    looked_at = {"notice": f"/claim/{leaving.notice_token(mine)}/", "mine": "/me/claims/", "own": f"/me/claims/{mine.id}/", "leave": f"/leave-claim/{leaving.token(row(account))}/"}
    for name, path in looked_at.items():
        visit.context.clear_cookies()
        if path.startswith("/me/"):
            visit.sign_in(world, "guest")
        assert problems(visit, path) == [], path
        _shots(visit, name)

    plain = visit_without_scripts
    assert "Sign in to answer" in plain.go(f"/claim/{leaving.notice_token(mine)}/").inner_text("main") and org.organization.name in plain.page.inner_text("main")
    plain.sign_in(world, "guest").go(f"/me/claims/{mine.id}/")
    plain.page.fill("#id_address", f"me@{on.name}")
    plain.page.click("text=Send the link")
    assert "Choose one of your own" in plain.page.inner_text("main")
    plain.page.fill("#id_address", home)
    plain.page.click("text=Send the link")
    assert "on its way" in plain.page.inner_text("body")
    plain.context.clear_cookies()
    plain.go(f"/leave-claim/{leaving.token(row(account))}/").click("text=Confirm and leave")
    assert "will not manage your account" in plain.page.inner_text("main")
    running.run(now=datetime.now(UTC) + 30 * DAY)
    assert manager(account) is None and row(account).state == "left"
    visit.sign_in(world, "owner")
    assert "Left with another address" in visit.go(f"/o/{org.slug}/domains/claims/{claim.id}/").inner_text("main")
