"""The inactivity rule by the clock: warn, warn again, suspend; each person decided anew, each step once, and a report to the administrators once a day."""
from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction

from accounts import brake, door, listing_query, notice, policy, purposes
from accounts.inactivity import people, rules
from accounts.inactivity.rules import Rule
from accounts.models import Membership, OrganizationPolicy
from accounts.powers import inactivity
from accounts.reasons import NotFound, Refused, Stale
from accounts.schedules.falling import schedule
from accounts.tenancy import installation, scope
from accounts.work import plain
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.inactivity")
BATCH = 500
Told = Literal["warn", "remind"]
EVENTS: dict[Told, str] = {"warn": "membership.inactivity_warned", "remind": "membership.inactivity_reminded"}
COLUMNS: dict[Told, str] = {"warn": "inactivity_warned_at", "remind": "inactivity_reminded_at"}
REPORT = "organization.inactivity_reported"


class _Changed(Exception):
    """The rule was changed, or another process was here today, while we looked."""


def run(*, now: datetime) -> None:
    """Look at every organization that has the rule; a failure in one does not stop the others. Safe to run at any time, twice at once, and after a kill."""
    with installation("which organizations have an inactivity rule"):
        organizations = list(OrganizationPolicy.objects.filter(inactive_days__isnull=False).order_by("organization_id").values_list("organization_id", flat=True))
    for organization_id in organizations:
        try:
            with scope(org=organization_id, purpose=purposes.ACT):
                _look(organization_id, now)
        except _Changed:
            continue
        except (OperationalError, InterfaceError):
            raise  # PostgreSQL is away or ended us: the next run takes it up
        except Exception as error:
            logger.error("the inactivity rule of %s is looked at again later (%s)", organization_id, type(error).__name__)


def _look(organization_id: UUID, now: datetime) -> None:
    row = policy.of(organization_id)
    rule = rules.of(row)
    if rule is None or row.inactive_looked_on == _today(now) or inactivity.SLUG not in notice.on(notice.published(organization_id), now):
        return
    found = [(rules.step(rule, one.stand, now)[0], one) for one in people.idle(organization_id=organization_id, before=now + rules.FIRST - timedelta(days=rule.days))]
    for kind in EVENTS:
        ids = [one.id for step, one in found if step == kind]
        for start in range(0, len(ids), BATCH):
            _tell(organization_id, rule, kind, ids[start:start + BATCH], now)
    waiting = _suspend(organization_id, rule, [one.id for step, one in found if step == "suspend"], now)
    _report(organization_id, rule, waiting, now)


def _today(now: datetime) -> object:
    return now.astimezone(UTC).date()


@contextmanager
def _held(organization_id: UUID, rule: Rule, now: datetime) -> Iterator[OrganizationPolicy]:
    """A transaction in which the rule stays what it was when we looked, and nobody else carries it out."""
    with transaction.atomic():
        row = OrganizationPolicy.objects.select_for_update().get(organization_id=organization_id)
        if rules.of(row) != rule or row.inactive_looked_on == _today(now):
            raise _Changed
        yield row


def _tell(organization_id: UUID, rule: Rule, kind: Told, ids: Sequence[UUID], now: datetime) -> None:
    """Write down that these people are told, with the day on which their access ends; the mails follow from the entries."""
    with _held(organization_id, rule, now):
        ends = {one.id: rules.step(rule, one.stand, now) for one in people.idle(organization_id=organization_id, ids=ids)}
        rows = list(Membership.objects.select_for_update(of=("self",)).select_related("account").filter(id__in=[i for i, (step, _ends) in ends.items() if step == kind]).order_by("account_id", "id"))
        if not rows:
            return
        with recording.opened(org=organization_id, now=now) as act:
            Membership.objects.filter(id__in=[m.id for m in rows]).update(**{COLUMNS[kind]: now})
            act.write([EntryDraft(
                org=organization_id, action=EVENTS[kind], category="access", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                targets=[TargetRef(type="person", id=m.account_id, label=m.account.name or m.account.email, subject=m.account_id), TargetRef(type="membership", id=m.id)],
                facts={"days": rule.days, "ends_at": plain(ends[m.id][1])}) for m in rows])


def _suspend(organization_id: UUID, rule: Rule, ids: Sequence[UUID], now: datetime) -> int:
    """Suspend those whose time is over, whoever stayed away longest first, but not more than one administrator could in a day; returns how many have to wait for tomorrow."""
    most = max(0, brake.limit(listing_query.counts(organization_id=organization_id)["all"]) - _suspended(now).count())
    chosen = ids[:most]
    for start in range(0, len(chosen), BATCH):
        with _held(organization_id, rule, now):
            try:
                door.perform(power=inactivity.END, actor=schedule(organization_id), ids=chosen[start:start + BATCH], data={"reason_code": rules.REASON}, now=now, partial=True)
            except (Refused, NotFound, Stale) as error:
                logger.warning("nobody of %d was suspended for inactivity: %s", len(chosen[start:start + BATCH]), error)
    return len(ids) - len(chosen)


def _suspended(now: datetime) -> object:
    """Whom the rule suspended today, in the organization of the scope."""
    return Membership.objects.filter(status="suspended", reason_code=rules.REASON, status_changed_by=None, status_changed_at__gte=_midnight(now))


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _report(organization_id: UUID, rule: Rule, waiting: int, now: datetime) -> None:
    """Say once a day how many were warned and suspended; from then on nothing more happens that day. Counted from what is written, so that a kill loses nothing."""
    since = max(_midnight(now), rule.since)
    with _held(organization_id, rule, now) as row:
        there = Membership.objects.filter(organization_id=organization_id)
        facts = {"warned": there.filter(inactivity_warned_at__gte=since).count(), "reminded": there.filter(inactivity_reminded_at__gte=since).count(), "suspended": _suspended(now).count(),
                 "waiting": waiting}
        if not any(facts.values()):
            return
        with recording.opened(org=organization_id, now=now) as act:
            OrganizationPolicy.objects.filter(id=row.id).update(inactive_looked_on=_today(now))
            act.write([EntryDraft(org=organization_id, action=REPORT, category="access", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                                  targets=[TargetRef(type="organization", id=organization_id)], facts={**facts, "days": rule.days})])
