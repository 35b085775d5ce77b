"""The signer process: signs the heads of the logs, with keys and a memory that nobody else has."""
from __future__ import annotations

import logging
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from audit import signer
from audit.keys import NoKeys
from portal import quarantine

logger = logging.getLogger("steward.signer")


class Command(BaseCommand):
    help = "Signs the heads of the audit logs, until it is told to stop. Refuses a log that does not continue what it signed before."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then end")
        parser.add_argument("--adopt", action="store_true", help="remember what the database says was signed; only after somebody has looked why the memory is gone")

    def handle(self, *_args: object, **options: Any) -> None:
        if options["once"] or options["adopt"]:
            self._one(adopt=options["adopt"])
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        logger.info("the signer runs")
        signer.loop(stop=stop, rests=lambda: quarantine.said("the signer", quarantine.why_unsigned))

    def _one(self, *, adopt: bool) -> None:
        if words := quarantine.why_unsigned():
            self._end(words)
        try:
            one = signer.Signer(adopting=adopt)
            if not one.held():
                self._end("another signer is at work")
            if adopt:
                self.stdout.write(f"the signer remembers {one.adopt()} logs as the database has them")
                logger.warning("the signer's memory was taken over from the database by an operator")
                return
            self.stdout.write(f"{one.step(now=datetime.now(UTC))} logs stated")
            if refused := signer.epochs.refusal():
                self._end(refused)
        except (signer.Refused, NoKeys) as error:
            self._end(str(error))

    def _end(self, reason: str) -> None:
        self.stderr.write(f"steward: {reason}")
        sys.exit(1)
