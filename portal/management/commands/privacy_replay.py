"""After a backup was restored: do again what the ledger says was done since, then open."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from audit.outside import Unavailable
from dsar.ledger import replay
from dsar.ledger.file import Damaged

WORDS = {
    "account.purge": "accounts that had been deleted are deleted again", "log.erased": "people are erased from logs again", "organization.end": "organizations ended again",
    "deletion.state": "scheduled deletions were put back, or taken back", "account.state": "accounts were switched off, locked or restored to what they were",
    "membership.state": "memberships were suspended, restricted, removed or the like", "token.state": "API tokens were revoked",
    "credentials.changed": "people have to set a new password: the one in the backup was replaced since", "address.changed": "accounts are locked, because their address was changed since",
    "management.state": "accounts are no longer under the control of an organization",
    "restriction.state": "restrictions of use were put back", "consent.state": "choices about optional mail were put back",
    "hold.state": "holds on people and on logs were placed again, or released", "rule.state": "rules about how long data is kept were put back",
    "matter.state": "legal matters were put back, without name and note", "hold.legal": "legal holds were put back, without their ground",
    "hold.told": "people know again of a hold that they were told of", "access.state": "accesses to records of people are on record again; none is open",
    "disclosure.state": "lines of the register of disclosures were put back", "keeping.state": "times for which a log is kept were put back",
    "service.state": "services were suspended or removed again, or no longer open to everybody", "service.access": "access of people to services was taken or restricted again",
    "service.group": "access of groups to services was taken or restricted again", "installation.state": "apps were suspended or removed again, or may do less",
    "recipient.state": "recipients of data were put back, without name and document, or ended again", "recipient.words": "recipients of data may have words from before a change",
    "controller.state": "what was said of controllers of data was put back", "controller.words": "controllers of data may have words from before a change",
    "transfer.state": "announced changes of a controller were put back, withdrawn or done again", "notice.state": "versions of organizations’ notices were put back",
    "privacy.state": "versions of the privacy notice were put back, without their text", "notice.seen": "people have confirmed notices again that they had confirmed",
    "app.consent": "what people had allowed apps was taken back again", "webhook.state": "webhooks were removed or paused again",
}


AGAIN = {
    "matter.state": "name and note of the matter", "hold.legal": "ground of the legal hold", "hold.state": "matter and ground of the hold on the log",
    "access.state": "what it was about, of the access to records", "disclosure.state": "name, reference and reasons in the line of the register of disclosures",
    "recipient.state": "name and document of the recipient of data", "recipient.words": "name and document, if they changed, of the recipient of data",
    "controller.state": "names, addresses and measures of the controller", "controller.words": "names, addresses and measures, if they changed, of the controller",
    "transfer.state": "who takes over and what changes, of the announced change of the controller", "notice.state": "text and purposes of the notice",
    "privacy.state": "text of the privacy notice (publish_privacy_notice with the same file)",
}
"""What of a row no line may carry."""


class Command(BaseCommand):
    help = "Replays the ledger onto a database that was restored from a backup, reports what had come back, and opens. Safe to repeat, and to interrupt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change nothing; say what would be done")
        parser.add_argument("--keys", action="store_true", help="only destroy keys again that came back with an older keys' database")

    def handle(self, *_args: Any, **options: Any) -> None:
        dry = options["dry_run"]
        try:
            if options["keys"]:
                self.stdout.write(f"{replay.destroy_keys()} keys of people who were erased had come back, and are destroyed again")
                return
            report = replay.run(now=datetime.now(UTC), dry=dry, said=lambda text: self.stderr.write(text) if options["verbosity"] > 1 else None)
        except (replay.Refused, Damaged, Unavailable) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"a database does not answer: {str(error).splitlines()[0]}", returncode=2) from error
        if not report.lines:
            self.stdout.write("this database knows every line of the ledger; there is nothing to replay")
            return
        self.stdout.write(f"{report.lines} lines of the ledger, {report.first} to {report.last}{': would be replayed' if dry else ' were replayed'}")
        for kind in sorted({kind for _log, kind in report.changed}):
            self.stdout.write(f"  {report.total(kind)} {WORDS.get(kind, kind)}")
        if not report.changed:
            self.stdout.write("  nothing had come back")
        self.stdout.write(f"  {report.sessions} sessions {'would be' if dry else 'were'} ended: everybody signs in again")
        self.stdout.write(f"  {report.mails} mails were due when the backup was made and leave when it opens; some may have left before")
        for again in sorted(report.again):
            kind, number, day = again.split()
            self.stdout.write(f"  to be entered again: {AGAIN[kind]} {number} of {day}")
        for event, number in sorted(report.told.items()):
            self.stdout.write(f"  {number} × {event} happened since and is not in this database (docs/operating.md, Restoring)")
        for line in replay.told(report):
            self.stdout.write(f"    {line.facts['action']} {line.facts.get('row') or line.facts['event']} of {line.at.date().isoformat()}, organization {line.org or 'none'}")
        self.stdout.write("nothing was changed" if dry else "it is open. The signer needs: manage.py signer --adopt (docs/operating.md, The signer)")
