"""What programs answer: the table of states, and the one function that writes an answer, however it came."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.tenancy import installation
from audit import recording
from audit.record import EntryDraft
from dsar.relays import asking, messages
from dsar.relays.messages import Unfit
from dsar.relays.models import OPEN, Relay, RelayNonce, RelayState, Type

S = RelayState
_ANSWERS = frozenset({S.IN_PROGRESS, S.COMPLETED, S.PARTIAL, S.REJECTED, S.NOT_FOUND, S.CANCELLED})
AFTER: Mapping[str, frozenset[str]] = {
    S.WAITING: _ANSWERS | {S.PENDING}, S.PENDING: _ANSWERS | {S.PENDING}, S.IN_PROGRESS: _ANSWERS, S.BY_HAND: _ANSWERS, S.PARTIAL: frozenset({S.COMPLETED}),
    S.REJECTED: frozenset(), S.COMPLETED: frozenset(), S.NOT_FOUND: frozenset(), S.CANCELLED: frozenset(),
}
"""What may be said after what was said. An answer that closes a request stays; only “in part” may become the whole."""
WAITS = timedelta(days=3)
"""So long a copy waits for what programs give for it."""
GIVES = frozenset({Type.ACCESS, Type.PORTABILITY})


@dataclass(frozen=True)
class Answer:
    """An answer as it is written, whoever gave it and however."""

    status: str
    how: str
    code: str = ""
    expected_on: date | None = None
    receipt: str = ""
    data: Any = None


def locked(relay_id: UUID) -> Relay | None:
    return Relay.objects.select_for_update(of=("self",)).select_related("responder__service", "responder__installation__app").filter(id=relay_id).first()


def change(row: Relay, answer: Answer, *, now: datetime) -> list[str]:
    """Change a loaded, locked request by what was answered. Returns the names of the columns. Raises Unfit where the table does not have it."""
    if answer.status not in AFTER[row.state]:
        raise Unfit("answered_already" if row.state not in OPEN else "unknown_status")
    row.state, row.how, row.next_try = answer.status, answer.how, None
    row.code, row.receipt, row.expected_on = answer.code, answer.receipt or row.receipt, answer.expected_on or row.expected_on
    row.told_at = row.told_at or now
    row.answered_at = now if answer.status not in OPEN else row.answered_at
    if answer.data is not None and row.type in GIVES:
        row.answer = sealed(row.id, orjson.dumps(answer.data))
    return ["state", "how", "next_try", "code", "receipt", "expected_on", "told_at", "answered_at", "answer", "problem", "attempts", "first_try", "way", "overdue_at"]


def write(row: Relay, answer: Answer, *, now: datetime, event: str = "") -> None:
    """The answer and its entry. Needs a transaction, and no open act."""
    names = change(row, answer, now=now)
    with recording.opened(org=row.organization_id, now=now) as act:
        row.version += 1
        row.save(update_fields=[*names, "version"])
        act.write([asking.draft(row, event or ("relay.delivered" if row.state in OPEN else "relay.answered"), facts={
            "status": str(row.state), "how": row.how, **({"code": row.code} if row.code else {}), **({"receipt": row.receipt} if row.receipt else {}),
            **({"expected_on": row.expected_on.isoformat()} if row.expected_on else {})})])


def take(relay_id: UUID, raw: bytes, signature: str, *, now: datetime) -> str:
    """An answer that was posted to us. Returns the state that it led to. Raises LookupError for a request that is none, Unfit for what is not taken; that is recorded in the log."""
    with installation("a program answers: its request names the organization"):
        try:
            with transaction.atomic():
                row = locked(relay_id)
                if row is None:
                    raise LookupError
                return _take(row, raw, signature, how="callback", now=now)
        except Unfit as unfit:
            row = Relay.objects.select_related("responder__service", "responder__installation__app").get(id=relay_id)
            recording.refuse(refused(row, unfit.code, "callback"), now=now)
            raise


def refused(row: Relay, code: str, how: str) -> EntryDraft:
    return asking.draft(row, "relay.answer_refused", outcome="denied", code=code, facts={"how": how})


def _take(row: Relay, raw: bytes, signature: str, *, how: str, now: datetime) -> str:
    said = messages.checked(raw, signature, relay=row, now=now)
    try:
        with transaction.atomic():
            RelayNonce.objects.create(id=uuid4(), organization_id=row.organization_id, responder=row.responder, nonce=said.nonce, seen_at=now)
    except IntegrityError as error:
        raise Unfit("replayed") from error
    write(row, Answer(status=said.status, how=how, code=said.code, expected_on=said.expected_on, receipt=hashlib.sha256(raw).hexdigest(), data=said.data), now=now)
    return str(row.state)


def receipt(row: Relay, raw: bytes, signature: str, *, now: datetime) -> None:
    """The receipt that came with 201: it counts only signed like an answer. Needs a transaction. Raises Unfit."""
    _take(row, raw, signature, how="receipt", now=now)


def call_off(case_id: str | None, *, now: datetime) -> None:
    """The request ended without being granted: what nobody has answered is asked of nobody any more. Needs a transaction."""
    for row in Relay.objects.select_for_update(of=("self",)).select_related("responder__service", "responder__installation__app").filter(case_id=case_id, state__in=OPEN).order_by("id"):
        write(row, Answer(status=S.CANCELLED, how="ours"), now=now, event="relay.called_off")


def awaited(now: datetime) -> list[UUID]:
    """Requests whose copy waits for what programs give: as long as they are asked by a program and not by a person, some days, and only until they were to answer. Needs the scope."""
    rows = Relay.objects.filter(type__in=GIVES, state__in=OPEN - {S.BY_HAND}, way="push", respond_by__gte=now.date(), asked_at__gt=now - WAITS).exclude(case=None)
    return list(rows.values_list("case_id", flat=True).distinct())


def acknowledge(relay_id: UUID, status: str, *, now: datetime) -> None:
    """What whoever runs a program said by the link in the mail. Raises Unfit. Needs the scope."""
    with transaction.atomic():
        row = locked(relay_id)
        if row is not None:
            write(row, Answer(status=status, how="mail", code="other" if status == S.REJECTED else ""), now=now)


def forget_nonces(*, now: datetime) -> None:
    """Numbers of messages that are too old to count in any case."""
    RelayNonce.objects.filter(seen_at__lt=now - messages.WINDOW * 2 - timedelta(minutes=5)).delete()


# What they gave for a copy


def sealed(relay_id: UUID, data: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(settings.OUTBOX_KEY).encrypt(nonce, data, relay_id.bytes)


def opened(row: Relay) -> Any:
    """What the program gave. The seal is good for this row alone."""
    data = bytes(row.answer or b"")
    return orjson.loads(AESGCM(settings.OUTBOX_KEY).decrypt(data[:12], data[12:], row.id.bytes))
