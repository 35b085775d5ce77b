"""Telling programs that somebody is signed out there (OpenID Connect Back-Channel Logout 1.0). What is to be told lies in PostgreSQL until the program has answered."""
from __future__ import annotations

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import transaction

from accounts.models import LogoutCall
from accounts.oauth import keys
from accounts.oauth.sessions import issuer
from accounts.tenancy import installation
from audit import outbound

EVENT = "http://schemas.openid.net/event/backchannel-logout"
WAITS = (2, 10, 60, 300, 1800, 7200, 21600, 86400)
"""Seconds until it is tried again; a program that never answered is told no more after that. The tokens there stopped working at once all the same."""
BATCH, AT_ONCE, SECONDS, LEASE = 64, 16, 4.0, timedelta(minutes=1)
KEPT = timedelta(days=7)
logger = logging.getLogger("steward.oauth")


def due(*, now: datetime) -> bool:
    """Whether there is somebody to tell."""
    with installation("programs of every organization are told"):
        return LogoutCall.objects.filter(state="due", next_at__lte=now).exists()


def run(*, now: datetime) -> int:
    """Tell one batch of programs, many at a time, so that one that hangs keeps nobody waiting. Returns how many were tried. Safe to run twice at once, and to be killed."""
    with installation("programs of every organization are told"):
        with transaction.atomic():
            rows = list(LogoutCall.objects.select_for_update(skip_locked=True).filter(state="due", next_at__lte=now).order_by("attempts", "next_at")[:BATCH])
            LogoutCall.objects.filter(id__in=[row.id for row in rows]).update(next_at=now + LEASE)
        if not rows:
            return 0
        said = [token(row, now=now) for row in rows]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="logout") as pool:
            for row, error in zip(rows, pool.map(_tell, [row.url for row in rows], said), strict=True):
                _answered(row, error, now=now)
    return len(rows)


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
