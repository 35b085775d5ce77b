"""Law (guard rail 1): whatever anybody does, an organization has an owner who can sign in, or a succession is open and the number of such organizations says so."""
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts import access, door, due, tenancy
from accounts.models import Account, Organization, SuccessionCase
from accounts.models.succession import OPEN
from accounts.people import usable_owners
from accounts.powers import BY_SLUG, POWERS
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from accounts.succession import owners, watch
from portal import metrics
from tests.browse import client_for
from tests.cast import Org, World
from tests.situations import DATA, WHY, arrange
from tests.succession.acts import DAY, account, case, small

MEMBER = [power.slug for power in POWERS if power.over == "member"]
OWN = [power.slug for power in POWERS if power.over == "own_account"]


def settled(org: Org, now: datetime) -> bool:
    """An owner can sign in, or a succession is open as soon as the schedule has looked."""
    watch.look(org.organization.id, now=now)
    with tenancy.scope(org=org.organization.id):
        return usable_owners(organization_id=org.organization.id, without=[]) > 0 or SuccessionCase.objects.filter(organization=org.organization, state__in=OPEN).exists()


def old(org: Org, now: datetime) -> Org:
    arrange(lambda: Organization.objects.filter(id=org.organization.id).update(created_at=now - 100 * DAY))
    return org


@pytest.mark.parametrize("slug", MEMBER)
def test_every_power_on_the_last_owner(slug: str) -> None:
    """By the schedule, which no rank stops, and by the owner; in every status that somebody could have brought about before."""
    power, now = BY_SLUG[slug], datetime.now(UTC)
    org = old(small("l"), now)
    person = org.person("owner")
    data = {**DATA.get(slug, {}), **({"role": "member"} if slug == "change-role" else {})}
    with tenancy.scope(org=org.organization.id):
        for actor in (due.schedule(org.organization.id), replace(due.schedule(org.organization.id), membership_id=org.person("first").id), org.actor("owner")):
            try:
                door.perform(power=power, actor=actor, ids=[person.id], data=data, now=now)
            except (Refused, NotFound, Stale, StepUpNeeded):
                pass
    due.run(now=now + timedelta(hours=2))
    assert settled(org, now + timedelta(hours=2)), slug


@pytest.mark.parametrize("slug", OWN)
def test_every_power_over_oneself(slug: str) -> None:
    power, now = BY_SLUG[slug], datetime.now(UTC)
    org = old(small("l"), now)
    row = Account.objects.get(id=org.person("owner").account_id)
    try:
        with tenancy.scope(account=row.id):
            door.perform(power=power, actor=access.own_actor(account=row, proof=org.actor("owner").proof, session_id=None), data=DATA.get(slug, {}), now=now)
    except (Refused, NotFound, Stale, StepUpNeeded):
        pass
    assert settled(org, now), slug


def test_second_factors_that_go_after_the_hour_open_a_succession() -> None:
    now = datetime.now(UTC)
    org = old(small("l"), now)
    account(org, "owner", mfa_stop_until=now)
    due.remove_second_factors(account_id=org.person("owner").account_id, now=now)
    assert settled(org, now) and case(org).cause == "unusable"


def test_the_organization_that_manages_the_account_closes_it(world: World) -> None:
    now = datetime.now(UTC)
    org = old(small("l"), now)
    arrange(lambda: type(org.person("owner")).objects.filter(id=org.person("owner").id).update(account_id=world.north.person("worker").account_id))
    for slug in ("deactivate", "lockdown"):
        arrange(lambda: Account.objects.filter(id=world.north.person("worker").account_id).update(status="active", has_second_factor=True))
        with tenancy.scope(org=world.north.organization.id):
            door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner"), ids=[world.north.person("worker").id], data=WHY, now=now)
        assert settled(org, now) and case(org).state == "waiting", slug
        arrange(lambda: SuccessionCase.objects.filter(organization=org.organization).delete())


def test_the_number_is_shown_to_whoever_runs_the_installation(world: World) -> None:
    now = datetime.now(UTC)

    def number() -> int:
        with tenancy.installation("a test counts"):
            counted = len(owners.without())
        assert f"steward_organizations_without_owner {float(counted)}" in metrics.text().decode()
        return counted

    before = number()
    org = old(small("l"), now)
    account(org, "owner", status="locked")
    assert number() == before + 1
    watch.look(org.organization.id, now=now)
    arrange(lambda: Account.objects.filter(id=world.north.person("legal").account_id).update(is_operator=True))
    page = client_for(world.north.person("legal")).get("/operator/").content.decode()
    row = page[page.index(str(org.organization.id)):][:400]
    assert "None can sign in" in row and "Waiting" in row and "owner@" not in page and "Owner Person" not in page
    assert client_for(world.north.person("owner")).get("/operator/").status_code == 404
    assert Client().get("/operator/").status_code == 302
