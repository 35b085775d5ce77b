"""Whether the migrations may run while the version before them serves."""
from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from portal.migration_rules import findings


class Command(BaseCommand):
    help = "Reads every migration after the first for what would break the running version. Exit status 1 means findings."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        found = findings()
        for finding in found:
            self.stderr.write(f"{finding}")
        if found:
            raise CommandError(f"{len(found)} to mend, or to mark with `# safe: …` where it does not matter (docs/operating.md).")
        self.stdout.write("Every migration may run while the version before it serves.")
