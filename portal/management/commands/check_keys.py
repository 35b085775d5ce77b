"""Whether the keys' database has every key that the log names."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, transaction

from accounts.tenancy import installation
from audit import INSTALLATION, key_store, recording, sealing
from audit.record import ActorRef, EntryDraft


class Command(BaseCommand):
    help = "Compares the names of keys in the log with the keys' database; exit status 1 when keys are lost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--replace-lost", action="store_true", help="put new keys in place of lost ones: what those sealed stays closed for good")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self._handle(replace=options["replace_lost"])
        except DatabaseError as error:
            raise CommandError(f"a database does not answer: {str(error).splitlines()[0]}", returncode=2) from error

    def _handle(self, *, replace: bool) -> None:
        with installation("the keys of every log are compared"):
            found = key_store.missing()
            if found.destroyed:
                self.stdout.write(f"{len(found.destroyed)} people were erased after this database was saved, and are back in it: erase them again (docs/operating.md, The keys)")
            if found.lost and replace:
                self._replace(found)
                self.stdout.write(f"{len(found.lost)} lost keys were replaced; what they sealed stays closed")
            elif found.lost:
                raise CommandError(f"{len(found.lost)} keys that the log names are lost. Is DATABASE_KEYS_URL right? Then bring back a copy of that database;"
                                   " if there is none: --replace-lost", returncode=1)
            elif not found.destroyed:
                self.stdout.write("every key is there")

    def _replace(self, found: key_store.Missing) -> None:
        for start in range(0, len(found.lost), key_store.BATCH):
            key_store.put(sealing.replacements(found.lost[start:start + key_store.BATCH], alias="default"))
        now = datetime.now(UTC)
        with transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
            act.write([EntryDraft(org=INSTALLATION, action="audit.keys_replaced", category="audit", outcome="success", actor=ActorRef(type="operator"), via="cli",
                                  severity="high", facts={"lost": len(found.lost)})])
