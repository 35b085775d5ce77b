"""How a request comes in: once, under a reference for life, with the dates it has from the first moment (RIGHTS 3b, rows 1 to 5 and 9)."""
from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from accounts.models import Account, Management, Organization
from accounts.reasons import Refused
from accounts.work import Work
from dsar.cases import engine
from dsar.cases.engine import Loaded
from dsar.cases.models import Action, Case, Outcome
from dsar.cases.table import OVER, Who, needed
from dsar.clock.regimes import applicable

MOST = 10
"""So many unproven requests of one person may be open in one organization."""
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass
class Received:
    """What became of it: the case, and what has to be written about it; nothing where the same is under way already."""

    loaded: Loaded
    facts: list[dict[str, Any]]

    @property
    def again(self) -> bool:
        return not self.facts


def reference() -> str:
    """Short enough to be read out, and says nothing."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"R-{letters[:4]}-{letters[4:]}"


def receive(work: Work, *, organization: Organization, account: Account, rights: Collection[str], channel: str, level: int, who: Who, actor: UUID | None, words: str = "",
            received_at: datetime | None = None, recorded_by: UUID | None = None, event: str = "received") -> Received:
    """Take a request in. What the person has under way and proven already is not opened twice: the answer is the same, with the same reference.

    The account is locked by the caller, so that of two at once the second finds the first.
    """
    if (known := under_way(organization.id, account.id, rights)) and level >= needed(known.actions):
        return Received(known, [])
    if Case.objects.filter(organization=organization, account=account, state="identity_pending").count() >= MOST:
        raise Refused({"": ["too_many_requests"]})
    at = min(received_at or work.now, work.now)
    managed = Management.objects.filter(organization=organization, account=account).exists()
    case = Case(id=uuid4(), organization=organization, account=account, reference=reference(), channel=channel, level=level, words=words.strip()[:2000], country=settings.SEAT_COUNTRY,
                time_zone=organization.time_zone, received_at=at, recorded_by=recorded_by, regimes=list(applicable(seat=settings.SEAT_COUNTRY, employee=managed)))
    actions = [Action(id=uuid4(), case=case, organization=organization, account=account, right=right) for right in sorted(set(rights))]
    work.add(case)
    for action in actions:
        work.add(action)
    loaded = Loaded(case, actions, [])
    facts = [engine.go(work, loaded, event, who=who, actor=actor, data={"at": at, "facts": {"channel": channel, "regimes": case.regimes}})]
    return Received(loaded, [*facts, *settle(work, loaded)])


def settle(work: Work, loaded: Loaded) -> list[dict[str, Any]]:
    """What follows at once: it is looked at, or a proof is asked for."""
    if loaded.case.level < needed(loaded.actions):
        return [engine.go(work, loaded, "ask_identity", who="schedule", data={"facts": {"level": needed(loaded.actions)}})]
    return [engine.go(work, loaded, "admitted", who="schedule"), *joined(work, loaded)]


def prove(work: Work, loaded: Loaded, *, level: int, who: Who, actor: UUID | None, code: str) -> list[dict[str, Any]]:
    """The person proved who they are; if the same is under way already, this request joins it."""
    return [engine.go(work, loaded, "proven", who=who, actor=actor, data={"level": level, "code": code}), *joined(work, loaded)]


def joined(work: Work, loaded: Loaded) -> list[dict[str, Any]]:
    if any(a.outcome == Outcome.OPEN for a in loaded.actions):
        return []
    return [engine.go(work, loaded, "merged", who="schedule")]


def under_way(organization_id: UUID, account_id: UUID, rights: Iterable[str]) -> Loaded | None:
    """The case in which the person has all of these rights under way, proven."""
    wanted = set(rights)
    rows = Action.objects.filter(organization_id=organization_id, account_id=account_id, right__in=wanted, outcome=Outcome.OPEN, verified=True).select_related("case")
    found = {row.right: row.case for row in rows}
    cases = {case.id for case in found.values()}
    if set(found) != wanted or len(cases) != 1:
        return None
    case = next(iter(found.values()))
    assert case.state not in OVER
    return Loaded(case, list(case.actions.order_by("right")), list(case.happenings.order_by("at", "id")))
