"""Ownership that comes by a group counts, and no power takes it away with the group."""
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts import door, tenancy
from accounts.models import Account, Membership
from accounts.people import usable_owners
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from accounts.succession import owners
from tests.cast import World
from tests.situations import arrange, group_for


def test_who_owns_by_a_group_is_an_owner(world: World) -> None:
    org, admin, made = world.north, world.north.person("administrator"), []
    arrange(lambda: (Account.objects.filter(id=admin.account_id).update(has_second_factor=True), made.append(group_for(org, "Board", admin, role="owner"))))
    with tenancy.scope(org=org.organization.id):
        owners = [org.person("owner").id, org.person("second-owner").id]
        assert usable_owners(organization_id=org.organization.id, without=owners) == 1
        assert usable_owners(organization_id=org.organization.id, without=[*owners, admin.id]) == 0
        for slug, ids, data in (("remove-from-group", [admin.id], {"group": str(made[0].id)}), ("delete-group", [made[0].id], {}), ("set-group-role", [made[0].id], {"role": "auditor"})):
            with pytest.raises(Refused) as refusal:
                door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=ids, data=data, now=datetime.now(UTC))
            assert refusal.value.codes == ["rank"], slug


def test_succession_counts_the_owners_that_the_guard_counts(world: World) -> None:
    """Whoever owns by a group alone keeps the organization from a succession, and whatever makes an owner useless to the guard makes them useless here. Only an end that has not come yet differs: the guard
    looks ahead, succession looks at today."""
    org, admin, worker = world.north, world.north.person("administrator"), world.north.person("worker")
    here, now = org.organization.id, datetime.now(UTC)

    def account(person: Membership, **values: object) -> Callable[[], object]:
        return lambda: Account.objects.filter(id=person.account_id).update(**values)

    def member(person: Membership, **values: object) -> Callable[[], object]:
        return lambda: Membership.objects.filter(id=person.id).update(**values)

    def counted() -> set[str]:
        """The names of the owners that succession can count on; the guard counts the same number."""
        with tenancy.installation("a test looks"):
            usable = {owner.membership for owner in owners.of(here) if owner.usable}
            assert usable_owners(organization_id=here, without=[]) == len(usable)
            assert (here in owners.without()) == (not usable)
            assert {owner.membership for owner in owners.of(here)} == {org.person(name).id for name in ("owner", "second-owner", "administrator")}, "held, whether or not it can be used"
        return {name for name, person in org.people.items() if person.id in usable}

    arrange(lambda: (account(admin, has_second_factor=True)(), group_for(org, "Board", admin, org.person("owner"), role="owner"), group_for(org, "Choir", worker, role="auditor")))
    assert counted() == {"owner", "second-owner", "administrator"}
    for broken, mended in ((account(admin, has_second_factor=False), account(admin, has_second_factor=True)), (account(admin, status="locked"), account(admin, status="active")),
                           (account(admin, email_verified_at=None), account(admin, email_verified_at=now)), (member(admin, status="suspended"), member(admin, status="active")),
                           (member(admin, identity_changed_at=now), member(admin, identity_changed_at=None))):
        arrange(broken)  # type: ignore[arg-type]
        assert counted() == {"owner", "second-owner"}
        arrange(mended)  # type: ignore[arg-type]
    arrange(lambda: [account(org.person(name), status="locked")() for name in ("owner", "second-owner")])
    assert counted() == {"administrator"}, "the group's owner is enough"
    with tenancy.installation("a test looks"):
        assert here not in owners.unsettled(now=now) and here in owners.unsettled(now=now + timedelta(days=400)), "silent after all"
        assert owners.eligible(here, [admin.id, org.person("security").id]) <= {org.person("security").id}, "nobody is made an owner twice"
    arrange(account(admin, status="locked"))  # type: ignore[arg-type]
    assert counted() == set()
    arrange(member(admin, access_ends_at=now + timedelta(days=30)))  # type: ignore[arg-type]
    arrange(account(admin, status="active"))  # type: ignore[arg-type]
    with tenancy.installation("a test looks"):
        assert usable_owners(organization_id=here, without=[]) == 0 and here not in owners.without()
