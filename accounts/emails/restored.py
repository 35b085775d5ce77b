"""Accounts that a restored backup locked, because their address was changed after it was made: the operator lets somebody in again who showed who they are.

Where an organization manages the account, its administrators do that; the operator decides only about accounts that nobody manages.
"""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.emails import switching
from accounts.models import Account, Management
from accounts.models.account import AccountStatus
from accounts.reasons import text
from accounts.tenancy import installation
from accounts.work import Work
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef, Why

REASON = "restored_address"


class NotPossible(Exception):
    """It cannot be done; the words say why."""


@dataclass(frozen=True)
class Locked:
    """One account that waits."""

    id: UUID
    since: datetime | None
    managed: bool


def locked() -> list[Locked]:
    """Every account that is locked for this reason, the longest first."""
    with installation("the operator looks which accounts a restored backup locked"):
        rows = list(Account.objects.filter(status=AccountStatus.LOCKED, reason_code=REASON).order_by("status_changed_at", "id").values_list("id", "status_changed_at"))
        managed = set(Management.objects.filter(account_id__in=[number for number, _since in rows]).values_list("account_id", flat=True))
    return [Locked(number, since, number in managed) for number, since in rows]


def admit(*, account_id: UUID, address: str, words: str, now: datetime) -> None:
    """The account has this address and may be used again; a new password has to be set by that mailbox first. Raises NotPossible."""
    try:
        validate_email(address)
    except ValidationError as error:
        raise NotPossible("that is no e-mail address") from error
    try:
        with installation("the operator lets somebody in again after a restore"), transaction.atomic():
            account = Account.objects.select_for_update().filter(id=account_id, status=AccountStatus.LOCKED, reason_code=REASON).first()
            if account is None:
                raise NotPossible("no such account is locked because of a restored address; see: manage.py restored_address list")
            if Management.objects.filter(account=account).exists():
                raise NotPossible("an organization manages this account: its administrators set the address and reactivate it")
            work = Work(now=now)
            work.track(account)
            with recording.opened(org=INSTALLATION, now=now, subjects=[account.id]) as act:
                switching.switch(work, account, address=address, ends_sessions="address_changed")
                account.status, account.reason_code, account.reason_text, account.status_until = AccountStatus.ACTIVE, "", "", None
                account.status_changed_by, account.status_changed_at, account.reset_required_at = None, now, now
                changes = work.changes_of(account, subject=account.id)
                ended = work.flush()
                act.write([EntryDraft(
                    org=INSTALLATION, action="account.restored_address_set", category="account", outcome="success", actor=ActorRef(type="operator"), via="cli", changes=changes,
                    targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)], why=Why(text=words, subject=account.id),
                    ended={"sessions": n} if (n := sum(ended["sessions"].values())) else {})])
    except switching.Taken as taken:
        raise NotPossible(str(text(taken.code))) from taken
    except IntegrityError as error:  # somebody was invited with this address at the same moment
        raise NotPossible(str(text("address_unavailable"))) from error
