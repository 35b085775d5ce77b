"""Requests of which nobody proved who asked: two reminders, each of which has left the house, and only then the end; for a deletion the way to something that needs no proof (RIGHTS 3b, row 4)."""
from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Account, Mail
from accounts.work import Work
from audit import recording, subscribers
from audit.record import ActorRef
from dsar.cases import engine, intake
from dsar.cases.engine import Loaded
from dsar.cases.models import Case, Happening, Right
from dsar.cases.table import REMINDERS, Who

WAITS = timedelta(days=30)
REMINDED_AFTER = (timedelta(days=10), timedelta(days=20))
STAYS = timedelta(days=3)
"""So long after each reminder nothing follows from silence, however late the reminder came (decision 0050)."""
CALIFORNIA = timedelta(days=45)
"""There no time stands still, and who is not known by day 45 may be turned away."""
_CLOCK = ActorRef(type="schedule")


def look(case: Case, happened: list[Happening], now: datetime) -> bool:
    """Remind, or close, if it is time. Whether something was done."""
    reminded = [one.at for one in happened if one.event == "reminded"]
    if reminded and not heard(case, now):
        return False
    if len(reminded) < REMINDERS:
        if asked(case, happened) + REMINDED_AFTER[len(reminded)] <= now:
            remind(case.id, now=now)
            return True
        return False
    if closes(case, happened) <= now:
        engine.happen(case.id, "closed_unverified", who="schedule", actor=_CLOCK, now=now)
        return True
    return False


def asked(case: Case, happened: list[Happening]) -> datetime:
    """When the proof was asked for. A request that was written down with an earlier day waits from the day on which the person heard of it."""
    return max((one.at for one in happened if one.event == "ask_identity"), default=case.received_at)


def closes(case: Case, happened: list[Happening]) -> datetime:
    """The earliest moment at which it may be closed: a month after the proof was asked for, and under the law of California the 45th day."""
    day = asked(case, happened) + WAITS
    if "california" in case.regimes:
        zone = ZoneInfo(case.time_zone)
        day = max(day, datetime.combine(case.received_at.astimezone(zone).date() + CALIFORNIA, datetime.min.time(), zone))
    return day


def heard(case: Case, now: datetime) -> bool:
    """Whether the last reminder left the house three days ago, or cannot be delivered. What nobody could send yet has reminded nobody."""
    if case.reminder is None:
        return True
    mail = Mail.objects.filter(entry=case.reminder, account_id=case.account_id).first()
    if mail is None:  # not written yet; or it is owed to nobody
        return subscribers.has_read("cases", case.reminder)
    return mail.state == "failed" or (mail.sent_at is not None and mail.sent_at <= now - STAYS)


def remind(case_id: Any, *, now: datetime) -> None:
    with transaction.atomic():
        loaded, work = engine.load(case_id), Work(now=now)
        account, case = Account.objects.get(id=loaded.case.account_id), loaded.case
        facts = engine.go(work, loaded, "reminded", who="schedule", data={"facts": {"closes": _day(case, loaded.happened, now).isoformat()}})
        with recording.opened(org=case.organization_id, now=now) as act:
            work.flush()
            [entry] = act.write([engine.draft(loaded, facts, actor=_CLOCK, via="schedule", account=account, work=work)])
            Case.objects.filter(id=case.id).update(reminder=entry)


def _day(case: Case, happened: list[Happening], now: datetime) -> date:
    """Before which day nothing is closed: the date, or what the missing reminders still take."""
    missing = max(REMINDERS - 1 - sum(one.event == "reminded" for one in happened), 0)
    return max(closes(case, happened), now + STAYS * (missing + 1)).astimezone(ZoneInfo(case.time_zone)).date()


def downgrade(work: Work, loaded: Loaded, *, account: Account, who: Who, actor: Any) -> list[tuple[Loaded, dict[str, Any]]]:
    """Instead of the deletion that needs a proof: no mail and no use beyond what is needed, which needs none. Each step with its case; the account is locked by the caller."""
    case = loaded.case
    got = intake.receive(work, organization=case.organization, account=account, rights=[Right.OPT_OUT], channel=case.channel, level=case.level, who="person", actor=account.id)
    into = got.loaded.case.reference
    return [(loaded, engine.go(work, loaded, "downgraded", who=who, actor=actor, data={"words": into, "facts": {"into": into}})), *((got.loaded, one) for one in got.facts)]
