"""What time alone does to requests: reminders, missed dates, proofs and answers that never came, and dates reckoned anew."""
from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.cache import cache

from accounts.reasons import Refused
from accounts.tenancy import installation
from audit.record import ActorRef
from dsar.cases import children, dates, engine, reported, unproven
from dsar.cases.models import Case, Happening
from dsar.cases.table import OPEN

logger = logging.getLogger("steward.cases")
WARN = (7, 3, 1, 0)
WAITS = timedelta(days=30)
PROMISE = timedelta(days=7)
"""Within this time after a missed date the person is to be answered all the same: the new date that they are told."""
_CLOCK = ActorRef(type="schedule")


def run(*, now: datetime) -> None:
    """Once an hour. One failure does not stop the rest."""
    if not cache.add("cases-looked-at", 1, 3600):
        return
    look(now=now)


def look(*, now: datetime) -> None:
    reported.look(now=now)
    with installation("time passes for requests in every organization"):
        for case in Case.objects.filter(closed_at=None).order_by("received_at").iterator(chunk_size=500):
            try:
                _one(case, now)
            except Refused:
                continue  # somebody was faster
            except Exception:
                logger.exception("a request could not be looked at")


def _one(case: Case, now: datetime) -> None:
    actions, happened = list(case.actions.all()), list(case.happenings.order_by("at", "id"))
    if any(getattr(case, name) != day for name, day in dates.reckoned(case, actions, happened).items()):
        logger.error("the stored dates of a request are not those that follow from what happened")
    if case.state == "identity_pending" and unproven.look(case, happened, now):
        return
    if case.state == "clarification_pending" and max(one.at for one in happened if one.event == "ask") + WAITS <= now:
        engine.happen(case.id, "answered", who="schedule", actor=_CLOCK, now=now, data={"code": "everything"})
    elif children.due(case, actions, happened, now):
        children.go_on(case, happened, now)
    elif case.state in OPEN and case.statutory_due is not None and not dates.stands_still(case, actions, happened):
        _remind(case, happened, now)


def _remind(case: Case, happened: list[Happening], now: datetime) -> None:
    """At 7, 3 and 1 days, on the day, and once after it."""
    assert case.statutory_due is not None
    left = (case.statutory_due - _today(case, now)).days
    due = case.statutory_due.isoformat()
    said = {h.code for h in happened if h.event in {"warned", "breached"}}
    if left < 0:
        if f"{due}:missed" not in said:
            engine.happen(case.id, "breached", who="schedule", actor=_CLOCK, now=now, data={"code": f"{due}:missed", "facts": {"promised": (_today(case, now) + PROMISE).isoformat()}})
        else:
            _keep_promise(case, happened, now, said)
        return
    steps = [day for day in WARN if left <= day]
    if steps and f"{due}:{min(steps)}" not in said:
        engine.happen(case.id, "warned", who="schedule", actor=_CLOCK, now=now, data={"code": f"{due}:{min(steps)}"})


def _keep_promise(case: Case, happened: list[Happening], now: datetime, said: set[str]) -> None:
    """The new date that the person was told is near, or over: everybody who could answer hears of it, once each."""
    promised = max((one.facts["promised"] for one in happened if one.event == "breached" and "promised" in one.facts), default=None)
    if promised is None:
        return
    left = (date.fromisoformat(promised) - _today(case, now)).days
    step = f"{promised}:promise" if 0 <= left <= 1 else f"{promised}:promise-missed" if left < 0 else ""
    if step and step not in said:
        engine.happen(case.id, "warned", who="schedule", actor=_CLOCK, now=now, data={"code": step})


def _today(case: Case, now: datetime) -> date:
    return now.astimezone(ZoneInfo(case.time_zone)).date()
