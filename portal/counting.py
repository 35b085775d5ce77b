"""Counts what was done, by power and outcome, as it is read from the log: so every surface is counted, and nothing that was rolled back."""
from __future__ import annotations

from collections import Counter

import django_rq
from django.conf import settings
from redis import Redis

from audit.subscribers import Sealed, Subscriber
from portal.powers import POWERS

# Two powers invite, one by one and by a file; each person counts as an invitation.
_SLUGS = {action: power.slug for power in reversed(POWERS) for action in (power.event, power.code)}


def _key() -> str:
    return f"{settings.CACHES['default']['KEY_PREFIX']}:acts"


def _valkey() -> Redis:
    return django_rq.get_connection("default")


def count(entries: list[Sealed]) -> None:
    """Add them up in Valkey. If it is emptied the counters begin anew, as Prometheus expects of counters."""
    found = Counter(f"{_SLUGS.get(entry.action, 'other')} {entry.outcome}" for entry in entries)
    with _valkey().pipeline(transaction=True) as pipeline:
        for name, number in found.items():
            pipeline.hincrby(_key(), name, number)
        pipeline.execute()


def counted() -> dict[tuple[str, str], int]:
    """(power, outcome) → how many since the counters began."""
    found: dict[tuple[str, str], int] = {}
    for name, number in _valkey().hgetall(_key()).items():
        power, _, outcome = name.decode().partition(" ")
        found[power, outcome] = int(number)
    return found


SUBSCRIBER = Subscriber(name="metrics", handle=count)
