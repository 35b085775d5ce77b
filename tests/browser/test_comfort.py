"""Unsaved changes are asked about, failures are said, every component is accessible."""
from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World

pytestmark = pytest.mark.browser


def asked(page: Page, leave: bool = True) -> list[str]:
    """Collects the questions the browser asks, and answers them."""
    found: list[str] = []

    def answer(dialog: Dialog) -> None:
        found.append(dialog.type)
        dialog.accept() if leave else dialog.dismiss()

    page.on("dialog", answer)
    return found


@pytest.mark.parametrize("path, field", [("people/{person}/suspend/", "#id_message"), ("people/{person}/update-profile/", "#id_title"), ("do/invite/", "#id_email"), ("/me/", "#id_name")])
def test_leaving_with_changes_asks(world: World, visit: Visit, path: str, field: str) -> None:
    visit.sign_in(world, "owner")
    where = path if path.startswith("/") else f"/o/{world.north.slug}/" + path.format(person=world.north.person("worker").id)
    page = visit.go(where)
    questions = asked(page)
    page.click(field)
    page.goto(visit.address + "/me/sessions/")
    assert questions == [], "nothing was changed"
    visit.go(where)
    before = page.input_value(field)
    page.fill(field, "something new")
    page.fill(field, before)
    page.goto(visit.address + "/me/sessions/")
    assert questions == [], "changed back is not changed"
    visit.go(where)
    page.fill(field, "something new")
    page.goto(visit.address + "/me/sessions/")
    assert questions == ["beforeunload"]


def test_staying_keeps_what_was_typed(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/{world.north.person('worker').id}/suspend/")
    questions = asked(page, leave=False)
    page.fill("#id_message", "See you in May")
    page.click("nav[aria-label=Main] a >> nth=1")
    page.wait_for_timeout(300)
    assert questions == ["beforeunload"] and page.url.endswith("/suspend/")
    assert page.input_value("#id_message") == "See you in May"


def test_saving_does_not_ask_but_leaving_a_form_that_came_back_does(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    where = f"/o/{world.north.slug}/people/{world.north.person('worker').id}/suspend/"
    page = visit.go(where)
    questions = asked(page)
    page.fill("#id_message", "See you in May")
    page.click("form.card button.primary")  # without a ground: it comes back with the mistake
    page.wait_for_selector(".errors")
    assert questions == []
    page.click("h1")
    page.goto(visit.address + "/me/sessions/")
    assert questions == ["beforeunload"], "what came back with mistakes is not saved"
    visit.go(where)
    page.select_option("#id_reason_code", "absence")
    page.click("form.card button.primary")
    page.wait_for_selector("text=Done and recorded")
    assert questions == ["beforeunload"]


def test_a_chosen_file_is_a_change(world: World, visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Mail,Full name\nnew@example.org,New Person\n")
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/import/")
    questions = asked(page)
    page.set_input_files("input[type=file]", str(file))
    page.click("h1")
    page.click("nav[aria-label=Breadcrumb] a")
    page.wait_for_url("**/people/")
    assert questions == ["beforeunload"]
    visit.go(f"/o/{world.north.slug}/people/import/")
    page.set_input_files("input[type=file]", str(file))
    page.click("form.card button.primary")
    page.wait_for_url("**/jobs/**")
    page.select_option("select >> nth=0", index=1)
    page.click("nav[aria-label=Breadcrumb] a")
    page.wait_for_url("**/jobs/")
    assert questions == ["beforeunload", "beforeunload"]


def test_lists_do_not_ask(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    questions = asked(page)
    page.fill("#q", "work")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto(visit.address + "/me/")
    assert questions == []


def test_choosing_an_act_keeps_the_ticks(world: World, visit: Visit) -> None:
    """Only the filters ask anew; the choice of the act is not one of them."""
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    page.check("input[name=ids] >> nth=2")
    with page.expect_response("**/people/?*"):
        page.select_option("#f-mfa", "no")
    page.check("input[name=ids] >> nth=2")
    page.select_option("#bulk-power", "suspend")
    page.wait_for_timeout(500)
    assert page.locator("input[name=ids]:checked").count() == 1 and page.input_value("#bulk-power") == "suspend"


def test_a_failed_request_says_so_and_can_be_tried_again(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    page = visit.go(f"/o/{world.north.slug}/people/")
    expect(page.locator("#alerts")).to_be_empty()
    page.route("**/people/?*", lambda route: route.fulfill(status=500, body="broken") if route.request.headers.get("hx-request") else route.continue_())
    page.fill("#q", "work")
    expect(page.get_by_role("alert")).to_contain_text("The request failed. Nothing was changed.")
    assert page.locator("[aria-busy]").count() == 0
    assert page.evaluate("document.activeElement.id") == "q"
    page.click("#alerts a")
    page.wait_for_url("**/people/?q=work*")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#alerts")).to_be_empty()
    page.unroute("**/people/?*")
    page.route("**/people/?*", lambda route: route.abort() if route.request.headers.get("hx-request") else route.continue_())
    page.fill("#q", "guest")
    expect(page.get_by_role("alert")).to_contain_text("The request failed")
    page.unroute("**/people/?*")
    page.fill("#q", "own")
    expect(page.locator("tbody tr")).not_to_have_count(1)
    expect(page.locator("#alerts")).to_be_empty()
    visit.complaints.clear()  # the browser reports the answers that we made fail


def test_every_component(visit: Visit, settings: object) -> None:
    settings.COMPONENTS = True  # type: ignore[attr-defined]
    assert problems(visit, "/__components/") == []


def test_components_are_not_there_otherwise(world: World, visit: Visit) -> None:
    visit.sign_in(world, "owner")
    visit.go("/__components/")
    assert "There is nothing here" in visit.page.inner_text("h1")


def test_own_scripts_and_styles_are_small() -> None:
    static = Path(__file__).resolve().parents[2] / "static"
    assert sum(path.stat().st_size for path in static.glob("*.js")) <= 12 * 1024
    assert sum(path.stat().st_size for path in static.glob("*.css")) <= 40 * 1024
