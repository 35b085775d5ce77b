"""What machines ask: does the process run, can it serve, how is it doing. Answered before anything else, under any host name.

Load balancers and schedulers ask by IP address and without TLS, so this comes before the checks that are meant for people.
"""
from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache as once

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from audit import key_store
from portal import beats, quarantine

Get = Callable[[HttpRequest], HttpResponse]
_since: list[float] = []


def drain() -> None:
    """From now on this process asks to be left out: what runs is finished, `/readyz` says no."""
    _since.append(time.monotonic())


def draining() -> bool:
    return bool(_since)


@once
def _wanted() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def missing_migrations(*, using: str = "default") -> list[str]:
    """Migrations that this version needs and the database does not have. More than it needs is well: an update is under way."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        applied = set(cursor.fetchall())
    return sorted(f"{app}.{name}" for app, name in _wanted() - applied)


def trouble() -> str:
    """Why this process should get no requests now, in a few words, or ''."""
    if draining():
        return "this process is ending"
    try:
        if missing := missing_migrations():
            return f"migrations are not applied: {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
    except DatabaseError:
        connection.close()
        return "PostgreSQL does not answer, or is not set up"
    if closed := quarantine.why():
        return closed
    if not key_store.answers():
        return "the keys' database does not answer, or is not set up"
    try:
        cache.count("readyz", seconds=60)
    except (RedisError, OSError):
        return "Valkey does not answer"
    return ""


def _plain(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


def healthz(_request: HttpRequest) -> HttpResponse:
    """The process runs."""
    return _plain("ok")


def readyz(_request: HttpRequest) -> HttpResponse:
    """The process can serve: PostgreSQL answers with our migrations applied, so does the keys' database, Valkey counts, and nobody asked us to end.
    Other processes that fail are lines below it."""
    why = trouble()
    return _plain(f"not ready: {why}", 503) if why else _plain("\n".join(["ready", *(f"warning: {said}" for said in beats.warnings(now=datetime.now(UTC)))]))


def _may_measure(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return bool(settings.METRICS_TOKEN) and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), settings.METRICS_TOKEN.encode())


class Probes:
    """`/healthz` and `/readyz` for everybody, `/metrics` for whoever holds STEWARD_METRICS_TOKEN; to others it is an unknown address."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            if request.path == "/healthz":
                return healthz(request)
            if request.path == "/readyz":
                return readyz(request)
            if request.path == "/metrics" and _may_measure(request):
                from portal import metrics

                return HttpResponse(metrics.text(), content_type=metrics.CONTENT_TYPE, headers={"Cache-Control": "no-store"})
        return self.get_response(request)
