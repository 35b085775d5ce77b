"""What `manage.py check --deploy` and `check --database default` say about an installation: each finding with its remedy."""
from __future__ import annotations

import math
import zoneinfo
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

_BITS = 128


def bits(key: str) -> float:
    """How much chance a key can hold at most, judging by its letters alone; a key that repeats itself counts once."""
    period = (key + key).find(key, 1)
    once = key[:period]
    counts = Counter(once)
    return len(once) * -sum(n / len(once) * math.log2(n / len(once)) for n in counts.values()) if once else 0.0


@register(Tags.security, deploy=True)
def deployment(app_configs: Any = None, **_more: Any) -> list[CheckMessage]:
    """Settings that are fine to try Steward out and not fine for people's data."""
    found: list[CheckMessage] = []

    def say(number: int, text: str, hint: str) -> None:
        found.append(Warning(text, hint=hint, id=f"steward.W{number:03}"))

    if bits(settings.SECRET_KEY) < _BITS:
        say(1, "STEWARD_SECRET_KEY can be guessed.", "Make one with: openssl rand -hex 32")
    if not settings.SECURE:
        say(2, "STEWARD_URL is not https: passwords and sessions travel in the clear.", "Put a proxy with TLS in front and set STEWARD_URL=https://…")
    elif not settings.BEHIND_PROXY:
        say(3, "STEWARD_URL is https and STEWARD_BEHIND_PROXY is off: every request would be sent to https once more.", "Set STEWARD_BEHIND_PROXY=1 when the proxy sets X-Forwarded-Proto.")
    if settings.BEHIND_PROXY and settings.ALLAUTH_TRUSTED_PROXY_COUNT < 1:
        say(4, "STEWARD_BEHIND_PROXY is on and STEWARD_PROXY_COUNT is 0: everybody would share the proxy's address, and its rate limits.", "Set STEWARD_PROXY_COUNT to the number of proxies.")
    if settings.DEMO:
        say(5, "STEWARD_DEMO is on: anybody may read the mailbox and sign in with the demo's password.", "Set STEWARD_DEMO=0.")
    elif not settings.EMAIL_HOST_GIVEN:
        say(6, "EMAIL_HOST is not set: no mail reaches anybody.", "Set EMAIL_HOST, and EMAIL_FROM to an address that may send.")
    if settings.DEFAULT_FROM_EMAIL.rstrip(">").endswith("@localhost"):
        say(7, "EMAIL_FROM is an address at localhost, which others refuse.", "Set EMAIL_FROM, such as Steward <steward@example.org>")
    if settings.EMBEDDED:
        say(8, "DATABASE_URL and REDIS_URL are not both set: Steward would run on its embedded services.", "Set both. The embedded services are for trying out and for one machine.")
    return found


@register
def time_zones(app_configs: Any = None, **_more: Any) -> list[CheckMessage]:
    """Without the time zone data, dates cannot be shown to people in their own time."""
    if "Europe/Berlin" in zoneinfo.available_timezones():
        return []
    return [Error("The time zone data is missing on this machine.", hint="Debian, Ubuntu: apt-get install tzdata", id="steward.E001")]


@register(Tags.database)
def database(app_configs: Any = None, databases: Sequence[str] | None = None, **_more: Any) -> list[CheckMessage]:
    """The live database is what portal/database.py says: locks, row-level security, grants, roles; and no migration is missing."""
    if "default" not in (databases or ()):
        return []
    from portal import probes
    from portal.database import differences

    try:
        if missing := probes.missing_migrations():
            return [Error(f"Migrations are not applied: {', '.join(missing)}", hint="Run: manage.py migrate", id="steward.E002")]
        return [Error(text, hint="Run manage.py migrate, which applies the list; if it stays, somebody changed the database by hand.", id="steward.E003") for text in differences(using="default")]
    except DatabaseError as error:
        return [Error(f"The database does not answer ({type(error).__name__}).", hint="Look at DATABASE_URL, and run manage.py setup_database.", id="steward.E004")]
