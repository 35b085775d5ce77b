"""Groups: lists of people; with a role they give it; a role limited to groups reaches only their people, in acts and in reading."""
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from accounts import access, bulk, bulk_run, door, tenancy
from accounts.models import Account, Group, GroupMembership, Membership, Role
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from tests.cast import Org, World
from tests.powers.test_roles import act, made, notices, refused
from tests.situations import WHY, arrange, group_for

NOW = datetime.now


def group(org: Org, name: str, *people: str, role: str = "") -> Group:
    rows: list[Group] = []
    arrange(lambda: rows.append(group_for(org, name, *(org.person(p) for p in people), role=role)))
    return rows[0]


def members(org: Org, found: Group) -> set[UUID]:
    with tenancy.scope(org=org.organization.id):
        return set(GroupMembership.objects.filter(group=found).values_list("membership_id", flat=True))


def scoped(org: Org, name: str, *groups: Group) -> None:
    arrange(lambda: Membership.objects.filter(id=org.person(name).id).update(role_scope=[g.id for g in groups]))


def test_a_group_from_making_to_deletion(world: World) -> None:
    org = world.north
    act(org, "create-group", "people-manager", name="Berlin")
    assert refused(org, "create-group", "owner", name="BERLIN") == ["name_taken"]
    with tenancy.scope(org=org.organization.id):
        berlin = Group.objects.get(name="Berlin")
        version = Membership.objects.get(id=org.person("worker").id).version
    act(org, "add-to-group", "people-manager", [org.person("worker").id, org.person("guest").id], group="berlin")
    assert refused(org, "add-to-group", "people-manager", [org.person("worker").id], group=str(berlin.id)) == ["nothing_to_change"]
    assert members(org, berlin) == {org.person("worker").id, org.person("guest").id}
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=org.person("worker").id).version == version + 1
    receipt = act(org, "remove-from-group", "people-manager", [org.person("guest").id], group=str(berlin.id))
    assert notices(org, receipt.entries) == {f"guest@{org.slug}.example": "remove-from-group"}
    group(org, "Paris")
    assert refused(org, "rename-group", "owner", [berlin.id], name="paris") == ["name_taken"]
    act(org, "rename-group", "owner", [berlin.id], name="BERLIN")
    with tenancy.scope(org=org.organization.id):
        plan = door.plan(power=BY_SLUG["delete-group"], actor=org.actor("owner"), ids=[berlin.id], data={}, now=NOW(UTC))
        assert plan.verdicts[0].effects[0].count == 1
    act(org, "delete-group", "people-manager", [berlin.id])
    with tenancy.scope(org=org.organization.id):
        assert not Group.objects.filter(id=berlin.id).exists()
        assert Membership.objects.get(id=org.person("worker").id).status == "active"


def test_a_list_of_people_takes_colleagues_and_oneself(world: World) -> None:
    org = world.north
    group(org, "Choir")
    act(org, "add-to-group", "people-manager", [org.person("people-manager").id], group="Choir")
    assert refused(org, "add-to-group", "people-manager", [org.person("administrator").id], group="Choir") == ["rank"]
    receipt = act(org, "add-to-group", "owner", [org.person("second-owner").id], group="Choir")
    assert not receipt.plan_id  # no second owner is needed to put an owner on a list


