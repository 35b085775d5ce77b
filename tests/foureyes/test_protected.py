"""Protected people: who may act on them stands on a page; letting oneself in is seen; several at once."""
from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import bulk, bulk_run, door, tenancy
from accounts.models import Membership, Protection
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from tests.api.calls import Api
from tests.browse import client_for
from tests.cast import Org, World
from tests.foureyes.test_brake import crowd, recorded
from tests.situations import WHY

PROTECT = BY_SLUG["protect"]


def protect(org: Org, who: str, target: str, *named: str) -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=PROTECT, actor=org.actor(who), ids=[org.person(target).id], data={"administrators": ", ".join(f"{n}@{org.slug}.example" for n in named)}, now=timezone.now())


def test_letting_oneself_in_is_an_entry_of_its_own(world: World) -> None:
    org = world.north
    protect(org, "owner", "worker", "administrator")
    assert recorded(org, '"action":"person.protector_added_self"') == 0
    with pytest.raises(Refused, match="protected"):  # not even the list, once one is not on it
        protect(org, "owner", "worker", "administrator", "owner")
    protect(org, "owner", "guest", "owner")
    assert recorded(org, '"action":"person.protector_added_self"') == 1
    protect(org, "owner", "guest", "owner", "administrator")  # was on it before
    assert recorded(org, '"action":"person.protector_added_self"') == 1
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/administrators/protected/").content.decode()
    assert page.count("Named themselves") == 1
    assert page.count("named by Owner Person") == 3


def test_who_stays_on_the_list_keeps_their_date(world: World) -> None:
    org = world.north
    protect(org, "administrator", "worker", "administrator", "owner")
    with tenancy.scope(org=org.organization.id):
        before = Protection.objects.get(membership=org.person("worker"), administrator=org.person("owner"))
    protect(org, "owner", "worker", "owner", "second-owner")
    with tenancy.scope(org=org.organization.id):
        rows = {p.administrator_id: p for p in Protection.objects.filter(membership=org.person("worker"))}
        assert set(rows) == {org.person("owner").id, org.person("second-owner").id}
        assert (rows[org.person("owner").id].since, rows[org.person("owner").id].set_by) == (before.since, org.person("administrator").id)
        assert rows[org.person("second-owner").id].set_by == org.person("owner").id


def test_several_at_once(world: World) -> None:
    org = world.north
    ids = crowd(org, 4)
    with tenancy.scope(org=org.organization.id):
        plan = bulk.freeze(power=PROTECT, actor=org.actor("owner"), data={"administrators": f"owner@{org.slug}.example"}, now=timezone.now(), ids=ids)
        bulk.confirm(actor=org.actor("owner"), plan_id=plan.id, digest=plan.digest, count=4, now=timezone.now())
    bulk_run.run(plan_id=plan.id, organization_id=org.organization.id)
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.filter(id__in=ids, protected=True).count() == 4
        with pytest.raises(Refused, match="protected"):
            door.perform(power=BY_SLUG["suspend"], actor=org.actor("second-owner"), ids=ids[:1], data=WHY, now=timezone.now())
    assert recorded(org, '"action":"person.protector_added_self"') == 4


def test_it_is_shown_where_it_matters(world: World) -> None:
    org = world.north
    protect(org, "owner", "worker", "administrator")
    person = client_for(org.person("owner")).get(f"/o/{org.slug}/people/{org.person('worker').id}/").content.decode()
    assert "Administrator Person" in person and "named by Owner Person" in person
    found = Api(world).call("get", "/protected/").json()["people"]
    assert [(p["name"], [a["name"] for a in p["administrators"]], p["administrators"][0]["set_by"]) for p in found] == [("Worker Person", ["Administrator Person"], "Owner Person")]
    assert client_for(org.person("member")).get(f"/o/{org.slug}/administrators/protected/").status_code == 404
    assert "Worker Person" not in client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/administrators/protected/").content.decode()
