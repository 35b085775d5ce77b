"""Bringing requests to programs: posted or mailed, tried again for a week, and then somebody is asked to do it by hand. State lies in PostgreSQL; whoever is killed loses nothing."""
from __future__ import annotations

import logging
import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import date_format

from accounts.oauth import subjects
from accounts.tenancy import installation
from audit import outbound, recording
from dsar.relays import answering, asking, messages
from dsar.relays.messages import HEADER, Unfit
from dsar.relays.models import Relay, RelayState, Type, Way

logger = logging.getLogger("steward.relays")
FIRST, LONGEST, GIVES_UP = timedelta(minutes=1), timedelta(hours=24), timedelta(days=7)
LEASE = timedelta(minutes=5)
"""So long nobody else tries what somebody is trying; after a crash it is tried again then."""
AT_ONCE, EACH = 24, 3
"""So many requests in one round, and so many of them to the same program, so that one that hangs does not hold up the others."""
SECONDS = 10.0
SALT = "steward.relays.acknowledgement"


def waiting(*, now: datetime) -> bool:
    """Whether something is to be sent."""
    with installation("requests to programs of every organization"):
        return Relay.objects.filter(next_try__lte=now).exists()


def run(*, now: datetime, seconds: float = 25.0) -> bool:
    """Send what is due, for some seconds. True when something is left. Safe to run twice at once."""
    end = time.monotonic() + seconds
    with installation("requests to programs of every organization"), ThreadPoolExecutor(AT_ONCE, thread_name_prefix="relay") as pool:
        while time.monotonic() < end:
            rows = _claimed(now)
            if not rows:
                return False
            posts = {row.id: pool.submit(_post, made.url, made.body, made.headers) for row in rows if row.way == Way.PUSH for made in [_made(row, now)]}
            for row in rows:
                try:
                    _settle(row.id, posts[row.id].result() if row.id in posts else _mail(row), now=now)
                except Exception:
                    logger.exception("a request to a program is tried again later")
    return waiting(now=now)


@dataclass(frozen=True)
class _Made:
    url: str
    body: bytes
    headers: dict[str, str]


def _made(row: Relay, now: datetime) -> _Made:
    body, headers = messages.outgoing(row, now=now)
    return _Made(row.responder.url, body, headers)


@dataclass(frozen=True)
class _Result:
    """What came of one attempt: the problem, or the receipt."""

    problem: str = ""
    body: bytes = b""
    signature: str = ""


def _post(url: str, body: bytes, headers: dict[str, str]) -> _Result:
    """In a thread of its own: no database here."""
    try:
        answer = outbound.request("POST", url, headers=headers, body=body, seconds=SECONDS, limit=messages.LARGEST)
    except outbound.NotSent as error:
        return _Result(error.code)
    except Exception as error:  # a peer that answers nonsense is a peer that did not answer
        return _Result(type(error).__name__.lower()[:40])
    if answer.status != 201:
        return _Result(f"status_{answer.status}")
    return _Result(body=answer.body, signature=answer.headers.get(HEADER.lower(), ""))


def _claimed(now: datetime) -> list[Relay]:
    """What is due, some of each program, held for a while in the row itself."""
    with transaction.atomic():
        found: dict[UUID, list[Relay]] = defaultdict(list)
        due = Relay.objects.select_for_update(skip_locked=True, of=("self",)).filter(next_try__lte=now).select_related("responder__service", "responder__installation__app", "organization")
        for row in due.order_by("next_try")[:AT_ONCE * 20]:
            if len(found[row.responder_id]) < EACH and sum(map(len, found.values())) < AT_ONCE:
                found[row.responder_id].append(row)
        rows = [row for some in found.values() for row in some]
        for row in rows:
            row.attempts, row.first_try, row.next_try = min(row.attempts + 1, 10_000), row.first_try or now, now + LEASE
            Relay.objects.filter(id=row.id).update(attempts=row.attempts, first_try=row.first_try, next_try=row.next_try)
        return rows


def _settle(relay_id: UUID, result: _Result, *, now: datetime) -> None:
    """Write what came of it: a receipt, the next attempt, or that it is given up."""
    try:
        with transaction.atomic():
            row = answering.locked(relay_id)
            if row is None or row.state != RelayState.WAITING:
                return  # it was answered meanwhile
            if result.problem:
                _again(row, result.problem, now)
            elif row.way == Way.MAIL:
                answering.write(row, answering.Answer(status=RelayState.PENDING, how="mail"), now=now)
            else:
                answering.receipt(row, result.body, result.signature, now=now)
    except Unfit as unfit:
        row = Relay.objects.select_related("responder__service", "responder__installation__app").get(id=relay_id)
        if row.problem != unfit.code:  # said once, however often it comes
            recording.refuse(answering.refused(row, unfit.code, "receipt"), now=now)
        with transaction.atomic():
            again = answering.locked(relay_id)
            if again is not None and again.state == RelayState.WAITING:
                _again(again, unfit.code, now)


def delay(attempts: int) -> timedelta:
    """From one minute to a day, doubling, a fifth more or less, so that many do not come back at once."""
    return min(FIRST * 2 ** min(attempts - 1, 12), LONGEST) * random.uniform(0.8, 1.2)  # noqa: S311  (spreads attempts, protects nothing)


def _again(row: Relay, problem: str, now: datetime) -> None:
    row.problem = problem[:40]
    if row.first_try is None or now - row.first_try < GIVES_UP:
        Relay.objects.filter(id=row.id).update(problem=row.problem, next_try=now + delay(max(row.attempts, 1)))
        return
    mailed = row.way == Way.PUSH and bool(row.responder.email)
    if mailed:
        row.way, row.attempts, row.first_try, row.next_try = Way.MAIL, 0, None, now
    else:
        row.state, row.next_try = RelayState.BY_HAND, None
    with recording.opened(org=row.organization_id, now=now) as act:
        row.version += 1
        row.save(update_fields=["problem", "way", "state", "attempts", "first_try", "next_try", "version"])
        act.write([asking.draft(row, "relay.undeliverable", outcome="failure", code=row.problem, facts={"then": "mail" if mailed else "by_hand"})])


# By mail


def word(relay_id: UUID) -> str:
    """What the link in the mail bears: the number of the request, signed."""
    return signing.dumps(str(relay_id), salt=SALT)


def read(text: str) -> UUID | None:
    """The request that a link means, or None for one that is not ours, or is older than four months."""
    try:
        return UUID(signing.loads(text, salt=SALT, max_age=timedelta(days=120)))
    except (signing.BadSignature, ValueError, TypeError):
        return None


def letter(row: Relay) -> dict[str, object]:
    """What the mail says. It goes to whoever runs the program, in the installation's language."""
    known = messages.application(row.responder)
    return {"organization": row.organization.name, "program": row.responder.name, "type": row.type, "asked": str(Type(row.type).label), "independent": row.responder.independent,
            "subject": subjects.subject(account_id=row.account_id, application_id=known), "until": date_format(row.respond_by), "number": str(row.id),
            "link": settings.STEWARD_URL + reverse("relay-acknowledge", args=[word(row.id)])}


def _mail(row: Relay) -> _Result:
    try:
        said = letter(row)
        message = EmailMessage(subject=" ".join(render_to_string("relays/mail/subject.txt", said).split()), body=render_to_string("relays/mail/body.txt", said), to=[row.responder.email],
                               headers={"Auto-Submitted": "auto-generated", "Message-ID": f"<{row.id}.{row.attempts}@steward>"})
        message.send()
    except (OSError, ValueError) as error:
        return _Result(type(error).__name__.lower()[:40])
    return _Result()
