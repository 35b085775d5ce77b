"""The one place where an account's address changes. Whoever changes an address calls this, inside an act."""
from __future__ import annotations

from uuid import UUID

from allauth.account.models import EmailAddress
from django.db.models import TextField, Value
from django.db.models.functions import Cast, Concat

from accounts.addresses import address_key
from accounts.emails import collisions
from accounts.models import Account, AddressChange, Membership
from accounts.models.address import PENDING, ChangeState
from accounts.tenancy import installation
from accounts.work import Work


class Taken(Exception):
    """The address was free when it was looked at and is not any more; `code` is the reason."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def switch(work: Work, account: Account, *, address: str, ends_sessions: str = "", organization_id: UUID | None = None) -> None:
    """The account signs in with this address from now on. The row must be locked and tracked; the new mailbox must be proven, or two people answer for it.

    Reset links that are under way die, the old address is closed to strangers for 30 days, API tokens go on working. `ends_sessions` is why sessions end, '' keeps them.
    `organization_id` as in `collisions.find`. Raises Taken if somebody else has the address by now.
    """
    collisions.hold(address)
    found = collisions.find(address=address, account_id=account.id, organization_id=organization_id, now=work.now)
    if found.code:
        raise Taken(found.code)
    if found.displaced is not None:
        _displace(work, found.displaced)
    _set(work, account, address, verified=True, ends_sessions=ends_sessions, open_to=None)


def release(work: Work, account: Account, *, open_to: UUID | None = None, ends_sessions: str = "") -> None:
    """The account has no address any more, and nobody can sign in to it. `open_to` is the organization that may give the address to somebody else at once.

    The account keeps a placeholder at a domain that cannot exist, and learns a new address by `switch`.
    """
    _set(work, account, placeholder(account.id), verified=False, ends_sessions=ends_sessions, open_to=open_to)


PLACEHOLDER = Concat(Cast("id", TextField()), Value("@" + collisions.RELEASED_DOMAIN))
"""The same for many rows at once: each by its own number."""


def placeholder(account_id: UUID) -> str:
    """What stands where an address was."""
    return f"{account_id}@{collisions.RELEASED_DOMAIN}"


def has_address(account: Account) -> bool:
    """Whether there is a mailbox behind the account."""
    return account.kind == "person" and not account.email_key.endswith("@" + collisions.RELEASED_DOMAIN)


def _set(work: Work, account: Account, address: str, *, verified: bool, ends_sessions: str, open_to: UUID | None) -> None:
    key = address_key(address)
    if account.email_key != key and has_address(account):
        work.add(collisions.given_up(key=account.email_key, account_id=account.id, now=work.now, open_to=open_to))
    account.email, account.email_key = address, key
    account.email_verified_at = work.now if verified else None
    account.credential_epoch += 1
    account.credentials_changed_at = work.now
    if ends_sessions:
        account.auth_epoch += 1
        work.end_sessions(account.id, ends_sessions)
        work.keep_tokens(account)
    for row in EmailAddress.objects.filter(user=account):  # however it was spelled
        work.remove(row)
    if verified:
        work.add(EmailAddress(user=account, email=address, verified=True, primary=True))


def _displace(work: Work, account_id: UUID) -> None:
    """An account that never proved the address loses it, with the invitations that led to it. Written at once: the address is unique."""
    address = placeholder(account_id)
    with installation("an unproven registration gives way, wherever it was invited"):
        account = Account.objects.select_for_update().get(id=account_id)
        if account.email_verified_at is not None:
            raise Taken("address_unavailable")
        Account.objects.filter(id=account_id).update(email=address, email_key=address, credential_epoch=account.credential_epoch + 1, version=account.version + 1)
        EmailAddress.objects.filter(user_id=account_id).delete()
        Membership.objects.filter(account_id=account_id, status="invited").update(status="removed", reason_code="address_proven_elsewhere", status_changed_at=work.now)
        AddressChange.objects.filter(account_id=account_id, state__in=PENDING).update(state=ChangeState.CANCELLED, finished_at=work.now, link_hash=None)


def prove(account: Account) -> None:
    """The account's own address is proven: its row says so, however it is spelled there. Needs an open act."""
    rows = list(EmailAddress.objects.filter(user=account).order_by("-primary", "id"))
    same = next((row for row in rows if address_key(row.email) == account.email_key), None)
    EmailAddress.objects.filter(user=account).exclude(id=same.id if same else None).update(primary=False)
    if same is None:
        EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
    elif not (same.verified and same.primary):
        EmailAddress.objects.filter(id=same.id).update(verified=True, primary=True)
