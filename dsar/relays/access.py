"""The access of a program that does not answer: it rests, and comes back. Nothing of what people have there is taken."""
from __future__ import annotations

from datetime import datetime

from accounts.models import Installation, Service
from dsar.relays import asking
from dsar.relays.models import Responder


def rest(responder: Responder, *, now: datetime) -> int:
    """Nobody gets in by it any more, and every token that it holds ends. Needs an open act. Returns how many tokens ended."""
    from accounts.oauth import ending
    _set(responder, "suspended", before="active")
    return ending.end(clients=asking.clients(responder), now=now)


def back(responder: Responder) -> None:
    """As it was before. People sign in to it anew. Needs an open act."""
    _set(responder, "active", before="suspended")


def _set(responder: Responder, state: str, *, before: str) -> None:
    model, number = (Service, responder.service_id) if responder.service_id else (Installation, responder.installation_id)
    row = model.objects.select_for_update().filter(id=number).first()
    if row is not None and getattr(row, "state", "") == before:
        model.objects.filter(id=number).update(state=state, version=row.version + 1)
