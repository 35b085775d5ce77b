"""The operator notes that a dispute about an account is open, or that it is settled: meanwhile nothing of the account is deleted."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from accounts.addresses import address_key
from accounts.models import Account, Dispute, Management
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef, Why
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Notes an open dispute about an account, so that it is not deleted; --lift ends it. The organization that manages the account sees both in its log."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address")
        parser.add_argument("--ground", required=True, help="why, in words that the organization may read")
        parser.add_argument("--lift", action="store_true", help="the dispute is settled")

    def handle(self, *_args: Any, **options: Any) -> None:
        words, now = str(options["ground"]).strip(), datetime.now(UTC)
        if not words or len(words) > 500:
            raise CommandError("--ground must say why, in 1 to 500 characters", returncode=2)
        with installation("the operator notes a dispute about an account"), transaction.atomic():
            account = Account.objects.select_for_update().filter(email_key=address_key(options["address"])).first()
            if account is None:
                raise CommandError("nobody here has this address", returncode=2)
            noted = Dispute.objects.filter(account=account, lifted_at=None)
            if noted.exists() != options["lift"]:
                raise CommandError("no dispute is noted" if options["lift"] else "a dispute is noted already", returncode=2)
            log = Management.objects.filter(account=account).values_list("organization_id", flat=True).first() or INSTALLATION
            with recording.opened(org=log, now=now) as act:
                if options["lift"]:
                    noted.update(lifted_at=now)
                else:
                    Dispute.objects.create(id=uuid.uuid4(), account=account, since=now)
                act.write([EntryDraft(
                    org=log, action="account.dispute_lifted" if options["lift"] else "account.dispute_noted", category="account", outcome="success", actor=ActorRef(type="operator"), via="cli",
                    targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)], why=Why(text=words, subject=account.id))])
        self.stdout.write("the dispute is lifted" if options["lift"] else "the dispute is noted")
