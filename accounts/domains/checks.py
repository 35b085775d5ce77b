"""The looking itself, by a job: outside of any transaction, then what follows from it in a short one."""
from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.domains import life, proof
from accounts.domains.names import above
from accounts.emails.collisions import RELEASED_DOMAIN
from accounts.models import ClaimedAccount, Deletion, Domain, Management
from accounts.models.claim import CONTROLLED
from accounts.models.domain import HELD, OPEN, DomainState
from accounts.people import Person
from accounts.tenancy import installation
from accounts.work import Work

logger = logging.getLogger("steward.domains")
SECONDS = 20.0
"""How long one round of the job looks; what is left waits for the next."""


def due(*, now: datetime) -> list[UUID]:
    """Domains that are to be looked at, the longest waiting first."""
    with installation("domains of every organization are looked at"):
        return list(Domain.objects.filter(next_check_at__lte=now, state__in=OPEN).order_by("next_check_at").values_list("id", flat=True)[:200])


def run(*, now: datetime) -> int:
    """Look at what is due, for some seconds. Returns how many domains were looked at."""
    end, looked = time.monotonic() + SECONDS, 0
    for domain_id in due(now=now):
        if time.monotonic() > end:
            break
        check(domain_id, now=now)
        looked += 1
    with installation("contests over domains end"):
        settle(now=now)
    return looked


def check(domain_id: UUID, *, now: datetime) -> None:
    """Look at one domain and write what follows. The lookup holds no lock; a row that changed meanwhile is looked at again later."""
    with installation("the proof of a domain is looked for"):
        row = Domain.objects.filter(id=domain_id, state__in=OPEN).first()
        if row is None:
            return
        found = proof.look(name=row.name, token=row.token)
        try:
            _write(row, found, now)
        except IntegrityError:
            logger.info("domain %s was proven by two at the same moment; it is looked at again", domain_id)


def _write(seen: Domain, found: proof.Looked, now: datetime) -> None:
    with transaction.atomic():
        # Everybody who may come to hold the name, locked in one order: two who prove it at once find each other.
        rows = list(Domain.objects.select_for_update().filter(Q(id=seen.id) | Q(name=seen.name, state__in=[*HELD, DomainState.CONTESTED])).order_by("id"))
        row = next((r for r in rows if r.id == seen.id), None)
        if row is None or row.state not in OPEN or row.token != seen.token:
            return
        work = Work(now=now)
        for one in rows:
            work.track(one)
        others = [r for r in rows if r.id != row.id]
        if found.method and row.state == DomainState.PENDING_PROOF and others:
            row.method = found.method
            _contest(work, [row, *(other for other in others if other.state != DomainState.CONTESTED)])
            return
        afresh = found.method and row.state == DomainState.CONTESTED and row.fresh_at is None
        event = life.proven(row, method=found.method, now=now) if found.method else life.missed(row, problem=found.problem, now=now)
        if event or afresh:
            life.record(work, [(row, event or "domain.proven_afresh")])
        else:  # nothing happened but that somebody looked
            Domain.objects.filter(id=row.id).update(checked_at=now, next_check_at=row.next_check_at, last_problem=row.last_problem)


def _contest(work: Work, rows: Sequence[Domain]) -> None:
    """Somebody else holds it: no silent transfer. Each side is told in its own log, and not who the other is."""
    for row in rows:
        life.contest(row, now=work.now)
    life.record(work, [(row, "domain.contested") for row in rows])


def settle(*, now: datetime) -> None:
    """End contests whose time is over: who alone has the fresh proof published holds the domain; nobody has: both lose it; both have: the operator decides.

    Whose other side gave up has only to prove it afresh.
    """
    names = Domain.objects.filter(state=DomainState.CONTESTED).order_by("name").values_list("name", flat=True).distinct()
    for name in list(names):
        with transaction.atomic():
            rows = list(Domain.objects.select_for_update().filter(name=name, state=DomainState.CONTESTED).order_by("id"))
            if len(rows) == 1 and life.afresh(rows[0]):
                award(rows, winner=rows[0], now=now, ground="only_side")
                continue
            if any(row.contested_at is None or now - row.contested_at < life.PREVAILS_AFTER for row in rows):
                continue
            fresh = [row for row in rows if life.afresh(row)]
            winner = fresh[0] if len(fresh) == 1 else None
            if ground := _waits(rows, fresh, winner, now):
                _say_waiting(rows, ground, now=now)
            elif winner is None or ((at := life.prevails_at(winner)) is not None and at <= now):
                award(rows, winner=winner, now=now, ground="only_proof" if fresh else "no_proof")


