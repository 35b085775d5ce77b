"""A report that an account is a child's, where the person is in no organization: the operator decides, and time alone only reminds (decision 81).

From the report on the account joins nothing: no organization can invite it, and no invitation is accepted. It can sign in, read, answer, and delete itself.
"""
from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts import deletions, gathering
from accounts.models import Account, Membership
from accounts.people import Person, load_self
from accounts.powers.access import set_account_status
from accounts.powers.account_access import close_account
from accounts.reasons import text
from accounts.tenancy import installation
from accounts.work import Work, plain
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef, Why
from dsar.cases import children, intake
from dsar.cases.account_report import AccountReport, ReportState
from dsar.cases.table import CHILD_DAYS, CHILD_REMINDED

logger = logging.getLogger("steward.cases")
AGAIN = timedelta(days=7)
"""So long after a reminder, once the day is over, the next one."""
REASON = "child_report"
GROUNDS = ("adult", "guardian", "lawful", "mistaken")
"""Why an account may stay: as for an organization."""
RESTORED = "restored"
_CLOCK, _OPERATOR = ActorRef(type="schedule"), ActorRef(type="operator")


class NotPossible(Exception):
    """Why the operator cannot decide so, in one line."""


def receive(account: Account, words: str, *, now: datetime) -> bool:
    """Take it in. The account is locked by the caller. Whether a report was opened."""
    if AccountReport.objects.filter(account=account, state=ReportState.KEPT, decided_at__gt=now - children.CHECKED_FOR).exclude(ground=RESTORED).exists():
        with recording.opened(org=INSTALLATION, now=now) as act:
            act.write([_draft("account.reported_again", account, ActorRef(type="anonymous"), via="ui")])
        return False
    if account.status == "pending_deletion" or AccountReport.objects.filter(account=account, state=ReportState.OPEN).exists():
        return False
    flooded = AccountReport.objects.filter(received_at__gt=now - timedelta(days=1)).count() >= children.MANY
    _open(account, words.replace("\x00", ""), restricts=not flooded, at=now, now=now)
    return True


def _open(account: Account, words: str, *, restricts: bool, at: datetime, now: datetime) -> None:
    row = AccountReport(id=uuid.uuid4(), account=account, reference=intake.reference(), words=words.strip()[:1000], restricts=restricts, received_at=at,
                        due_at=max(at + CHILD_DAYS, now + CHILD_REMINDED))
    work = Work(now=now)
    work.track(account)
    work.add(row)
    if restricts:
        account.reported_at = at
    with recording.opened(org=INSTALLATION, now=now, subjects=[account.id]) as act:
        changes = work.changes_of(account, subject=account.id)
        work.flush()
        act.write([_draft("account.reported", account, _CLOCK, row=row, changes=changes)])


def _draft(event: str, account: Account, actor: ActorRef, *, row: AccountReport | None = None, via: str = "schedule", why: Why | None = None, **more: object) -> EntryDraft:
    facts = {"report": str(row.id), "reference": row.reference, "due_at": plain(row.due_at)} if row else {}
    return EntryDraft(org=INSTALLATION, action=event, category="account", outcome="success", actor=actor, via=via, why=why or Why(), facts=facts,
                      targets=[TargetRef(type="person", id=account.id, subject=account.id)], **more)  # type: ignore[arg-type]


# What time does


def look(*, now: datetime) -> None:
    """Remind the operator; hand on what an organization answers for by now; bring together what a restore has taken apart. Nothing else follows from time. One failure does not stop the rest."""
    with installation("reports about accounts that are in no organization"):
        lost = Account.objects.filter(reported_at__isnull=False).exclude(status__in=("purged", "pending_deletion")).exclude(reports__state=ReportState.OPEN).values_list("id", flat=True)
        for step, numbers in ((_again, list(lost)), (_one, list(AccountReport.objects.filter(state=ReportState.OPEN).order_by("received_at").values_list("account_id", flat=True)))):
            for account_id in numbers:
                try:
                    with transaction.atomic():
                        step(_locked(account_id), now)
                except Exception as error:
                    logger.error("a report about an account is looked at again later (%s)", type(error).__name__)


def _locked(account_id: UUID) -> Account:
    """In the order in which powers lock a person: memberships, then the account."""
    list(Membership.objects.select_for_update().filter(account_id=account_id).order_by("id").values_list("id"))
    return Account.objects.select_for_update().get(id=account_id)


def _again(account: Account, now: datetime) -> None:
    """A restored database knows from the ledger that the account was reported, and not what was written: it is reported anew, without words."""
    if account.reported_at is not None and not AccountReport.objects.filter(account=account, state=ReportState.OPEN).exists():
        _open(account, "", restricts=True, at=account.reported_at, now=now)


def _one(account: Account, now: datetime) -> None:
    row = AccountReport.objects.select_for_update().filter(account=account, state=ReportState.OPEN).first()
    if row is None:
        return
    if row.restricts and account.reported_at is None:  # decided about in a database that is gone
        _end(row, account, ReportState.KEPT, ground=RESTORED, event="account.report_kept", actor=_CLOCK, now=now)
    elif places := children.places(account):
        _end(row, account, ReportState.HANDED_ON, event="account.report_handed_on", actor=_CLOCK, now=now)
        for organization in places:
            children.begin(account, organization, row.words, now)
    elif _due(row, now):
        with recording.opened(org=INSTALLATION, now=now) as act:
            AccountReport.objects.filter(id=row.id).update(reminded_at=now, version=row.version + 1)
            act.write([_draft("account.report_reminded", account, _CLOCK, row=row)])
        if not Account.objects.filter(is_operator=True, status="active").exists():
            logger.error("report %s about an account waits, and no operator has a mailbox here: manage.py child_reports list", row.reference)


