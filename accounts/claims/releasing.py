"""The end of control on the ground of a domain: for one account, or for all when the domain is given up or lost. Rights return to the person."""
from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts import deletions, outbox
from accounts.claims import life
from accounts.claims.writing import SCHEDULE, lock_accounts
from accounts.domains import life as domain_life
from accounts.domains.names import above
from accounts.emails import switching
from accounts.emails.collisions import RELEASED_DOMAIN
from accounts.models import Account, Claim, ClaimedAccount, Deletion, Domain, Management, Membership
from accounts.models.account import AccountStatus
from accounts.models.claim import CONTROLLED, ClaimState, Standing
from accounts.models.domain import OPEN, DomainState
from accounts.models.membership import ManagementBasis
from accounts.people import Person
from accounts.schedules import released
from accounts.work import Work, plain
from audit import recording
from audit.record import EntryDraft, TargetRef


def release(*, now: datetime, size: int, domain_id: UUID | None = None, organization_id: UUID | None = None) -> int:
    """One batch: of a domain that is given up or lost, or of the accounts that an organization takes out one by one. Returns how much was done."""
    domain = Domain.objects.filter(id=domain_id, releasing=True).first() if domain_id else None
    if domain_id and domain is None:
        return 0
    organization_id = domain.organization_id if domain else organization_id
    assert organization_id is not None
    if domain is not None:
        _end_claims(domain, now=now)
    chosen = _of_domain(domain, size) if domain else list(
        ClaimedAccount.objects.filter(organization_id=organization_id, state=Standing.ENDING).order_by("account_id").values_list("account_id", flat=True)[:size])
    if not chosen:
        return _given_up(domain, now=now) if domain else 0
    with transaction.atomic():
        accounts = lock_accounts(chosen, organization_id=organization_id)
        return _end(accounts, organization_id, domain, now=now)


def _of_domain(domain: Domain, size: int) -> list[UUID]:
    """The accounts that are managed on the ground of this domain: none of the organization's more specific domains is nearer to their address."""
    nearer = [name for name in Domain.objects.filter(organization_id=domain.organization_id, state__in=OPEN).exclude(name=domain.name).values_list("name",
        flat=True) if domain.name in above(f"@{name}")]
    no_address = ClaimedAccount.objects.filter(claim__domain=domain, state__in=CONTROLLED, account__email_key__endswith="@" + RELEASED_DOMAIN)
    rows = Management.objects.filter(Q(account__email_key__endswith=f"@{domain.name}") | Q(account__email_key__endswith=f".{domain.name}") | Q(account__in=no_address.values("account_id")),
                                     organization_id=domain.organization_id, basis=ManagementBasis.DOMAIN_CLAIM)
    for name in nearer:
        rows = rows.exclude(Q(account__email_key__endswith=f"@{name}") | Q(account__email_key__endswith=f".{name}"))
    return list(rows.order_by("account_id").values_list("account_id", flat=True)[:size])


def _end(accounts: dict[UUID, Account], organization_id: UUID, domain: Domain | None, *, now: datetime) -> int:
    managements = {row.account_id: row for row in Management.objects.select_for_update().filter(organization_id=organization_id, account_id__in=accounts, basis=ManagementBasis.DOMAIN_CLAIM)}
    claimed = list(ClaimedAccount.objects.select_for_update().filter(organization_id=organization_id, account_id__in=accounts, state__in=CONTROLLED))
    waiting = {row.account_id: row for row in Deletion.objects.select_for_update().filter(account_id__in=accounts, organization_id=organization_id, by_person=False)}
    members = dict(Membership.objects.filter(organization_id=organization_id, account_id__in=accounts).values_list("account_id", "id"))
    let_go: list[Account] = []
    work, drafts, addresses = Work(now=now), [], {row.account_id: row.address for row in claimed}
    for row in claimed:
        work.track(row)
        life.go(row, "end", now=now)
        row.problem = _ground(domain)
    for account in accounts.values():
        if (management := managements.get(account.id)) is None:
            continue
        work.track(account)
        on_again = _switch_on(work, account, waiting.get(account.id), addresses.get(account.id, ""))
        work.remove(management)
        account.access_ends_at = None
        let_go.append(account)
        work.cancel_address_changes(account.id)
        if account.id in members:
            work.touched.add(members[account.id])
        drafts.append(EntryDraft(
            org=organization_id, action="management.ended", category="management", outcome="success", actor=SCHEDULE, via="schedule", reason_code=_ground(domain),
            targets=[TargetRef(type="person", id=account.id, label=account.email, subject=account.id)], changes=work.changes_of(account, subject=account.id),
            facts={"basis": management.basis, "since": plain(management.since), "ground": _ground(domain), **({"domain": domain.name} if domain else {}),
                   **({"switched_on": True} if on_again else {})}))
    drafts += released.several(work, organization_id=organization_id, accounts=let_go, members=members, now=now)
    if not drafts and claimed:
        drafts = [EntryDraft(org=organization_id, action="claim.progressed", category="claim", outcome="success", actor=SCHEDULE, via="schedule", targets=[TargetRef(type="claim",
            id=claimed[0].claim_id)])]
    if drafts:
        with recording.opened(org=organization_id, now=now, subjects=list(accounts)) as act:
            work.flush()
            act.write(drafts)
    return len(drafts)


