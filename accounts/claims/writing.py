"""How what happens in a claim is locked and written: accounts first, then the organization, then what it owns; an entry for each account."""
from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from accounts.domains.names import shown
from accounts.models import Account, Claim, ClaimedAccount
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

SCHEDULE = ActorRef(type="schedule")


def lock_accounts(ids: Iterable[UUID], *, organization_id: UUID) -> dict[UUID, Account]:
    """The accounts, locked in the order in which everybody locks people, and then the organization against acts on what it owns."""
    found = {account.id: account for account in Account.objects.select_for_update().filter(id__in=list(ids)).order_by("id")}
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_organization WHERE id = %s FOR KEY SHARE", [organization_id])
    return found


def draft(claim: Claim, row: ClaimedAccount, action: str, *, work: Work | None = None, actor: ActorRef = SCHEDULE, via: str = "schedule", **facts: object) -> EntryDraft:
    """The entry about one account of a claim, in the log of the organization. It is named by its address in the domain, which the organization knows."""
    return EntryDraft(
        org=claim.organization_id, action=action, category="management", outcome="success", actor=actor, via=via,
        targets=[TargetRef(type="person", id=row.account_id, label=row.address, subject=row.account_id), TargetRef(type="claim", id=claim.id)],
        changes=work.changes_of(row, subject=row.account_id) if work else [], facts={"claim": str(claim.id), "claimed": str(row.id), "domain": claim.domain.name, **facts})


def written(work: Work, claim: Claim, drafts: list[EntryDraft], *about: str, **facts: object) -> None:
    """Flush, and write these entries and those about the claim as a whole. Needs a transaction, and the rows locked."""
    with recording.opened(org=claim.organization_id, now=work.now, subjects=[target.id for one in drafts for target in one.targets[:1]]) as act:
        changes = work.changes_of(claim, subject=None) if id(claim) in work.tracked else []
        work.flush()
        act.write([*drafts, *(EntryDraft(org=claim.organization_id, action=action, category="claim", outcome="success", actor=SCHEDULE, via="schedule", changes=changes,
                                         targets=[TargetRef(type="claim", id=claim.id, label=shown(claim.domain.name))], facts={"claim": str(claim.id), "domain": claim.domain.name,
                                             **facts}) for action in about)])
