"""Who wants which optional communication. Three things decide: the latest line of the ledger, whether the address is suppressed, and what holds before anybody chose."""
from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.communications import links
from accounts.communications.kinds import KINDS
from accounts.models import Account, Consent, Management, Membership, Organization, Suppression
from accounts.models.communication import How
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

Pair = tuple[UUID, str]
"""An organization, and a kind."""


def latest(*, account_ids: Iterable[UUID], organization_ids: Iterable[UUID] | None = None) -> dict[tuple[UUID, UUID, str], Consent]:
    """The last line of the ledger for each account, organization and kind."""
    rows = Consent.objects.filter(account_id__in=list(account_ids))
    if organization_ids is not None:
        rows = rows.filter(organization_id__in=list(organization_ids))
    rows = rows.order_by("account_id", "organization_id", "kind", "-at", "wanted").distinct("account_id", "organization_id", "kind")
    return {(row.account_id, row.organization_id, row.kind): row for row in rows}


def unwanted(*, accounts: Iterable[Account], organization_id: UUID, kind: str) -> set[UUID]:
    """Which of these accounts do not want this kind from this organization. Three queries, however many they are."""
    accounts = list(accounts)
    said = latest(account_ids=[account.id for account in accounts], organization_ids=[organization_id])
    found = {account.id for account in accounts if not _asked(said.get((account.id, organization_id, kind)), account, kind)}
    rows = Suppression.objects.filter(organization_id=organization_id, kind=kind)
    if rows.exists():  # else no address has to be hashed
        by_mac = {links.mac(organization_id, account.email_key): account.id for account in accounts}
        found |= {by_mac[bytes(one)] for one in rows.filter(address_mac__in=list(by_mac)).values_list("address_mac", flat=True)}
    return found


def _asked(said: Consent | None, account: Account, kind: str) -> bool:
    """What the account says, before its address is looked at. A browser that sends Global Privacy Control says no to all that nobody switched on since."""
    return said.wanted if said is not None else KINDS[kind].default and account.gpc_at is None


def standing(account: Account, organization_ids: Iterable[UUID]) -> dict[Pair, bool]:
    """For one person: what is on, by organization and kind."""
    organization_ids = list(organization_ids)
    said = latest(account_ids=[account.id], organization_ids=organization_ids)
    shut = suppressed({organization_id: links.mac(organization_id, account.email_key) for organization_id in organization_ids})
    return {(one, kind): _asked(said.get((account.id, one, kind)), account, kind) and (one, kind) not in shut for one in organization_ids for kind in KINDS}


def suppressed(macs: Mapping[UUID, bytes]) -> dict[Pair, Suppression]:
    """What stands in the suppression lists about one address, given as the hash of it that each organization's list would have."""
    rows = Suppression.objects.filter(organization_id__in=list(macs), address_mac__in=list(macs.values()))
    return {(row.organization_id, row.kind): row for row in rows if bytes(row.address_mac) == macs[row.organization_id]}


def organizations(account_id: UUID) -> list[UUID]:
    """Where somebody is or was a member. Needs a reach that sees them."""
    return list(Membership.objects.filter(account_id=account_id).exclude(status="invited").values_list("organization_id", flat=True).distinct())


@dataclass
class Change:
    """The rows that a choice adds and takes away."""

    lines: list[Consent] = field(default_factory=list)
    shut: list[Suppression] = field(default_factory=list)
    opened: list[Suppression] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lines or self.shut or self.opened)


def change(*, account: Account | None, macs: Mapping[UUID, bytes], pairs: Iterable[Pair], wanted: bool, how: How, now: datetime) -> Change:
    """What has to be written so that these are on, or off. Off is off for the account and for the address; on takes the address off the list again.

    Whatever is already so is not written again. `account` is None where nobody has the address any more.
    """
    pairs, found, shut = list(pairs), Change(), suppressed(macs)
    said = latest(account_ids=[account.id] if account else [], organization_ids=macs)
    for organization_id, kind in pairs:
        row = shut.get((organization_id, kind))
        if account is not None:
            line = said.get((account.id, organization_id, kind))
            before = _asked(line, account, kind)
            if before != wanted or (wanted and row is not None) or (line is None and how != How.GPC):  # what held without being said is said now
                at = max(now, line.at + timedelta(microseconds=1)) if line else now  # the last one that is written is the last one
                found.lines.append(Consent(id=uuid.uuid4(), account_id=account.id, organization_id=organization_id, kind=kind, wanted=wanted, how=how, at=at))
        if not wanted and row is None:
            found.shut.append(Suppression(id=uuid.uuid4(), organization_id=organization_id, kind=kind, address_mac=macs[organization_id], made_at=now))
        if wanted and row is not None:
            found.opened.append(row)
    return found