def test_joining_a_group_with_a_role_is_granting_it(world: World) -> None:
    org = world.north
    group(org, "Guards", role="security")
    worker = [org.person("worker").id]
    assert refused(org, "add-to-group", "people-manager", worker, group="Guards") == ["rank"]
    keeper = made(org, "Group keeper", 70, "manage_groups", "view_people")
    arrange(lambda: Membership.objects.filter(id=org.person("security").id).update(role=keeper))
    assert refused(org, "add-to-group", "security", worker, group="Guards") == ["no_permission"]
    arrange(lambda: Role.objects.filter(id=keeper.id).update(permissions=["manage_groups", "manage_roles", "view_people"]))
    arrange(lambda: _grant(keeper, "manage_roles"))
    assert refused(org, "add-to-group", "security", worker, group="Guards") == ["beyond_own"]
    assert refused(org, "add-to-group", "administrator", [org.person("administrator").id], group="Guards") == ["self"]
    with tenancy.scope(org=org.organization.id), pytest.raises(StepUpNeeded) as needed:
        door.perform(power=BY_SLUG["add-to-group"], actor=org.actor("administrator", tier=1), ids=worker, data={"group": "Guards"}, now=NOW(UTC))
    assert needed.value.tier == 2
    act(org, "add-to-group", "administrator", worker, group="Guards")
    arrange(lambda: Account.objects.filter(id=org.person("worker").account_id).update(has_second_factor=True))
    with tenancy.scope(org=org.organization.id):
        assert org.actor("worker").rank == 60
    assert refused(org, "remove-from-group", "people-manager", worker, group="Guards") == ["rank"]
    act(org, "remove-from-group", "administrator", worker, group="Guards")
    with tenancy.scope(org=org.organization.id):
        assert org.actor("worker").rank == 0


def _grant(role: Role, codename: str) -> None:
    from accounts.models import OrganizationGroupPermission
    from accounts.powers.roles import permission_rows

    OrganizationGroupPermission.objects.create(group_id=role.auth_group_id, permission=permission_rows([codename])[0], content_object_id=role.organization_id)


def test_the_role_of_a_group(world: World) -> None:
    org = world.north
    crew = group(org, "Crew", "worker", "guest")
    assert refused(org, "set-group-role", "administrator", [crew.id], role="owner") == ["rank"]
    assert refused(org, "set-group-role", "owner", [crew.id], role="owner") == ["rank"]
    assert refused(org, "set-group-role", "administrator", [crew.id], role="administrator") == ["rank"]
    assert refused(org, "set-group-role", "administrator", [crew.id], role="no-such-role") == ["unknown_role"]
    assert refused(org, "set-group-role", "administrator", [crew.id], role="member") == ["unknown_role"]
    assert refused(org, "set-group-role", "administrator", [crew.id], role="none") == ["nothing_to_change"]
    receipt = act(org, "set-group-role", "administrator", [crew.id], role="help-desk")
    assert notices(org, receipt.entries) == {f"worker@{org.slug}.example": "set-group-role", f"guest@{org.slug}.example": "set-group-role"}
    with tenancy.scope(org=org.organization.id):
        assert org.actor("guest").rank == 30
    # a group that somebody of one's own rank is in, or oneself, is out of reach
    group(org, "Crew", "worker", "administrator", role="help-desk")
    assert refused(org, "set-group-role", "administrator", [crew.id], role="auditor") == ["self"]
    group(org, "Crew", "worker", "second-owner", role="help-desk")
    assert refused(org, "set-group-role", "owner", [crew.id], role="none") == ["rank"]
    group(org, "Crew", "worker", role="security")
    assert "no_permission" in refused(org, "delete-group", "people-manager", [crew.id]) or "rank" in refused(org, "delete-group", "people-manager", [crew.id])
    receipt = act(org, "delete-group", "owner", [crew.id])
    assert notices(org, receipt.entries) == {f"worker@{org.slug}.example": "set-group-role"}


def test_a_swap_through_a_group_does_not_lift_anybody(world: World) -> None:
    """Put an accomplice into a harmless group, then let it carry a role above one's own: refused at the second step."""
    org = world.north
    keeper = made(org, "Keeper", 55, "manage_groups", "manage_roles", "view_people")
    arrange(lambda: Membership.objects.filter(id=org.person("people-manager").id).update(role=keeper))
    harmless = group(org, "Harmless")
    act(org, "add-to-group", "people-manager", [org.person("worker").id], group="Harmless")
    assert refused(org, "set-group-role", "people-manager", [harmless.id], role="administrator") == ["rank"]
    assert refused(org, "set-group-role", "people-manager", [harmless.id], role="people-manager") == ["beyond_own"]
    strong = made(org, "Strong", 54, "manage_groups")
    act(org, "set-group-role", "people-manager", [harmless.id], role=strong.slug)
    assert refused(org, "add-to-group", "people-manager", [org.person("people-manager").id], group="Harmless") == ["self"]
    # raising that role beyond the keeper is the owner's to do; the keeper cannot
    assert refused(org, "update-role", "people-manager", [strong.id], name="Strong", rank=90, permissions=["manage_groups"]) == ["rank"]


