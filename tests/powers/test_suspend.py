"""Suspend: access in this organization ends, nothing else does."""
from datetime import UTC, datetime

import pytest

from accounts import door, tenancy
from accounts.models import Membership
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import queries, sequencer
from tests.cast import World

DATA = {"reason_code": "absence", "message": "See you soon", "private_note": "", "until": None}


def test_suspend_and_restore(world: World) -> None:
    org = world.north
    now = datetime.now(UTC)
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("people-manager")
        person = org.person("worker")
        receipt = door.perform(power=BY_SLUG["suspend"], actor=actor, ids=[person.id], data=DATA, now=now)
        row = Membership.objects.get(id=person.id)
        assert (row.status, row.effective_status, row.reason_code, row.access_epoch) == ("suspended", "suspended", "absence", 2)
        assert len(receipt.entries) == 1
        while sequencer.run_once():
            pass
        page = queries.page(org=org.organization.id, filters=queries.Filters(target=person.account_id))
        assert [(e.seq, e.record["action"]) for e in page.entries] == [(2, "membership.suspended")]
        assert page.entries[0].open["why.text"] == "See you soon"
        door.perform(power=BY_SLUG["restore"], actor=actor, ids=[person.id], data={"how": "reinstate", "reason_code": "mistake"}, now=now)
        assert Membership.objects.get(id=person.id).status == "active"


def test_nobody_suspends_themselves_or_upwards(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        for name, code in (("people-manager", "self"), ("administrator", "rank")):
            with pytest.raises(Refused) as refusal:
                door.perform(power=BY_SLUG["suspend"], actor=org.actor("people-manager"), ids=[org.person(name).id], data=DATA, now=datetime.now(UTC))
            assert code in refusal.value.codes
