"""What programs use, noted for whoever wonders whether anybody needs it: at each service and app at most once in ten minutes, and never as an act."""
from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.core.cache import cache
from redis.exceptions import RedisError

from accounts.models import ProgramSession
from accounts.tenancy import installation

EVERY = timedelta(minutes=10)
logger = logging.getLogger("steward.oauth")


def seen(session: ProgramSession, what: str, *, now: datetime) -> None:
    """The program used the session, for `what`: a sign-in, a look at a token, a call that needs a permission. Calls in between are counted and written together."""
    fresh = session.last_used_at is None or now - session.last_used_at >= EVERY
    app = session.client.installation_id
    if fresh:
        ProgramSession.objects.filter(id=session.id).update(last_used_at=now)
    if app is None:
        if fresh and session.client.service_id is not None:
            from accounts.services import entry  # both packages ask each other

            entry.used(account_id=session.account_id, service_id=session.client.service_id, now=now)
        return
    calls = _calls(f"{app}:{what}")
    if calls or fresh:
        from accounts.catalogue import use

        with installation("an installation names its organization"):
            use.note(installation_id=app, account_id=session.account_id, what=what, calls=calls, now=now)


def _calls(key: str) -> int:
    """How many calls are to be written now, with this one; 0 while they are only counted. Without Valkey each is written."""
    count, pause = f"app-calls:{key}", f"app-calls-noted:{key}"
    try:
        [calls] = cache.count(count, seconds=None)
        if not cache.add(pause, 1, EVERY.total_seconds()):
            return 0
        cache.decr(count, calls)
    except (RedisError, OSError, ValueError) as error:
        logger.warning("calls of apps are written one by one: the cache does not answer (%s)", type(error).__name__)
        return 1
    return int(calls)
