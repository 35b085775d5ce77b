"""What the tests of legal holds do over and over."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from accounts import approvals, door, tenancy
from accounts.models import Membership
from accounts.purposes import ACT
from audit import subscribers
from dsar.holds.models import LegalHold, Matter
from portal.powers import BY_SLUG
from tests.audit.logs import number_all
from tests.cast import Org


def does(org: Org, slug: str, *, by: str = "legal", second: str = "", now: datetime | None = None, **data: Any) -> door.Receipt:
    """An act over the organization; by two people where the second is named."""
    now, power = now or datetime.now(UTC), BY_SLUG[slug]
    with tenancy.scope(org=org.organization.id, account=org.person(by).account_id, purpose=ACT):
        receipt = door.perform(power=power, actor=org.actor(by, now=now), data=data, now=now)
        if second:
            done = approvals.decide(plan_id=uuid.UUID(receipt.plan_id), actor=org.actor(second, now=now), requester=org.actor(by, now=now), power=power, approve=True, note="", now=now)
            assert isinstance(done, door.Receipt)
            return done
    return receipt


def matter(org: Org, name: str = "Smith v. Jones", by: str = "legal") -> Matter:
    does(org, "open-matter", by=by, name=name)
    with tenancy.scope(org=org.organization.id):
        return Matter.objects.filter(organization=org.organization, name=name).latest("opened_at")


def place(org: Org, *people: Membership, by: str = "legal", confirmed: str = "administrator", now: datetime | None = None, **more: Any) -> LegalHold:
    """A hold on these people, with a second person's word."""
    word = matter(org, f"Matter {uuid.uuid4().hex[:6]}", by=by)
    does(org, "place-hold", by=by, now=now, **{"matter": str(word.id), "custodians": "\n".join(one.account.email for one in people), "disclosure": "no", "ground": "a claim", **more})
    with tenancy.scope(org=org.organization.id):
        hold = LegalHold.objects.get(matter=word)
    if confirmed:
        does(org, "confirm-hold", by=confirmed, hold=str(hold.id), now=now)
    return hold


def release(org: Org, hold: LegalHold, *, by: str = "legal", second: str = "owner") -> None:
    does(org, "release-hold", by=by, second=second, hold=str(hold.id), ground="settled")


def follow() -> None:
    """What the worker does within a second."""
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain()
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain()
