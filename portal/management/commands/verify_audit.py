"""`manage.py verify_audit`: recompute the log, or check an exported bundle, and say what does not fit."""
from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Organization
from accounts.tenancy import installation
from audit import INSTALLATION, ROOT, verify
from audit.export import verify as bundles

_SHOWN = 50
"""Findings printed for one log; a broken log has one for nearly every entry."""


class Command(BaseCommand):
    help = "Verifies the audit log, of every organization or of one, or an exported bundle. Exit 0 when everything fits, 1 when not, 2 for wrong input."

    def add_arguments(self, parser: Any) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--org", metavar="SLUG")
        what.add_argument("--bundle", metavar="DIR", help="an export; what its verify.py checks, and that its keys are those of this installation")

    def handle(self, *_args: Any, **options: Any) -> None:
        sys.exit(self._bundle(options["bundle"]) if options["bundle"] else self._logs(options["org"]))

    def _logs(self, slug: str | None) -> int:
        with installation("verification reads every log"):
            logs = verify.organizations()
            names = {o.id: o.slug for o in Organization.objects.all()} | {INSTALLATION: "(installation)", ROOT: "(root log)"}
        if slug:
            logs = [org for org, name in names.items() if name == slug]
            if not logs:
                self.stderr.write(f"steward: there is no organization '{slug}'")
                return 2
        findings = [finding for org in logs for finding in self._verified(verify.verify(org=org), str(names.get(org, org)))]
        if not slug:
            findings += self._verified(verify.verify_root(), names[ROOT])
        return 1 if findings else 0

    def _verified(self, result: verify.Result, name: str) -> list[verify.Finding]:
        """Print one log's line, and its findings below it."""
        found = result.findings
        self.stdout.write(f"{name}: {result.entries} entries, root {result.root}, {f'{len(found)} findings' if found else 'ok'}")
        for finding in found[:_SHOWN]:
            self.stdout.write(f"    {f'entry {finding.seq}' if finding.seq else 'log'}: {finding.what}")
        if len(found) > _SHOWN:
            self.stdout.write(f"    and {len(found) - _SHOWN} more")
        return found

    def _bundle(self, folder: str) -> int:
        """What verify.py says, with this installation's own keys as those known from elsewhere."""
        from audit.models import LogKey

        known = [bundles.Key(vkey) for vkey in LogKey.objects.filter(type="ed25519").values_list("vkey", flat=True)]
        try:
            report = bundles.verify(folder, keys=known)
        except bundles.NoBundle as error:
            self.stderr.write(f"steward: this is no export bundle: {error}")
            return 2
        for mark, name, text in report.lines():
            self.stdout.write(f"{mark:<4}  {name}: {text}")
        status, text = bundles.verdict(report)
        self.stdout.write(f"verdict: {text}")
        return status
