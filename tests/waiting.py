"""Two acts of which the second has already looked when the first is committed: what a check before the lock misses."""
from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

from django.db import connection, transaction

from tests.cast import World
from tests.faults.test_races import at_once


def overtaken(world: World, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """What the second answers when the first is committed while it waits for a row that the first holds."""
    done = Event()

    def hold() -> None:
        with transaction.atomic():
            first()
            done.set()
            until = time.monotonic() + 5
            while not _somebody_waits() and time.monotonic() < until:
                time.sleep(0.01)

    def follow() -> Any:
        done.wait(10)
        return second()

    return at_once(world, hold, follow)[1]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database()) LIMIT 1")
        return cursor.fetchone() is not None
