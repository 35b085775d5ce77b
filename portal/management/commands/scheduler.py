"""The scheduler process: wakes the workers on time. Several may run; the one that holds the lock is the leader."""
from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from portal import quarantine
from portal.jobs import wake

logger = logging.getLogger("steward.scheduler")
_LEADER = 7_305_201_411  # any number, the same for all schedulers of one database
_ROUND = 5.0
_EVERY = {"follow": 10.0, "periodic": 30.0}
_CHECKED = 600.0
"""Seconds between two looks whether a log is to be verified or drilled. It is a process of its own: a large log takes minutes, and no mail waits for it."""


class Command(BaseCommand):
    help = "Enqueues periodic work, until it is told to stop."

    def handle(self, *_args: object, **_options: object) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        last = dict.fromkeys((*_EVERY, "check"), 0.0)
        holds = False
        logger.info("the scheduler runs")
        while not stop.is_set():
            holds = self._leads(holds)
            if holds and quarantine.said("the scheduler"):
                stop.wait(_ROUND)
                continue
            for job, period in _EVERY.items() if holds else ():
                if stop.is_set():
                    break
                if time.monotonic() - last[job] >= period or not last[job]:
                    last[job] = time.monotonic()
                    wake(job)
            if holds and not stop.is_set() and (time.monotonic() - last["check"] >= _CHECKED or not last["check"]):
                last["check"] = time.monotonic()
                self._check()
            stop.wait(_ROUND)
        self._end_check()
        connection.close()  # with it the lock, so that another scheduler leads at once

    _checking: subprocess.Popen[bytes] | None = None

    def _check(self) -> None:
        """Start the self-check of the log, unless it still runs. It is polite: everything else goes first."""
        if self._checking is None or self._checking.poll() is not None:
            self._checking = subprocess.Popen([sys.executable, str(settings.BASE_DIR / "manage.py"), "check_audit"], stdin=subprocess.DEVNULL, preexec_fn=lambda: os.nice(10))

    def _end_check(self) -> None:
        if self._checking is not None and self._checking.poll() is None:
            self._checking.terminate()
            try:
                self._checking.wait(5)
            except subprocess.TimeoutExpired:
                self._checking.kill()

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
