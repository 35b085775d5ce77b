"""Make encrypted backups of both databases, each in an archive of its own, and remove those whose time is over."""
from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from dsar.backups import archive, register
from dsar.ledger import file, quarantine
from portal import backups


class Command(BaseCommand):
    help = "Makes encrypted backups of the main database and, apart from it, of the keys' database; removes those whose time is over. Exit status 1 when something was not done."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--main", action="store_true", help="only the main database")
        which.add_argument("--keys", action="store_true", help="only the keys' database")
        which.add_argument("--expire", action="store_true", help="only remove archives whose time is over")
        which.add_argument("--list", action="store_true", help="only list what there is")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.BACKUPS:
            raise CommandError("STEWARD_BACKUPS is not set. Write the full path of a folder for the archives, best on another machine's disk")
        try:
            if options["list"]:
                self._list()
                return
            if not options["expire"]:
                if closed := quarantine.look():
                    raise CommandError(f"nothing is backed up now: {closed.words}")
                tail = file.tail()
                for holds in [register.MAIN] * (not options["keys"]) + [register.KEYS] * (not options["main"]):
                    row = backups.make(holds, ledger=tail.seq if tail else 0, now=backups.now())
                    self.stdout.write(f"{register.folder() / row.file} ({row.size} bytes, ends on {row.over:%Y-%m-%d})")
            for row in register.expire(now=backups.now()):
                self.stdout.write(f"{row.file} was removed: its time is over")
            register.mirror()
        except (backups.Failed, register.Broken, archive.Unreadable) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{register.folder()}: {error.strerror}") from error
        except DatabaseError as error:
            raise CommandError(f"a database does not answer: {str(error).splitlines()[0]}", returncode=2) from error

    def _list(self) -> None:
        for row in register.entries():
            state = f"removed {row.removed_at[:10]}" if row.removed_at else f"ends {row.expires_at[:10]}" if row.done else "not finished"
            self.stdout.write(f"{row.made_at[:19].replace('T', ' ')}  {row.holds:<4}  {state:<18}  key {row.key_epoch}  {row.file}")
