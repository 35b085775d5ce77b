"""Who is asked when a person asks: one row for each program of the organization that keeps something about people, written inside the act that brings it about."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from accounts.models import AppGrant, Installation, Membership, OAuthApplication
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases.models import Case
from dsar.relays.models import Relay, RelayState, Responder, Type, Way

LEAST = timedelta(days=3)
"""So many days everybody has at least, however near the date of the request is."""
ALONE = timedelta(days=30)
"""From what is counted where no request has a date, such as a deletion by an administrator."""
_SPACE = UUID("6f6d3d0e-4d1f-5c0a-9c35-1f7a5f0c9d11")
_SPOKEN = {Way.PUSH: frozenset(Type), Way.MAIL: frozenset(Type), Way.PULL: frozenset({Type.ERASURE, Type.RECTIFICATION, Type.RESTRICTION, Type.LIFT})}
"""What can be said by each way. A program that only asks us hears of no copy and no objection: that goes by mail, or by hand."""


def number(*, cause: UUID, responder: UUID, type: str) -> UUID:
    """The id of a request to a responder: the same for ever, so that whoever gets it twice does it once."""
    return uuid5(_SPACE, f"{cause}:{responder}:{type}")


def responders(organization_id: UUID) -> list[Responder]:
    """Everybody in the organization who can be asked. Apps that are installed are there without anybody setting them up: by mail to their provider. Needs the scope and an open act."""
    there = set(Responder.objects.filter(organization_id=organization_id).exclude(installation=None).values_list("installation_id", flat=True))
    fresh = [Responder(id=uuid4(), organization_id=organization_id, installation=one, way=Way.MAIL, url=one.app.requests_url, email=one.app.provider_email)
             for one in Installation.objects.filter(organization_id=organization_id).exclude(state="ended").exclude(id__in=there).select_related("app")]
    Responder.objects.bulk_create(fresh)
    found = Responder.objects.filter(Q(installation=None) | ~Q(installation__state="ended"), organization_id=organization_id).exclude(way=Way.NONE)
    return list(found.select_related("service", "installation__app").order_by("id"))


def any_responder(organization_id: UUID) -> bool:
    """Whether there is anybody at all to be asked. Needs the scope."""
    return (Responder.objects.filter(organization_id=organization_id).exclude(way=Way.NONE).exists()
            or Installation.objects.filter(organization_id=organization_id).exclude(state="ended").exclude(responder__way=Way.NONE).exists())


def way_of(responder: Responder, type: str) -> tuple[str, str]:
    """By which way this type reaches the responder, and the state in which it begins."""
    way = responder.way
    if way == Way.PUSH and not (responder.url and responder.public_key):
        way = Way.MAIL  # without a key nothing that it answers could be believed
    if way == Way.PULL and type not in _SPOKEN[Way.PULL]:
        way = Way.MAIL
    return (way, RelayState.WAITING) if way != Way.MAIL or responder.email else (Way.MAIL, RelayState.BY_HAND)


def respond_by(case: Case | None, now: datetime) -> date:
    """Some days before the person has to be answered, so that there is time to answer them."""
    day = now.astimezone(ZoneInfo(case.time_zone)).date() if case else now.date()
    due = case.statutory_due if case and case.statutory_due else day + ALONE
    return max(due - timedelta(days=settings.RELAY_BUFFER_DAYS), day + LEAST)


def owe(*, organization_id: UUID, account_id: UUID, types: Iterable[str], cause: UUID, case: Case | None, now: datetime, only: Iterable[UUID] | None = None) -> list[Relay]:
    """Write what is to be asked, once for each cause, program and type. Needs the scope and an open act. Returns the new rows."""
    asked = responders(organization_id)
    if only is not None:
        asked = [one for one in asked if one.id in set(only)]
    rows = []
    for type in types:
        for one in asked:
            way, state = way_of(one, type)
            rows.append(Relay(id=number(cause=cause, responder=one.id, type=type), organization_id=organization_id, responder=one, account_id=account_id, case=case, cause=cause, type=type, way=way,
                              state=state, asked_at=now, respond_by=now.date() + LEAST if type in {Type.RESTRICTION, Type.LIFT} else respond_by(case, now),
                              next_try=now if state == RelayState.WAITING and way != Way.PULL else None))
    known = set(Relay.objects.filter(id__in=[row.id for row in rows]).values_list("id", flat=True))
    fresh = [row for row in rows if row.id not in known]
    Relay.objects.bulk_create(fresh, ignore_conflicts=True)
    return fresh


def drafts(rows: Sequence[Relay]) -> list[EntryDraft]:
    """The entries of new rows: one for each type, with how many were asked."""
    found = []
    for type in dict.fromkeys(row.type for row in rows):
        some = [row for row in rows if row.type == type]
        found.append(draft(some[0], "relay.asked", facts={"type": str(type), "asked": len(some), "by_hand": sum(row.state == RelayState.BY_HAND for row in some)}, of_all=True))
    return found


def draft(row: Relay, event: str, *, facts: dict[str, object], outcome: str = "success", code: str = "", of_all: bool = False) -> EntryDraft:
    """An entry about a request to a program. The person is named by their number; no name goes into the log here."""
    case = [TargetRef(type="case", id=row.case_id)] if row.case_id else []
    one = [] if of_all else [TargetRef(type="relay", id=row.id), TargetRef(type="responder", id=row.responder_id, label=row.responder.name)]
    said = {**facts, **({"case": str(row.case_id)} if row.case_id else {}), **({} if of_all else {"relay": str(row.id), "type": str(row.type)})}
    return EntryDraft(org=row.organization_id, action=event, category="relay", outcome=outcome, actor=ActorRef(type="schedule"), via="schedule", reason_code=code, facts=said,
                      targets=[TargetRef(type="person", id=row.account_id), *case, *one])


def organizations_of(account_id: UUID) -> list[UUID]:
    """Every organization in which something about the person may have gone to a program: where they are or were a member, or allowed an app."""
    return sorted({found for model in (Membership, AppGrant) for found in model.objects.filter(account_id=account_id).values_list("organization_id", flat=True)})  # type: ignore[attr-defined]


def clients(responder: Responder) -> list[UUID]:
    return list(OAuthApplication.objects.filter(service_id=responder.service_id, installation_id=responder.installation_id).values_list("id", flat=True))
