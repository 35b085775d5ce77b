"""Law: the number of queries of a page is known, and does not grow with the rows."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import door, tenancy
from accounts.models import Account, Claim, ClaimedAccount
from accounts.powers import BY_SLUG
from audit import holds
from dsar.holds.models import LegalHold
from tests.browse import client_for
from tests.cast import World, add_people
from tests.situations import HOLD, MATTER, WHY, arrange, claim_for, claimed_account, domain_for, hold_for

BUDGETS = {"/o/{slug}/services/": 13, "/o/{slug}/services/{service}/": 15, "/o/{slug}/people/": 20, "/o/{slug}/people/{person}/": 58, "/o/{slug}/people/{person}/suspend/": 18, "/o/{slug}/audit/": 27, "/o/{slug}/approvals/": 14, "/o/{slug}/administrators/protected/": 14, "/o/{slug}/people/act/": 13, "/me/": 25, "/me/email/": 20, "/o/{slug}/email-changes/": 14, "/me/values/": 20, "/me/data/": 28, "/me/privacy/": 51, "/me/deactivate/": 30, "/me/delete/": 45, "/me/copies/": 15, "/me/requests/": 12, "/me/restriction/": 14, "/me/report/": 13, "/me/communications/": 20, "/o/{slug}/announcements/": 16, "/o/{slug}/copies/": 14, "/o/{slug}/copies/organization/": 17, "/me/exports/": 14, "/o/{slug}/settings/unused/?days=365": 24, "/o/{slug}/content/": 16, "/o/{slug}/processing/": 17, "/o/{slug}/registers/": 14, "/o/{slug}/requests/programs/": 16, "/o/{slug}/registers/recipients/": 16, "/o/{slug}/registers/report/": 15, "/o/{slug}/registers/transfer/": 16, "/me/disclosures/": 12, "/me/apps/": 14, "/o/{slug}/apps/": 18, "/o/{slug}/apps/queue/": 18, "/o/{slug}/apps/catalogue/": 18, "/me/recipients/": 16, "/privacy/": 12, "/o/{slug}/retention/": 16, "/o/{slug}/retention/look/": 23, "/me/who/": 29, "/o/{slug}/domains/": 14, "/o/{slug}/domains/claims/": 18, "/o/{slug}/domains/claims/{claim}/": 18, "/o/{slug}/domains/{domain}/": 14, "/o/{slug}/domains/{domain}/claim/": 18, "/me/claims/": 13, "/me/claims/{claimed}/": 13, "/me/claims/{claimed}/notice/": 18, "/me/sessions/": 11, "/o/{slug}/help/": 14, "/o/{slug}/administrators/succession/": 16, "/o/{slug}/succession/": 17, "/me/transfer/": 14,
           "/o/{slug}/holds/": 16, "/o/{slug}/holds/{hold}/": 24, "/o/{slug}/holds/matters/{matter}/": 17, "/me/holds/": 13, "/o/{slug}/webhooks/": 16, "/o/{slug}/webhooks/events/": 13}


HELD = [path for path in BUDGETS if "{hold}" in path or "{matter}" in path]


class Place:
    """An organization with a domain and a claim in it, its owner at a browser, and perhaps more of everything."""

    def __init__(self, *, more: bool) -> None:
        with tenancy.installation("tests make their world"):
            self.world = World()
        self.there = _claimed(self.world)
        if more:
            arrange(lambda: _more_people(self.world))
            arrange(lambda: _more(self.world))
        self.client = client_for(self.world.north.person("owner"))


@pytest.fixture(scope="module")
def places(django_db_setup: None, django_db_blocker: object) -> tuple[Place, Place]:
    """Two organizations for all pages, one with few of everything and one with many: looking changes neither."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        return Place(more=False), Place(more=True)


def _queries(client: Client, world: World, path: str, there: dict[str, object]) -> list[str]:
    """What the page asks of the database when it is opened for the second time."""
    address = path.format(slug=world.north.slug, person=world.north.person("worker").id, service=world.north.services[0].id, **there)
    client.get(address)
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return [q["sql"][:120] for q in found]


def _within(path: str, few: list[str], many: list[str]) -> None:
    assert len(many) <= len(few) + 1, "grows with the rows"
    assert len(few) <= BUDGETS[path], few


@pytest.mark.parametrize("path", [path for path in BUDGETS if path not in HELD])
def test_page(places: tuple[Place, Place], path: str) -> None:
    few, many = (_queries(place.client, place.world, path, place.there) for place in places)
    _within(path, few, many)


@pytest.mark.parametrize("path", HELD)
def test_page_of_holds(world: World, path: str) -> None:
    client, there = client_for(world.north.person("owner")), _held(world)
    few = _queries(client, world, path, there)
    arrange(lambda: _more_people(world))
    arrange(lambda: _more_held(world))
    _within(path, few, _queries(client, world, path, there))


def _more_people(world: World) -> None:
    add_people(world.north, [(f"more{n}", "member", True) for n in range(15)], datetime.now(UTC))


def _claimed(world: World) -> dict[str, object]:
    """A domain with a claim of the owner's own account."""
    found: dict[str, object] = {}

    def make() -> None:
        domain = domain_for(world.north, f"budget-{world.north.slug}.com")
        claim = claim_for(domain, Account.objects.get(id=world.north.person("owner").account_id))
        found.update(domain=domain.id, claim=claim.id, claimed=ClaimedAccount.objects.get(claim=claim).id)

    arrange(make)
    return found


def _held(world: World) -> dict[str, object]:
    """A matter with a hold."""
    arrange(lambda: hold_for(world.north, world.north.person("worker"), "release-hold"))
    return {"hold": HOLD, "matter": MATTER}


def _more_held(world: World) -> None:
    """More people in the hold, more holds for the matter; not the owner, who would not know of it then."""
    now = datetime.now(UTC)
    everybody = list(Account.objects.filter(memberships__organization=world.north.organization).exclude(id=world.north.person("owner").account_id).values_list("id", flat=True))
    holds.place_within(org=world.north.organization.id, within=UUID(HOLD), subjects=everybody[:8], by=None, now=now)
    for _n in range(15):
        LegalHold.objects.create(organization=world.north.organization, matter_id=MATTER, ground="g", placed_at=now, confirm_by=now)


def _more(world: World) -> None:
    """More domains, more claims, more accounts in the one claim."""
    claim = Claim.objects.get(domain__name=f"budget-{world.north.slug}.com")
    for n in range(15):
        other = domain_for(world.north, f"budget{n}-{world.north.slug}.com")
        claim_for(other, claimed_account("somebody", other.name), Account.objects.get(id=world.north.person("owner").account_id), state="withdrawn")
        claimed_account(f"more{n}", claim.domain.name)
        ClaimedAccount.objects.create(claim=claim, organization=claim.organization, account=Account.objects.get(email_key=f"more{n}@{claim.domain.name}"), address=f"more{n}@{claim.domain.name}", state="objected",
                                      announced_at=claim.announced_at, effective_at=claim.effective_at, changed_at=claim.announced_at)


def test_an_act_over_many_costs_hardly_more_than_over_one(world: World) -> None:
    arrange(lambda: add_people(world.north, [(f"bulk{n}", "member", True) for n in range(40)], datetime.now(UTC)))
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
