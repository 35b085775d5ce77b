"""Runs: once a day, for each organization and for what belongs to none, what is over goes. In batches, each an entry; dry after a change; stopped when it would be unusually much (RIGHTS 4d)."""
from __future__ import annotations

import logging
import statistics
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.outside import Unavailable
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.retention import finding, machine, removing, rules, setting, units
from dsar.retention.models import RetentionRule, RetentionRun, RunState
from dsar.retention.periods import begins, today

logger = logging.getLogger("steward.retention")
SECONDS = 8.0
"""So long a worker goes on before other work comes in between."""
LEAST = 100
"""A run that removes no more than this is never unusual."""
SHARE = 0.01
_PAST = 30
"""From so many earlier runs it is known what is usual."""
_SCHEDULE = ActorRef(type="schedule")


def run(*, now: datetime, seconds: float = SECONDS) -> bool:
    """Begin what is due today and carry on what is running, for some seconds. True if something is left. One failure does not stop the rest."""
    end = timezone.now() + timedelta(seconds=seconds)
    with installation("time passes for the data of every organization"):
        for org in due(now=now):
            try:
                begin(org=org, now=now)
            except (DatabaseError, Unavailable):
                logger.exception("a run of retention could not begin")
        for row in RetentionRun.objects.filter(state=RunState.RUNNING).order_by("started_at", "id"):
            if timezone.now() >= end:
                return True
            _carry(row.id, end)
        return RetentionRun.objects.filter(state=RunState.RUNNING).exists()


def waiting() -> bool:
    """Whether a run is under way."""
    with installation("time passes for the data of every organization"):
        return RetentionRun.objects.filter(state=RunState.RUNNING).exists()


def due(*, now: datetime) -> Iterator[UUID | None]:
    """Where something may be over today and nothing has begun yet: None stands for what belongs to no organization. One look at each kind of data, however many organizations there are."""
    wanted: set[UUID | None] = set(RetentionRule.objects.filter(effective_at__lte=now).exclude(ends_at__lte=now).values_list("organization_id", flat=True))
    wanted |= set(RetentionRun.objects.filter(finished_at__gt=now - timedelta(days=3), removed__gt=0).values_list("organization_id", flat=True))
    tomorrow = today(now, "UTC") + timedelta(days=2)  # wherever it is already the next day
    with connection.cursor() as cursor:
        for one in units.governed().values():
            if one.resists:  # of somebody who was erased, something may have been kept on a ground that is over
                cursor.execute(f'SELECT DISTINCT {one.owner()} FROM "{one.key}" WHERE {one.about(units.PURGED)}')
                wanted |= {row[0] for row in cursor.fetchall()}
            if one.default is None or (last := one.default.over(tomorrow)) is None:
                continue
            asked = finding.question(one, org=None, day=tomorrow, zone="UTC", rows=())
            dirty = f" AND {asked.dirty()}" if one.end.action == "deidentify" else ""
            cursor.execute(f'SELECT DISTINCT {one.owner()} FROM "{one.key}" WHERE ({one.end.clocks["end"]}) < %s{dirty}', [begins(last + timedelta(days=1), "UTC")])
            wanted |= {row[0] for row in cursor.fetchall()}
    known = set(Organization.objects.filter(id__in=[org for org in wanted if org]).values_list("id", flat=True))
    for org in sorted(wanted, key=str):
        day = today(now, setting.zone(org))
        if (org is None or org in known) and not RetentionRun.objects.filter(organization_id=org, day=day).exists():
            yield org


def begin(*, org: UUID | None, now: datetime) -> RetentionRun | None:
    """Count what is due and start the day's run: a dry one after a change, one that waits for two people when it is unusually much. None where nothing is to be done, or somebody was faster."""
    zone, rows = setting.zone(org), rules.in_force(org, now)
    day, digest = today(now, zone), rules.digest(org, rows)
    last = RetentionRun.objects.filter(organization_id=org).order_by("-started_at").first()
    if last is not None and last.state in {RunState.STOPPED, RunState.RUNNING} and last.digest == digest:
        return None  # it waits, or goes on
    seen = machine.look(machine.questions(org=org, day=day, zone=zone, rows=rows))
    count, total = sum(one.goes for one in seen), sum(one.total for one in seen)
    if not count and not (last and last.digest != digest and rows):
        return None
    dry = last is None or last.digest != digest
    found = RetentionRun(id=uuid4(), organization_id=org, day=day, zone=zone, dry=dry, digest=digest, started_at=now, due=count, total=total, held=sum(one.held for one in seen),
                         steps=[_step(one) for one in seen if one.goes or one.held])
    if dry:
        found.state, found.finished_at = RunState.DONE, now
    elif count > limit(org, total):
        found.state = RunState.STOPPED
    event = "retention.tried" if dry else "retention.stopped" if found.state == RunState.STOPPED else "retention.begun"
    try:
        with transaction.atomic(), recording.opened(org=org or INSTALLATION, now=now) as act:
            if last is not None and last.state == RunState.STOPPED:
                RetentionRun.objects.filter(id=last.id, state=RunState.STOPPED).update(state=RunState.FAILED, failure="superseded", finished_at=now, overdue=last.due)
            found.save(force_insert=True)
            act.write([_entry(found, event, due=count, held=found.held, total=total)])
    except IntegrityError:
        return None
    return found


