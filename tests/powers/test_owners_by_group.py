"""Ownership that comes by a group counts, and no power takes it away with the group."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts import door, tenancy
from accounts.models import Account
from accounts.people import usable_owners
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
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
