"""`manage.py check_receipt FILE`: whether the log kept its promise."""
from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from accounts.tenancy import installation
from audit import receipts
from audit.notes import BadNote


class Command(BaseCommand):
    help = "Checks a receipt. Exit 0 when the promise is kept, not due yet or too old to tell, 1 when it is broken, 2 when the file is no receipt of this installation."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            text = Path(options["file"]).read_bytes()[:100_000].decode()
        except (OSError, UnicodeDecodeError) as error:
            self._end(f"the file cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}", 2)
        try:
            with installation("a receipt says which log it is about"):
                found = receipts.check(receipt=text, now=datetime.now(UTC))
        except BadNote as error:
            self._end(str(error), 2)
        if found.state == "broken":
            self._end(f"broken: the log {found.log} lacks {', '.join(str(e) for e in found.missing)}, promised by {found.deadline.isoformat()}", 1)
        self.stdout.write(f"{found.state}: {', '.join(f'entry {n}' for n in found.seqs) or 'not numbered yet'} of {found.log}")

    def _end(self, reason: str, status: int) -> None:
        self.stderr.write(f"steward: {reason}")
        sys.exit(status)
