"""The demo's present authenticator code, for people without an authenticator app at hand."""
from __future__ import annotations

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.core.management.base import CommandError

from portal.demo import TOTP_SECRET
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Prints the six digits that the demo's administrators type as their second factor now."

    def handle(self, *_args: object, **_options: object) -> None:
        if not settings.DEMO:
            raise CommandError("STEWARD_DEMO is off: this installation has no demo.")
        counters = list(yield_hotp_counters_from_time())
        self.stdout.write(format_hotp_value(hotp_value(TOTP_SECRET, counters[len(counters) // 2])))
