"""Bring a backup back. The main database is closed afterwards, until the ledger was replayed onto it."""
from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from dsar.backups import archive, register
from dsar.ledger import replay
from portal import backups


class Command(BaseCommand):
    help = "Restores one archive that manage.py backup made. Stop every process of Steward first. Reads the whole archive before anything is changed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("archive", type=Path)
        parser.add_argument("--over", action="store_true", help="replace the database that is there, although it has newer entries than the backup, or entries at all: they are lost")
        parser.add_argument("--look", action="store_true", help="only read the archive and say what it is")

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["archive"]
        try:
            found = backups.look(path)
            self.stdout.write(f"{path}: {'main database' if found['holds'] == register.MAIN else 'keys'} of {found['made_at'][:19].replace('T', ' ')} UTC, version {found['version']}, whole")
            if options["look"]:
                return
            self._replaces(found, over=options["over"])
            connections.close_all()
            backups.restore(path, found["holds"])
        except (backups.Failed, archive.Unreadable, register.Broken) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"a database does not answer: {str(error).splitlines()[0]}", returncode=2) from error
        if found["holds"] == register.KEYS:
            again = replay.destroy_keys()
            self.stdout.write(f"the keys are back; {again} keys of people who were erased since were destroyed again. Run: manage.py check_keys")
            return
        self.stdout.write("the main database is back and closed: only the operator signs in. Run: manage.py migrate, then manage.py privacy_replay --dry-run, then manage.py privacy_replay")

    def _replaces(self, found: dict[str, Any], *, over: bool) -> None:
        filled, newest = backups.there(found["holds"])
        if filled and not over:
            made = datetime.fromisoformat(found["made_at"])
            newer = f"and is newer than the backup: its last entry is of {newest:%Y-%m-%d %H:%M:%S} UTC" if newest and newest > made else "already"
            raise CommandError(f"the database is in use {newer}. Nothing was changed. Make a backup of it first; with --over it is replaced, and what is newer than the backup is lost")
