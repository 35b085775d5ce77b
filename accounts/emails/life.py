"""What may become of a change of an address, as one table, and the steps between (POWERS P7)."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from accounts import gathering
from accounts.addresses import address_key, clean_address
from accounts.domains.life import frozen
from accounts.domains.names import above
from accounts.elsewhere import identity_changed
from accounts.emails import links, switching
from accounts.emails.collisions import RELEASED_DOMAIN
from accounts.models import Account, AddressChange, Domain, Management
from accounts.models.address import PENDING, ChangeKind, ChangeState
from accounts.models.domain import HELD, DomainState
from accounts.models.membership import ManagementBasis
from accounts.people import Person
from accounts.tenancy import installation
from accounts.work import Work

S = ChangeState
PROOF_WITHIN = timedelta(hours=72)
"""For how long the new mailbox may confirm."""
DECIDE_WITHIN = timedelta(days=30)
"""For how long a person's request waits for an administrator, before it ends."""
UNDO_WITHIN = timedelta(days=7)
"""For how long the old mailbox can take the change back."""
ESCALATES = ((7, 80), (14, 100))
"""After how many days of waiting who is told: all administrators, then the owners."""
KEPT = timedelta(days=90)
"""For how long it can be looked up what became of a change; the audit log knows longer."""
COMPROMISED = frozenset({"mailbox_compromised", "compromised"})
"""Grounds on which the old mailbox cannot be trusted to undo anything."""

TRANSITIONS: dict[ChangeState, frozenset[ChangeState]] = {
    S.REQUESTED: frozenset({S.WAITING, S.DONE, S.EXPIRED, S.CANCELLED}),
    S.WAITING: frozenset({S.DONE, S.DENIED, S.EXPIRED, S.CANCELLED}),
    S.DONE: frozenset({S.REVERTED}),
    S.DENIED: frozenset(), S.EXPIRED: frozenset(), S.CANCELLED: frozenset(), S.REVERTED: frozenset(),
}


class NotPossible(Exception):
    """A change cannot go from this state to that: a programming error, never an answer to people."""


def go(row: AddressChange, state: ChangeState, *, now: datetime) -> None:
    """Change the state of a loaded row, if the table allows it. A link that has no meaning any more is gone with it. Saving is the caller's."""
    if state not in TRANSITIONS[ChangeState(row.state)]:
        raise NotPossible(f"{row.state} -> {state}")
    row.state, row.link_hash = state, None
    if state == S.WAITING:
        row.confirmed_at, row.expires_at = now, now + DECIDE_WITHIN
    else:
        row.finished_at, row.expires_at = now, None
    if state == S.REVERTED:
        row.undo_hash = row.undo_until = None


def begin(*, account: Account, organization_id: UUID | None, kind: ChangeKind, address: str, now: datetime, by: UUID | None = None,
          reason_code: str = "", reason_text: str = "") -> AddressChange:
    """A change that waits for the new mailbox, to be added to the act. Its link is mailed from the log."""
    address = clean_address(address)
    row = AddressChange(
        id=uuid4(), account=account, organization_id=organization_id, kind=kind, old_address=account.recovery_email if kind == ChangeKind.RECOVERY else account.email,
        new_address=address, new_key=address_key(address), requested_by=by, created_at=now, expires_at=now + PROOF_WITHIN, reason_code=reason_code, reason_text=reason_text,
        undo_offered=kind != ChangeKind.RECOVERY and reason_code not in COMPROMISED and switching.has_address(account),
        outside=kind == ChangeKind.PERSON and organization_id is not None and not owned(organization_id=organization_id, address=address))
    row.link_hash = links.digest(links.secret(row, "confirm"))
    return row


def owned(*, organization_id: UUID, address: str) -> bool:
    """Whether the address lies in a domain that the organization has proven: this very domain, not one below or above it."""
    name = address_key(address).rpartition("@")[2]
    rows = Domain.objects.filter(organization_id=organization_id, name=name, state__in=HELD)
    return any(not frozen(row) for row in rows)


