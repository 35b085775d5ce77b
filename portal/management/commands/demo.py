"""The demo: two organizations with people, made once; and how to sign in to them."""
from __future__ import annotations

from django.conf import settings
from django.core.management.base import CommandError

from portal import demo
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Makes the two demo organizations if they are not there. --how-to-sign-in prints who to sign in as."

    def add_arguments(self, parser: object) -> None:
        parser.add_argument("--how-to-sign-in", action="store_true")  # type: ignore[attr-defined]

    def handle(self, *_args: object, **options: object) -> None:
        if not settings.DEMO:
            raise CommandError("STEWARD_DEMO is off: this installation has no demo.")
        if options["how_to_sign_in"]:
            self.stdout.write(demo.how_to_sign_in())
        else:
            demo.make()
