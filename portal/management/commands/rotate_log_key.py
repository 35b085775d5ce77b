"""Give the logs new keys. The old ones endorse them, and go on verifying what they signed."""
from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from audit import signer
from audit.keys import NoKeys


class Command(BaseCommand):
    help = "Makes new keys for the logs, endorsed by the present ones, and signs the next checkpoint with both. Stop the signer first."

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = datetime.now(UTC)
        try:
            one = signer.Signer()
            if not one.held():
                self.stderr.write("steward: a signer is at work; stop it first, and start it again afterwards")
                sys.exit(1)
            one.rotate(now=now)
        except (signer.Refused, NoKeys, LookupError) as error:
            self.stderr.write(f"steward: {error}")
            sys.exit(1)
        self.stdout.write(f"the logs have new keys: {one.ring.verifiers()[-2][1].vkey}")
