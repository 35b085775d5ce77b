"""The job behind claims: it tells, reminds, starts control and ends it, in batches. Killed at any point it loses nothing, run twice it does nothing twice."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from accounts.claims import candidates, life
from accounts.claims.releasing import release
from accounts.claims.writing import Told, draft, insert_managed, insert_told, lock_states, written
from accounts.models import Claim, ClaimedAccount, Domain, Management, Membership
from accounts.models.account import AccountStatus
from accounts.models.claim import UNDECIDED, ClaimState, Standing
from accounts.models.domain import DomainState
from accounts.models.organization import OrganizationStatus
from accounts.tenancy import installation
from accounts.work import Work, plain

logger = logging.getLogger("steward.claims")
BATCH, SECONDS = 1000, 20.0
_AT_WORK = (ClaimState.ANNOUNCING, ClaimState.ANNOUNCED)


def waiting(*, now: datetime) -> bool:
    """Whether there is anything to do."""
    with installation("claims of every organization are looked at"):
        return next(_units(now), None) is not None


def run(*, now: datetime, seconds: float = SECONDS) -> bool:
    """Do what is due, a batch of each in turn, for some seconds. Returns whether something is left."""
    end = time.monotonic() + seconds
    with installation("claims of every organization go on"):
        while units := list(_units(now)):
            done = 0
            for unit in units:
                try:
                    done += unit()
                except IntegrityError:  # somebody came to manage one of them at this very moment; the next round sees it
                    logger.info("a batch of a claim met another change and is tried again")
                if time.monotonic() > end:
                    return True
            if not done:
                return False
    return False


def _units(now: datetime) -> Iterator[Callable[[], int]]:
    """One batch of everything that is due."""
    for claim_id in Claim.objects.filter(state=ClaimState.ANNOUNCING).order_by("announced_at").values_list("id", flat=True):
        yield partial(tell, claim_id, now=now)
    for domain_id in Domain.objects.filter(releasing=True).values_list("id", flat=True):
        yield partial(release, domain_id=domain_id, now=now, size=BATCH)
    for organization_id in set(ClaimedAccount.objects.filter(state=Standing.ENDING).values_list("organization_id", flat=True)):
        yield partial(release, organization_id=organization_id, now=now, size=BATCH)
    open_rows = ClaimedAccount.objects.filter(claim=OuterRef("id"), state__in=UNDECIDED)
    for claim_id in Claim.objects.filter(Exists(open_rows), state__in=(ClaimState.CANCELLED, ClaimState.ENDED)).values_list("id", flat=True):
        yield partial(withdraw, claim_id, now=now)
    due = ClaimedAccount.objects.filter(life.startable(now), claim=OuterRef("id"))
    undisputed = {"domain__state": DomainState.VERIFIED, "domain__releasing": False, "organization__status": OrganizationStatus.ACTIVE}
    for claim_id in Claim.objects.filter(Exists(due), state__in=_AT_WORK, **undisputed).values_list("id", flat=True):
        yield partial(start, claim_id, now=now)
    near = ClaimedAccount.objects.filter(life.near(now), claim=OuterRef("id"))
    for claim_id in Claim.objects.filter(Exists(near), state__in=_AT_WORK, **undisputed).values_list("id", flat=True):  # of a date at which nothing begins nobody is reminded
        yield partial(remind, claim_id, now=now)
    silent = ClaimedAccount.objects.filter(claim=OuterRef("id"), state=Standing.OBJECTED, object_until__lte=now)
    for claim_id in Claim.objects.filter(Exists(silent), state__in=_AT_WORK).values_list("id", flat=True):
        yield partial(spare, claim_id, now=now)
    for claim_id in Claim.objects.filter(~Exists(open_rows), state=ClaimState.ANNOUNCED).values_list("id", flat=True):
        yield partial(finish, claim_id, now=now)


def _claim(claim_id: UUID, *states: ClaimState) -> Claim | None:
    """The claim, locked after the accounts and the organization, if it still is in one of these states."""
    return Claim.objects.select_for_update(of=("self",)).select_related("domain", "organization").filter(id=claim_id, state__in=states).first()


def tell(claim_id: UUID, *, now: datetime) -> int:
    """Tell the next people: a row and an entry for each, from which the mails follow. Their seven days begin here."""
    with transaction.atomic():
        claim = _claim(claim_id, ClaimState.ANNOUNCING)
        if claim is None:
            return 0
        work = Work(now=now)
        work.track(claim)
        found, claim.reached = candidates.batch(claim=claim, domain=claim.domain, now=now, size=BATCH)
        rows = [Told(uuid4(), one.account_id, one.email, one.created_here) for one in found]
        dates = {created: life.effective(claim=claim, told_at=now, created_here=created) for created in (True, False)}
        said = {created: plain(date) for created, date in dates.items()}
        claim.told += len(rows)
        drafts = [draft(claim, row, "management.announced", effective_at=said[row.created_here]) for row in rows]
        if claim.reached is None:
            claim.reached = work.tracked[id(claim)][1]["reached"]
            life.move(claim, ClaimState.ANNOUNCED, now=now)
        if drafts or claim.state != ClaimState.ANNOUNCING:
            written(work, claim, drafts, *(["claim.announced_to_all"] if claim.state != ClaimState.ANNOUNCING else []), told=claim.told,
                    insert=partial(insert_told, claim, rows, now=now, dates=dates) if rows else None)
        else:  # a batch of people whom the claim does not concern: nothing happened but that it came further
            Claim.objects.filter(id=claim.id).update(reached=claim.reached)
        return 1


def _rows(claim_id: UUID, wanted: Q, *, size: int = BATCH) -> list[UUID]:
    return list(ClaimedAccount.objects.filter(wanted, claim_id=claim_id).order_by("account_id").values_list("account_id", flat=True)[:size])


def start(claim_id: UUID, *, now: datetime) -> int:
    """Control begins for the next accounts whose date has come. Everything is looked at again, under lock: who left or objected meanwhile is not among them."""
    wanted = life.startable(now)
    chosen = _rows(claim_id, wanted)
    with transaction.atomic():
        accounts = lock_states(chosen, organization_id=Claim.objects.values_list("organization_id", flat=True).get(id=claim_id))
        claim = _claim(claim_id, *_AT_WORK)
        if claim is None or not accounts:
            return 0
        domain = Domain.objects.select_for_update().get(id=claim.domain_id)
        if domain.state != DomainState.VERIFIED or domain.releasing or claim.organization.status != OrganizationStatus.ACTIVE:
            return 0  # it rests
        rows = list(ClaimedAccount.objects.select_for_update().filter(wanted, claim=claim, account_id__in=chosen).order_by("account_id"))
        managers = dict(Management.objects.filter(account_id__in=chosen).values_list("account_id", "organization_id"))
        members = dict(Membership.objects.filter(organization_id=claim.organization_id, account_id__in=chosen).values_list("account_id", "id"))
        work, drafts, begun = Work(now=now), [], []
        for row in rows:
            work.track(row)
            row.problem = _problem(*accounts[row.account_id], managers.get(row.account_id), domain, row)
            life.go(row, "miss" if row.problem else "start", now=now)
            if not row.problem:
                begun.append(row.account_id)
                if row.account_id in members:
                    work.touched.add(members[row.account_id])
            drafts.append(draft(claim, row, "management.missed" if row.problem else "management.started", work=work,
                                **({"problem": row.problem} if row.problem else {"notice_version": claim.notice_version})))
        if drafts:
            written(work, claim, drafts, insert=partial(insert_managed, claim, begun, now=now) if begun else None)
        return len(rows)


def _problem(status: str, verified_at: datetime | None, key: str, manager: UUID | None, domain: Domain, row: ClaimedAccount) -> str:
    """Why the account cannot be claimed now, as a reason code, or ''."""
    if key.rpartition("@")[2] != domain.name:
        return "not_in_domain"
    if verified_at is None:
        return "claim_unverified"
    if manager is not None:
        return "claim_managed_here" if manager == row.organization_id else "claim_managed_elsewhere"
    return "" if status == AccountStatus.ACTIVE else "claim_not_now"


def _each(claim_id: UUID, states: tuple[ClaimState, ...], wanted: Q, action: str, change: Callable[[ClaimedAccount], None], *, now: datetime) -> int:
    """The same change to the next rows, each with its entry. Only rows of the claim are locked, no account changes."""
    with transaction.atomic():
        claim = _claim(claim_id, *states)
        rows = list(ClaimedAccount.objects.select_for_update().filter(wanted, claim_id=claim_id).order_by("account_id")[:BATCH]) if claim else []
        if claim is None or not rows:
            return 0
        work, drafts = Work(now=now), []
        for row in rows:
            work.track(row)
            change(row)
            drafts.append(draft(claim, row, action, work=work, effective_at=plain(row.effective_at)))
        written(work, claim, drafts)
        return len(rows)


def remind(claim_id: UUID, *, now: datetime) -> int:
    """Three days before: whoever can still decide is told once more. If the date went by while nobody looked, they have three days from now: nobody could leave meanwhile."""
    def mark(row: ClaimedAccount) -> None:
        row.reminded = True
        if row.effective_at <= now:
            row.effective_at = now + life.REMINDED_BEFORE
    return _each(claim_id, _AT_WORK, life.near(now), "management.reminded", mark, now=now)


def spare(claim_id: UUID, *, now: datetime) -> int:
    """Nobody answered an objection for thirty days: silence is no answer, so the account is left out."""
    def out(row: ClaimedAccount) -> None:
        life.go(row, "exempt", now=now)
        row.answer_code, row.object_until = "no_answer", None
    return _each(claim_id, _AT_WORK, Q(state=Standing.OBJECTED, object_until__lte=now), "management.exempted", out, now=now)


def withdraw(claim_id: UUID, *, now: datetime) -> int:
    """The claim was cancelled, or its domain was lost: everybody who was told hears that nothing happens."""
    return _each(claim_id, (ClaimState.CANCELLED, ClaimState.ENDED), Q(state__in=UNDECIDED), "management.withdrawn", lambda row: life.go(row, "withdraw", now=now), now=now)


def finish(claim_id: UUID, *, now: datetime) -> int:
    """Nothing is open any more."""
    with transaction.atomic():
        claim = _claim(claim_id, ClaimState.ANNOUNCED)
        if claim is None or ClaimedAccount.objects.filter(claim=claim, state__in=UNDECIDED).exists():
            return 0
        work = Work(now=now)
        work.track(claim)
        life.move(claim, ClaimState.FINISHED, now=now)
        written(work, claim, [], "claim.finished")
        return 1
