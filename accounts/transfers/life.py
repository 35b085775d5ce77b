"""What may become of a transfer, as one explicit table, and what powers need to know about it. What is not in the table cannot happen."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import deletions, own_deletion
from accounts.domains import checks
from accounts.models import Account, Membership, Organization, Transfer
from accounts.models.organization import OrganizationStatus
from accounts.models.transfer import OPEN, TransferState
from accounts.people import Person
from accounts.reasons import Stale
from accounts.tenancy import installation
from accounts.work import Work

S = TransferState
ANSWER_WITHIN = timedelta(days=14)
"""For how long the other organization may accept."""
BEGINS_AFTER = timedelta(days=14)
"""Between the acceptance, of which the person is told, and the day on which the other organization manages the account."""
REMINDED_BEFORE = timedelta(days=3)
OFFERED_WITHIN, OFFERED_MOST = timedelta(days=30), 3
"""How often one account may be offered, so that nobody is worn down by offers (guard rail 22)."""
RESPECTED_FOR = timedelta(days=180)
"""For how long an account is not offered again whose person objected."""

STEPS: dict[TransferState, dict[str, TransferState]] = {
    S.OFFERED: {"accept": S.ACCEPTED, "decline": S.DECLINED, "withdraw": S.WITHDRAWN, "object": S.OBJECTED, "expire": S.EXPIRED, "miss": S.MISSED},
    S.DECLINED: {"withdraw": S.WITHDRAWN, "object": S.OBJECTED, "expire": S.EXPIRED, "miss": S.MISSED},
    S.ACCEPTED: {"refuse": S.REFUSED, "withdraw": S.WITHDRAWN, "object": S.OBJECTED, "leave": S.LEFT, "start": S.DONE, "miss": S.MISSED},
    S.DONE: {}, S.EXPIRED: {}, S.WITHDRAWN: {}, S.REFUSED: {}, S.OBJECTED: {}, S.LEFT: {}, S.MISSED: {},
}


class NotPossible(Exception):
    """The step does not exist in this state: a programming error, or somebody was faster."""


def may(row: Transfer | None, step: str) -> bool:
    """Whether this can happen now."""
    return row is not None and step in STEPS[TransferState(row.state)]


def go(row: Transfer, step: str, *, now: datetime) -> None:
    """Take the step on a loaded row. Saving is the caller's."""
    if not may(row, step):
        raise NotPossible(f"{step} in {row.state}")
    row.state, row.changed_at = STEPS[TransferState(row.state)][step], now


def taken(work: Work, seen: Transfer, step: str) -> Transfer:
    """The row, locked after its account and tracked. Raises Stale when somebody was faster."""
    with installation("a transfer stands between two organizations and a person"):
        row = Transfer.objects.select_for_update(of=("self",)).select_related("organization", "to_organization").get(id=seen.id)
    if not may(row, step):
        raise Stale
    work.track(row)
    return row


# Who sees it


def offered(organization_id: UUID) -> QuerySet[Transfer]:
    """What an organization offered, the newest first."""
    return Transfer.objects.filter(organization_id=organization_id).select_related("account").order_by("-offered_at", "id")


def received(organization_id: UUID) -> QuerySet[Transfer]:
    """What an organization was offered: accounts of its own members only, so that nobody learns of a person whom they do not know. The newest first."""
    members = Membership.objects.filter(organization_id=organization_id, status__in=KNOWN)
    return Transfer.objects.filter(to_organization_id=organization_id, account__in=members.values("account_id")).select_related("account").order_by("-offered_at", "id")


KNOWN = ("active", "restricted", "suspended")
"""In which states a member belongs to an organization that may come to manage their account."""


def known(row: Transfer) -> bool:
    """Whether the other organization sees the offer. Needs reach over the installation."""
    return row.to_organization_id is not None and Membership.objects.filter(organization_id=row.to_organization_id, account_id=row.account_id, status__in=KNOWN).exists()


def receiver(slug: str) -> Organization | None:
    """The organization that has this address now. Whoever offers is never told whether there is one."""
    with installation("an organization is named by its address"):
        return Organization.objects.filter(slug=slug, status=OrganizationStatus.ACTIVE).first()


def open_of(account_id: UUID) -> Transfer | None:
    """The open transfer of a person's own account."""
    with installation("a person's own account, whoever offers it to whom"):
        return Transfer.objects.filter(account_id=account_id, state__in=OPEN).select_related("organization", "to_organization").first()


# What is fetched for powers


def transfers(people: Sequence[Person]) -> None:
    """extra["transfers"]: the offers of each account that concern the organization; extra["transfer"]: its own open one, or None; extra["offer"]: the one to it that it can answer, or None."""
    here = next((p.membership.organization_id for p in people if p.membership), None)
    rows: dict[UUID, list[Transfer]] = defaultdict(list)
    for row in Transfer.objects.filter(Q(organization_id=here) | Q(to_organization_id=here), account_id__in=[p.account.id for p in people]).order_by("offered_at", "id"):
        rows[row.account_id].append(row)
    for person in people:
        mine = rows[person.account.id]
        person.extra["transfers"] = mine
        person.extra["transfer"] = next((row for row in mine if row.state in OPEN and row.organization_id == here), None)
        known_here = person.membership is not None and person.membership.status in KNOWN
        person.extra["offer"] = next((row for row in mine if row.state in (S.OFFERED, S.ACCEPTED) and row.to_organization_id == here), None) if known_here else None


def again(person: Person, now: datetime) -> str:
    """Why the organization may not offer the account now, as a reason code, or ''."""
    rows: list[Transfer] = person.extra["transfers"]  # type: ignore[assignment]
    ours = [row for row in rows if person.membership and row.organization_id == person.membership.organization_id]
    if any(row.state in OPEN for row in ours):
        return "transfer_open"
    if any(row.state == S.OBJECTED and row.changed_at > now - RESPECTED_FOR for row in ours):
        return "transfer_objected"
    return "transfer_too_often" if sum(row.offered_at > now - OFFERED_WITHIN for row in ours) >= OFFERED_MOST else ""


# The gate


GATHERED = (own_deletion.asked, deletions.blocked)


def in_the_way(person: Person) -> list[str]:
    """Why the account cannot go to another organization now, as reason codes: asked when it is offered, and again on the date. Needs GATHERED."""
    found = [] if person.account.status == "active" else ["wrong_status"]
    blocked: list[str] = person.extra["blocked"]  # type: ignore[assignment]
    return [*found, *(["answer_deletion_first"] if person.extra["asked"] is not None else []), *blocked]


def on_the_date(account: Account, management: object, row: Transfer) -> str:
    """The first reason why what was accepted cannot happen, or ''. Needs reach over the installation."""
    person = Person(account=account, management=management)  # type: ignore[arg-type]
    if person.management is None or person.management.organization_id != row.organization_id:
        return "not_managed"
    if person.governed:
        return "managed_by_idp"
    there = row.to_organization
    if there is None or there.status != OrganizationStatus.ACTIVE or not known(row):
        return "not_member_there"
    for gather in (checks.frozen, *GATHERED):
        gather([person])
    frozen: list[str] = person.extra["frozen"]  # type: ignore[assignment]
    return next(iter([*frozen, *in_the_way(person)]), "")


def overdue(now: datetime) -> Q:
    """The offers about which time alone brings something."""
    near = Q(state=S.ACCEPTED, effective_at__lte=now) | Q(state=S.ACCEPTED, reminded=False, effective_at__lte=now + REMINDED_BEFORE)
    return near | Q(state__in=(S.OFFERED, S.DECLINED), answer_until__lte=now)
