"""Telling programs that somebody is signed out there (OpenID Connect Back-Channel Logout 1.0). What is to be told lies in PostgreSQL until the program has answered.

The streamer tells them, and not the worker: a job that works for many seconds keeps nobody signed in. Each program has its own turn, so one with a hundred thousand calls,
or one that hangs, keeps nobody signed in elsewhere.
"""
from __future__ import annotations

import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection, transaction
from django.db.models import UUIDField
from django.db.models.functions import MD5, Cast
from django.utils import timezone

from accounts.models import LogoutCall
from accounts.oauth import keys
from accounts.oauth.sessions import issuer
from accounts.purposes import SECURITY
from accounts.tenancy import installation, scope
from audit import outbound
from audit.streams.delivery import SLICE, scoped
from audit.streams.runner import Line

EVENT = "http://schemas.openid.net/event/backchannel-logout"
WAITS = (2, 10, 60, 300, 1800, 7200, 21600, 86400)
"""Seconds until it is tried again; a program that never answered is told no more after that. The tokens there stopped working at once all the same."""
BATCH, AT_ONCE, SECONDS, LEASE = 16, 4, 4.0, timedelta(minutes=1)
KEPT = timedelta(days=7)
logger = logging.getLogger("steward.oauth")

_DUE = """SELECT md5(audience)::uuid, organization_id, bool_or(attempts > 0) FROM accounts_logoutcall WHERE state = 'due' AND next_at <= %s
 GROUP BY audience, organization_id ORDER BY min(next_at) LIMIT 200"""


def due() -> list[tuple[UUID, UUID, bool]]:
    """The programs that are to be told something now, each under an id made of its client's; and whether they failed to listen before."""
    with scoped(None), connection.cursor() as cursor:
        cursor.execute(_DUE, [timezone.now()])
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def turn(program: UUID, org: UUID, *, stop: threading.Event | None = None) -> int:
    """Tell one program for a while, a few calls at a time. Returns how many were tried. Safe to run twice at once, and to be killed."""
    tried, end = 0, time.monotonic() + SLICE
    with scope(org=org, purpose=SECURITY), ThreadPoolExecutor(AT_ONCE, thread_name_prefix="logout") as pool:
        while time.monotonic() < end and not (stop and stop.is_set()):
            at = timezone.now()
            with transaction.atomic():
                rows = list(LogoutCall.objects.select_for_update(skip_locked=True).annotate(program=Cast(MD5("audience"), UUIDField())).filter(
                    program=program, state="due", next_at__lte=at).order_by("attempts", "next_at")[:BATCH])
                LogoutCall.objects.filter(id__in=[row.id for row in rows]).update(next_at=at + LEASE)
            if not rows:
                break
            said = [token(row, now=at) for row in rows]
            for row, error in zip(rows, pool.map(_tell, [row.url for row in rows], said), strict=True):
                _answered(row, error, now=at)
            tried += len(rows)
    return tried


def forget(*, now: datetime) -> None:
    """What has been told for a week, or could not be, is forgotten."""
    with installation("programs of every organization were told"):
        LogoutCall.objects.exclude(state="due").filter(finished_at__lt=now - KEPT).delete()


def token(row: LogoutCall, *, now: datetime) -> str:
    """The statement: who is out, of which session, at which program."""
    seconds = int(now.timestamp())
    claims: dict[str, Any] = {"iss": issuer(), "aud": row.audience, "iat": seconds, "exp": seconds + 120, "jti": uuid.uuid4().hex, "sub": row.subject, "sid": str(row.session_id),
                              "events": {EVENT: {}}}
    return keys.sign(claims, now=now, kind="logout+jwt")


def _tell(url: str, said: str) -> str:
    """'' when the program took it, else why not."""
    try:
        answer = outbound.request("POST", url, headers={"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Steward"}, body=urlencode({"logout_token": said}).encode(), seconds=SECONDS)
    except outbound.NotSent as error:
        return error.code
    return "" if answer.status in {200, 202, 204} else f"status_{answer.status}"


def _answered(row: LogoutCall, error: str, *, now: datetime) -> None:
    tried = row.attempts + 1
    over = not error or tried > len(WAITS)
    LogoutCall.objects.filter(id=row.id).update(
        attempts=tried, last_error=error, state=("sent" if not error else "failed") if over else "due", finished_at=now if over else None,
        next_at=now if over else now + timedelta(seconds=WAITS[tried - 1]))
    if error:
        logger.info("a program could not be told that somebody is signed out (%s), attempt %d", error, tried)


LINE = Line("sign-outs", due, turn)
