"""Give the logs new keys. The old ones endorse them, and go on verifying what they signed; or they are lost, and everybody is told."""
from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from audit import lost_keys, signer
from audit.keys import NoKeys


class Command(BaseCommand):
    help = "Makes new keys for the logs, endorsed by the present ones, and signs the next checkpoint with both. Stop the signer first."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--lost", metavar="NUMBER", help="the private keys are gone and no copy is left: begin with new ones that nobody endorses. "
                            "NUMBER is that of the lost key: the eight signs after the first + of the newest ed25519 vkey in /log/keys.json")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            if options["lost"]:
                made = lost_keys.replace(lost=options["lost"], now=now)
                self.stdout.write(f"the logs have a new key that nobody endorses: {made.vkey}\nstart the signer, and give this key to whoever knew the old one")
                return
            one = signer.Signer()
            if not one.held():
                self._end("a signer is at work; stop it first, and start it again afterwards")
            one.rotate(now=now)
        except (signer.Refused, NoKeys, LookupError, lost_keys.NotLost) as error:
            self._end(str(error))
        self.stdout.write(f"the logs have new keys: {one.ring.verifiers()[-2][1].vkey}")

    def _end(self, reason: str) -> None:
        self.stderr.write(f"steward: {reason}")
        sys.exit(1)
