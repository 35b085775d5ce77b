"""`manage.py audit_drill`: tamper with a copy of the log in nine ways, and record that each was caught."""
from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.models import Organization
from accounts.tenancy import installation
from audit import drill, verify


class Command(BaseCommand):
    help = ("Copies a random range of the audit log of every organization, or of one, tampers with the copy in nine ways, and records whether all were caught."
            " Exit 0 when all were, 1 when not, 2 for wrong input.")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--org", metavar="SLUG")

    def handle(self, *_args: Any, **options: Any) -> None:
        with installation("the tamper drill copies from every log"):
            names = dict(Organization.objects.values_list("id", "slug"))
            logs = [org for org in verify.organizations() if org in names]
            if options["org"]:
                logs = [org for org, slug in names.items() if slug == options["org"]]
                if not logs:
                    self.stderr.write(f"steward: there is no organization '{options['org']}'")
                    sys.exit(2)
            sys.exit(0 if all([self._drilled(org, names[org]) for org in logs]) else 1)

    def _drilled(self, org: UUID, name: str) -> bool:
        done = drill.drill(org=org, now=timezone.now())
        if done is None:
            self.stdout.write(f"{name}: fewer than {drill.LEAST} entries, no drill yet")
            return True
        self.stdout.write(f"{name}: entries {done.first} to {done.last}, {done.caught} of {len(drill.WAYS)} ways caught, the untouched copy {'passed' if done.sound else 'DID NOT PASS'}")
        for way in drill.WAYS:
            caught = done.ways[way.name]
            self.stdout.write(f"    {'caught' if caught else 'MISSED'}  {way.name}{f': {chr(44).join(caught)}' if caught else ''}")
        return done.passed
