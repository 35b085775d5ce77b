"""The schedule's part: it opens successions, counts notices and days, offers, and grants through the door what was accepted. One step for each transaction, so it can be killed anywhere."""
from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import DatabaseError, transaction

from accounts import door, due, purposes
from accounts.models import Account, Organization, RecoveryCode, SuccessionCase, Successor
from accounts.models.organization import OrganizationStatus
from accounts.models.succession import OPEN, CaseState, Way
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale
from accounts.succession import life, owners
from accounts.succession.owners import Owner
from accounts.tenancy import installation, scope
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.succession")
ROUNDS = 12
"""Steps in one look; what is left waits for the next."""
YEARLY = timedelta(days=365)


def run(*, now: datetime) -> None:
    """Look at every organization where there is something to see; one failure does not stop the rest."""
    with installation("owners of every organization are looked after"):
        found = owners.unsettled(now=now)
        aged = list(RecoveryCode.objects.filter(made_at__lte=now - YEARLY).values_list("organization_id", flat=True).distinct())
    for organization_id in found:
        try:
            look(organization_id, now=now)
        except DatabaseError as error:
            logger.warning("the succession of %s is looked at again later: %s", organization_id, type(error).__name__)
    for organization_id in aged:
        with scope(org=organization_id, purpose=purposes.SECURITY):
            _remind_of_codes(organization_id, now)


def look(organization_id: UUID, *, now: datetime) -> None:
    """Bring one organization's successions up to date."""
    with scope(org=organization_id, purpose=purposes.SECURITY):
        for _ in range(ROUNDS):
            if not _step(organization_id, now):
                break
        _grant(organization_id, now)


def signed_in(*, account_id: UUID, now: datetime) -> None:
    """A person has just signed in: where they are an owner and a succession is open, this ends it at once and not with the next look."""
    with installation("the organizations whose succession an owner ends by coming back"):
        found = list(SuccessionCase.objects.filter(state__in=OPEN, organization__memberships__account_id=account_id).values_list("organization_id", flat=True).distinct())
    for organization_id in found:
        look(organization_id, now=now)


def _step(organization_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).filter(id=organization_id).first()
        if organization is None:
            return False
        holders = owners.of(organization_id)
        cases = list(SuccessionCase.objects.select_for_update().filter(organization_id=organization_id, state__in=OPEN).order_by("way"))
        work = Work(now=now)
        for case in cases:
            work.track(case)
        if organization.status == OrganizationStatus.DELETED:  # nobody follows in what has ended
            for case in cases:
                life.end(case, CaseState.STOPPED, how="organization_ended", now=now)
            if cases:
                life.record(work, [(case, "succession.stopped") for case in cases])
            return False
        ended = [case for case in cases if _end_by(case, holders, now)]
        if ended:  # each by itself: the entry names the owner who came back
            life.record(work, [(case, "succession.stopped") for case in ended], **_by(ended[0], holders))  # type: ignore[arg-type]
            return True
        happened = [(case, event) for case in cases if (event := advance(case, now=now))]
        if Way.SUCCESSORS not in {case.way for case in cases} and (cause := owners.missing(organization, holders, now=now)) and owners.rested(organization_id, now=now):
            row = SuccessionCase(id=uuid4(), organization_id=organization_id, way=Way.SUCCESSORS, cause=cause, opened_at=now)
            work.add(row)
            happened.append((row, "succession.opened"))
        if happened:
            life.record(work, happened)
        return bool(happened)


def _end_by(case: SuccessionCase, holders: list[Owner], now: datetime) -> bool:
    owner, how = owners.back(case, holders)
    if owner is None:
        return False
    life.end(case, CaseState.STOPPED, how=how, now=now)
    return True


def _by(case: SuccessionCase, holders: list[Owner]) -> dict[str, object]:
    """Who is named as the one who ended it: the owner who signed in; the schedule, where it only saw that one is there again."""
    owner = owners.back(case, holders)[0]
    account = Account.objects.filter(id=owner.account).first() if owner and case.ended_how == "signed_in" else None
    return {"actor": ActorRef(type="user", id=account.id, name=account.name, email=account.email), "via": "ui"} if account else {}


