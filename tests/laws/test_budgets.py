"""Law: the number of queries of a page is known, and does not grow with the rows."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import door, tenancy
from accounts.powers import BY_SLUG
from tests.browse import client_for
from tests.cast import World, add_person
from tests.situations import WHY, arrange

BUDGETS = {"/o/{slug}/people/": 22, "/o/{slug}/people/{person}/": 49, "/o/{slug}/people/{person}/suspend/": 23, "/o/{slug}/audit/": 26, "/o/{slug}/approvals/": 18, "/o/{slug}/administrators/protected/": 17, "/o/{slug}/people/act/": 14, "/me/": 18, "/me/email/": 22, "/o/{slug}/email-changes/": 16, "/me/data/": 20, "/me/copies/": 18, "/o/{slug}/copies/": 18, "/o/{slug}/processing/": 16, "/me/who/": 30, "/me/sessions/": 14, "/o/{slug}/help/": 16, "/o/{slug}/administrators/succession/": 16, "/o/{slug}/succession/": 17}


@pytest.mark.parametrize("path", list(BUDGETS))
def test_page(world: World, path: str) -> None:
    client = client_for(world.north.person("owner"))
    address = path.format(slug=world.north.slug, person=world.north.person("worker").id)
    client.get(address)
    with CaptureQueriesContext(connection, ) as few:
        assert client.get(address).status_code == 200
    arrange(lambda: [add_person(world.north, f"more{n}", "member", True, datetime.now(UTC)) for n in range(15)])
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) <= len(few) + 1, "grows with the rows"
    assert len(few) <= BUDGETS[path], [q["sql"][:120] for q in few]


def test_an_act_over_many_costs_hardly_more_than_over_one(world: World) -> None:
    arrange(lambda: [add_person(world.north, f"bulk{n}", "member", True, datetime.now(UTC)) for n in range(40)])
    from accounts.models import Membership

    with tenancy.scope(org=world.north.organization.id):
        ids = list(Membership.objects.filter(account__email__startswith="bulk").values_list("id", flat=True))
        actor, counts = world.north.actor("owner"), []
        for chosen in (ids[:1], ids[1:25]):  # not more than one person may do in a day
            with CaptureQueriesContext(connection) as queries:
                door.perform(power=BY_SLUG["suspend"], actor=actor, ids=chosen, data=WHY, now=datetime.now(UTC))
            counts.append(len(queries))
    assert counts[1] <= counts[0] + 2
    assert counts[0] <= 24
