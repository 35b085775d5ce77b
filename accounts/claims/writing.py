"""How what happens in a claim is locked and written: accounts first, then the organization, then what it owns; an entry for each account."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from django.db import connection

from accounts.domains.names import shown
from accounts.models import Account, Claim, ClaimedAccount
from accounts.models.claim import Standing
from accounts.models.membership import ManagementBasis
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

SCHEDULE = ActorRef(type="schedule")


def lock_states(ids: Iterable[UUID], *, organization_id: UUID) -> dict[UUID, tuple[str, datetime | None, str]]:
    """As `lock_accounts`, and of each only what decides whether it can be claimed: status, when the address was confirmed, and the address in comparison form."""
    rows = Account.objects.select_for_update().filter(id__in=list(ids)).order_by("id").values_list("id", "status", "email_verified_at", "email_key")
    found = {row[0]: (row[1], row[2], row[3]) for row in rows}
    _execute("SELECT 1 FROM accounts_organization WHERE id = %s FOR KEY SHARE", [organization_id])
    return found


def lock_accounts(ids: Iterable[UUID], *, organization_id: UUID) -> dict[UUID, Account]:
    """The accounts, locked in the order in which everybody locks people, and then the organization against acts on what it owns."""
    found = {account.id: account for account in Account.objects.select_for_update().filter(id__in=list(ids)).order_by("id")}
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_organization WHERE id = %s FOR KEY SHARE", [organization_id])
    return found


class Named(Protocol):
    """What an entry says about one account of a claim: a row, or what is about to be one."""

    id: UUID
    account_id: UUID
    address: str


@dataclass(slots=True)
class Told:
    """An account that is told by this batch; thousands of them are no rows of a model before they are written."""

    id: UUID
    account_id: UUID
    address: str
    created_here: bool


def insert_told(claim: Claim, rows: list[Told], *, now: datetime, dates: dict[bool, datetime]) -> None:
    """One statement for all of them. `dates` says from when on, for those whom the organization created and for the others."""
    _execute("INSERT INTO accounts_claimedaccount (id, version, claim_id, organization_id, account_id, state, address, created_here, announced_at, effective_at, reminded, objection,"
             " answer_code, answer, leaving_address, problem, changed_at) SELECT u.id, 1, %s, %s, u.account_id, %s, u.address, u.created_here, %s, "
             "CASE WHEN u.created_here THEN %s ELSE %s END, false, '', '', '', '', '', %s FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bool[]) AS u(id, account_id, address, created_here)",
             [claim.id, claim.organization_id, Standing.ANNOUNCED, now, dates[True], dates[False], now, [row.id for row in rows], [row.account_id for row in rows], [row.address for row in rows],
              [row.created_here for row in rows]])


def insert_managed(claim: Claim, ids: list[UUID], *, now: datetime) -> None:
    """The organization manages these accounts from now on."""
    _execute("INSERT INTO accounts_management (id, version, organization_id, account_id, basis, since, notice_version) SELECT u.id, 1, %s, u.account_id, %s, %s, %s"
             " FROM unnest(%s::uuid[], %s::uuid[]) AS u(id, account_id)",
             [claim.organization_id, ManagementBasis.DOMAIN_CLAIM, now, claim.notice_version, [uuid4() for _ in ids], ids])


def _execute(sql: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def draft(claim: Claim, row: Named, action: str, *, work: Work | None = None, actor: ActorRef = SCHEDULE, via: str = "schedule", **facts: object) -> EntryDraft:
    """The entry about one account of a claim, in the log of the organization. It is named by its address in the domain, which the organization knows."""
    return EntryDraft(
        org=claim.organization_id, action=action, category="management", outcome="success", actor=actor, via=via,
        targets=[TargetRef(type="person", id=row.account_id, label=row.address, subject=row.account_id), TargetRef(type="claim", id=claim.id)],
        changes=work.changes_of(row, subject=row.account_id) if work and isinstance(row, ClaimedAccount) else [],
        facts={"claim": str(claim.id), "claimed": str(row.id), "domain": claim.domain.name, **facts})


def written(work: Work, claim: Claim, drafts: list[EntryDraft], *about: str, insert: Callable[[], None] | None = None, **facts: object) -> None:
    """Flush, and write these entries and those about the claim as a whole. Needs a transaction, and the rows locked."""
    with recording.opened(org=claim.organization_id, now=work.now, subjects=[target.id for one in drafts for target in one.targets[:1]]) as act:
        changes = work.changes_of(claim, subject=None) if id(claim) in work.tracked else []
        if insert is not None:
            insert()
        work.flush()
        act.write([*drafts, *(EntryDraft(org=claim.organization_id, action=action, category="claim", outcome="success", actor=SCHEDULE, via="schedule", changes=changes,
                                         targets=[TargetRef(type="claim", id=claim.id, label=shown(claim.domain.name))], facts={"claim": str(claim.id), "domain": claim.domain.name,
                                             **facts}) for action in about)])
