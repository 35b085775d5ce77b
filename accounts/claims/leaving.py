"""Leaving a claim: the link that the person's own new address gets, and what happens when it is confirmed. Links name a row and an address, and work once."""
from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing
from django.db import transaction

from accounts.claims import life
from accounts.claims.writing import draft
from accounts.emails import life as addresses
from accounts.emails import switching
from accounts.models import Account, ClaimedAccount
from accounts.models.account import AccountStatus
from accounts.reasons import Refused
from accounts.tenancy import installation
from accounts.work import Work
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

NOTICE = signing.Signer(salt="steward.claim.notice")
_LEAVE = signing.TimestampSigner(salt="steward.claim.leave")
WORKS = timedelta(days=7)


def notice_token(row: ClaimedAccount) -> str:
    """What the link to the notice carries: it lets somebody read, and nothing else."""
    return NOTICE.sign(str(row.id))


def noticed(token: str) -> ClaimedAccount | None:
    """The row that a link to a notice is about."""
    try:
        return _row(UUID(NOTICE.unsign(token)))
    except (signing.BadSignature, ValueError):
        return None


def token(row: ClaimedAccount) -> str:
    """What the link to the new mailbox carries: the row, and the wish that it is about; a later wish makes it worthless."""
    return _LEAVE.sign(f"{row.id}:{_wish(row)}")


def _wish(row: ClaimedAccount) -> str:
    return signing.Signer(salt="steward.claim.wish").signature(f"{row.id}:{row.leaving_address}:{row.leaving_at}")[:22]


def found(token: str) -> ClaimedAccount | None:
    """The row that this link lets leave, or None for a link that is old, used, or about an earlier wish."""
    try:
        row_id, wish = _LEAVE.unsign(token, max_age=WORKS).split(":")
        row = _row(UUID(row_id))
    except (signing.BadSignature, ValueError):
        return None
    return row if row is not None and row.leaving_address and _wish(row) == wish and life.may(row, "leave") else None


def _row(row_id: UUID) -> ClaimedAccount | None:
    with installation("a link names the account of a claim"):
        return ClaimedAccount.objects.select_related("claim__domain", "organization", "account").filter(id=row_id).first()


def confirm(token: str, *, now: datetime) -> bool:
    """The new mailbox is proven: the account has the address and is out of the claim. False when something else was faster. Raises Refused if somebody else has the address by now."""
    seen = found(token)
    if seen is None:
        return False
    with installation("an account leaves a claim, whoever announced it"), transaction.atomic():
        account = Account.objects.select_for_update().get(id=seen.account_id)
        row = ClaimedAccount.objects.select_for_update(of=("self",)).select_related("claim__domain").get(id=seen.id)
        if _wish(row) != _wish(seen) or not life.may(row, "leave") or account.status != AccountStatus.ACTIVE:
            return False
        work = Work(now=now)
        work.track(account)
        work.track(row)
        actor = ActorRef(type="user", id=account.id, auth_method="mail_link")
        with recording.opened(org=row.organization_id, now=now, subjects=[account.id]) as act:
            try:
                change = addresses.leave(work, account, address=row.leaving_address)
            except switching.Taken as taken:
                raise Refused({str(account.id): [taken.code]}) from taken
            life.go(row, "leave", now=now)
            changes = work.changes_of(account, subject=account.id)
            row.leaving_address = ""  # it is the account's now, and none of the organization's business
            work.flush()
            act.write([
                draft(row.claim, row, "management.exited", actor=actor, via="ui"),
                EntryDraft(org=INSTALLATION, action="account.left_claim", category="account", outcome="success", actor=actor, via="ui", changes=changes,
                           targets=[TargetRef(type="person", id=account.id, label=account.name or row.address, subject=account.id), TargetRef(type="address_change", id=change.id)])])
    return True