def advance(case: SuccessionCase, *, now: datetime) -> str:
    """What time, and what became of whoever was asked, make of a case: at most one step. The event, or ''. Saving is the caller's."""
    state = CaseState(case.state)
    if state == CaseState.OPENED:
        life.wait(case, now=now)
        return "succession.waiting"
    if state == CaseState.WAITING:
        return _waited(case, now)
    refused = case.way == Way.SUCCESSORS and not Successor.objects.filter(organization_id=case.organization_id, membership_id=case.person, declined_at=None).exists()
    able = not refused and case.person in owners.eligible(case.organization_id, [case.person])
    if state == CaseState.OFFERED:
        late = case.offer_until is not None and case.offer_until <= now
        if able and not late:
            return ""
        if late and case.person is not None:
            case.passed = [*case.passed, case.person]
        return _next(case, now, how="late" if late else "not_able")
    if state == CaseState.ACCEPTED:
        return "" if able else _next(case, now, how="not_able")
    return _next(case, now, how="")


def _waited(case: SuccessionCase, now: datetime) -> str:
    if life.remind(case, now=now):
        return "succession.reminded"
    if not life.over(case, now=now):
        return ""
    if case.way == Way.OPERATOR:  # the operator takes the second step by hand
        assert case.waits_until is not None
        if now < case.waits_until + life.FINISH_WITHIN:
            return ""
        life.end(case, CaseState.EXPIRED, how="late", now=now)
        return "succession.expired"
    if case.way == Way.CODES and case.person in owners.eligible(case.organization_id, [case.person]):
        life.accept(case, now=now)  # whoever presented the codes asked for it then
        return "succession.accepted"
    return _next(case, now, how="not_able")


def _next(case: SuccessionCase, now: datetime, *, how: str) -> str:
    """The next successor is asked. Where there are none: the operator is called, or what was one person's is over."""
    if case.way != Way.SUCCESSORS:
        life.end(case, CaseState.EXPIRED, how=how, now=now)
        return "succession.expired"
    named = list(Successor.objects.filter(organization_id=case.organization_id, declined_at=None).order_by("place").values_list("membership_id", flat=True))
    able = owners.eligible(case.organization_id, named)
    chosen = next((person for person in named if person in able and person not in case.passed), None)
    if chosen is not None:
        life.offer(case, chosen, now=now)
        return "succession.offered"
    if case.state == CaseState.OPERATOR:
        return ""
    life.go(case, CaseState.OPERATOR)
    case.person = case.offer_until = None
    return "succession.nobody"


def _grant(organization_id: UUID, now: datetime) -> None:
    """Ownership passes through the door, by the schedule. Whoever stopped the case meanwhile came first."""
    for case in SuccessionCase.objects.filter(organization_id=organization_id, state=CaseState.ACCEPTED).order_by("way"):
        try:
            door.perform(power=BY_SLUG["grant-ownership"], actor=due.schedule(organization_id), ids=[case.person] if case.person else [], data={"succession": str(case.id)}, now=now)
        except (Refused, NotFound, Stale) as error:
            logger.warning("ownership of organization %s was not granted: %s", organization_id, error)


def _remind_of_codes(organization_id: UUID, now: datetime) -> None:
    """Once a year owners are asked whether the three still have their codes."""
    with transaction.atomic():
        rows = list(RecoveryCode.objects.select_for_update().filter(organization_id=organization_id, made_at__lte=now - YEARLY))
        if not rows or any(row.reminded_at is not None and row.reminded_at > now - YEARLY for row in rows):
            return
        with recording.opened(org=organization_id, now=now) as act:
            RecoveryCode.objects.filter(id__in=[row.id for row in rows]).update(reminded_at=now)
            act.write([EntryDraft(org=organization_id, action="succession.codes_aged", category="succession", outcome="success", actor=life.SCHEDULE, via="schedule",
                                  targets=[TargetRef(type="organization", id=organization_id)])])
