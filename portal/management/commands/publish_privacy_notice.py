"""The operator publishes a version of the installation's privacy notice (policy D4)."""
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dsar.registers import notices
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = ("Publishes the text of a file as the next version of the privacy notice. With --significant everybody is mailed and it holds in 14 days; otherwise it holds at once."
            " The first version always holds at once.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a file of plain text, in UTF-8")
        parser.add_argument("--significant", action="store_true", help="people have to know of it beforehand")

    def handle(self, *_args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            if path.stat().st_size > notices.LONGEST * 4:
                raise CommandError("the file is too large for a notice", returncode=2)
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise CommandError(f"the file cannot be read: {error.strerror}", returncode=2) from error
        except UnicodeDecodeError as error:
            raise CommandError("the file is not text in UTF-8", returncode=2) from error
        try:
            row = notices.publish(text=text, significant=options["significant"], now=datetime.now(UTC))
        except notices.NotPublished as problem:
            raise CommandError(str(problem), returncode=2) from problem
        self.stdout.write(f"version {row.number} is published and holds from {row.effective_at:%Y-%m-%d %H:%M} UTC (SHA-256 {row.digest})")
