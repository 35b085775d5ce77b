"""Every page: axe finds nothing in light, dark and at 320 px, nothing overflows, the browser has nothing to complain about."""
from __future__ import annotations

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from audit import sequencer
from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.cast import World
from tests.communications.test_communications import link_for
from tests.situations import WHY, arrange

pytestmark = pytest.mark.browser
PERSON = ["", "suspend/", "restrict/", "remove/", "deactivate/", "lockdown/", "change-role/", "update-profile/", "require-password-reset/", "reset-second-factor/", "cancel-scheduled/", "reschedule/", "protect/", "revoke-tokens/", "transfer-ownership/"]
PAGES = ["/o/{slug}/services/", "/o/{slug}/services/{service}/", "/o/{slug}/services/{service}/change-service/", "/o/{slug}/do/add-service/", "/o/{slug}/apps/", "/me/apps/", "/o/{slug}/overview/", "/o/{slug}/jobs/", "/o/{slug}/views/", "/o/{slug}/people/?status=active", "/o/{slug}/people/", "/o/{slug}/people/?q=nobody-at-all", "/o/{slug}/do/invite/", "/o/{slug}/people/import/", "/o/{slug}/people/act/", "/o/{slug}/administrators/protected/", "/o/{slug}/approvals/", "/o/{slug}/scheduled/", "/o/{slug}/requests/", "/o/{slug}/requests/figures/", "/o/{slug}/requests/programs/", "/rights/page/", "/o/{slug}/audit/", "/o/{slug}/processing/", "/o/{slug}/do/record-disclosure/", "/privacy/", "/o/{slug}/copies/", "/o/{slug}/audit/?since=tomorrow", "/o/{slug}/tokens/", "/o/{slug}/settings/", "/o/{slug}/settings/notice/", "/o/{slug}/settings/inactivity/?days=30",
         "/o/{slug}/email-changes/", "/o/{slug}/help/", "/o/{slug}/help/?q=nothing-like-that", "/o/{slug}/help/suspend/", "/o/{slug}/find/?q=w", "/o/{slug}/find/?q=nobody-at-all", "/o/{slug}/?services", "/?choose", "/me/", "/me/email/", "/me/notices/", "/me/who/", "/me/values/", "/me/transfer/", "/me/data/", "/me/privacy/", "/me/deactivate/", "/away/", "/me/delete/", "/goodbye/", "/me/copies/", "/me/requests/", "/me/restriction/", "/me/report/", "/me/communications/", "/o/{slug}/announcements/", "/me/sessions/", "/me/second-factor/", "/me/second-factor/app/", "/me/second-factor/passkeys/add/", "/me/password/", "/mailbox/", "/sign-in/out/", "/nowhere/",
         *[f"/o/{{slug}}/people/{{person}}/{p}" for p in PERSON]]
SIGNED_OUT = ["/sign-in/", "/rights/", "/rights/sent/", "/rights/request/", "/rights/child/", "/rights/child/sent/", "/rights/code/", "/rights/status/", "/sign-in/forgotten/", "/sign-in/forgotten/sent/", "/sign-in/unavailable/", "/sign-in/reset/abc-def/", "/mailbox/"]


COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""What a dark scheme can break; it changes nothing else of a page."""
NARROW = {"runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable", "button-name", "link-name", "label", "aria-hidden-focus"]}}
"""What a narrow screen can break: sizes, what scrolls, and what is shown or hidden there only. Its colours are those of the wide one, but for the frame of the page, which has a test of its own."""


def problems(visit: Visit, path: str) -> list[str]:
    """What axe finds in the light, in the dark and on a narrow screen, and what overflows there. The page is loaded once: that it fits every screen is the style sheet's doing alone."""
    found, page = [], visit.page
    for scheme, width, options in (("light", 1280, {}), ("dark", 1280, COLOURS), ("light", 320, NARROW)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        again = (scheme, width) != ("light", 1280)
        if not again:
            visit.go(path)
        found += [f"{path} {scheme} {width}: {v['id']} {v['nodes'][0]['html'][:100]}" for v in violations(page, options, again=again)]
        if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
            found.append(f"{path} {scheme} {width}: overflows")
    return found


@pytest.mark.parametrize("path", PAGES)
def test_pages(standing: World, tour: Visit, path: str) -> None:
    tour.sign_in(standing, "owner")
    assert problems(tour, path.format(slug=standing.north.slug, person=standing.north.person("worker").id, service=standing.north.services[0].id)) == []


@pytest.mark.parametrize("path", SIGNED_OUT)
def test_signed_out_pages(tour: Visit, path: str) -> None:
    assert problems(tour, path) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_only_a_narrow_screen_shows_can_be_read(standing: World, tour: Visit, scheme: str) -> None:
    tour.sign_in(standing, "owner")
    tour.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tour.page.set_viewport_size({"width": 320, "height": 900})
    for path in ("/me/", f"/o/{standing.north.slug}/people/"):
        tour.go(path)
        assert violations(tour.page, COLOURS) == []


def test_choices_about_mail_by_link(world: World, visit: Visit) -> None:
    assert problems(visit, link_for(world.north.person("worker"))) == []
    assert "writes to you" in visit.page.inner_text("h1")


def test_entry_page_and_error_summary(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    base = f"/o/{world.north.slug}/people/{world.north.person('worker').id}/"
    page = visit.go(base + "suspend/")
    page.click("button.primary")
    assert page.evaluate("document.activeElement.className") == "errors"
    assert page.title().startswith("Error:")
    assert violations(page) == []
    page.click(".errors a")
    assert page.evaluate("document.activeElement.id") == "id_reason_code"
    page.select_option("#id_reason_code", "absence")
    page.fill("#id_message", "See you in May")
    page.click("form.card button.primary")
    page.wait_for_selector("text=Done and recorded")
    while sequencer.run_once():
        pass
    page.click("text=Receipt")
    assert "suspended Worker Person" in page.inner_text("h1")
    assert "See you in May" in page.inner_text("main")
    assert problems(visit, page.url.removeprefix(visit.address)) == []


def test_search_sort_and_back_keep_focus(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    page.fill("#q", "work")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "q"
    assert "q=work" in page.url
    expect(page.locator("#live")).to_contain_text("1 person")
    page.fill("#q", "")
    expect(page.locator("tbody tr")).to_have_count(len(world.north.people))
    page.focus("#sort-name")
    page.keyboard.press("Enter")
    page.wait_for_selector("th[aria-sort=descending]")
    assert page.evaluate("document.activeElement.id") == "sort-name"
    page.go_back()
    page.wait_for_load_state()
    assert page.locator("nav[aria-label=Main]").count() == 1  # a whole page, not a fragment


def test_everything_works_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    visit = visit_without_scripts.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    page.fill("#q", "worker")
    page.click("text=Apply")
    assert page.locator("tbody tr").count() == 1
    page.click("tbody th a")
    page.click(f"a[href$='/{world.north.person('worker').id}/suspend/']")
    page.select_option("#id_reason_code", WHY["reason_code"])
    page.click("form.card button.primary")
    assert "Done and recorded" in page.inner_text("main")
    assert page.locator("text=Suspended").first.is_visible()


def test_a_page_by_keyboard(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_passkey_from_enrolment_to_sign_in(world: World, visit: Visit, settings: object) -> None:
    """With a virtual authenticator, as a device would do it."""
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # type: ignore[attr-defined]
    visit.sign_in(world, "worker")
    devtools = visit.context.new_cdp_session(visit.page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
                                                                   "automaticPresenceSimulation": True}})
    page = visit.go("/me/second-factor/passkeys/add/")
    page.fill("#id_name", "My laptop")
    if page.locator("#id_passwordless").count():
        page.check("#id_passwordless")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/me/second-factor/**codes/**")
    visit.context.clear_cookies()
    page = visit.go("/sign-in/")
    page.click("#passkey_login")
    page.wait_for_url(f"**/o/{world.north.slug}/")
    assert "Your services" in page.inner_text("h1")


def test_the_operator_sees_sizes_only(world: World, visit: Visit) -> None:
    arrange(lambda: Account.objects.filter(id=world.north.person("guest").account_id).update(is_operator=True))
    visit.sign_in(world, "guest")
    assert problems(visit, "/operator/") == []
    assert world.north.organization.name in visit.page.inner_text("main")
    assert "worker@" not in visit.page.content()


def test_both_themes_are_remembered(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go("/me/")
    page.click("[data-act=theme]")
    chosen = page.evaluate("document.documentElement.dataset.theme")
    visit.go("/me/sessions/")
    assert page.evaluate("document.documentElement.dataset.theme") == chosen