def _ground(domain: Domain | None) -> str:
    if domain is None:
        return "released"
    return "domain_released" if domain.state in OPEN or domain.state == DomainState.RELEASED else "domain_lost"


def _switch_on(work: Work, account: Account, deletion: Deletion | None, address: str) -> bool:
    """Whom the organization had switched off can sign in again, because nobody else could switch them on. Whoever was locked sets a new password first.

    Whose address it had given free gets it back. If somebody has it by now, the account stays off, and a deletion goes on: nobody could ever sign in, nor give it another address.
    """
    off = {AccountStatus.DEACTIVATED, AccountStatus.LOCKED}
    if not deletions.may(deletion, "cancel") if deletion is not None else account.status not in off:
        return False  # it has begun, and what is gone does not come back; or it is not off by the organization's doing
    if not switching.has_address(account) and not _given_back(work, account, outbox.open_text(deletion.last_address) if deletion is not None else address):
        return False
    if deletion is not None:
        deletions.restore(work, Person(account=account), deletion)
    if account.status not in off:
        return False
    if account.status == AccountStatus.LOCKED:
        account.reset_required_at = work.now
    account.status, account.reason_code, account.reason_text, account.status_until = AccountStatus.ACTIVE, "", "", None
    account.status_changed_by, account.status_changed_at = None, work.now
    return True


def _given_back(work: Work, account: Account, address: str) -> bool:
    """Whether the account has its address again: the last one it had, or the one that the claim knows."""
    try:
        if not address:
            return False
        switching.switch(work, account, address=address)
    except switching.Taken:
        return False
    return True


def _end_claims(domain: Domain, *, now: datetime) -> None:
    """The claims on the ground of the domain end; the job then tells everybody who was still to decide."""
    with transaction.atomic():
        for claim in Claim.objects.select_for_update(of=("self",)).filter(domain=domain, state__in=(ClaimState.ANNOUNCING, ClaimState.ANNOUNCED)):
            work = Work(now=now)
            work.track(claim)
            life.move(claim, ClaimState.ENDED, now=now)
            with recording.opened(org=claim.organization_id, now=now) as act:
                changes = work.changes_of(claim, subject=None)
                work.flush()
                act.write([EntryDraft(org=claim.organization_id, action="claim.ended", category="claim", outcome="success", actor=SCHEDULE, via="schedule", changes=changes,
                                      reason_code=_ground(domain),
                                      targets=[TargetRef(type="claim", id=claim.id, label=domain.name)], facts={"claim": str(claim.id), "domain": domain.name})])


def _given_up(domain: Domain, *, now: datetime) -> int:
    """Nobody is managed on its ground any more: a domain that was to be given up is."""
    with transaction.atomic():
        row = Domain.objects.select_for_update().get(id=domain.id)
        if not row.releasing:
            return 0
        work = Work(now=now)
        work.track(row)
        if row.state in OPEN:
            domain_life.end(row, DomainState.RELEASED, now=now)
        row.releasing = False
        domain_life.record(work, [(row, "domain.accounts_released")])
        return 1
