"""Roles of an organization's own: never more than their maker, at once for their holders, gone only when nobody holds them."""
from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from accounts import access, door, mail, outbox, tenancy
from accounts.models import Account, Mail, Membership, MembershipSnapshot, Organization, OrganizationGroupPermission, Role
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, Stale, StepUpNeeded
from accounts.roles import BUILTIN, refresh_builtin_roles
from audit import queries, sequencer
from audit.models import Entry
from audit.subscribers import Sealed
from portal import sentences
from tests.cast import Org, World
from tests.situations import DATA, WHY, arrange, group_for, role_for

NOW = datetime.now


def act(org: Org, slug: str, who: str, ids: list[UUID] | None = None, **data: Any) -> door.Receipt:
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor(who), ids=ids or [], data=data, now=NOW(UTC))


def refused(org: Org, slug: str, who: str, ids: list[UUID] | None = None, **data: Any) -> list[str]:
    with pytest.raises(Refused) as refusal:
        act(org, slug, who, ids, **data)
    return refusal.value.codes


def made(org: Org, name: str, rank: int, *permissions: str) -> Role:
    rows: list[Role] = []
    arrange(lambda: rows.append(role_for(org, name, rank, *permissions)))
    return rows[0]


def guardian(org: Org) -> dict[str, list[str]]:
    with tenancy.scope(org=org.organization.id):
        return {role.slug: sorted(OrganizationGroupPermission.objects.filter(group_id=role.auth_group_id).values_list("permission__codename", flat=True)) for role in Role.objects.all()}


def kept(org: Org) -> dict[str, list[str]]:
    with tenancy.scope(org=org.organization.id):
        return {role.slug: sorted(role.permissions) for role in Role.objects.all()}


def test_a_role_from_making_to_deletion(world: World) -> None:
    org = world.north
    receipt = act(org, "create-role", "owner", name="Night desk", rank=35, permissions=["view_people", "revoke_sessions"])
    with tenancy.scope(org=org.organization.id):
        role = Role.objects.get(slug="night-desk")
        record = Entry.objects.get(id=receipt.entries[0]).record
    assert (role.rank, role.permissions, role.builtin) == (35, ["revoke_sessions", "view_people"], False)
    assert '"path":"role.rank"' in record
    assert guardian(org) == kept(org)
    worker = org.person("worker")
    act(org, "change-role", "owner", [worker.id], role="night-desk")
    assert org.roles  # the cast knows only the built-in ones
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("worker")
    assert (actor.rank, actor.permissions) == (35, {"view_people", "revoke_sessions"})
    assert refused(org, "delete-role", "owner", [role.id]) == ["role_in_use"]
    act(org, "update-role", "owner", [role.id], name="Night shift", rank=40, permissions=["view_people", "view_audit"])
    assert guardian(org) == kept(org)
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("worker")
    assert (actor.rank, actor.permissions) == (40, {"view_people", "view_audit"})
    act(org, "remove", "owner", [worker.id], **WHY)
    with tenancy.scope(org=org.organization.id):
        assert MembershipSnapshot.objects.filter(role=role).exists()
    act(org, "delete-role", "owner", [role.id])
    with tenancy.scope(org=org.organization.id):
        assert not Role.objects.filter(id=role.id).exists()
    assert guardian(org) == kept(org)
    act(org, "create-role", "owner", name="Night shift", rank=5, permissions=["view_people"])
    act(org, "restore", "owner", [worker.id], **{**WHY, "how": "reinstate"})


