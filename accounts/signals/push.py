"""Sending security events: one token in one request, in the order in which they were put down, until the receiver has it (RFC 8935)."""
from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from accounts import outbox
from accounts.models import SignalEvent, SignalStream
from accounts.signals import tokens
from accounts.webhooks.delivery import AT_ONCE, after, rest, resting
from audit import outbound
from audit.streams import sending
from audit.streams.delivery import SLICE, alone, scoped
from audit.streams.runner import Line
from audit.streams.sending import Outcome

logger = logging.getLogger("steward.signals")
SECONDS = 10.0
_READ = 4096

_DUE = """SELECT s.id, s.organization_id, s.failures > 0 FROM accounts_signalstream s WHERE s.method = 'push' AND s.status = 'enabled' AND s.held_at IS NULL
   AND (s.next_try IS NULL OR s.next_try <= %(now)s)
   AND EXISTS (SELECT 1 FROM accounts_signalevent e WHERE e.stream_id = s.id AND e.state = 'due' AND (e.next_try IS NULL OR e.next_try <= %(now)s)) 
   AND EXISTS (SELECT 1 FROM accounts_oauthapplication c LEFT JOIN accounts_service v ON v.id = c.service_id LEFT JOIN accounts_installation i ON i.id = c.installation_id
    WHERE c.id = s.application_id AND COALESCE(v.state, i.state) = 'active' AND (i.expires_at IS NULL OR i.expires_at > %(now)s)) ORDER BY s.served_at NULLS FIRST LIMIT 200"""


def due() -> list[tuple[UUID, UUID, bool]]:
    """The streams that have something to push now, and whether they are failing."""
    with scoped(None), connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": timezone.now()})
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def turn(stream_id: UUID, org: UUID, *, stop: threading.Event | None = None) -> int:
    """Serve one stream for a while. Returns how many tokens were taken."""
    taken, end = 0, time.monotonic() + SLICE
    with alone(stream_id) as held:
        while held and time.monotonic() < end and not (stop and stop.is_set()):
            now = timezone.now()
            with scoped(org):
                ready = Q(next_try=None) | Q(next_try__lte=now)
                rows = list(SignalEvent.objects.filter(ready, stream_id=stream_id, state="due").order_by("at", "issued_at", "id")[:AT_ONCE])
            for row in rows:
                if time.monotonic() >= end or not _step(stream_id, row):
                    return taken
                taken += 1
            if not rows:
                break
    return taken


def _step(stream_id: UUID, row: SignalEvent) -> bool:
    now = timezone.now()
    with scoped(row.organization_id):
        stream = SignalStream.objects.select_related("application").filter(id=stream_id, status="enabled", held_at=None, method="push").first()
        if stream is not None and resting(stream.application.service_id, stream.application.installation_id, now):
            return False
    if stream is None or (stream.next_try and stream.next_try > now):
        return False
    outcome, said = _send(stream, tokens.token(row, client_id=stream.application.client_id))
    _settle(stream, row, outcome, said)
    return outcome.ok


def _send(stream: SignalStream, text: str) -> tuple[Outcome, str]:
    headers = {"content-type": "application/secevent+jwt", "accept": "application/json", "user-agent": "Steward"}
    if stream.authorization:
        headers["authorization"] = outbox.open_text(stream.authorization)
    try:
        answer = outbound.request("POST", stream.url, headers=headers, body=text.encode(), seconds=SECONDS, limit=_READ)
    except outbound.NotSent as error:
        return Outcome(error.code), ""
    return sending.answered(answer, timezone.now()), _said(answer)


def _said(answer: outbound.Answer) -> str:
    """The code with which a receiver refused a token (RFC 8935, section 2.3)."""
    if answer.status != 400:
        return ""
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return ""
    word = str(found.get("err", "")) if isinstance(found, dict) else ""
    return word[:40] if word.replace("_", "").isalnum() else ""


def _settle(stream: SignalStream, row: SignalEvent, outcome: Outcome, said: str) -> None:
    """What was taken goes, with what it said of somebody. What the receiver cannot read is not sent for ever."""
    now = timezone.now()
    streams, rows = SignalStream.objects.filter(id=stream.id), SignalEvent.objects.filter(id=row.id)
    with scoped(stream.organization_id):
        if outcome.ok:
            rows.delete()
            streams.update(failures=0, failing_since=None, next_try=None, last_success=now, last_error="", last_status=outcome.status, served_at=now)
            return
        wait = after(row.attempts)
        rows.update(attempts=F("attempts") + 1, state="due" if wait is not None else "failed", next_try=now + wait if wait is not None else None, error=said or outcome.code)
        streams.update(failures=stream.failures + 1, failing_since=stream.failing_since or now, last_error=said or outcome.code, last_status=outcome.status, served_at=now,
                       next_try=now + (timedelta(seconds=outcome.wait) if outcome.wait else rest(stream.failures)))
    logger.warning("stream of security events %s: %s", stream.id, outcome.code)


LINE = Line("signals", due, turn)
