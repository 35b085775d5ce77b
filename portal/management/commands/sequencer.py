"""The sequencer process: numbers the audit log and wakes the subscribers."""
from __future__ import annotations

import logging
import signal
import threading

from django.core.management.base import BaseCommand, CommandError

from audit import sequencer
from portal import quarantine
from portal.jobs import wake

logger = logging.getLogger("steward.sequencer")


class Command(BaseCommand):
    help = "Numbers the entries of the audit log, until it is told to stop. Several may run; one works at a time."

    def add_arguments(self, parser: object) -> None:
        parser.add_argument("--once", action="store_true", help="number what waits, then end")  # type: ignore[attr-defined]

    def handle(self, *_args: object, **options: object) -> None:
        if options["once"]:
            if words := quarantine.why():
                raise CommandError(words)
            while sequencer.run_once():
                pass
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        logger.info("the sequencer runs")
        sequencer.loop(wake=wake, stop=stop, rests=lambda: quarantine.said("the sequencer"))
