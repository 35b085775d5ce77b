"""What the tests of deletion do over and over."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import approvals, door, tenancy
from accounts.models import Account, Deletion, Membership
from accounts.powers import BY_SLUG
from tests.cast import Org
from tests.situations import WHY, arrange

DAY = timedelta(days=1)


def act(org: Org, slug: str, person: Membership, *, by: str = "owner", now: datetime | None = None, **data: Any) -> door.Receipt:
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor(by, now=now), ids=[person.id], data={**WHY, **data}, now=now)


def agreed(org: Org, slug: str, person: Membership, *, by: str = "owner", second: str = "administrator", now: datetime | None = None, **data: Any) -> door.Receipt:
    """An act that needs a second person, who agrees."""
    now = now or datetime.now(UTC)
    asked = act(org, slug, person, by=by, now=now, **data)
    assert asked.plan_id
    with tenancy.scope(org=org.organization.id):
        done = approvals.decide(plan_id=asked.plan_id, actor=org.actor(second, now=now), requester=org.actor(by, now=now), power=BY_SLUG[slug], approve=True, note="", now=now)
    assert isinstance(done, door.Receipt)
    return done


def warned(person: Membership) -> None:
    """As if the person had been told three days before that the date is near."""
    arrange(lambda: Deletion.objects.filter(account_id=person.account_id).update(warned=True))


def account(person: Membership) -> Account:
    return Account.objects.get(id=person.account_id)


def deletion(person: Membership) -> Deletion | None:
    with tenancy.installation("a test looks"):
        return Deletion.objects.filter(account_id=person.account_id).first()
