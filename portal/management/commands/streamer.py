"""The streamer process: tells programs who is signed out there, and sends logs, webhooks and security events to the receivers that organizations and their programs named."""
from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.oauth import calling
from accounts.signals import push
from accounts.webhooks import delivery
from audit.streams import runner
from portal import beats, quarantine

logger = logging.getLogger("steward.streams")


LINES = (calling.LINE, runner.STREAMS, delivery.LINE, push.LINE)


class Command(BaseCommand):
    help = ("Tells programs who is signed out there, and sends the audit logs, webhooks and security events to the receivers that organizations named, until it is told to stop; "
            "what is being sent then is finished first. Several may run.")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="one turn for each receiver that something is due for, then end")

    def handle(self, *_args: object, **options: Any) -> None:
        if options["once"]:
            if words := quarantine.why():
                raise CommandError(words)
            self.stdout.write(f"{runner.once(LINES)} entries sent")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        logger.info("the streamer runs")
        runner.loop(stop=stop, lives=beats.streamer_lives, rests=lambda: quarantine.said("the streamer"), lines=LINES)
