"""`manage.py publish_app FILE.json`: the operator offers an app to every organization, or brings its record up to date."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.catalogue import publishing
from portal.quarantine import OpenOnly

_MOST = 100_000


class Command(OpenOnly):
    help = "Offer an app to every organization: its manifest is a JSON object with the fields that docs/operating.md names."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file")

    def handle(self, *_args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            data = path.read_bytes()[:_MOST + 1]
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}", returncode=2) from error
        if len(data) > _MOST:
            raise CommandError(f"{path}: longer than {_MOST} bytes", returncode=2)
        try:
            given = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise CommandError(f"{path}: not JSON (line {error.lineno})", returncode=2) from error
        try:
            app, what = publishing.publish(given, now=timezone.now())
        except publishing.Wrong as wrong:
            raise CommandError(f"{path}: {'; '.join(wrong.lines)}", returncode=2) from wrong
        self.stdout.write({"added": f"{app.slug} is offered.", "changed": f"{app.slug} is changed.", "same": f"{app.slug} is offered already; nothing changed."}[what])