def grounded(management: Management, account: Account) -> bool:
    """Whether the management still has its ground: one that stands on a domain needs an address in a domain of the organization, or below one."""
    if management.basis != ManagementBasis.DOMAIN_CLAIM or account.email_key.endswith("@" + RELEASED_DOMAIN):
        return True
    return Domain.objects.filter(organization_id=management.organization_id, name__in=above(account.email_key), state__in=(*HELD, DomainState.CONTESTED)).exists()


def complete(work: Work, account: Account, row: AddressChange, *, by_organization: bool, ends_sessions: str = "") -> None:
    """The account has the new address from now on. The rows must be locked and tracked. Raises `switching.Taken`.

    `by_organization` says that the managing organization did or agreed to it: then other organizations in which the person holds a rank are told.
    """
    switching.switch(work, account, address=row.new_address, ends_sessions=ends_sessions, organization_id=row.organization_id)
    go(row, S.DONE, now=work.now)
    if row.undo_offered:
        row.undo_hash, row.undo_until = links.digest(links.secret(row, "undo")), work.now + UNDO_WITHIN
    else:  # nor may an earlier link lead back to a mailbox that is in somebody else's hands
        end_undo(work, account.id, but=row.id)
    if by_organization:
        person = Person(account=account)
        gathering.elsewhere([person])
        identity_changed(work, person, own=row.organization_id)


def leave(work: Work, account: Account, *, address: str) -> AddressChange:
    """The person leaves with this address before a claim takes effect; its mailbox has confirmed. Done at once, with a way back for the old mailbox. Raises `switching.Taken`."""
    row = begin(account=account, organization_id=None, kind=ChangeKind.LEAVING, address=address, now=work.now)
    row.confirmed_at = work.now
    # The old mailbox is the organization's, in the end. Where the person proved a second factor to leave, it has no say; otherwise it protects them from whoever got hold of their password.
    row.undo_offered = row.undo_offered and not account.has_second_factor
    work.cancel_address_changes(account.id)
    complete(work, account, row, by_organization=False)
    work.add(row)
    return row


def end_undo(work: Work, account_id: UUID, *, but: UUID | None = None, since: datetime | None = None) -> list[AddressChange]:
    """Links that undo earlier changes of this account lose their power; `since` only those of changes that were done later. The rows, tracked."""
    with installation("changes of an account's address, whoever managed it then"):
        rows = list(AddressChange.objects.select_for_update().filter(account_id=account_id, undo_hash__isnull=False).exclude(id=but).order_by("id"))
        rows = [row for row in rows if since is None or (row.finished_at is not None and row.finished_at >= since)]
    for row in rows:
        work.track(row)
        row.undo_hash = row.undo_until = None
    return rows


def pending(*, account_id: UUID, recovery: bool = False) -> AddressChange | None:
    """The change of the account's address that is under way, or of its recovery address."""
    with installation("a person's own change, whoever managed the account when it began"):
        rows = AddressChange.objects.filter(account_id=account_id, state__in=PENDING)
        return (rows.filter(kind=ChangeKind.RECOVERY) if recovery else rows.exclude(kind=ChangeKind.RECOVERY)).first()


def address_change(people: Sequence[Person]) -> None:
    """extra["address_change"] and extra["recovery_change"]: the change of the person's address, or of the recovery address, that is under way, or None."""
    with installation("a change that somebody else began stands in the way too"):
        rows = list(AddressChange.objects.filter(account_id__in=[p.account.id for p in people], state__in=PENDING))
    recovery = {row.account_id: row for row in rows if row.kind == ChangeKind.RECOVERY}
    others = {row.account_id: row for row in rows if row.kind != ChangeKind.RECOVERY}
    for person in people:
        person.extra["address_change"], person.extra["recovery_change"] = others.get(person.account.id), recovery.get(person.account.id)


def of(person: Person, organization_id: UUID | None) -> AddressChange | None:
    """The change under way that this organization decides about. Needs `address_change`."""
    row: Any = person.extra["address_change"]
    return row if row is not None and row.organization_id == organization_id else None


def manager_of(account_id: UUID) -> Management | None:
    with installation("who manages the account of a link"):
        return Management.objects.filter(account_id=account_id).first()
