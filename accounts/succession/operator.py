"""The operator's path for an organization that nobody else can help: a proposal in writing, fourteen days in every owner's sight, the person's own acceptance."""
from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction

from accounts.addresses import address_key
from accounts.models import Membership, Organization, SuccessionCase
from accounts.models.succession import OPEN, CaseState, Way
from accounts.roles import OWNER_RANK
from accounts.succession import life, owners
from accounts.work import Work
from audit.record import ActorRef

MEMBER_FOR = timedelta(days=14)
"""So long somebody has to have been a member before the operator can name them: nobody is brought in for the purpose."""
_OPERATOR = ActorRef(type="operator")


class NotPossible(Exception):
    """Why the operator's step is not possible, in words for the command line."""


def propose(*, organization_id: UUID, who: str, words: str, reference: str, now: datetime) -> SuccessionCase:
    """Name a member who is to be offered ownership after fourteen days. Only where no owner is there; every owner reads the ground."""
    words, reference = words.strip(), reference.strip()
    if not 0 < len(words) <= 500 or not 0 < len(reference) <= 80:
        raise NotPossible("give a ground of 1 to 500 characters and a case reference of 1 to 80")
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).get(id=organization_id)
        if not owners.missing(organization, owners.of(organization_id), now=now):
            raise NotPossible("the organization has an owner who was active lately and can sign in; nothing is proposed over their head")
        if SuccessionCase.objects.filter(organization_id=organization_id, way=Way.OPERATOR, state__in=OPEN).exists():
            raise NotPossible("a proposal is under way already; withdraw it first")
        case = SuccessionCase(id=uuid4(), organization_id=organization_id, way=Way.OPERATOR, opened_at=now, person=_member(organization_id, who, now).id, reference=reference, words=words)
        life.wait(case, now=now)
        work = Work(now=now)
        work.add(case)
        life.record(work, [(case, "succession.proposed")], actor=_OPERATOR, via="cli")
    return case


def _member(organization_id: UUID, who: str, now: datetime) -> Membership:
    rows = Membership.objects.filter(organization_id=organization_id, status="active", account__status="active", account__kind="person", account__email_verified_at__isnull=False)
    try:
        found = rows.filter(id=UUID(who.strip())).first()
    except ValueError:
        found = rows.filter(account__email_key=address_key(who)).first()
    if found is None:
        raise NotPossible("nobody with this address or id is an active member with a confirmed address; somebody who is no member cannot be named")
    if found.role.rank >= OWNER_RANK:
        raise NotPossible("this person is an owner already")
    if found.joined_at is None or found.joined_at > now - MEMBER_FOR:
        raise NotPossible(f"this person has not been a member for {MEMBER_FOR.days} days")
    return found


def finish(*, organization_id: UUID, now: datetime) -> SuccessionCase:
    """After the waiting period: ownership is offered to the person who was proposed. They accept it themselves, with a second factor."""
    with transaction.atomic():
        case = _waiting(organization_id)
        if not life.over(case, now=now):
            raise NotPossible(f"the owners have until {case.waits_until:%Y-%m-%d %H:%M} UTC to stop it, and every notice has to be given first")
        if case.person not in owners.eligible(organization_id, [case.person]):
            raise NotPossible("the person cannot become an owner now: they have to be an active member with a confirmed address and a second factor")
        work = Work(now=now)
        work.track(case)
        life.offer(case, case.person, now=now)  # type: ignore[arg-type]
        life.record(work, [(case, "succession.offered")], actor=_OPERATOR, via="cli")
    return case


def withdraw(*, organization_id: UUID, now: datetime) -> SuccessionCase:
    """Take the proposal back."""
    with transaction.atomic():
        case = _waiting(organization_id)
        work = Work(now=now)
        work.track(case)
        life.end(case, CaseState.EXPIRED, how="withdrawn", now=now)
        life.record(work, [(case, "succession.expired")], actor=_OPERATOR, via="cli")
    return case


def _waiting(organization_id: UUID) -> SuccessionCase:
    Organization.objects.select_for_update(no_key=True).get(id=organization_id)
    case = SuccessionCase.objects.select_for_update().filter(organization_id=organization_id, way=Way.OPERATOR, state=CaseState.WAITING).first()
    if case is None:
        raise NotPossible("no proposal of the operator is waiting here")
    return case
