"""What falls due: in the order of its times, set by set, each whole or not at all, taken up again by whoever comes next."""
from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from accounts import approvals, door, purposes
from accounts.actor import Actor
from accounts.models import Account, Group, Membership, Plan, Role
from accounts.models.plan import PlanState
from accounts.permissions import PERMISSIONS
from accounts.powers import FALLS_DUE
from accounts.reasons import NotFound, Refused, Stale
from accounts.tenancy import installation, scope

logger = logging.getLogger("steward.due")
BATCH, ROUNDS = 500, 6
"""How many are done together; how often we look again for what follows from what was just done, such as an end that is over too."""


def schedule(organization_id: UUID) -> Actor:
    """The actor for what was decided earlier and falls due now."""
    return Actor(kind="schedule", organization_id=organization_id, rank=101, permissions=frozenset(PERMISSIONS), via="schedule", tier_granted=2)


@dataclass(frozen=True)
class Item:
    """One thing that is due: what kind, in which organization, what it has in common with others, and whom it is about."""

    at: datetime
    kind: str
    organization: UUID
    key: str
    person: UUID
    plan: UUID | None = None


def run(*, now: datetime) -> None:
    """Everything that is due, however long nobody looked; one failure does not stop the rest, and nothing is tried twice in one run."""
    tried: set[Item] = set()
    for _round in range(ROUNDS):
        with installation("what is due in every organization"):
            found = sorted((item for item in (*_plans(now), *_returns(now), *_reactivations(now)) if item not in tried), key=lambda item: item.at)
        if not found:
            return
        tried.update(found)
        for batch in _batches(found):
            _attempt(batch, now)


def _plans(now: datetime) -> Iterator[Item]:
    rows = Plan.objects.filter(state=PlanState.SCHEDULED, due_at__lte=now).order_by("due_at", "created_at")
    for row in rows.values("id", "organization_id", "subject", "due_at", "power", "requested_by", "requested_via", "requested_through", "data", "summary", "automatic").iterator(chunk_size=2000):
        asked = [row["requested_via"], str(row["requested_through"])]
        key = json.dumps([row["power"], str(row["requested_by"]), asked, row["automatic"], row["summary"].get("approvers", []), row["data"]], sort_keys=True)
        yield Item(row["due_at"], "plan", row["organization_id"], key, row["subject"], row["id"])


def _returns(now: datetime) -> Iterator[Item]:
    for at, organization, person in Membership.objects.filter(status_until__lte=now, status__in=("restricted", "suspended")).values_list("status_until", "organization_id", "id"):
        yield Item(at, "restore", organization, "", person)


def _reactivations(now: datetime) -> Iterator[Item]:
    rows = Account.objects.filter(status="deactivated", status_until__lte=now, memberships__organization_id=F("management__organization_id"))
    for at, organization, person in rows.values_list("status_until", "management__organization_id", "memberships__id"):
        yield Item(at, "reactivate", organization, "", person)


def _batches(items: list[Item]) -> Iterator[list[Item]]:
    """Neighbours that are alike, together."""
    batch: list[Item] = []
    people: set[UUID] = set()
    for item in items:
        if batch and ((item.kind, item.organization, item.key) != (batch[0].kind, batch[0].organization, batch[0].key) or len(batch) >= BATCH or item.person in people):
            yield batch
            batch, people = [], set()
        batch.append(item)
        people.add(item.person)
    if batch:
        yield batch


def _attempt(batch: list[Item], now: datetime) -> None:
    with scope(org=batch[0].organization, purpose=purposes.ACT):
        try:
            _KINDS[batch[0].kind](batch, now)
        except (OperationalError, InterfaceError):
            raise  # PostgreSQL is away or ended us: the next run takes it up
        except Exception as error:  # named by type only: the text of such an error can hold an address
            logger.error("%d due acts (%s) failed: %s", len(batch), batch[0].kind, type(error).__name__)
            if len(batch) > 1:
                for item in batch:
                    _attempt([item], now)


def _fall(batch: list[Item], now: datetime) -> None:
    """Acts that somebody scheduled: as whoever asked, with the rights that they have now."""
    slug, _by, _via, automatic, approvers, data = json.loads(batch[0].key)
    with transaction.atomic():
        first = Plan.objects.get(id=batch[0].plan)
        if automatic:
            actor = schedule(first.organization_id)
            data = _former(first.organization_id, data) if slug == "change-role" else data
        else:
            actor = replace(approvals.requester(first) or Actor(kind="user", organization_id=first.organization_id), via="schedule", tier_granted=2)
        door.fallen_due(power=FALLS_DUE[slug], actor=actor, plans=[item.plan for item in batch if item.plan], people=[item.person for item in batch], data=data, now=now,
                        approvers=tuple(UUID(i) for i in approvers))


def _former(organization_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """The former role as far as it still exists: what is gone meanwhile becomes the role of a member, never more than there was."""
    groups = {str(i) for i in Group.objects.filter(organization_id=organization_id).values_list("id", flat=True)}
    kept = [i for i in data["scope"] if i in groups]
    if not Role.objects.filter(organization_id=organization_id, slug=data["role"]).exists() or (data["scope"] and not kept):
        return {**data, "role": "member", "scope": []}
    return {**data, "scope": kept}


def _end(power: str, data: dict[str, Any]) -> Callable[[list[Item], datetime], None]:
    """An act by the schedule itself on people whose time is over; who cannot be helped is left out."""

    def act(batch: list[Item], now: datetime) -> None:
        try:
            door.perform(power=FALLS_DUE[power], actor=schedule(batch[0].organization), ids=[item.person for item in batch], data=data, now=now, partial=True)
        except (Refused, NotFound, Stale) as error:
            logger.warning("a scheduled %s was not possible: %s", power, error)

    return act


_KINDS: dict[str, Callable[[list[Item], datetime], None]] = {
    "plan": _fall, "restore": _end("restore", {"how": "reinstate", "reason_code": "until_reached"}), "reactivate": _end("reactivate", {"reason_code": "until_reached"})}
