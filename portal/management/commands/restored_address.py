"""After a restore: accounts whose address was changed since the backup are locked. The operator sees which, and lets somebody in again who showed who they are."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from accounts.emails import restored
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = ("Lists the accounts that a restored backup locked because their address was changed since; lets one in again that no organization manages, with the address"
            " that the person showed is theirs.")

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        steps.add_parser("list", help="their numbers, since when, and who decides about each")
        admit = steps.add_parser("admit", help="set the address; the person sets a new password by it")
        admit.add_argument("account", help="the number of the account")
        admit.add_argument("--address", required=True, help="the e-mail address that the person showed is theirs; the one that is there may be right")
        admit.add_argument("--ground", required=True, help="how they showed it, in words that they may read")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["step"] == "list":
            for one in restored.locked():
                self.stdout.write(f"{one.id}  {f'locked since {one.since:%Y-%m-%d %H:%M}' if one.since else 'locked'}  {'its organization decides' if one.managed else 'the operator decides'}")
            return
        words = str(options["ground"]).strip()
        if not words or len(words) > 500:
            raise CommandError("--ground must say why, in 1 to 500 characters", returncode=2)
        try:
            account_id = UUID(options["account"])
        except ValueError as error:
            raise CommandError("the account is named by its number; see: manage.py restored_address list", returncode=2) from error
        try:
            restored.admit(account_id=account_id, address=str(options["address"]).strip(), words=words, now=datetime.now(UTC))
        except restored.NotPossible as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write("the account is open again; the person sets a new password by “forgotten password” on the sign-in page")
