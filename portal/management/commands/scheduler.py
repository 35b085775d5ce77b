"""The scheduler process: wakes the workers on time. Several may run; the one that holds the lock is the leader."""
from __future__ import annotations

import logging
import signal
import threading
import time

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from portal.jobs import wake

logger = logging.getLogger("steward.scheduler")
_LEADER = 7_305_201_411  # any number, the same for all schedulers of one database
_ROUND = 5.0
_EVERY = {"follow": 10.0, "periodic": 30.0}


class Command(BaseCommand):
    help = "Enqueues periodic work, until it is told to stop."

    def handle(self, *_args: object, **_options: object) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        last = dict.fromkeys(_EVERY, 0.0)
        holds = False
        logger.info("the scheduler runs")
        while not stop.is_set():
            holds = self._leads(holds)
            for job, period in _EVERY.items() if holds else ():
                if stop.is_set():
                    break
                if time.monotonic() - last[job] >= period or not last[job]:
                    last[job] = time.monotonic()
                    wake(job)
            stop.wait(_ROUND)
        connection.close()  # with it the lock, so that another scheduler leads at once

    def _leads(self, holds: bool) -> bool:
        """Whether this process is the leader. The lock belongs to the connection: asked for once, then only the connection is tried."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT true" if holds else "SELECT pg_try_advisory_lock(%s)", [] if holds else [_LEADER])
                return bool(cursor.fetchone()[0])
        except DatabaseError as error:
            logger.warning("PostgreSQL does not answer (%s); waiting", type(error).__name__)
            connection.close()
            return False