def _due(row: AccountReport, now: datetime) -> bool:
    """A day before, on the day, and each week from then on, until somebody decides."""
    if row.reminded_at is None:
        return row.due_at - CHILD_REMINDED <= now
    return row.due_at <= now and (row.reminded_at < row.due_at or row.reminded_at + AGAIN <= now)


# What the operator does


def waiting() -> Sequence[AccountReport]:
    """What waits for a decision, the oldest first. Needs to see every account."""
    return list(AccountReport.objects.filter(state=ReportState.OPEN).order_by("received_at"))


def _named(reference: str) -> tuple[AccountReport, Person]:
    found = AccountReport.objects.filter(reference=reference.strip().upper()).first()
    if found is None:
        raise NotPossible(f"there is no report {reference}")
    _locked(found.account_id)
    (person,) = load_self(account_id=found.account_id, lock=True)
    return AccountReport.objects.select_for_update().select_related("account").get(id=found.id), person


def read(reference: str, *, now: datetime) -> AccountReport:
    """What the operator needs to decide. That they looked is an entry about the person."""
    with installation("the operator looks at a report"), transaction.atomic():
        row, person = _named(reference)
        with recording.opened(org=INSTALLATION, now=now) as act:
            act.write([_draft("account.report_seen", person.account, _OPERATOR, row=row, via="cli")])
        return row


def keep(reference: str, *, ground: str, note: str, now: datetime) -> AccountReport:
    """The account stays: it may join again, and a deletion that was scheduled because of the report is taken back."""
    with installation("the operator decides about a report"), transaction.atomic():
        row, person = _named(reference)
        if row.state not in {ReportState.OPEN, ReportState.CLOSED}:
            raise NotPossible(f"it is decided already: {row.get_state_display()}")
        back = deletions.of(account_id=row.account_id) if row.state == ReportState.CLOSED else None
        if row.state == ReportState.CLOSED and (back is None or back.reason_code != REASON or not deletions.may(back, "cancel")):
            raise NotPossible("the deletion has begun, or was taken back otherwise")
        _end(row, person.account, ReportState.KEPT, ground=ground, event="account.report_kept", actor=_OPERATOR, via="cli", now=now, note=note, back=(person, back) if back else None)
        return row


def _end(row: AccountReport, account: Account, state: str, *, event: str, actor: ActorRef, now: datetime, ground: str = "", note: str = "", via: str = "schedule",
         back: tuple[Person, deletions.Deletion] | None = None) -> None:
    work = Work(now=now)
    account = back[0].account if back else account
    work.track(row)
    work.track(account)
    if back:
        deletions.restore(work, *back)
    account.reported_at, row.state, row.ground, row.decided_at = None, state, ground, now
    with recording.opened(org=INSTALLATION, now=now, subjects=[account.id]) as act:
        changes = work.changes_of(account, subject=account.id)
        work.flush()
        act.write([_draft(event, account, actor, row=row, via=via, changes=changes, why=Why(reason_code=ground, private_note=note, subject=account.id))])


def close(reference: str, *, note: str, now: datetime) -> deletions.Deletion:
    """Close the account and schedule its deletion. Its warning goes first, and until that mail has left nothing is deleted (decision 50)."""
    with installation("the operator decides about a report"), transaction.atomic():
        row, person = _named(reference)
        if row.state != ReportState.OPEN:
            raise NotPossible(f"it is decided already: {row.get_state_display()}")
        if children.places(person.account):
            raise NotPossible("an organization answers for this account now, and gets the report within the hour")
        deletions.lock_owned([person.account.id])
        if codes := deletions.blockers([person.account.id]).get(person.account.id, []):
            raise NotPossible(" ".join(str(text(code)) for code in codes))
        if person.account.status not in deletions.FROM:
            raise NotPossible("the account is being deleted already")
        gathering.elsewhere([person])
        work = Work(now=now)
        work.track(row)
        work.track(person.account)
        deletion = deletions.schedule(work, person, days=children.GRACE_DAYS, by_person=False, reason_code=REASON, organization_id=None)
        deletion.warned = False
        set_account_status(work, person, {"reason_code": REASON, "until": deletion.purge_at}, "pending_deletion")
        close_account(work, person, reason="pending_deletion")
        person.account.credential_epoch += 1  # reset links that are under way open nothing any more
        work.cancel_address_changes(person.account.id)
        row.state, row.decided_at = ReportState.CLOSED, now
        with recording.opened(org=INSTALLATION, now=now, subjects=[person.account.id]) as act:
            changes = work.changes_of(person.account, subject=person.account.id)
            work.flush()
            act.write([_draft("account.report_closed", person.account, _OPERATOR, row=row, via="cli", changes=changes, why=Why(reason_code=REASON, private_note=note, subject=person.account.id))])
        return deletion
