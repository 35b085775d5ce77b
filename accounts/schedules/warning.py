"""Warnings before something scheduled happens: three days and one day ahead, of the ends of contracts as the organization decided, as far as the distance allows."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import purposes
from accounts.models import Membership, OrganizationPolicy, Plan
from accounts.models.plan import PlanState
from accounts.schedules import acts
from accounts.schedules.acts import CONTRACT
from accounts.schedules.rules import WARN_BEFORE, warned_for
from accounts.tenancy import installation, scope
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

BATCH = 500
Ahead = tuple[timedelta, ...]


def run(*, now: datetime) -> None:
    """Warn of what comes near. Whoever was not warned in time, because nobody looked, is warned once, by the nearest warning."""
    due: dict[tuple[UUID, Ahead], list[UUID]] = defaultdict(list)
    with installation("what comes near in every organization"):
        for ahead, rows in _kinds(Plan.objects.filter(state=PlanState.SCHEDULED, due_at__gt=now)):
            near = Q()
            for number, before in enumerate(ahead, start=1):
                near |= Q(due_at__lte=now + before, warned__lt=number)
            for organization, plan in rows.filter(near).order_by("due_at").values_list("organization_id", "id"):
                due[(organization, ahead)].append(plan)
    for (organization, ahead), ids in due.items():
        for start in range(0, len(ids), BATCH):
            with scope(org=organization, purpose=purposes.ACT), transaction.atomic():
                _warn(organization, ids[start:start + BATCH], now, ahead)


def _kinds(rows: QuerySet[Plan]) -> Iterator[tuple[Ahead, QuerySet[Plan]]]:
    """What is warned of at the same distances: acts that somebody scheduled, and the ends of contracts as each organization decided."""
    yield WARN_BEFORE, rows.filter(automatic=False)
    own: dict[Ahead, list[UUID]] = defaultdict(list)
    for numbers in OrganizationPolicy.objects.all():
        own[numbers.reminders].append(numbers.organization_id)
    usual = OrganizationPolicy().reminders
    contracts = rows.filter(power=CONTRACT)
    yield usual, contracts.exclude(organization_id__in=[i for ahead, ids in own.items() if ahead != usual for i in ids])
    for ahead, ids in own.items():
        if ahead != usual:
            yield ahead, contracts.filter(organization_id__in=ids)


def _warn(organization: UUID, ids: list[UUID], now: datetime, ahead: Ahead) -> None:
    rows = [row for row in Plan.objects.select_for_update(skip_locked=True).filter(id__in=ids, state=PlanState.SCHEDULED, due_at__gt=now).order_by("id")
            if row.due_at and row.warned < warned_for(due=row.due_at, now=now, ahead=ahead)]
    if not rows:
        return
    people = {m.id: m for m in Membership.objects.filter(id__in=[row.subject for row in rows]).select_related("account")}
    with recording.opened(org=organization, now=now) as act:
        for level in range(1, len(ahead) + 1):
            Plan.objects.filter(id__in=[row.id for row in rows if row.due_at and warned_for(due=row.due_at, now=now, ahead=ahead) == level]).update(warned=level)
        act.write([EntryDraft(
            org=organization, action="plan.due_soon", category="plan", outcome="success", actor=ActorRef(type="schedule"), via="schedule", plan=row.id, facts=acts.said(row),
            targets=[TargetRef(type="service_account" if m.account.kind == "service" else "person", id=m.account_id, label=m.account.name, subject=m.account_id),
                     TargetRef(type="membership", id=m.id)])
            for row in rows if (m := people[row.subject])])  # type: ignore[index]