def test_nobody_makes_more_than_they_are(world: World) -> None:
    org = world.north
    manager = made(org, "Role keeper", 70, "manage_roles", "view_people")
    arrange(lambda: Membership.objects.filter(id=org.person("security").id).update(role=manager))
    new = {"name": "Trick", "rank": 10, "permissions": ["view_people"]}
    assert refused(org, "create-role", "security", **{**new, "rank": 70}) == ["rank"]
    assert refused(org, "create-role", "security", **{**new, "rank": 71}) == ["rank"]
    assert refused(org, "create-role", "security", **{**new, "permissions": ["view_people", "lock_accounts"]}) == ["beyond_own"]
    assert refused(org, "create-role", "owner", **{**new, "permissions": ["transfer_ownership"]}) == ["beyond_own"]
    act(org, "create-role", "security", **new)
    with tenancy.scope(org=org.organization.id):
        trick = Role.objects.get(slug="trick")
    assert refused(org, "update-role", "security", [trick.id], name="Trick", rank=70, permissions=["view_people"]) == ["rank"]
    assert refused(org, "update-role", "security", [trick.id], name="Trick", rank=10, permissions=["manage_settings"]) == ["beyond_own"]
    assert refused(org, "update-role", "security", [manager.id], name="Role keeper", rank=60, permissions=["view_people"]) == ["rank", "self"]
    # what the keeper does not hold they cannot hand on by a built-in role either
    assert refused(org, "change-role", "security", [org.person("worker").id], role="people-manager") == ["beyond_own"]
    form = BY_SLUG["create-role"].form({"name": "Big", "rank": "100", "permissions": ["view_people"]})
    assert not form.is_valid()
    assert "rank" in form.errors


def test_who_holds_a_role_guards_it(world: World) -> None:
    """A role that somebody of one's rank or above holds, also through a group, or a protected person, is out of reach."""
    org, role = world.north, made(world.north, "Shared", 30, "view_people")
    changed = {"name": "Shared", "rank": 20, "permissions": ["view_people"]}
    arrange(lambda: group_for(org, "Board", org.person("second-owner"), role=""))
    arrange(lambda: org.organization.groups.filter(name="Board").update(role=role))
    assert refused(org, "update-role", "administrator", [role.id], **changed) == ["rank"]
    assert refused(org, "update-role", "owner", [role.id], **changed) == ["rank"]
    arrange(lambda: group_for(org, "Board", org.person("worker")))
    arrange(lambda: org.organization.groups.filter(name="Board").update(role=role))
    assert refused(org, "delete-role", "administrator", [role.id]) == ["role_in_use"]
    act(org, "protect", "owner", [org.person("worker").id], administrators=f"owner@{org.slug}.example")
    assert refused(org, "update-role", "administrator", [role.id], **changed) == ["protected"]
    act(org, "update-role", "owner", [role.id], **changed)


def test_built_in_roles_stay(world: World) -> None:
    org = world.north
    for slug in ("update-role", "delete-role"):
        for name in ("auditor", "owner"):
            assert "builtin_role" in refused(org, slug, "owner", [org.roles[name].id], **(DATA[slug]))


@pytest.mark.parametrize("name", ["Owner", "OWNER", "owner", "help-desk", "Help desk", "Own\u200der", "Ｏｗｎｅｒ", "night  DESK"])
def test_names_cannot_pretend(world: World, name: str) -> None:
    org = world.north
    made(org, "Night desk", 10, "view_people")
    form = BY_SLUG["create-role"].form({"name": name, "rank": "10", "permissions": ["view_people"]})
    assert form.is_valid()
    assert refused(org, "create-role", "owner", **form.cleaned_data) == ["name_taken"]


@pytest.mark.parametrize("name", ["", "  ", "\u200d", "a\u202eb", "a\x00b", "x" * 81, "x" * 10_000_000])
def test_bad_names(name: str) -> None:
    form = BY_SLUG["create-role"].form({"name": name, "rank": "10", "permissions": ["view_people"]})
    assert not form.is_valid()
    assert set(form.errors) == {"name"}


def test_step_up_for_roles(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id):
        for slug in ("create-role", "create-service-account"):
            with pytest.raises(StepUpNeeded) as needed:
                door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner", tier=1), data=DATA[slug], now=NOW(UTC))
            assert needed.value.tier == 2


