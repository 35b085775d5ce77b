"""Cases for tests, opened as the product opens them."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from accounts import tenancy
from accounts.models import Account, Membership, Organization
from accounts.work import Work
from audit.record import ActorRef
from dsar.cases import engine, intake
from dsar.cases.engine import Loaded
from dsar.cases.models import Case


def received(person: Membership, *rights: str, level: int = 2, now: datetime | None = None, channel: str = "page", event: str = "received") -> Case:
    """A request of the person, taken in."""
    now = now or datetime.now(UTC)
    with tenancy.installation("a test asks"), transaction.atomic():
        account = Account.objects.select_for_update().get(id=person.account_id)
        work = Work(now=now)
        got = intake.receive(work, organization=Organization.objects.get(id=person.organization_id), account=account, rights=rights or ("correct",), channel=channel, level=level, who="person" if event == "received" else "schedule",
                             actor=account.id, event=event)
        if got.facts:
            drafts = [engine.draft(got.loaded, facts, actor=ActorRef(type="user", id=account.id), via="ui", account=account, work=work) for facts in got.facts]
            engine.written(work, drafts, org=person.organization_id, now=now)
    return got.loaded.case


def happen(case: Case, event: str, *, who: str = "schedule", actor: Any = None, now: datetime | None = None, **data: Any) -> Loaded:
    """One row, by hand."""
    with tenancy.installation("a test acts"):
        return engine.happen(case.id, event, who=who, actor=ActorRef(type="user" if actor else "schedule", id=actor), data=data, now=now or datetime.now(UTC))  # type: ignore[arg-type]