def test_a_help_desk_of_some_groups(world: World) -> None:
    org = world.north
    support, sales = group(org, "Support", "guest"), group(org, "Sales", "worker")
    worker, guest = org.person("worker"), org.person("guest")
    act(org, "change-role", "owner", [org.person("auditor").id], role="help-desk", scope=[str(support.id)])
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("auditor")
        assert actor.scope_groups == {support.id}
    act(org, "revoke-sessions", "auditor", [guest.id])
    assert refused(org, "revoke-sessions", "auditor", [worker.id]) == ["out_of_scope"]
    assert refused(org, "change-role", "owner", [worker.id], role="security", scope=[str(support.id)]) == ["scope_rank"]
    assert refused(org, "change-role", "owner", [worker.id], role="member", scope=[str(support.id)]) == ["scope_rank"]
    assert refused(org, "change-role", "owner", [worker.id], role="auditor", scope=["nowhere"]) == ["unknown_group"]
    assert refused(org, "change-role", "owner", [org.person("auditor").id], role="help-desk", scope=["support"]) == ["nothing_to_change"]
    act(org, "change-role", "owner", [org.person("auditor").id], role="help-desk", scope=["Support", "sales"])
    with tenancy.scope(org=org.organization.id):
        assert org.actor("auditor").scope_groups == {support.id, sales.id}
    assert refused(org, "delete-group", "owner", [sales.id]) == ["group_in_scope"]
    act(org, "change-role", "owner", [org.person("auditor").id], role="help-desk", scope=[])
    with tenancy.scope(org=org.organization.id):
        assert org.actor("auditor").scope_groups is None
    act(org, "delete-group", "owner", [sales.id])


def test_a_scope_is_not_escaped(world: World) -> None:
    """Limited to one group with every power over people, and still out of reach: other groups, other people, wider roles, the log."""
    org = world.north
    support, sales = group(org, "Support", "guest"), group(org, "Sales", "worker")
    keeper = made(org, "Keeper", 50, "manage_groups", "manage_roles", "view_people", "invite_people", "import_people", "view_audit", "manage_settings", "update_profiles", "revoke_tokens")
    arrange(lambda: Membership.objects.filter(id=org.person("people-manager").id).update(role=keeper, role_scope=[support.id]))
    who = "people-manager"
    assert refused(org, "add-to-group", who, [org.person("worker").id], group="Support") == ["out_of_scope"]
    assert refused(org, "add-to-group", who, [org.person("guest").id], group="Sales") == ["unknown_group"]
    assert refused(org, "create-group", who, name="Mine") == ["out_of_scope"]
    assert refused(org, "rename-group", who, [support.id], name="Mine") == ["out_of_scope"]
    assert refused(org, "delete-group", who, [support.id]) == ["group_in_scope", "out_of_scope"]
    assert "out_of_scope" in refused(org, "set-group-role", who, [support.id], role="auditor")
    assert "out_of_scope" in refused(org, "create-role", who, name="Mine", rank=1, permissions=["view_people"])
    with pytest.raises(NotFound):
        act(org, "rename-group", who, [sales.id], name="Mine")
    guest = [org.person("guest").id]
    assert refused(org, "change-role", who, guest, role="help-desk") == ["beyond_own", "out_of_scope"]
    own = made(org, "Reader", 10, "view_people")
    assert refused(org, "change-role", who, guest, role=own.slug) == ["out_of_scope"]
    assert refused(org, "change-role", who, guest, role=own.slug, scope=["Sales"]) == ["out_of_scope"]
    act(org, "change-role", who, guest, role=own.slug, scope=["Support"])
    for rows, codes in (([{"email": "new@elsewhere.example"}], ["out_of_scope"]), ([{"email": "new@elsewhere.example", "groups": "Sales"}], ["out_of_scope"])):
        assert refused(org, "import-people", who, rows=rows) == codes
    act(org, "import-people", who, rows=[{"email": "new@elsewhere.example", "groups": "Support"}])
    with tenancy.scope(org=org.organization.id):
        assert not org.actor(who).permissions & access.ORGANIZATION_WIDE
    assert refused(org, "create-service-account", who, name="Bot", role="member") == ["no_permission"]


