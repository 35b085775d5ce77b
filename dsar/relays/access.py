"""The access of a program that does not answer: it rests, and comes back. Nothing of what people have there is taken."""
from __future__ import annotations

from datetime import datetime

from accounts.models import Installation, Service
from accounts.oauth import ending
from dsar.relays import asking
from dsar.relays.models import Responder


def works(responder: Responder) -> bool:
    """Whether anybody gets in by it now. What an administrator suspended themselves is not ours to let rest, and not ours to bring back."""
    row = _program(responder)
    return row is not None and row.state == "active"


def rest(responder: Responder, *, now: datetime) -> int:
    """Nobody gets in by it any more, as when an administrator suspends it: whoever is signed in there is signed out, the program is told, and every token that it holds ends.

    Needs an open act. Returns how many sign-ins ended.
    """
    _set(responder, "suspended", before="active")
    return ending.end(clients=asking.clients(responder), now=now)


def back(responder: Responder) -> None:
    """As it was before. People sign in to it anew. Needs an open act."""
    _set(responder, "active", before="suspended")


def _set(responder: Responder, state: str, *, before: str) -> None:
    row = _program(responder)
    if row is not None and row.state == before:
        type(row).objects.filter(id=row.id).update(state=state, version=row.version + 1)


def _program(responder: Responder) -> Service | Installation | None:
    if responder.service_id:
        return Service.objects.select_for_update().filter(id=responder.service_id).first()
    return Installation.objects.select_for_update().filter(id=responder.installation_id).first()