def _waits(rows: Sequence[Domain], fresh: Sequence[Domain], winner: Domain | None, now: datetime) -> str:
    """Why this contest does not end by itself now, as a code, or ''."""
    if len(fresh) > 1:
        return "both_proven"
    holder = next((row for row in rows if life.held_before(row) and row is not winner), None)
    return "" if holder is None or holder.contested_at is None or now - holder.contested_at >= life.SLOW_AFTER else busy(holder, now)


def busy(holder: Domain, now: datetime) -> str:
    """What is going on in the accounts that are managed on the ground of a domain, as a code, or '': people at work, or deletions."""
    there = Q(account__email_key__endswith=f"@{holder.name}") | Q(account__email_key__endswith=f".{holder.name}")
    managed = Management.objects.filter(there, organization_id=holder.organization_id, basis="domain_claim")
    if Deletion.objects.filter(organization_id=holder.organization_id, by_person=False, account__in=managed.values("account_id")).exists():
        return "deletions_running"
    return "holder_active" if managed.filter(account__last_active_at__gte=now - life.ACTIVE_WITHIN).exists() else ""


def _say_waiting(rows: Sequence[Domain], ground: str, *, now: datetime) -> None:
    """Said once: both sides, and the operator, learn that the contest goes on and why."""
    told = [row for row in rows if not row.warned]
    if not told:
        return
    work = Work(now=now)
    for row in told:
        work.track(row)
        row.warned = life.PREVAILS_AFTER.days
    life.record(work, [(row, "domain.contest_waits") for row in told], ground=ground)


def award(rows: Sequence[Domain], *, winner: Domain | None, now: datetime, ground: str, words: str = "") -> None:
    """End a contest: the winner holds the domain, the others lapse."""
    work = Work(now=now)
    for row in rows:
        work.track(row)
        if row is winner:
            life.go(row, DomainState.VERIFIED)
            row.verified_at, row.contested_at, row.proof_until, row.next_check_at = row.verified_at or now, None, None, now + life.CHECK_EVERY
            row.fresh_at, row.warned = None, 0
        else:
            life.end(row, DomainState.LAPSED, now=now)
    life.record(work, [(row, "domain.contest_won" if row is winner else "domain.contest_lost") for row in rows], ground=ground, **({"words": words} if words else {}))


def frozen(people: Sequence[Person]) -> None:
    """extra["frozen"]: why powers over the account itself rest for these people, as reason codes: the domain that their management stands on is contested, or unproven for a month."""
    standing = [p for p in people if p.management is not None and p.management.basis == "domain_claim"]
    managers = {p.management.organization_id for p in standing if p.management}
    rows = list(Domain.objects.filter(organization_id__in=managers, state__in=(*HELD, DomainState.CONTESTED)).order_by("id")) if managers else []
    by_name = {(row.organization_id, row.name): life.frozen(row) for row in rows}
    without = _grounds([p for p in standing if p.account.email_key.endswith("@" + RELEASED_DOMAIN)])
    for person in people:
        person.extra["frozen"] = [code for code in [_nearest(person, without.get(person.account.id, person.account.email_key), by_name)] if code]


def _grounds(people: Sequence[Person]) -> dict[UUID, str]:
    """Of accounts whose address was given free: the domain by which they came to be managed, in the form of an address there."""
    if not people:
        return {}
    rows = ClaimedAccount.objects.filter(account_id__in=[p.account.id for p in people], state__in=CONTROLLED).values_list("account_id", "claim__domain__name")
    return {account_id: f"@{name}" for account_id, name in rows}


def _nearest(person: Person, address: str, by_name: dict[tuple[UUID, str], str]) -> str:
    if person.management is None or person.management.basis != "domain_claim":
        return ""  # also beside people whose management stands on a domain
    return next((by_name[key] for name in above(address) if (key := (person.management.organization_id, name)) in by_name), "")