def test_holders_are_told(world: World) -> None:
    """One entry and one mail for each holder of a role whose rank or permissions change; none for a new name."""
    org, role = world.north, made(world.north, "Shared", 30, "view_people")
    arrange(lambda: Membership.objects.filter(id__in=[org.person("worker").id, org.person("guest").id]).update(role=role))
    first = act(org, "update-role", "owner", [role.id], name="Renamed", rank=30, permissions=["view_people"])
    assert len(first.entries) == 1
    second = act(org, "update-role", "owner", [role.id], name="Renamed", rank=31, permissions=["view_people", "view_audit"])
    assert len(second.entries) == 3
    assert notices(org, second.entries) == {f"worker@{org.slug}.example": "update-role", f"guest@{org.slug}.example": "update-role"}


def notices(org: Org, entry_ids: tuple[str, ...]) -> dict[str, str]:
    """Let the mailer read these entries; who is owed what. Every one can be written out."""
    import json

    while sequencer.run_once():
        pass
    with tenancy.installation("the mailer reads the log"):
        for row in Entry.objects.filter(id__in=entry_ids):
            record = json.loads(row.record)
            mail.handle([Sealed(pos=1, org=row.org, seq=1, entry=row.id, action=record["action"], outcome=record["decision"]["outcome"], record=record)])
        found = list(Mail.objects.filter(entry__in=entry_ids))
        for one in found:
            subject, body, html = outbox.render(one)
            assert subject
            assert body
            assert html
        return {one.address: one.template for one in found}


def test_a_role_can_lose_its_scope_only_by_person(world: World) -> None:
    """A role above 50 cannot be limited to groups, so a role with limited holders does not rise above 50."""
    org, role, groups = world.north, made(world.north, "Shared", 30, "view_people"), []
    arrange(lambda: groups.append(group_for(org, "Support")))
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(role=role, role_scope=[groups[0].id]))
    assert refused(org, "update-role", "owner", [role.id], name="Shared", rank=51, permissions=["view_people"]) == ["scope_rank"]
    act(org, "update-role", "owner", [role.id], name="Shared", rank=50, permissions=["view_people"])


def test_two_administrators_at_once(world: World) -> None:
    """Real connections: of two changes to the same version of a role one wins, the other is told; names are given once."""
    org, role = world.north, made(world.north, "Shared", 30, "view_people")
    for _round in range(8):
        outcomes: list[str] = []
        barrier = threading.Barrier(2)

        def race(who: str, round_: int = _round, outcomes: list[str] = outcomes, barrier: threading.Barrier = barrier) -> None:
            try:
                with tenancy.scope(org=org.organization.id):
                    actor, power = org.actor(who), BY_SLUG["update-role"]
                    data = {"name": f"Shared {who} {round_}", "rank": 30, "permissions": ["view_people"]}
                    version = door.plan(power=power, actor=actor, ids=[role.id], data=data, now=NOW(UTC)).verdicts[0].target.etag
                    barrier.wait(10)
                    door.perform(power=power, actor=actor, ids=[role.id], data=data, now=NOW(UTC), version=version)
                    outcomes.append("done")
                    barrier.wait(10)
            except Stale:
                outcomes.append("stale")
                barrier.wait(10)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=race, args=(who,)) for who in ("owner", "administrator")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["done", "stale"]


def test_the_same_name_twice_at_once(world: World) -> None:
    org, outcomes, barrier = world.north, [], threading.Barrier(4)

    def race(slug: str, who: str) -> None:
        try:
            with tenancy.scope(org=org.organization.id):
                actor = org.actor(who)
                barrier.wait(10)
                door.perform(power=BY_SLUG[slug], actor=actor, data={**DATA[slug], "name": "Twins"}, now=NOW(UTC))
                outcomes.append((slug, "done"))
        except Refused as refusal:
            outcomes.append((slug, refusal.codes[0]))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race, args=(slug, who)) for slug in ("create-role", "create-group") for who in ("owner", "administrator")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [("create-group", "done"), ("create-group", "name_taken"), ("create-role", "done"), ("create-role", "name_taken")]


