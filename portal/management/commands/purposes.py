"""`manage.py purposes`: what every page, every operation of the API and every power over people reads them for, and how many name none."""
from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from accounts.purposes import ALWAYS, PURPOSES
from portal import reading
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Shows for what each page, operation and power reads people, and what stops where the use of their data is restricted. Ends with 1 if one names no purpose."

    def handle(self, *_args: Any, **_options: Any) -> None:
        found = sorted(reading.paths(), key=lambda one: (list(PURPOSES).index(one[2]) if one[2] else -1, one[0], one[1]))
        for kind, name, purpose in found:
            self.stdout.write(f"{purpose or '-':15} {'goes on' if purpose in ALWAYS else 'stops':8} {kind:10} {name}")
        named = sum(1 for one in found if one[2] in PURPOSES)
        self.stdout.write(f"{named} of {len(found)} name a purpose ({100 * named // len(found)} %)")
        if named < len(found):
            raise CommandError("Some name no purpose: they find nobody whose data may only be stored.")
