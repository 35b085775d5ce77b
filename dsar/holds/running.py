"""What time and the log bring to legal holds: they end where nobody agreed, people are reminded, and what waited goes on."""
from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction

from accounts import holding, purging
from accounts.models import Account, Deletion, Membership, Organization
from accounts.models.deletion import DeletionState
from accounts.tenancy import installation
from audit import holds, recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases.models import Evidence
from dsar.cases.table import OVER
from dsar.holds import people
from dsar.holds.models import Disclosure, HoldNotice, LegalHold
from dsar.restriction import life
from dsar.restriction.model import Trigger

logger = logging.getLogger("steward.holds")
REMINDED = timedelta(days=365)
_SCHEDULE = ActorRef(type="schedule")
BATCH = 500


def run(*, now: datetime) -> None:
    """Everything that is due. One failure does not stop the rest."""
    with installation("legal holds of every organization go on"):
        for hold_id in LegalHold.objects.filter(confirm_by__lte=now, confirmed_at=None, released_at=None).values_list("id", flat=True):
            _safely(lambda hold_id=hold_id: lapse(hold_id, now=now))
        for hold_id in LegalHold.objects.filter(disclosure=Disclosure.YES, released_at=None).values_list("id", flat=True):
            _safely(lambda hold_id=hold_id: tell(hold_id, now=now))
            _safely(lambda hold_id=hold_id: remind(hold_id, now=now))
        _safely(lambda: remainders(now=now))
        _safely(lambda: answered(now=now))


def _safely(step: object) -> None:
    try:
        step()  # type: ignore[operator]
    except Exception as error:
        logger.exception("a legal hold is looked at again later (%s)", type(error).__name__)


def lapse(hold_id: UUID, *, now: datetime) -> bool:
    """Nobody agreed in time: it ends. Whether it did now."""
    with transaction.atomic():
        found = LegalHold.objects.filter(id=hold_id).values_list("organization_id", flat=True).first()
        Organization.objects.select_for_update().filter(id=found).first()  # as powers lock: the organization, then what is its own
        row = LegalHold.objects.select_for_update().filter(id=hold_id, confirmed_at=None, released_at=None, confirm_by__lte=now).first()
        if row is None:
            return False
        with recording.opened(org=row.organization_id, now=now) as act:
            gone = holds.release_within(org=row.organization_id, within=row.id, by=[], now=now)
            LegalHold.objects.filter(id=row.id).update(released_at=now, lapsed=True, version=row.version + 1)
            act.write([_draft(row, "data.legal_hold.lapsed", people=len(gone))])
        return True


def tell(hold_id: UUID, *, now: datetime) -> int:
    """The notices that are owed to people of a disclosed hold, each once, with an entry in the log; and the end for those whom it keeps no longer. Returns how many."""
    with transaction.atomic():
        row = LegalHold.objects.select_for_update().get(id=hold_id)
        kept = set(people.custodies(row.organization_id, hold=row.id).values_list("subject", flat=True))
        ever = set(people.custodies(row.organization_id, hold=row.id, in_force=False).values_list("subject", flat=True)) if row.disclosure == Disclosure.AFTER and row.released_at else kept
        known = {one.account_id: one for one in HoldNotice.objects.filter(hold=row)}
        living = set(Account.objects.filter(id__in=ever | set(known)).exclude(status="purged").values_list("id", flat=True))
        tells = row.disclosure == Disclosure.YES or (row.disclosure == Disclosure.AFTER and row.released_at is not None)
        fresh = sorted(one for one in ever if one in living and (one not in known or known[one].ended_at)) if tells else []
        over = sorted(account for account, one in known.items() if account not in ever and one.ended_at is None)
        if row.disclosure == Disclosure.AFTER:
            fresh = [one for one in fresh if one not in known]
        if not fresh and not over:
            return 0
        with recording.opened(org=row.organization_id, now=now) as act:
            HoldNotice.objects.filter(hold=row, account_id__in=fresh).update(told_at=now, reminded_at=now, acknowledged_at=None, ended_at=None)
            ended = now if row.released_at is not None else None
            HoldNotice.objects.bulk_create([HoldNotice(id=uuid4(), organization_id=row.organization_id, account_id=one, hold=row, told_at=now, reminded_at=now, ended_at=ended)
                                            for one in fresh if one not in known])
            HoldNotice.objects.filter(hold=row, account_id__in=over).update(ended_at=now)
            drafts = [_about(row, "data.legal_hold.disclosed", one) for one in fresh] + [_about(row, "data.legal_hold.ended", one) for one in over if one in living]
            act.write(drafts or [_draft(row, "data.legal_hold.ended")])
        return len(drafts)


