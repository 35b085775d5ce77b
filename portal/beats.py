"""Whether the processes that nobody waits for are at work: the signer says so in the database, the streamer in Valkey. What is wrong is a warning, never a reason to serve nobody."""
from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from redis.exceptions import RedisError

from audit.models import SignerState
from dsar.backups import register
from dsar.ledger import file
from dsar.retention import running

SILENT = timedelta(minutes=5)
"""Whoever was not seen for so long does not run."""
NEVER = float("inf")
_EVERY = 15.0
_SEEN = "streamer-seen"
_said: list[float] = []


def streamer_lives() -> None:
    """The streamer is at work. Written a few times a minute; a Valkey that is away or was emptied only makes it unseen for a moment."""
    if _said and time.monotonic() - _said[-1] < _EVERY:
        return
    try:
        cache.set(_SEEN, datetime.now(UTC).timestamp(), None)
    except (RedisError, OSError):
        return
    _said[:] = [time.monotonic()]


def streamer_silent(*, now: datetime) -> float:
    """Seconds since a streamer was seen; NEVER when none was, since Valkey was emptied. Raises RedisError."""
    at = cache.get(_SEEN)
    return NEVER if at is None else max(0.0, now.timestamp() - float(at))


def signer_silent(*, now: datetime) -> float:
    """Seconds since a signer was at work; NEVER when none ever was. Raises DatabaseError."""
    row = SignerState.objects.filter(id=1).first()
    return NEVER if row is None or row.seen_at is None else max(0.0, (now - row.seen_at).total_seconds())


def signer_refuses() -> bool:
    return SignerState.objects.filter(id=1).exclude(refused="").exists()


def warnings(*, now: datetime) -> list[str]:
    """What an operator should look at, in a few words without a name of anybody. What cannot be asked is no warning: `/readyz` says that itself."""
    found = []
    try:
        if signer_refuses():
            found.append("the signer refuses to sign")
        if (silent := signer_silent(now=now)) > SILENT.total_seconds() and (silent != NEVER or _waiting_long(now)):
            found.append("no signer was seen for five minutes")
        if _streams(now) and streamer_silent(now=now) > SILENT.total_seconds():
            found.append("no streamer was seen for five minutes")
        if _overdue():
            found.append("data is past its day and still here")
        if trouble := file.trouble():
            found.append(f"{trouble}: nothing is deleted until it can be written")
        if settings.BACKUPS:
            late, age = register.standing(now=now)
            found += ["a backup is there past its end"] if late else []
            found += ["no backup was made for two days"] if age > 2 * 86400 else []
    except DatabaseError:
        connection.close()
    except (RedisError, OSError):
        pass
    return found


def _overdue() -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', '2s', true), set_config('steward.reach', 'installation', true)")
        return running.overdue() > 0


def _waiting_long(now: datetime) -> bool:
    """Whether the log has had entries for longer than a signer needs to begin."""
    return _asked("SELECT EXISTS (SELECT 1 FROM audit_leaf WHERE pos = (SELECT min(pos) FROM audit_leaf) AND recorded_at < %s)", now - SILENT)


def _streams(now: datetime) -> bool:
    """Whether anything is to be sent at all: an installation without log streams, webhooks, security events and programs that are told of sign-outs needs no streamer."""
    return _asked("SELECT EXISTS (SELECT 1 FROM audit_stream s WHERE s.state = 'active' AND s.created_at < v.at)"
                  " OR EXISTS (SELECT 1 FROM accounts_webhook w WHERE w.state = 'active' AND w.created_at < v.at)"
                  " OR EXISTS (SELECT 1 FROM accounts_logoutcall l WHERE l.state = 'due' AND l.next_at < v.at)"
                  " OR EXISTS (SELECT 1 FROM accounts_signalstream g WHERE g.status = 'enabled' AND g.held_at IS NULL AND g.method = 'push' AND g.created_at < v.at)"
                  " FROM (SELECT %s::timestamptz AS at) v", now - SILENT)


def _asked(sql: str, moment: datetime) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', '2s', true), set_config('steward.reach', 'installation', true)")
        cursor.execute(sql, [moment])
        return bool(cursor.fetchone()[0])


def outside() -> dict[str, object]:
    """What is kept outside the database: how far the ledger goes, and the backups that the register knows."""
    try:
        tail = file.tail()
        lines: int | None = tail.seq if tail else 0
    except (file.Damaged, file.Unavailable):
        lines = None
    rows = [row for row in register.backups() if settings.BACKUPS]
    return {"lines": lines, "trouble": file.trouble(), "register": bool(settings.BACKUPS), "backups": rows}
