"""An app that was removed is asked, for each person who had allowed it something, to delete what it has: by the way on which it gets requests of people, beside the notice to its provider.

However many they are: the log has the end of the app, a mark says that people are asked about, and a job asks about the next ones, batch by batch (decision 73).
"""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet

from accounts import turns
from accounts.models import AppGrant, Installation
from accounts.tenancy import installation as whole
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.subscribers import Sealed, Subscriber
from dsar.relays import asking
from dsar.relays.models import Relay, RelayState, Responder, Type, Way

ENDS = frozenset({"app.uninstalled", "app.blocked", "app.expired"})
BATCH, SECONDS = 500, 10.0
_WHY = "programs of every organization are asked"


def handle(batch: list[Sealed]) -> None:
    """Mark who is asked from here on, once for each installation however often it is read; nobody is asked yet, because the log is not read on meanwhile."""
    for sealed in batch:
        number = sealed.record.get("facts", {}).get("installation")
        if sealed.outcome != "success" or not number:
            continue
        with whole(_WHY), transaction.atomic():
            row = Installation.objects.filter(id=number, organization_id=sealed.org, state="ended").select_related("app").first()
            responder = _responder(row) if row is not None else None
            if row is not None and responder is not None and responder.gone_at is None and AppGrant.objects.filter(installation=row).exists():
                _begin(row, responder, now=datetime.now(UTC))


SUBSCRIBER = Subscriber(name="relays-uninstalled", handle=handle, actions=ENDS)


def _responder(row: Installation) -> Responder | None:
    """Where requests of people go, if the app has an address for them; one that nobody has set up is asked by what its provider says of it."""
    found = Responder.objects.select_for_update(of=("self",)).filter(installation=row).first()
    if found is None and row.app.requests_url:
        found = Responder(id=uuid4(), organization_id=row.organization_id, installation=row, way=Way.MAIL, url=row.app.requests_url, email=row.app.provider_email)
    return found if found is not None and found.way != Way.NONE and found.url else None


def _begin(row: Installation, responder: Responder, *, now: datetime) -> None:
    responder.gone_at = now
    with recording.opened(org=row.organization_id, now=now) as act:
        if responder._state.adding:
            responder.save(force_insert=True)
        else:
            responder.save(update_fields=["gone_at"])
        act.write([EntryDraft(org=row.organization_id, action="relay.app_gone", category="relay", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                              targets=[TargetRef(type="responder", id=responder.id, label=row.app.name)],
                              facts={"installation": str(row.id), "people": AppGrant.objects.filter(installation=row).values("account_id").distinct().count()})])


def _open() -> QuerySet[Responder]:
    return Responder.objects.filter(gone_at__isnull=False, gone_done_at=None)


def waiting() -> bool:
    """Whether an app that is gone is still to be asked about somebody."""
    with whole(_WHY):
        return _open().exists()


def run(*, now: datetime, seconds: float = SECONDS) -> bool:
    """Ask about the next people, for some seconds, a batch of each app in turn. Returns whether something is left that can go on. Safe to run twice at once, and after a kill."""
    with whole(_WHY):
        return turns.take(lambda number: step(number, now=now), lambda failed: _open().exclude(id__in=failed).order_by("gone_at", "id").values_list("id", flat=True), seconds=seconds)


def step(number: UUID, *, now: datetime) -> int:
    """One batch of one app: the requests, their entries and how far it got, together. What somebody else is at is left to them."""
    with transaction.atomic():
        responder = _open().select_for_update(of=("self",), skip_locked=True).filter(id=number).select_related("installation__app", "organization").first()
        if responder is None:
            return 0
        grants = AppGrant.objects.filter(installation_id=responder.installation_id)
        people = list((grants.filter(account_id__gt=responder.gone_reached) if responder.gone_reached else grants).order_by("account_id").values_list("account_id", flat=True).distinct()[:BATCH])
        if people:
            _ask(responder, people, now=now)
        Responder.objects.filter(id=number).update(**{"gone_reached": people[-1]} if people else {"gone_done_at": now})
        return 1


def _ask(responder: Responder, people: list[UUID], *, now: datetime) -> None:
    """The number of each request follows from the installation and the person, the cause being one for all of them: who was asked about already, as before a restore, is not asked about twice."""
    cause = responder.installation_id
    assert cause is not None
    way, state = asking.way_of(responder, Type.ERASURE)
    if way == Way.PULL:  # its token ended with it
        way, state = (Way.MAIL, RelayState.WAITING) if responder.email else (Way.MAIL, RelayState.BY_HAND)
    rows = [Relay(id=asking.number(cause=one, responder=responder.id, type=f"{cause}:{Type.ERASURE}"), organization_id=responder.organization_id, responder=responder, account_id=one, cause=cause,
                  type=Type.ERASURE, way=way, state=state, asked_at=now, respond_by=asking.respond_by(None, now), next_try=now if state == RelayState.WAITING else None) for one in people]
    known = set(Relay.objects.filter(id__in=[one.id for one in rows]).values_list("id", flat=True))
    if fresh := [one for one in rows if one.id not in known]:
        with recording.opened(org=responder.organization_id, now=now) as act:
            Relay.objects.bulk_create(fresh)
            act.write([draft for one in fresh for draft in asking.drafts([one])])