def save(found: Change) -> None:
    """Write it. Two at once write it once."""
    Consent.objects.bulk_create(found.lines)
    Suppression.objects.bulk_create(found.shut, ignore_conflicts=True)
    Suppression.objects.filter(id__in=[row.id for row in found.opened]).delete()


# Without signing in


def behind(link: links.Link) -> tuple[Account | None, bool]:
    """The account the link was sent to, if there still is one, and whether it still has that address."""
    account = Account.objects.filter(id=link.account_id).exclude(status="purged").first()
    return account, account is not None and links.mac(link.organization_id, account.email_key) == link.address_mac


def seen(link: links.Link) -> dict[str, bool]:
    """What is on for the address of the link, by kind. An account that has another address by now is not looked at: the link is about the address."""
    with installation("the choices about one address"):
        account, same = behind(link)
        if account is not None and same:
            return {kind: on for (_one, kind), on in standing(account, [link.organization_id]).items()}
        shut = suppressed({link.organization_id: link.address_mac})
        return {kind.name: kind.default and (link.organization_id, kind.name) not in shut for kind in KINDS.values()}


def by_link(link: links.Link, *, kinds: Iterable[str], wanted: bool, how: How, now: datetime) -> bool:
    """Whoever holds the link switches kinds on or off. Returns whether anything changed.

    Off follows the person to another address, because they objected, not their mailbox. On does not: whoever has the old mailbox now cannot agree for them.
    """
    with installation("the choices about one address"), transaction.atomic():
        Account.objects.select_for_update().filter(id=link.account_id).first()  # choices about one person queue
        account, same = behind(link)
        who = account if same or not wanted else None
        found = change(account=who, macs={link.organization_id: link.address_mac}, pairs=[(link.organization_id, kind) for kind in kinds], wanted=wanted, how=how, now=now)
        if not found or not Organization.objects.filter(id=link.organization_id).exclude(status="deleted").exists():
            return False
        _record(who, found, "communications.chosen", how=how, now=now)
        return True


def by_signal(account_id: UUID, *, now: datetime) -> None:
    """The browser sends Global Privacy Control: all that is optional is off, once. What the person switches on afterwards stays on, although the signal goes on."""
    with installation("a signal holds for everything optional"), transaction.atomic():
        account = Account.objects.select_for_update().get(id=account_id)
        if account.gpc_at is not None:
            return
        places = organizations(account.id)
        pairs = [pair for pair, on in standing(account, places).items() if on]
        found = change(account=account, macs={one: links.mac(one, account.email_key) for one in places}, pairs=pairs, wanted=False, how=How.GPC, now=now)
        _record(account, found, "communications.signal_honoured", how=How.GPC, now=now)


def _record(account: Account | None, found: Change, event: str, *, how: How, now: datetime) -> None:
    log = (Management.objects.filter(account=account).values_list("organization_id", flat=True).first() if account else None) or INSTALLATION
    who = ActorRef(type="user", id=account.id, auth_method="session" if how == How.GPC else "mail_link", name=account.name, email=account.email) if account else ActorRef(type="anonymous")
    with recording.opened(org=log, now=now, subjects=[account.id] if account else []) as act:
        if how == How.GPC and account is not None:
            Account.objects.filter(id=account.id).update(gpc_at=now)
        save(found)
        act.write([EntryDraft(org=log, action=event, category="own", outcome="success", actor=who, via="ui", facts=facts(found, how),
                              targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)] if account else [])])


def facts(found: Change, how: str) -> dict[str, object]:
    """What an entry says of a choice: what was switched, of how many organizations, and how. Which organizations stands in the ledger, which the person alone reads."""
    rows = [*found.lines, *found.shut, *found.opened]
    off = any(not line.wanted for line in found.lines) or bool(found.shut)
    return {"kinds": sorted({row.kind for row in rows}), "organizations": len({row.organization_id for row in rows}), "wanted": bool(rows) and not off, "how": str(how)}


# What outlives the account


def outlive(account: Account, address: str) -> dict[str, int]:
    """Before the ledger goes with the account: what is off stays off for the address, so that nobody is written to again who objected and comes back."""
    if not address:
        return {"kept_off": 0}
    macs = {one: links.mac(one, address) for one in {*organizations(account.id), *(row.organization_id for row in latest(account_ids=[account.id]).values())}}
    said, shut, now = latest(account_ids=[account.id]), suppressed(macs), datetime.now(UTC)
    rows = [Suppression(id=uuid.uuid4(), organization_id=one, kind=kind, address_mac=macs[one], made_at=now) for one in macs for kind in KINDS
            if (one, kind) not in shut and _objected(said.get((account.id, one, kind)), account, kind)]
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)
    return {"kept_off": len(rows)}


def _objected(said: Consent | None, account: Account, kind: str) -> bool:
    return not said.wanted if said is not None else KINDS[kind].default and account.gpc_at is not None
