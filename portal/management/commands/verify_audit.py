"""`manage.py verify_audit`: recompute the log and say what does not fit."""
from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Organization
from accounts.tenancy import installation
from audit import INSTALLATION, verify


class Command(BaseCommand):
    help = "Verifies the audit log, of every organization or of one. Exit 0 when everything fits, 1 when not, 2 for wrong input."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--org", metavar="SLUG")

    def handle(self, *_args: Any, **options: Any) -> None:
        with installation("verification reads every log"):
            logs = verify.organizations()
            names = {o.id: o.slug for o in Organization.objects.all()} | {INSTALLATION: "(installation)"}
        if options["org"] and options["org"] not in names.values():
            self.stderr.write(f"steward: there is no organization '{options['org']}'")
            sys.exit(2)
        findings = 0
        for org in logs:
            if options["org"] and names.get(org) != options["org"]:
                continue
            result = verify.verify(org=org)
            self.stdout.write(f"{names.get(org, org)}: {result.entries} entries, root {result.root[:16]}…, {'ok' if not result.findings else f'{len(result.findings)} findings'}")
            for finding in result.findings[:50]:
                self.stdout.write(f"    {'entry ' + str(finding.seq) if finding.seq else 'log'}: {finding.what}")
            findings += len(result.findings)
        sys.exit(1 if findings else 0)
