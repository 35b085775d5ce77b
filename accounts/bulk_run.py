"""Carrying out a plan of many targets: batch by batch, each whole or not at all, taken up again by whoever comes next."""
from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from accounts import act_file, bulk, door, purposes
from accounts.actor import Actor
from accounts.models import Plan, PlanRow
from accounts.models.plan import PlanState
from accounts.people import load_people
from accounts.power import Power
from accounts.tenancy import installation, scope

logger = logging.getLogger("steward.bulk")
ALONE = 2
"""After this many failures in a row the rows of a batch are done one by one, so that one bad row does not hold up the others."""
GIVE_UP = 8


def resume(*, seconds: float = 10.0) -> bool:
    """Work on every plan that is being prepared or carried out, in turns, for this long. True when something is left."""
    end = time.monotonic() + seconds
    waiting = _waiting()
    while waiting and time.monotonic() < end:
        waiting = [found for found in waiting if _turn(*found)]
    return bool(waiting)


def _waiting() -> list[tuple[UUID, UUID]]:
    with installation("jobs of every organization"):
        return list(Plan.objects.filter(state__in=(PlanState.PREPARING, PlanState.RUNNING)).order_by("created_at").values_list("id", "organization_id"))


def run(*, plan_id: UUID, organization_id: UUID) -> None:
    """Carry one plan out to its end."""
    while _turn(plan_id, organization_id):
        pass


def _turn(plan_id: UUID, organization_id: UUID) -> bool:
    """One batch of one plan. True when another one is due; a plan that somebody else works on is left to them."""
    with scope(org=organization_id, purpose=purposes.ACT):
        now = timezone.now()
        try:
            return bulk.judge_batch(plan_id=plan_id, now=now) or step(plan_id=plan_id, now=now)
        except (OperationalError, InterfaceError):
            raise  # PostgreSQL is away or ended us: the next worker takes it up
        except Exception as error:
            # Named by type only: the text of such an error can hold an address.
            logger.error("a batch of plan %s failed (%s); it is tried again", plan_id, type(error).__name__)
            return _failed(plan_id, type(error).__name__, now)


def step(*, plan_id: UUID, now: datetime) -> bool:
    """Carry out the next batch in one transaction with its outcome: it happened and is counted, or neither."""
    with transaction.atomic():
        row = Plan.objects.select_for_update(skip_locked=True).filter(id=plan_id, state=PlanState.RUNNING).first()
        if row is None:
            return False
        power, actor = bulk.power_of(row), bulk.requester(row)
        if actor is not None and row.summary.get("agreed"):
            actor = replace(actor, paused=False)  # a second person agreed to exactly this
        if actor is None or not actor.may(power.permission):
            row.failure = "requester_lost_role"
            left = PlanRow.objects.filter(plan=row, state="waiting").update(state="skipped", codes=["no_permission"])
            row.summary = {**row.summary, "skipped": row.summary.get("skipped", 0) + left}
            bulk.finish(row, actor or bulk.nobody(row), PlanState.STOPPED, "plan.stopped", now, reason="requester_lost_role")
            Plan.objects.filter(id=row.id).update(summary=row.summary)
            return False
        rows = list(PlanRow.objects.filter(plan=row, state="waiting").order_by("number")[:bulk.BATCH])
        if rows:
            (_one_by_one if row.attempts >= ALONE else _together)(row, power, actor, rows, now)
            bulk.save_rows(rows)
            row.progress += len(rows)
            done = sum(1 for r in rows if r.state == "done")
            row.summary = {**row.summary, "done": row.summary.get("done", 0) + done, "failed": row.summary.get("failed", 0) + len(rows) - done}
            Plan.objects.filter(id=row.id).update(progress=row.progress, summary=row.summary, attempts=0)
        if row.progress >= row.summary["doable"]:
            bulk.finish(row, actor, PlanState.DONE, "plan.finished", now)
            return False
    return True


def _together(row: Plan, power: Power, actor: Actor, rows: list[PlanRow], now: datetime) -> None:
    if power is not act_file.FILE:
        _batch(row, power, actor, rows, bulk.data_of(row, power, rows), now)
        return
    load_people(organization_id=row.organization_id, ids=[r.target for r in rows if r.target], lock=True)  # in one order, before each part locks its own
    for part in act_file.parts(rows):
        if part.data is None:  # what was a time to come is over
            for one in part.rows:
                one.state, one.codes, one.entry = "failed", ["invalid_value"], None
        else:
            _batch(row, part.power, actor, part.rows, part.data, now)


def _batch(row: Plan, power: Power, actor: Actor, rows: list[PlanRow], data: dict[str, Any], now: datetime) -> None:
    part = door.Part(plan=row.id, total=row.total, ids=[r.target for r in rows if r.target], numbers=[r.number for r in rows], versions=[r.version for r in rows],
                     approvers=tuple(UUID(a) for a in row.summary.get("approvers", [])), agreed=bool(row.summary.get("agreed")))
    outcomes = door.batch(power=power, actor=actor, part=part, data=data, now=now)
    for one, outcome in zip(rows, outcomes, strict=True):
        one.state, one.codes, one.entry = ("failed", list(outcome.codes), None) if outcome.codes else ("done", [], outcome.entry)


def _one_by_one(row: Plan, power: Power, actor: Actor, rows: list[PlanRow], now: datetime) -> None:
    for one in rows:
        try:
            with transaction.atomic():
                _together(row, power, actor, [one], now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            logger.error("row %s of plan %s failed (%s)", one.number, row.id, type(error).__name__)
            one.state, one.codes, one.entry = "failed", ["internal_error"], None


def _failed(plan_id: UUID, what: str, now: datetime) -> bool:
    """Count the failure where people see it; after too many in a row the job ends and says so."""
    try:
        with transaction.atomic():
            row = Plan.objects.select_for_update().get(id=plan_id)
            row.attempts += 1
            Plan.objects.filter(id=plan_id).update(attempts=row.attempts)
            if row.attempts >= GIVE_UP:
                row.failure = what
                bulk.finish(row, bulk.nobody(row), PlanState.FAILED, "plan.failed", now)
                return False
    except DatabaseError as error:
        logger.error("the failure of plan %s could not be written down (%s)", plan_id, type(error).__name__)
        return False
    return True