def test_a_role_given_while_it_changes(world: World) -> None:
    """Whoever gives a role gives what they saw: when it rose meanwhile, they see it first."""
    from accounts.powers.grants import still

    org, role = world.north, made(world.north, "Shared", 30, "view_people")
    with tenancy.scope(org=org.organization.id):
        seen = Role.objects.get(id=role.id)
    act(org, "update-role", "owner", [role.id], name="Shared", rank=79, permissions=["view_people"])
    from django.db import transaction

    with tenancy.scope(org=org.organization.id), transaction.atomic(), pytest.raises(Stale):
        still(seen)


def test_upgrades_refresh_built_in_roles(world: World) -> None:
    """An organization of an earlier release gets what its built-in roles have now, once, with an entry; own roles are left alone."""
    org = world.north
    own = made(org, "Own", 10, "view_people")

    def older() -> None:
        for slug in ("owner", "administrator", "people-manager"):
            role = org.roles[slug]
            Role.objects.filter(id=role.id).update(permissions=[p for p in role.permissions if p != "manage_groups"])
            OrganizationGroupPermission.objects.filter(group_id=role.auth_group_id, permission__codename="manage_groups").delete()
        # and one that the release takes away
        Role.objects.filter(id=org.roles["auditor"].id).update(permissions=["manage_holds", "view_audit", "view_people"])

    arrange(older)
    with tenancy.installation("count"):
        before = Entry.objects.filter(org=org.organization.id).count()
    assert refresh_builtin_roles(now=NOW(UTC)) == 4
    assert refresh_builtin_roles(now=NOW(UTC)) == 0
    assert guardian(org) == kept(org)
    assert {slug: permissions for slug, permissions in kept(org).items() if slug != own.slug} == {r.slug: sorted(r.permissions) for r in BUILTIN}
    while sequencer.run_once():
        pass
    with tenancy.scope(org=org.organization.id):
        assert Entry.objects.filter(org=org.organization.id).count() == before + 4
        page = queries.page(org=org.organization.id, filters=queries.Filters(), size=4)
    assert {sentences.line(e).text for e in page.entries} == {f"An upgrade changed what the built-in role “{name}” may do" for name in ("Owner", "Administrator", "People manager", "Auditor")}
    assert Organization.objects.count() == 0


def test_manage_groups_belongs_to_three_roles() -> None:
    assert {r.slug for r in BUILTIN if "manage_groups" in r.permissions} == {"owner", "administrator", "people-manager"}


def test_a_role_from_fifty_on_needs_a_second_factor(world: World) -> None:
    org, role = world.north, made(world.north, "Strong", 55, "view_people", "manage_access")
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(role=role))
    with tenancy.scope(org=org.organization.id):
        assert (org.actor("worker").rank, org.actor("worker").permissions) == (0, frozenset())
        arrange(lambda: Account.objects.filter(id=org.person("worker").account_id).update(has_second_factor=True))
        assert org.actor("worker").rank == 55
        standing = access.standing(account_id=org.person("worker").account_id, organization_id=org.organization.id)
    assert standing is not None
    assert timezone.now()


def test_an_invitation_can_give_the_organizations_own_roles(world: World) -> None:
    """The page offers what the actor could give, never ownership; the invited person has the role."""
    from tests.browse import client_for

    org = world.north
    made(org, "Front desk", 35, "view_people")
    made(org, "Higher desk", 85, "view_people")
    page = client_for(org.person("administrator"), tier=2).get(f"/o/{org.slug}/do/invite/").content.decode()
    assert "Front desk" in page and "Higher desk" not in page and 'value="owner"' not in page
    client_for(org.person("administrator"), tier=2).post(f"/o/{org.slug}/do/invite/", {"email": "desk@roles.example", "role": "front-desk"})
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(account__email="desk@roles.example").role.slug == "front-desk"