def test_a_token_of_somebody_out_of_reach_is_out_of_reach(world: World) -> None:
    from tests.situations import token_for

    org, tokens = world.north, []
    support = group(org, "Support", "guest")
    scoped(org, "people-manager", support)
    arrange(lambda: tokens.extend(token_for(org.person(name))[0].id for name in ("worker", "guest")))
    assert refused(org, "revoke-token", "people-manager", [tokens[0]]) == ["out_of_scope"]
    act(org, "revoke-token", "people-manager", [tokens[1]])


def test_what_was_looked_at_has_to_be_still_there(world: World) -> None:
    org = world.north
    crew = group(org, "Crew", "worker")
    with tenancy.scope(org=org.organization.id):
        actor, power = org.actor("owner"), BY_SLUG["set-group-role"]
        plan = door.plan(power=power, actor=actor, ids=[crew.id], data={"role": "auditor"}, now=NOW(UTC))
        act(org, "add-to-group", "owner", [org.person("guest").id], group="Crew")
        with tenancy.scope(org=org.organization.id), pytest.raises(Stale):
            door.perform(power=power, actor=actor, ids=[crew.id], data={"role": "auditor"}, now=NOW(UTC), version=plan.verdicts[0].target.etag)


def test_many_at_once_through_the_bulk_page(world: World) -> None:
    org = world.north
    crew = group(org, "Crew", "guest")
    ids = [org.person(name).id for name in ("worker", "guest", "member", "auditor")]
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("people-manager")
        plan = bulk.freeze(power=BY_SLUG["add-to-group"], actor=actor, data={"group": "Crew"}, now=NOW(UTC), ids=ids)
        assert plan.state == "planned"
        bulk.confirm(actor=actor, plan_id=plan.id, digest=plan.digest, count=3, now=NOW(UTC))
    bulk_run.run(plan_id=plan.id, organization_id=org.organization.id)
    assert members(org, crew) == set(ids)


def test_foreign_groups_and_roles_do_not_exist(world: World) -> None:
    org, other = world.north, world.contoso
    theirs, role = group(other, "Theirs", "member"), made(other, "Theirs", 10, "view_people")
    for slug in ("rename-group", "delete-group", "set-group-role"):
        with pytest.raises(NotFound):
            act(org, slug, "owner", [theirs.id], name="Mine", role="auditor")
    for slug in ("update-role", "delete-role"):
        with pytest.raises(NotFound):
            act(org, slug, "owner", [role.id], name="Mine", rank=1, permissions=["view_people"])
    worker = [org.person("worker").id]
    assert refused(org, "add-to-group", "owner", worker, group=str(theirs.id)) == ["unknown_group"]
    assert refused(org, "change-role", "owner", worker, role=role.slug) == ["unknown_role"]
    assert refused(org, "change-role", "owner", worker, role="auditor", scope=[str(theirs.id)]) == ["unknown_group"]


def test_an_api_token_gives_no_more_than_its_scopes(world: World) -> None:
    """A token that may change roles cannot make an administrator out of somebody: it gives only what it may do itself."""
    org = world.north
    with tenancy.scope(org=org.organization.id):
        token = replace(org.actor("owner"), kind="api_token", permissions=frozenset({"manage_roles", "view_people"}), tier_granted=2)
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["change-role"], actor=token, ids=[org.person("worker").id], data={"role": "administrator"}, now=NOW(UTC))
        assert refusal.value.codes == ["beyond_own"]
    act(org, "suspend", "owner", [org.person("worker").id], **WHY)
