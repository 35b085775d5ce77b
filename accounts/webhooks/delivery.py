"""One webhook's turn: what is due goes out in the order of the log, and what became of it is remembered. Everything that must survive is in PostgreSQL.

Each message has its own attempts, over three days; a receiver that fails is also left alone for a while as a whole. A message keeps its id and its bytes however
often it is sent. Learn more at the nearest relative: audit/streams/delivery.py.
"""
from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Installation, Service, Webhook, WebhookDelivery
from accounts.purposes import MARKED
from accounts.tenancy import scope
from accounts.webhooks import payload
from audit import outbound, recording
from audit.queries import records
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.streams import sending
from audit.streams.delivery import SLICE, alone, scoped
from audit.streams.runner import Line
from audit.streams.sending import Outcome

logger = logging.getLogger("steward.webhooks")
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds between the attempts of one message, before jitter: the schedule that Standard Webhooks recommends, a little over three days."""
FIRST_REST, LONGEST_REST = 2.0, 900.0
"""For how long a receiver that fails is left alone as a whole."""
DOWN = 3
"""After so many failures in a row the receiver was away, and when it is back everything that waited goes at once."""
SLOW = 2000
"""Milliseconds from which on a receiver counts as slow."""
AT_ONCE = 50


_DUE = """SELECT w.id, w.organization_id, w.failures > 0 OR w.last_took > %(slow)s FROM accounts_webhook w
 WHERE EXISTS (SELECT 1 FROM accounts_webhookdelivery d WHERE d.webhook_id = w.id AND d.state = 'due' AND (d.next_try IS NULL OR d.next_try <= %(now)s)
   AND (d.entry IS NULL OR (w.state = 'active' AND (w.next_try IS NULL OR w.next_try <= %(now)s)
    AND NOT EXISTS (SELECT 1 FROM accounts_service s WHERE s.id = w.service_id AND s.state <> 'active')
    AND NOT EXISTS (SELECT 1 FROM accounts_installation i WHERE i.id = w.installation_id AND (i.state <> 'active' OR i.expires_at <= %(now)s)))))
 ORDER BY w.served_at NULLS FIRST LIMIT 200"""


def due() -> list[tuple[UUID, UUID, bool]]:
    """The webhooks that have something to send now, those first that waited longest; and whether they are failing or slow."""
    with scoped(None), connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": timezone.now(), "slow": SLOW})
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def turn(webhook_id: UUID, org: UUID, *, stop: threading.Event | None = None) -> int:
    """Serve one webhook for a while. Returns how many messages were taken; two at once do not disturb each other."""
    taken, end = 0, time.monotonic() + SLICE
    with alone(webhook_id) as held, scope(org=org, purpose=MARKED), outbound.Kept() as kept:
        while held and time.monotonic() < end and not (stop and stop.is_set()):
            webhook, rows, texts, client = _batch(webhook_id, org)
            for row in rows:
                webhook = _step(webhook, row, texts.get(row.entry) if row.entry else None, client, kept) if webhook else None
                if webhook is None:
                    return taken
                taken += 1
                if time.monotonic() >= end or (stop and stop.is_set()):
                    return taken
            if not rows:
                break
    return taken


def _batch(webhook_id: UUID, org: UUID) -> tuple[Webhook | None, Sequence[WebhookDelivery], dict[UUID, str], UUID | None]:
    """The next messages, with the records that they tell of, and the webhook, read last. Tests first: somebody waits for them."""
    now = timezone.now()
    webhook = Webhook.objects.filter(id=webhook_id, organization_id=org).first()
    if webhook is None:
        return None, [], {}, None
    ready = Q(next_try=None) | Q(next_try__lte=now)
    rows = list(WebhookDelivery.objects.filter(ready, webhook=webhook, state="due", entry=None).order_by("made_at")[:AT_ONCE])
    if not rows and _open(webhook, now):
        rows = list(WebhookDelivery.objects.filter(ready, webhook=webhook, state="due").order_by("seq")[:AT_ONCE])
    texts, client = records({row.entry: row.occurred_at for row in rows if row.entry}), payload.client_of(webhook)
    return Webhook.objects.filter(id=webhook_id, organization_id=org).first(), rows, texts, client


def _open(webhook: Webhook, now: datetime) -> bool:
    """Whether it is sent to now. What belongs to a suspended service or app rests with it, and goes when that is back."""
    return webhook.state == "active" and (webhook.next_try is None or webhook.next_try <= now) and not resting(webhook.service_id, webhook.installation_id, now)


def resting(service_id: UUID | None, installation_id: UUID | None, now: datetime) -> bool:
    """Whether the service or the app is suspended or over. Needs the scope."""
    if service_id is not None:
        return not Service.objects.filter(id=service_id, state="active").exists()
    rows = Installation.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), id=installation_id, state="active")
    return installation_id is not None and not rows.exists()


def _step(webhook: Webhook, row: WebhookDelivery, text: str | None, client: UUID | None, kept: outbound.Kept) -> Webhook | None:
    """One attempt, by the webhook as it was read a moment ago. Gives it as it is afterwards, so that what was paused, changed or removed meanwhile counts for the next message; None: it failed."""
    now = timezone.now()
    if row.entry is not None and not _open(webhook, now):
        return None
    began = time.monotonic()
    sealed = (webhook.secret, webhook.old_secret if webhook.old_until and webhook.old_until > now else None)
    outcome = sending.post(url=webhook.url, sealed=sealed, owner=webhook.id, body=payload.body(row, webhook, orjson.loads(text) if text else None, client=client), kind="application/json",
                           message=message_id(row), now=now, kept=kept)
    after_it = _settle(webhook, row, outcome, int((time.monotonic() - began) * 1000))
    if outcome.code == "gone" and row.entry is not None:
        pause(webhook, why="gone", now=timezone.now())
    return after_it if outcome.ok else None


def message_id(row: WebhookDelivery) -> str:
    """The id by which a receiver knows a repetition, also one that somebody asked for."""
    return f"msg_{row.id.hex}"


_SETTLED = """
WITH settled AS (UPDATE accounts_webhookdelivery SET state = %(state)s, attempts = %(attempts)s, next_try = %(next_try)s, done_at = COALESCE(%(done)s, done_at) WHERE id = %(row)s AND state = 'due'),
tried AS (INSERT INTO accounts_webhookattempt (organization_id, delivery_id, at, code, status, took)
  SELECT organization_id, id, %(now)s, %(code)s, %(status)s, %(took)s FROM accounts_webhookdelivery WHERE id = %(row)s)