def remind(hold_id: UUID, *, now: datetime) -> int:
    """Once a year whoever was told is told again. Returns how many."""
    with transaction.atomic():
        row = LegalHold.objects.select_for_update().filter(id=hold_id, released_at=None).first()
        due = list(HoldNotice.objects.filter(hold_id=hold_id, ended_at=None, reminded_at__lte=now - REMINDED).order_by("account_id")[:BATCH])
        if row is None or not due:
            return 0
        with recording.opened(org=row.organization_id, now=now) as act:
            HoldNotice.objects.filter(id__in=[one.id for one in due]).update(reminded_at=now)
            act.write([_about(row, "data.legal_hold.reminded", one.account_id) for one in due])
        return len(due)


def remainders(*, now: datetime) -> int:
    """What somebody asked to have deleted and a hold keeps is stored, and nothing else is done with it, from the day on which it should have gone (RIGHTS 3f). Returns how many restrictions began."""
    began = 0
    rows = dict(Deletion.objects.filter(by_person=True, purge_at__lte=now, state__in=(DeletionState.BLOCKED, DeletionState.PURGING)).values_list("account_id", "id"))
    for account, organizations in holding.held(rows).items():
        members = Membership.objects.filter(account_id=account, organization_id__in=organizations, use_restricted=False).exclude(status="removed").values_list("organization_id", flat=True)
        for organization in members:
            began += life.by_itself(organization_id=organization, account_id=account, trigger=Trigger.REMAINDER, now=now) is not None
    return began


def answered(*, now: datetime) -> int:
    """Files of requests that are over, which a hold kept, go when it no longer does. Returns how many."""
    with transaction.atomic():
        old = list(holding.free(Evidence.objects.filter(case__state__in=OVER)).values_list("id", "organization_id")[:BATCH])
        for organization in sorted({org for _id, org in old}):
            ids = [number for number, org in old if org == organization]
            with recording.opened(org=organization, now=now) as act:
                holding.free(Evidence.objects.filter(id__in=ids)).delete()
                act.write([EntryDraft(org=organization, action="case.evidence_destroyed", category="case", outcome="success", actor=_SCHEDULE, via="schedule", facts={"files": len(ids)})])
        return len(old)


def follow(accounts: Iterable[UUID], *, now: datetime) -> None:
    """A hold came or went: deletions of these people wait or go on. Needs to see every organization."""
    purging.settle(now=now, only=accounts)
    remainders(now=now)


def _draft(row: LegalHold, event: str, **facts: object) -> EntryDraft:
    return EntryDraft(org=row.organization_id, action=event, category="hold", outcome="success", actor=_SCHEDULE, via="schedule", facts={"hold": str(row.id), **facts})


def _about(row: LegalHold, event: str, account: UUID) -> EntryDraft:
    """An entry about somebody whom the hold was disclosed to."""
    return EntryDraft(org=row.organization_id, action=event, category="legal_hold", outcome="success", actor=_SCHEDULE, via="schedule", facts={"hold": str(row.id)},
                      targets=[TargetRef(type="person", id=account, subject=account)])
