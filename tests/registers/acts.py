"""What tests of the registers do: through the door, with the log numbered and read, and people told, as the installation does it."""
from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from accounts import approvals, door, outbox, tenancy
from accounts.models import Mail, Membership
from audit import subscribers
from audit.models import Entry
from dsar.registers import disclosures, notices, rounds, transfers
from dsar.registers.models import Disclosure, ToldDisclosure
from portal.powers import BY_SLUG
from tests.cast import Org
from tests.dsar.copies import numbered
from tests.situations import DATA


def do(org: Org, slug: str, *, who: str = "owner", now: datetime | None = None, second: str = "", **data: Any) -> door.Receipt:
    """Use a power with the data that its form accepts, changed by `data`; with a second person where that takes one."""
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id, account=org.person(who).account_id):
        actor = org.actor(who, now=now)
        receipt = door.perform(power=BY_SLUG[slug], actor=actor, data={**DATA[slug], **data}, now=now)
        if second:
            assert receipt.plan_id and not receipt.entries, "it takes two"
            approvals.decide(plan_id=receipt.plan_id, actor=org.actor(second, now=now), requester=actor, power=BY_SLUG[slug], approve=True, note="", now=now)
    return receipt


def pass_time(now: datetime) -> None:
    """What the schedule and the worker do at this moment."""
    disclosures.run(now=now)
    transfers.run(now=now)
    notices.run(now=now)
    tell(now)


def tell(now: datetime | None = None) -> None:
    """The log is numbered and read, and people are told."""
    numbered()
    with tenancy.installation("a test reads the log"):
        subscribers.drain()
    rounds.run(now=now or datetime.now(UTC))
    numbered()


def record(org: Org, *people: Membership, **data: Any) -> Disclosure:
    """A request about these people, as it stands."""
    before = {row.entry for row in lines(org)}
    addresses = "\n".join(f"{next(name for name, one in org.people.items() if one.id == person.id)}@{org.slug}.example" for person in people)
    do(org, "record-disclosure", **{"reach": "people" if people else "number", "people": addresses, **data})
    return next(row for row in lines(org) if row.entry not in before)


def lines(org: Org) -> list[Disclosure]:
    with tenancy.scope(org=org.organization.id):
        return list(Disclosure.objects.filter(organization_id=org.organization.id).order_by("at", "number"))


def entries(org: Org, prefix: str) -> list[dict[str, Any]]:
    """What was done here, as the log has it: acts whose names begin so, in order."""
    with tenancy.installation("a test reads the log"):
        found = [json.loads(one) for one in Entry.objects.filter(org=org.organization.id).order_by("occurred_at").values_list("record", flat=True)]
    return [one for one in found if one["action"].startswith(prefix) and one["decision"]["outcome"] == "success"]


def told(person: Membership) -> list[ToldDisclosure]:
    """What the person finds, with nothing but their own scope."""
    with tenancy.scope(account=person.account_id):
        return list(ToldDisclosure.objects.order_by("number"))


def mails(person: Membership, template: str) -> list[Mail]:
    """The mails of a kind, with their words."""
    found = list(Mail.objects.filter(account_id=person.account_id, template=template).order_by("created_at", "id"))
    for one in found:
        if one.context:
            one.subject, one.body, _html = outbox.render(one)
    return found
