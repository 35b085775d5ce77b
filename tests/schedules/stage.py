"""What the tests of schedules do over and over: ask for something later, let time pass, look."""
from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access, door, due, outbox, tenancy
from accounts.models import Account, Mail, Membership, Plan
from accounts.powers import BY_SLUG
from audit import sequencer, subscribers
from audit.models import Entry
from tests.cast import Org
from tests.situations import WHY

DAY = timedelta(days=1)


def ask(org: Org, power: str, name: str, *, by: str = "owner", now: datetime | None = None, **data: Any) -> door.Receipt:
    """The act through the door, as the named person."""
    now = now or timezone.now()
    with tenancy.scope(org=org.organization.id):
        fields = BY_SLUG[power].form.base_fields
        given = {**(WHY if "reason_code" in fields else {}), **({"how": "reinstate"} if power == "restore" else {}), **({"mode": "read_only"} if power == "restrict" else {}), **data}
        return door.perform(power=BY_SLUG[power], actor=org.actor(by, now=now), ids=[org.person(name).id], data=given, now=now)


def scheduled(org: Org, name: str) -> list[Plan]:
    with tenancy.installation("look"):
        return list(Plan.objects.filter(subject=org.person(name).id).order_by("created_at"))


def states(org: Org, name: str) -> list[tuple[str, str]]:
    return [(row.power, row.state) for row in scheduled(org, name)]


def member(org: Org, name: str) -> Membership:
    with tenancy.installation("look"):
        return Membership.objects.select_related("account", "role").get(id=org.person(name).id)


def works(org: Org, name: str, now: datetime) -> str:
    """'' if a credential of the person works here at this moment, else why not."""
    person = org.person(name)
    with tenancy.scope(org=org.organization.id):
        found = access.standing(account_id=person.account_id, organization_id=org.organization.id, now=now)
    assert found is not None
    return found.refusal


def actions(org: Org, *names: str) -> list[dict[str, Any]]:
    """The records with these actions, in order."""
    import json

    with tenancy.installation("look"):
        rows = Entry.objects.filter(org=org.organization.id).order_by("occurred_at", "id")
        return [record for row in rows if (record := json.loads(row.record))["action"] in names]


def follow() -> None:
    """What the worker does: mails follow from the log."""
    with tenancy.installation("the worker's round"):
        while sequencer.run_once():
            pass
        subscribers.drain()


def letters(org: Org, template: str) -> list[tuple[str, str]]:
    """Who was told by this template, and the subject."""
    names = {m.account_id: name for name, m in org.people.items()}
    found = []
    with tenancy.installation("look"):
        for mail in Mail.objects.filter(organization_id=org.organization.id, template=template).order_by("created_at", "id"):
            subject, body, _html = outbox.render(mail)
            found.append((names[mail.account_id], f"{subject}\n{body}"))
    return found


def pass_time(to: datetime) -> None:
    due.run(now=to)


def account(org: Org, name: str) -> Account:
    return Account.objects.get(id=org.person(name).account_id)


def entry_ids(found: door.Receipt) -> list[UUID]:
    return [UUID(entry) for entry in found.entries]
