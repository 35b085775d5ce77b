"""Give the logs new keys. The old ones endorse them, and go on verifying what they signed."""
from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from audit import keys, signer
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
            one.ring.pairs.append(keys.fresh(now))
            keys.save(one.ring)
            keys.publish(one.ring, alias=signer.ALIAS)
            one.also_sign_with_elder = True
            one.restate(now=now)
        except (signer.Refused, NoKeys) as error:
            self.stderr.write(f"steward: {error}")
            sys.exit(1)
        self.stdout.write(f"the logs have new keys: {one.ring.verifiers()[-2][1].vkey}")
