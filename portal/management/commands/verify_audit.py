"""`manage.py verify_audit`: recompute the log and say what does not fit."""
from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Organization
from accounts.tenancy import installation
from audit import INSTALLATION, verify

_SHOWN = 50
"""Findings printed for one log; a broken log has one for nearly every entry."""


class Command(BaseCommand):
    help = "Verifies the audit log, of every organization or of one. Exit 0 when everything fits, 1 when not, 2 for wrong input."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--org", metavar="SLUG")

    def handle(self, *_args: Any, **options: Any) -> None:
        with installation("verification reads every log"):
            logs = verify.organizations()
            names = {o.id: o.slug for o in Organization.objects.all()} | {INSTALLATION: "(installation)"}
        if options["org"]:
            logs = [org for org, name in names.items() if name == options["org"]]
            if not logs:
                self.stderr.write(f"steward: there is no organization '{options['org']}'")
                sys.exit(2)
        findings = [finding for org in logs for finding in self._verified(verify.verify(org=org), str(names.get(org, org)))]
        sys.exit(1 if findings else 0)

    def _verified(self, result: verify.Result, name: str) -> list[verify.Finding]:
        """Print one log's line, and its findings below it."""
        found = result.findings
        self.stdout.write(f"{name}: {result.entries} entries, root {result.root}, {f'{len(found)} findings' if found else 'ok'}")
        for finding in found[:_SHOWN]:
            self.stdout.write(f"    {f'entry {finding.seq}' if finding.seq else 'log'}: {finding.what}")
        if len(found) > _SHOWN:
            self.stdout.write(f"    and {len(found) - _SHOWN} more")
        return found
