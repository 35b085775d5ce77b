"""An app that was removed is asked, for each person who had allowed it something, to delete what it has: by the way on which it gets requests of people, beside the notice to its provider."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from django.db import transaction

from accounts.models import AppGrant, Installation
from accounts.tenancy import installation as whole
from audit import recording
from audit.subscribers import Sealed, Subscriber
from dsar.relays import asking
from dsar.relays.models import Relay, RelayState, Responder, Type, Way

ENDS = frozenset({"app.uninstalled", "app.blocked", "app.expired"})
_AT_ONCE = 500


def handle(batch: list[Sealed]) -> None:
    """In the transaction that moves the cursor. The number of each request follows from the installation, so what is read twice is asked once."""
    for sealed in batch:
        number = sealed.record.get("facts", {}).get("installation")
        if sealed.outcome != "success" or not number:
            continue
        with whole("programs of every organization are asked"), transaction.atomic():
            row = Installation.objects.filter(id=number, organization_id=sealed.org, state="ended").select_related("app").first()
            responder = _responder(row) if row is not None else None
            if row is not None and responder is not None:
                _ask(row, responder, now=datetime.now(UTC))


def _responder(row: Installation) -> Responder | None:
    """Where requests of people go, if the app has an address for them; one that nobody has set up is asked by what its provider says of it."""
    found = Responder.objects.filter(installation=row).select_related("service", "installation__app").first()
    if found is None and row.app.requests_url:
        found = Responder(id=uuid4(), organization_id=row.organization_id, installation=row, way=Way.MAIL, url=row.app.requests_url, email=row.app.provider_email)
    return found if found is not None and found.way != Way.NONE and found.url else None


def _ask(row: Installation, responder: Responder, *, now: datetime) -> None:
    people: list[UUID] = sorted(set(AppGrant.objects.filter(installation=row).values_list("account_id", flat=True)))
    way, state = asking.way_of(responder, Type.ERASURE)
    if way == Way.PULL:  # its token ended with it
        way, state = (Way.MAIL, RelayState.WAITING) if responder.email else (Way.MAIL, RelayState.BY_HAND)
    for start in range(0, len(people), _AT_ONCE):
        # the cause is one for all of them, so the person has to be in the number
        rows = [Relay(id=asking.number(cause=one, responder=responder.id, type=f"{row.id}:{Type.ERASURE}"), organization_id=row.organization_id, responder=responder, account_id=one, cause=row.id,
                      type=Type.ERASURE, way=way, state=state, asked_at=now, respond_by=asking.respond_by(None, now), next_try=now if state == RelayState.WAITING else None)
                for one in people[start:start + _AT_ONCE]]
        known = set(Relay.objects.filter(id__in=[one.id for one in rows]).values_list("id", flat=True))
        if fresh := [one for one in rows if one.id not in known]:
            with recording.opened(org=row.organization_id, now=now) as act:
                if responder._state.adding:
                    responder.save(force_insert=True)
                Relay.objects.bulk_create(fresh)
                act.write([draft for one in fresh for draft in asking.drafts([one])])


SUBSCRIBER = Subscriber(name="relays-uninstalled", handle=handle, actions=ENDS)
