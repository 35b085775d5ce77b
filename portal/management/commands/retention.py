"""`manage.py retention`: the latest runs over data past its day, and letting the installation's own run go on that stopped because it would remove unusually much."""
from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef, Why
from dsar.retention.models import RetentionRun, RunState


class Command(BaseCommand):
    help = "Shows the latest runs over data past its day. --go-on lets a stopped run of the installation itself go on; runs of organizations are for two people there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--go-on", metavar="RUN", type=UUID, help="the number of a run that stopped")
        parser.add_argument("--ground", default="", help="why so much may go; it is written into the installation's log")

    def handle(self, *_args: Any, **options: Any) -> None:
        with installation("the operator looks at runs of retention"):
            if options["go_on"]:
                self._go_on(options["go_on"], options["ground"].strip())
            for row in RetentionRun.objects.order_by("-started_at")[:20]:
                whose = str(row.organization_id) if row.organization_id else "the installation"
                self.stdout.write(f"{row.id}  {row.day}  {whose}  {'counted only' if row.dry else row.state}  due {row.due}, done {row.removed}, held {row.held}")

    def _go_on(self, run_id: UUID, ground: str) -> None:
        if not ground:
            raise CommandError("Say with --ground why so much may go.")
        with transaction.atomic():
            row = RetentionRun.objects.select_for_update().filter(id=run_id, organization_id=None, state=RunState.STOPPED).first()
            if row is None:
                raise CommandError("There is no run of the installation itself with this number that stopped. In an organization two people decide.")
            with recording.opened(org=INSTALLATION, now=timezone.now()) as act:
                RetentionRun.objects.filter(id=row.id).update(state=RunState.RUNNING, agreed=True)
                act.write([EntryDraft(org=INSTALLATION, action="retention.continued", category="retention", outcome="success", actor=ActorRef(type="operator"), via="cli",
                                      targets=[TargetRef(type="retention_run", id=row.id)], why=Why(text=ground), facts={"run": str(row.id), "due": row.due, "total": row.total})])
