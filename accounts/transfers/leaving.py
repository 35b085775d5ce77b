"""Instead of being handed over, the person takes the account: the link that an address of their own gets, and what happens when it is confirmed. It names a wish, and works once."""
from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing
from django.db import transaction

from accounts.emails import life as addresses
from accounts.emails import switching
from accounts.models import Management, Transfer
from accounts.reasons import Refused
from accounts.tenancy import installation
from accounts.transfers import life, running
from accounts.work import Work
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

_LINK = signing.TimestampSigner(salt="steward.transfer.leave")
WORKS = timedelta(days=7)


def token(row: Transfer) -> str:
    """What the link to the new mailbox carries; a later wish makes it worthless."""
    return _LINK.sign(f"{row.id}:{_wish(row)}")


def _wish(row: Transfer) -> str:
    return signing.Signer(salt="steward.transfer.wish").signature(f"{row.id}:{row.leaving_address}:{row.leaving_at}")[:22]


def found(token: str) -> Transfer | None:
    """The transfer that this link ends, or None for a link that is old, used, or about an earlier wish."""
    try:
        row_id, wish = _LINK.unsign(token, max_age=WORKS).split(":")
        with installation("a link names the transfer"):
            row = Transfer.objects.select_related("organization", "to_organization", "account").filter(id=UUID(row_id)).first()
    except (signing.BadSignature, ValueError):
        return None
    return row if row is not None and row.leaving_address and _wish(row) == wish and life.may(row, "leave") else None


def confirm(token: str, *, now: datetime) -> bool:
    """The new mailbox is proven: nobody manages the account any more, and it has this address. False when something else was faster. Raises Refused if somebody else has the address by now."""
    seen = found(token)
    if seen is None:
        return False
    with installation("a person takes their account instead of being handed over"), transaction.atomic():
        account = running.locked(seen.account_id)
        row = Transfer.objects.select_for_update(of=("self",)).select_related("organization", "to_organization").get(id=seen.id)
        management = Management.objects.select_for_update().filter(account=account, organization_id=row.organization_id).first()
        if _wish(row) != _wish(seen) or not life.may(row, "leave") or account.status != "active" or management is None:
            return False
        work, actor = Work(now=now), ActorRef(type="user", id=account.id, auth_method="mail_link")
        work.track(account)
        work.track(row)
        with recording.opened(org=row.organization_id, now=now, subjects=[account.id]) as act:
            told = [running.draft(row, account, "management.transfer_left", actor=actor, via="ui"), *running.end(work, row, account, management),
                    *running.there(row, account, "management.transfer_ended", actor=actor, via="ui", how="left")]  # named as they knew the person, before there is another address
            label = account.name or account.email
            try:
                change = addresses.leave(work, account, address=row.leaving_address)
            except switching.Taken as taken:
                raise Refused({str(account.id): [taken.code]}) from taken
            life.go(row, "leave", now=now)
            changes = work.changes_of(account, subject=account.id)
            row.leaving_address = ""  # it is the account's now, and none of the organizations' business
            work.flush()
            act.write([
                *told,
                EntryDraft(org=INSTALLATION, action="account.left_transfer", category="account", outcome="success", actor=actor, via="ui", changes=changes,
                           targets=[TargetRef(type="person", id=account.id, label=label, subject=account.id), TargetRef(type="address_change", id=change.id)])])
    return True