def _step(one: machine.Seen) -> dict[str, Any]:
    """What a report says of one kind. `by` names rules by their ids; '' is the installation's own period, '-' its ceiling."""
    name = {finding.DEFAULT: "", finding.CEILING: "-"} | {number: str(row.id) for number, row in enumerate(one.rows, start=1)}
    return {"kind": one.one.key, "due": one.goes, "held": one.held, "total": one.total, "by": {name[number]: count for number, count in sorted(one.by.items())},
            "removed": 0, "emptied": 0, "parts": 0, "after": "", "over": not one.goes, "counted": {}}


def limit(org: UUID | None, total: int) -> int:
    """How many a run may remove without anybody being asked: 1 % of what there is, or what is usual here with three standard deviations, and never less than a hundred."""
    past = list(RetentionRun.objects.filter(organization_id=org, dry=False, state=RunState.DONE).order_by("-started_at").values_list("removed", flat=True)[:_PAST])
    usual = statistics.fmean(past) + 3 * statistics.pstdev(past) if len(past) > 2 else 0.0
    return max(LEAST, int(total * SHARE), int(usual))


def _entry(row: RetentionRun, action: str, *, outcome: str = "success", **facts: Any) -> EntryDraft:
    return EntryDraft(org=row.organization_id or INSTALLATION, action=action, category="retention", outcome=outcome, actor=_SCHEDULE, via="schedule",  # type: ignore[arg-type]
                      targets=[TargetRef(type="retention_run", id=row.id)], facts={"run": str(row.id), "day": row.day.isoformat(), **facts})


def _carry(run_id: UUID, end: datetime) -> None:
    """One run, as far as time allows. Whoever carries it on holds its row, so that two do not."""
    try:
        while timezone.now() < end:
            with transaction.atomic():
                row = RetentionRun.objects.select_for_update(skip_locked=True).filter(id=run_id, state=RunState.RUNNING).first()
                if row is None:
                    return
                step = next((one for one in row.steps if not one["over"]), None)
                if step is None:
                    _finish(row, timezone.now())
                    return
                _batch(row, step, timezone.now())
    except Unavailable as error:
        logger.warning("nothing is removed now: %s", error)
    except Exception:
        logger.exception("a run of retention is tried again later")


def _batch(row: RetentionRun, step: dict[str, Any], now: datetime) -> None:
    """One batch of one kind: a line in the ledger before the first, then rows and entries, or nothing at all."""
    one = units.governed().get(step["kind"])
    if one is None:
        step["over"] = True
        _keep(row)
        return
    asked = finding.question(one, org=row.organization_id, day=row.day, zone=row.zone, rows=rules.in_force(row.organization_id, now))
    with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
        done = removing.batch(asked, after=step["after"], before=lambda: removing.told(row, one, first=not (step["after"] or step["removed"]), now=now))
        step["removed"] += done.removed
        step["emptied"] += done.emptied
        step["parts"] += done.parts
        for key, count in done.counted.items():
            step["counted"][key] = step["counted"].get(key, 0) + count
        step["after"], step["over"] = done.after, done.over
        row.removed += done.removed + done.emptied
        _keep(row)
        facts = {"kind": one.key, "removed": done.removed, "emptied": done.emptied, "parts": done.parts, **({"counted": done.counted} if done.counted else {})}
        drafts = [_entry(row, "retention.removed", **facts)]
        drafts += [EntryDraft(org=row.organization_id or INSTALLATION, action="retention.removed_about", category="retention", outcome="success", actor=_SCHEDULE, via="schedule",
                              targets=[TargetRef(type="person", id=person, subject=person)], facts={"run": str(row.id), "kind": one.key, "count": count})
                   for person, count in sorted(done.people.items(), key=str)]
        act.write(drafts)


def _keep(row: RetentionRun) -> None:
    RetentionRun.objects.filter(id=row.id).update(steps=row.steps, removed=row.removed)


def _finish(row: RetentionRun, now: datetime) -> None:
    """The end of a run: what is still there although its day is past is counted, and should be nothing. What somebody held locked gets a second look first."""
    rows = rules.in_force(row.organization_id, now)
    left = {one.one.key: one.goes for one in machine.look(machine.questions(org=row.organization_id, day=row.day, zone=row.zone, rows=rows)) if one.goes}
    if again := [step for step in row.steps if step["kind"] in left and not step.get("again")]:
        for step in again:
            step.update(again=True, after="", over=False)
        _keep(row)
        return
    row.overdue = sum(left.values())
    row.state, row.finished_at = RunState.DONE, now
    with recording.opened(org=row.organization_id or INSTALLATION, now=now) as act:
        row.save(update_fields=["state", "finished_at", "overdue"])
        act.write([_entry(row, "retention.finished", outcome="failure" if row.overdue else "success", removed=row.removed, held=row.held, overdue=row.overdue)])


def overdue() -> int:
    """What is past its day and still here, wherever a run was over or waits. Needs to see every organization."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(sum(COALESCE(overdue, CASE WHEN state = 'stopped' THEN due END, 0)), 0) FROM ("
                       "SELECT DISTINCT ON (organization_id) organization_id, overdue, state, due FROM dsar_retentionrun WHERE NOT dry ORDER BY organization_id, started_at DESC) AS latest")
        return int(cursor.fetchone()[0])


