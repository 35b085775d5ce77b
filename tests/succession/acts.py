"""Short ways for these tests: an organization whose owner can fall silent, and the acts of succession on it."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import door, tenancy
from accounts.models import Account, Mail, Membership, Session, SuccessionCase
from accounts.powers import BY_SLUG
from accounts.succession import watch
from audit import subscribers
from audit.models import Leaf
from tests.audit.logs import number_all
from tests.cast import Org, make_org
from tests.situations import arrange

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def small(letter: str = "s", *, owners: int = 1) -> Org:
    """An organization with owners and three members who have a second factor: first, second, third."""
    people = [("owner" if n == 0 else f"owner{n}", "owner", True) for n in range(owners)]
    with tenancy.installation("tests make their world"):
        org = make_org(f"{letter}-{uuid.uuid4().hex[:10]}", [*people, *((name, "member", True) for name in ("first", "second", "third")), ("plain", "member", False)])
    factor(org, True, "first", "second", "third")
    return org


def factor(org: Org, has: bool, *names: str) -> None:
    arrange(lambda: Account.objects.filter(id__in=[org.person(name).account_id for name in names]).update(has_second_factor=has))


def account(org: Org, name: str, **values: Any) -> None:
    arrange(lambda: Account.objects.filter(id=org.person(name).account_id).update(**values))


def do(org: Org, slug: str, who: str = "owner", *, now: datetime | None = None, **data: Any) -> door.Receipt:
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor(who, now=now), data=data, now=now)


def name(org: Org, *people: str, who: str = "owner", now: datetime | None = None) -> None:
    do(org, "name-successors", who, now=now, successors=", ".join(f"{person}@{org.slug}.example" for person in people))


def make_codes(org: Org, *, now: datetime | None = None) -> list[str]:
    return do(org, "make-recovery-codes", now=now).secret.splitlines()


def look(org: Org, now: datetime) -> None:
    watch.look(org.organization.id, now=now)


def signs_in(org: Org, who: str, now: datetime) -> None:
    """The registered session that a whole sign-in leaves, and what follows from it."""
    person = org.person(who)
    arrange(lambda: Session.objects.create(account_id=person.account_id, session_key=uuid.uuid4().hex, auth_epoch=1, started_at=now, last_seen_at=now))
    watch.signed_in(account_id=person.account_id, now=now)


def case(org: Org, way: str = "successors") -> SuccessionCase:
    with tenancy.scope(org=org.organization.id):
        found = SuccessionCase.objects.filter(organization=org.organization, way=way).order_by("-opened_at").first()
    assert found is not None
    return found


def cases(org: Org) -> int:
    with tenancy.scope(org=org.organization.id):
        return SuccessionCase.objects.filter(organization=org.organization).count()


def role(org: Org, who: str) -> str:
    with tenancy.scope(org=org.organization.id):
        return Membership.objects.select_related("role").get(id=org.person(who).id).role.slug


def events(org: Org) -> list[str]:
    number_all()
    with tenancy.scope(org=org.organization.id):
        found = list(Leaf.objects.filter(org=org.organization.id, outcome="success").order_by("seq").values_list("action", flat=True))
    return [action for action in found if action.startswith(("succession.", "organization.ownership"))]


def mails(org: Org) -> list[tuple[str, str, str]]:
    """(template, to whom, subject) of what is owed, as it is written."""
    from accounts import outbox

    number_all()
    with tenancy.installation("a test reads mail"):
        subscribers.drain()
        rows = list(Mail.objects.filter(organization_id=org.organization.id, template__startswith="succession").order_by("created_at", "id"))
        return [(row.template, row.address.split("@")[0], outbox.render(row)[0] if row.context else row.subject) for row in rows]
