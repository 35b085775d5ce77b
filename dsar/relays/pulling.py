"""Programs that ask us: they say about whom they keep something, and hear what to delete, to read anew, or to leave unused. Whoever is not in the answer needs nothing."""
from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.oauth import subjects
from accounts.tenancy import installation
from dsar.relays import answering, messages
from dsar.relays.models import OPEN, Relay, RelayState, Responder, Type, Way

MOST = 100
ACTS = {Type.ERASURE: "erase", Type.RECTIFICATION: "refresh", Type.RESTRICTION: "restrict", Type.LIFT: "unrestrict"}
PREFIX = "strp_"


def mint() -> tuple[str, str]:
    """A token for a program that asks us, and what is kept of it."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, digest(secret)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def caller(secret: str) -> Responder | None:
    """Whose token this is: of a program that asks us, and whose service or app is still there."""
    if not secret.startswith(PREFIX) or len(secret) > 100:
        return None
    with installation("a token names the organization"):
        row = Responder.objects.select_related("service", "installation__app").filter(token_hash=digest(secret), way=Way.PULL).first()
    return None if row is None or (row.installation is not None and row.installation.state == "ended") else row


def read(given: Any) -> list[tuple[str, datetime]]:
    """What was asked, checked. Raises ValueError with what is wrong."""
    if not isinstance(given, dict) or not isinstance(rows := given.get("subjects"), list) or set(given) != {"subjects"}:
        raise ValueError("Send an object with “subjects”, a list.")
    if len(rows) > MOST:
        raise ValueError("Send at most 100 subjects at once.")
    found: dict[str, datetime] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not 1 <= len(row["id"]) <= 255:
            raise ValueError("Each subject needs an “id”: the identifier that we gave you.")
        try:
            at = datetime.fromisoformat(row.get("fetched_at"))
        except (TypeError, ValueError) as error:
            raise ValueError("Each subject needs “fetched_at”: when you last fetched data about it, with its offset from UTC.") from error
        if at.tzinfo is None:
            raise ValueError("“fetched_at” needs its offset from UTC.")
        found[row["id"]] = at
    return list(found.items())


def answer(responder: Responder, asked: Sequence[tuple[str, datetime]], *, now: datetime) -> list[dict[str, str]]:
    """What is to be done about these subjects; those about whom nothing is to be done are not named. That they asked is remembered."""
    with installation("the responder names the organization"):
        known, fetched = _people(responder, [subject for subject, _at in asked]), dict(asked)
        with transaction.atomic():
            rows = Relay.objects.select_for_update(of=("self",)).select_related("responder__service", "responder__installation__app").filter(
                responder=responder, way=Way.PULL, account_id__in=list(known), state__in=OPEN).order_by("asked_at")
            found: dict[UUID, list[Relay]] = defaultdict(list)
            for row in rows:
                found[row.account_id].append(row)
            Responder.objects.filter(id=responder.id).update(polled_at=now)
        said = []
        for account_id, some in found.items():
            subject = known[account_id]
            for row in some:
                if (act := _one(row, fetched[subject], now)) and not any(one["id"] == subject and one["act"] == act for one in said):
                    said.append({"id": subject, "act": act, "request": str(row.id), "respond_by": row.respond_by.isoformat()})
        return said


def _people(responder: Responder, asked: Sequence[str]) -> Mapping[UUID, str]:
    """The accounts behind these identifiers, as far as something is open about them: reckoned from the open requests, since an identifier cannot be read backwards."""
    known, wanted = messages.application(responder), set(asked)
    open_ = Relay.objects.filter(responder=responder, way=Way.PULL, state__in=OPEN).values_list("account_id", flat=True).distinct()
    return {account: subject for account in open_ if (subject := subjects.subject(account_id=account, application_id=known)) in wanted}


def _one(row: Relay, fetched_at: datetime, now: datetime) -> str:
    """What to say about one request, '' where what they send shows that it is done."""
    done = {Type.RECTIFICATION: row.told_at is not None and fetched_at > row.told_at, Type.RESTRICTION: row.told_at is not None, Type.LIFT: row.told_at is not None}.get(Type(row.type), False)
    with transaction.atomic():
        fresh = answering.locked(row.id)
        if fresh is None or fresh.state not in OPEN:
            return ""
        if done:
            answering.write(fresh, answering.Answer(status=RelayState.COMPLETED, how="pull"), now=now)
            return ""
        if fresh.state == RelayState.WAITING:
            answering.write(fresh, answering.Answer(status=RelayState.PENDING, how="pull"), now=now)
        Relay.objects.filter(id=row.id).update(seen_at=now)
    return ACTS[Type(row.type)]


def settle(responder: Responder, *, now: datetime) -> None:
    """After a whole cycle in which they asked: whoever was to be deleted and is not named any more is deleted there; whoever was never named is not there. Needs the scope."""
    cycle = timedelta(days=responder.cycle_days)
    if responder.polled_at is None:
        return
    for row in Relay.objects.filter(responder=responder, way=Way.PULL, state__in=OPEN):
        since = max(row.seen_at or row.asked_at, row.asked_at)
        if responder.polled_at < since + cycle:
            continue
        with transaction.atomic():
            fresh = answering.locked(row.id)
            if fresh is not None and fresh.state in OPEN:
                there = fresh.told_at is not None
                answering.write(fresh, answering.Answer(status=RelayState.COMPLETED if there else RelayState.NOT_FOUND, how="pull"), now=now)


def missed(responder: Responder, *, now: datetime) -> bool:
    """Whether a program that has to ask us let a whole cycle pass."""
    since = max((at for at in (responder.polled_at, responder.cycle_from) if at), default=None)
    return responder.way == Way.PULL and since is not None and since + timedelta(days=responder.cycle_days) < now
