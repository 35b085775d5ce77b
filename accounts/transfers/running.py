"""What time brings about in transfers: an offer that nobody answered ends, the person is reminded, and on the date control changes hands. Run twice, it does nothing twice."""
from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from accounts.claims import life as claims
from accounts.models import Account, ClaimedAccount, Management, Membership, Transfer
from accounts.models.claim import CONTROLLED
from accounts.models.membership import ManagementBasis
from accounts.models.transfer import OPEN
from accounts.schedules import released
from accounts.tenancy import installation
from accounts.transfers import life
from accounts.work import Work, plain
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.transfers")
SCHEDULE = ActorRef(type="schedule")


def run(*, now: datetime) -> int:
    """Everything that is due, each account in its own transaction; one failure does not stop the rest. Returns how much was done."""
    done = 0
    with installation("transfers stand between two organizations"):
        for row_id, account_id in _due(now):
            try:
                done += _look_after(row_id, account_id, now)
            except Exception as error:
                logger.exception("transfer %s goes on later: %s", row_id, type(error).__name__)
    return done


def _due(now: datetime) -> list[tuple[UUID, UUID]]:
    """What time has come for, and what lost its ground: nobody offers what they do not manage any more."""
    managed = Management.objects.filter(account=OuterRef("account"), organization=OuterRef("organization"))
    rows = Transfer.objects.filter(life.overdue(now) | Q(~Exists(managed)) | Q(account__status="purged"), state__in=OPEN)
    return list(rows.order_by("offered_at", "id").values_list("id", "account_id"))


def _look_after(row_id: UUID, account_id: UUID, now: datetime) -> int:
    with transaction.atomic():
        account = locked(account_id)
        row = Transfer.objects.select_for_update(of=("self",)).select_related("organization", "to_organization").get(id=row_id)
        if row.state not in OPEN:
            return 0
        management = Management.objects.select_for_update().filter(account=account).first()
        work = Work(now=now)
        work.track(row)
        if management is None or management.organization_id != row.organization_id:
            return _over(work, row, account, "miss", "not_managed")
        if row.state != life.S.ACCEPTED:
            return _over(work, row, account, "expire", "") if row.answer_until <= now else 0
        assert row.effective_at is not None
        if row.effective_at > now or (not row.reminded and row.effective_at <= now - claims.MISSED_AFTER):
            return _remind(work, row, account)
        if problem := life.on_the_date(account, management, row):
            return _over(work, row, account, "miss", problem)
        return _start(work, row, account, management)


def locked(account_id: UUID) -> Account:
    """The account, locked as powers lock a person: memberships, then the account."""
    list(Membership.objects.select_for_update().filter(account_id=account_id).order_by("id").values_list("id"))
    return Account.objects.select_for_update().get(id=account_id)


def draft(row: Transfer, account: Account, event: str, *, org: UUID | None = None, actor: ActorRef = SCHEDULE, via: str = "schedule", **facts: object) -> EntryDraft:
    """An entry about the transfer, in the log of the organization that offered it unless another one is named."""
    return EntryDraft(org=org or row.organization_id, action=event, category="management", outcome="success", actor=actor, via=via, facts={"transfer": str(row.id), **facts},
                      targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)])


def there(row: Transfer, account: Account, event: str, *, actor: ActorRef = SCHEDULE, via: str = "schedule", **facts: object) -> list[EntryDraft]:
    """The same in the log of the other organization, if it knows of it. Needs reach over the installation."""
    return [draft(row, account, event, org=row.to_organization_id, actor=actor, via=via, **facts)] if life.known(row) else []


def _written(work: Work, row: Transfer, account: Account, drafts: Sequence[EntryDraft]) -> int:
    with recording.opened(org=row.organization_id, now=work.now, subjects=[account.id]) as act:
        work.flush()
        act.write(list(drafts))
    return 1


def _remind(work: Work, row: Transfer, account: Account) -> int:
    """The person is told once more. If nobody looked until long after the date, it moves: these are the days in which they may object or leave."""
    if row.reminded:
        return 0
    assert row.effective_at is not None
    if row.effective_at <= work.now:
        row.effective_at = work.now + life.REMINDED_BEFORE
    row.reminded = True
    return _written(work, row, account, [draft(row, account, "management.transfer_reminded", effective_at=plain(row.effective_at))])


def _over(work: Work, row: Transfer, account: Account, step: str, problem: str) -> int:
    """It came to nothing. Whoever had accepted is told; whoever had not been told of it is not told now."""
    answered = row.state == life.S.ACCEPTED
    life.go(row, step, now=work.now)
    row.problem = problem
    event = "management.transfer_expired" if step == "expire" else "management.transfer_missed"
    ours = draft(row, account, event, **({"problem": problem} if problem else {}))
    return _written(work, row, account, [ours, *(there(row, account, "management.transfer_ended", how=str(row.state)) if answered or step == "expire" else [])])


def _start(work: Work, row: Transfer, account: Account, management: Management) -> int:
    """Control changes hands in one step: at no moment two organizations have it, and at none does somebody have it who was not announced."""
    assert row.to_organization_id is not None
    work.track(account)
    ended = end(work, row, account, management)
    life.go(row, "start", now=work.now)
    work.add(Management(id=uuid4(), organization_id=row.to_organization_id, account=account, basis=ManagementBasis.TRANSFER, since=work.now, notice_version=row.notice_version))
    work.touched.update(Membership.objects.filter(organization_id=row.to_organization_id, account=account).values_list("id", flat=True))
    return _written(work, row, account, [draft(row, account, "management.transferred", basis=management.basis, since=plain(management.since), to=row.to_slug), *ended,
                                         draft(row, account, "management.transfer_began", org=row.to_organization_id, notice_version=row.notice_version, **{"from": row.organization.slug})])


def end(work: Work, row: Transfer, account: Account, management: Management) -> list[EntryDraft]:
    """The control of whoever offered the account ends, as after any release: what it had scheduled about the account, and changes of its address that are under way, come to nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_organization WHERE id = %s FOR KEY SHARE", [row.organization_id])
    for claimed in ClaimedAccount.objects.select_for_update().filter(organization_id=row.organization_id, account=account, state__in=CONTROLLED):
        work.track(claimed)
        claims.go(claimed, "end", now=work.now)
        claimed.problem = "released"
    members = dict(Membership.objects.filter(organization_id=row.organization_id, account=account).values_list("account_id", "id"))
    work.remove(management)
    account.access_ends_at = None
    work.cancel_address_changes(account.id)
    work.touched.update(members.values())
    return released.several(work, organization_id=row.organization_id, accounts=[account], members=members, now=work.now)
