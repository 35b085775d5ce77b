"""The operator decides about reports that an account is a child's, where the person is in no organization."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.tenancy import installation
from dsar.cases import reported
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Lists reports that an account in no organization is a child's; shows one; lets the account stay, or closes it and schedules its deletion. Every step is in the installation's log."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        steps.add_parser("list", help="what waits for a decision: references and days, nobody's name")
        steps.add_parser("show", help="whom it is about and what was said; that you looked is recorded").add_argument("reference")
        keep = steps.add_parser("keep", help="the account stays, or stays after all; for a year the same report changes nothing")
        keep.add_argument("reference")
        keep.add_argument("--ground", required=True, choices=reported.GROUNDS, help="old enough; whoever is responsible for the child agreed; lawful at this age; a mistake")
        close = steps.add_parser("close", help="close the account and delete it in three days, after a warning; until then: keep")
        close.add_argument("reference")
        for step in (keep, close):
            step.add_argument("--note", required=True, help="what you looked at, for the log only")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        note = str(options.get("note") or "").strip()
        if options["step"] in {"keep", "close"} and not 0 < len(note) <= 2000:
            raise CommandError("--note must say what you looked at, in 1 to 2000 characters", returncode=2)
        try:
            if options["step"] == "list":
                self._list(now)
            elif options["step"] == "show":
                self._show(options["reference"], now)
            elif options["step"] == "keep":
                row = reported.keep(options["reference"], ground=options["ground"], note=note, now=now)
                self.stdout.write(f"{row.reference}: the account stays, and the person is told")
            else:
                deletion = reported.close(options["reference"], note=note, now=now)
                self.stdout.write(f"the account is closed, and is deleted on {deletion.purge_at:%Y-%m-%d %H:%M} UTC or once its warning has left; the person is told")
        except reported.NotPossible as error:
            raise CommandError(str(error), returncode=1) from error

    def _list(self, now: datetime) -> None:
        with installation("the operator looks at what waits"):
            rows = reported.waiting()
        for row in rows:
            self.stdout.write(f"{row.reference}  received {row.received_at:%Y-%m-%d %H:%M}  {'late since' if row.due_at <= now else 'to be decided by'} {row.due_at:%Y-%m-%d %H:%M}"
                              f"  {'the person answered' if row.answered_at else 'no answer of the person'}")
        if not rows:
            self.stdout.write("nothing waits")

    def _show(self, reference: str, now: datetime) -> None:
        row = reported.read(reference, now=now)
        self.stdout.write(f"{row.reference}: {row.get_state_display()}\naccount: {row.account.email}, {row.account.name or 'no name'}, since {row.account.created_at:%Y-%m-%d}")
        self.stdout.write(f"reported {row.received_at:%Y-%m-%d %H:%M} UTC: {row.words or '(no words)'}")
        self.stdout.write(f"the person{f', {row.answered_at:%Y-%m-%d %H:%M} UTC' if row.answered_at else ''}: {row.answer or '(no answer)'}")
