"""What people and time do in tests of claims."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import access, door, tenancy
from accounts.actor import Proof
from accounts.claims import running
from accounts.models import Account, Claim, ClaimedAccount, Domain, Management
from accounts.powers import BY_SLUG
from tests.cast import Org
from tests.situations import arrange, claimed_account, domain_for

DAY = timedelta(days=1)


def domain(org: Org, **more: Any) -> Domain:
    """A proven domain of its own for this test."""
    name = f"claim-{uuid.uuid4().hex[:8]}.com"
    arrange(lambda: domain_for(org, name, **more))
    with tenancy.scope(org=org.organization.id):
        return Domain.objects.get(organization=org.organization, name=name)


def person(on: Domain, name: str, **more: Any) -> Account:
    made: list[Account] = []
    arrange(lambda: made.append(claimed_account(name, on.name)))
    if more:
        arrange(lambda: Account.objects.filter(id=made[0].id).update(**more))
    return Account.objects.get(id=made[0].id)


def do(org: Org, slug: str, *, now: datetime | None = None, by: str = "owner", **data: Any) -> door.Receipt:
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor(by, now=now), data=data, now=now)


def announce(org: Org, on: Domain, *, now: datetime | None = None, **data: Any) -> Claim:
    now = now or datetime.now(UTC)
    do(org, "announce-claim", now=now, **{"domain": on.name, "choice": "all", "days": 14, **data})
    running.run(now=now)
    with tenancy.scope(org=org.organization.id):
        return Claim.objects.filter(domain=on).order_by("-announced_at").first()  # type: ignore[return-value]


def answer(account: Account, slug: str, *, now: datetime | None = None, **data: Any) -> door.Receipt:
    now = now or datetime.now(UTC)
    account = Account.objects.get(id=account.id)
    with tenancy.scope(account=account.id):
        actor = access.own_actor(account=account, proof=Proof(method="password", at=now), session_id=None)
        return door.perform(power=BY_SLUG[slug], actor=actor, data=data, now=now)


def row(account: Account) -> ClaimedAccount:
    with tenancy.installation("a test looks"):
        return ClaimedAccount.objects.select_related("claim__domain", "organization").filter(account=account).order_by("-announced_at").first()  # type: ignore[return-value]


def manager(account: Account) -> uuid.UUID | None:
    with tenancy.installation("a test looks"):
        return Management.objects.filter(account=account).values_list("organization_id", flat=True).first()
