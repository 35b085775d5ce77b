"""Whether the way in to an account changed a short while ago: until 72 hours after it nothing is disclosed, deleted or corrected in its name (RIGHTS 3d).

Otherwise whoever took the mailbox, or gave the account another one, would ask for a copy next.
"""
from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import Account, AddressChange
from accounts.models.address import ChangeKind, ChangeState
from accounts.tenancy import installation

WAITS = timedelta(hours=72)
CODE = "changed_lately"


def until(account: Account, now: datetime) -> datetime | None:
    """Until when the account's requests rest; None where nothing changed lately."""
    at = account.credentials_changed_at
    return at + WAITS if at is not None and at + WAITS > now else None


def codes(account: Account, now: datetime) -> list[str]:
    """The reason of a rule."""
    return [CODE] if until(account, now) else []


def mark(*, account_id: object, now: datetime) -> None:
    """The password or a second factor is another one from now on. Needs an open act."""
    Account.objects.filter(id=account_id).update(credentials_changed_at=now)


def earlier_addresses(account: Account, now: datetime) -> list[str]:
    """The mailboxes that the account had until a short while ago and has still to be told of what is asked in its name; not those that are said to be in somebody else's hands."""
    with installation("the mailboxes that an account had"):
        rows = AddressChange.objects.filter(account=account, state=ChangeState.DONE, finished_at__gt=now - WAITS, undo_offered=True).exclude(kind=ChangeKind.RECOVERY)
        return sorted(set(rows.values_list("old_address", flat=True)) - {"", account.email})