UPDATE accounts_webhook SET failures = %(failures)s, failing_since = %(failing_since)s, next_try = %(rest)s, last_error = %(code)s, last_status = %(status)s,
  last_success = CASE WHEN %(code)s = '' THEN %(now)s ELSE last_success END, last_error_at = CASE WHEN %(code)s = '' THEN last_error_at ELSE %(now)s END, last_took = %(took)s, served_at = %(now)s
WHERE id = %(webhook)s RETURNING *
"""


def _settle(webhook: Webhook, row: WebhookDelivery, outcome: Outcome, took: int) -> Webhook | None:
    """Remember what became of it, all or nothing, in one statement; it gives the webhook as it is now, with what others changed meanwhile, or None when it is gone."""
    now, given = timezone.now(), {"state": "done", "next_try": None, "failures": 0, "failing_since": None, "rest": None}
    if not outcome.ok:
        wait = after(row.attempts)
        again = wait is not None and row.entry is not None
        given = {"state": "due" if again else "failed", "next_try": now + wait if again and wait else None, "failures": webhook.failures + 1, "failing_since": webhook.failing_since or now,
                 "rest": now + (timedelta(seconds=outcome.wait) if outcome.wait else rest(webhook.failures))}
        logger.warning("webhook %s: %s%s", webhook.id, outcome.code, f" ({outcome.status})" if outcome.status else "")
    with transaction.atomic() if outcome.ok and webhook.failures >= DOWN else nullcontext():
        found = list(Webhook.objects.raw(_SETTLED, {**given, "attempts": row.attempts + 1, "done": now if outcome.ok else None, "now": now, "code": outcome.code, "status": outcome.status,
                                                    "took": took, "row": row.id, "webhook": webhook.id}))
        if outcome.ok and webhook.failures >= DOWN:
            WebhookDelivery.objects.filter(webhook_id=webhook.id, state="due").update(next_try=None)
    return found[0] if found else None


def after(attempts: int) -> timedelta | None:
    """How long a message waits after so many attempts before this one failed; None: it is tried no more."""
    return timedelta(seconds=WAITS[attempts] * random.uniform(0.75, 1.25)) if attempts < len(WAITS) else None  # noqa: S311


def rest(failures: int) -> timedelta:
    """How long the receiver is left alone: twice as long each time, and never all at the same moment."""
    return timedelta(seconds=min(FIRST_REST * 2.0 ** min(failures, 20), LONGEST_REST) * random.uniform(0.75, 1.25))  # noqa: S311


ACTIONS = {"gone": "webhook.gone", "failing": "webhook.paused_failing"}


def pause(webhook: Webhook, *, why: str, now: datetime) -> bool:
    """Stop sending to a receiver that is gone or took nothing for days, which is an entry of the log. What happens is still put down for it."""
    with scoped(webhook.organization_id):
        row = Webhook.objects.select_for_update().filter(id=webhook.id, state="active").first()
        if row is None:
            return False
        with recording.opened(org=row.organization_id, now=now) as act:
            Webhook.objects.filter(id=row.id).update(state="paused", paused_why=why, version=row.version + 1)
            act.write([EntryDraft(org=row.organization_id, action=ACTIONS[why], category="webhook", outcome="success", actor=ActorRef(type="schedule"),
                                  targets=[TargetRef(type="webhook", id=row.id, label=row.name)], via="schedule", facts={"host": row.host})])
        return True


LINE = Line("webhook", due, turn)
