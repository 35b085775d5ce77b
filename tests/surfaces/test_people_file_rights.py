"""What a people file must not be a way around: roles that groups carry, the reach of a role, and its own dry run."""
from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from accounts import bulk, door, tenancy
from accounts.models import Group, Membership, Plan, PlanRow
from portal import importing, people_csv
from tests.cast import World
from tests.situations import arrange
from tests.surfaces.test_people_file import send


def verdicts(world: World, name: str, text: str) -> list[tuple[str, ...]]:
    """The reason codes for each row of the file, for the named person of the north."""
    with tenancy.scope(org=world.north.organization.id):
        made = door.plan(power=importing.POWER, actor=world.north.actor(name), data={"rows": people_csv.read(text.encode())}, now=timezone.now())
    return [v.reasons for v in made.verdicts]


def test_a_group_that_carries_a_role_is_granted_only_by_who_may_grant_roles(world: World) -> None:
    arrange(lambda: Group.objects.create(organization=world.north.organization, name="Desk", role=world.north.roles["help-desk"], created_at=timezone.now()))
    file = f"email,groups\nworker@{world.north.slug}.example,Desk\nnew@{world.north.slug}.example,Desk\n"
    assert verdicts(world, "people-manager", file) == [("no_permission",), ("no_permission",)]
    assert verdicts(world, "administrator", file) == [(), ()]


def test_a_role_for_certain_groups_reaches_no_other_member(world: World) -> None:
    arrange(lambda: Membership.objects.filter(id=world.north.person("people-manager").id).update(role_scope=[uuid.uuid4()]))
    assert verdicts(world, "people-manager", f"email,title\nworker@{world.north.slug}.example,Boss\n") == [("out_of_scope",)]


def test_an_address_that_grows_when_compared_is_an_error_of_its_row(world: World) -> None:
    grows = "\ufdfa" * 100 + "@b.example"
    assert verdicts(world, "people-manager", f"email\n{grows}\nok@{world.north.slug}.example\n") == [("invalid_value",), ()]


def test_a_row_twice_is_left_out_in_a_later_batch_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 1)
    slug = world.north.slug
    client, answer = send(world, f"email,title\nz@{slug}.example,One\nZ@{slug}.example,Two\n".encode())
    page = client.get(answer.headers["Location"])
    assert (page.context["verdicts"]["create"], page.context["verdicts"]["error"]) == (1, 1)
    client.post(answer.headers["Location"], {"do": "confirm", "digest": page.context["plan"].digest})
    with tenancy.installation("look"):
        plan = Plan.objects.get(organization=world.north.organization)
        assert Membership.objects.get(account__email_key=f"z@{slug}.example").title == "One"
        assert (plan.summary["done"], list(PlanRow.objects.filter(plan=plan).order_by("number").values_list("codes", flat=True))) == (1, [[], ["duplicate_row"]])
