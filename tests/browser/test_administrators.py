"""The pages about roles, groups and service accounts in a real browser: accessible, in both themes, at 320 px, and without scripts."""
from __future__ import annotations

import pytest

from accounts import tenancy
from accounts.models import Group, Membership
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.powers.test_groups import group
from tests.powers.test_roles import made
from tests.powers.test_service_accounts import service, token
from tests.situations import arrange

pytestmark = pytest.mark.browser
PAGES = ["administrators/", "administrators/?role=auditor", "administrators/roles/", "administrators/service-accounts/", "administrators/service-accounts/{service}/", "groups/", "groups/?q=nothing-like-it", "groups/{group}/",
         "groups/{group}/?q=nobody", "groups/{group}/people/", "do/create-role/", "do/create-group/", "do/create-service-account/", "administrators/roles/{role}/update-role/",
         "administrators/roles/{role}/delete-role/", "groups/{group}/rename-group/", "groups/{group}/set-group-role/", "groups/{group}/delete-group/", "people/{person}/add-to-group/",
         "people/{person}/remove-from-group/?group={group}", "people/{person}/change-role/", "people/{service}/create-token/"]


@pytest.fixture
def furnished(world: World) -> dict[str, object]:
    """An organization that has one of each, with names as long and as odd as people make them."""
    org = world.north
    crew = group(org, "Night crew of the northern warehouse", "worker", "guest", "member", role="help-desk")
    desk = group(org, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "guest")
    role = made(org, "Night desk", 35, "view_people", "revoke_sessions", "require_password_reset")
    arrange(lambda: Membership.objects.filter(id=org.person("legal").id).update(role=role, role_scope=[desk.id, crew.id]))
    bot = service(org, "Payroll sync")
    token(org, bot, "view_people")
    return {"group": crew.id, "role": role.id, "service": bot.id, "person": org.person("worker").id}


@pytest.mark.parametrize("path", PAGES)
def test_pages(world: World, furnished: dict[str, object], visit: Visit, path: str) -> None:
    visit.sign_in(world, "owner")
    address = f"/o/{world.north.slug}/" + path.format(**furnished)
    assert problems(visit, address) == []
    name = path.strip("/").replace("/", "_").replace("{", "").replace("}", "").replace("?", "-")
    visit.shot(f"admin-{name}")


def test_a_group_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    visit, org = visit_without_scripts.sign_in(world, "owner"), world.north
    page = visit.go(f"/o/{org.slug}/groups/")
    page.click("text=Create a group")
    page.fill("#id_name", "Anglers")
    page.click("form.card button.primary")
    page.click("text=Anglers")
    page.click("text=Add people")
    page.fill("#id_addresses", f"worker@{org.slug}.example\nnobody@nowhere.example")
    page.click("text=Check the addresses")
    assert "1 person will join the group." in page.inner_text("main")
    page.click("text=Add 1 person")
    assert "1 person joined the group." in page.inner_text("main")
    page.click("tbody a.btn")
    assert page.input_value("#id_group") != ""
    page.click("form.card button.primary")
    assert "Nobody is in this group" in page.inner_text("main")
    with tenancy.scope(org=org.organization.id):
        assert Group.objects.get().members.count() == 0


def test_a_role_and_its_limit_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    org = world.north
    group(org, "Support", "guest")
    visit = visit_without_scripts.sign_in(world, "owner")
    page = visit.go(f"/o/{org.slug}/administrators/roles/")
    page.click("text=Create a role")
    page.fill("#id_name", "Night desk")
    page.fill("#id_rank", "35")
    page.check("input[value=view_people]")
    page.check("input[value=revoke_sessions]")
    page.click("form.card button.primary")
    assert "Night desk" in page.inner_text("main")
    visit.go(f"/o/{org.slug}/people/{org.person('worker').id}/change-role/")
    page.check("input[value=night-desk]")
    page.click("label:has-text('Support')")
    page.click("form.card button.primary")
    visit.go(f"/o/{org.slug}/administrators/?role=night-desk")
    assert "Worker Person" in page.inner_text("main")
    assert "Support" in page.inner_text("tbody")
