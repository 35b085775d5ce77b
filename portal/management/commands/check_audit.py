"""`manage.py check_audit`: the self-check and the tamper drills that are due. The scheduler starts it; by hand it does the same."""
from __future__ import annotations

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.tenancy import installation
from audit import INSTALLATION, drill, selfcheck
from portal import database


class Command(BaseCommand):
    help = "Verifies every log that was not verified for a day, drills every log that was not drilled for a week, and records what was found. Exit 1 when something was."

    def handle(self, *_args: Any, **_options: Any) -> None:
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # nothing is half done: each log is one transaction, and what is left is due again
        try:
            found = self._look()
        finally:
            signal.signal(signal.SIGTERM, before)
        sys.exit(1 if found else 0)

    def _look(self) -> int:
        found = 0
        with installation("the self-check reads every log"):
            for org in selfcheck.due(now=timezone.now()):
                differences = database.differences(using="default") if org == INSTALLATION else []
                found += len(selfcheck.check(org=org, now=timezone.now(), differences=differences).findings)
            for org in drill.due(now=timezone.now()):
                done = drill.drill(org=org, now=timezone.now())
                found += done is not None and not done.passed
        return found
