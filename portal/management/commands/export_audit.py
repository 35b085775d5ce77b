"""`manage.py export_audit`: an export of the log from the command line, through the same door, with the rights of the person named."""
from __future__ import annotations

import shutil
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from django.http import QueryDict
from django.utils import timezone

from accounts import access, door, exporting, purposes, tenancy
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, Membership, Organization
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from audit import epochs, keys
from audit.export import archive, files
from audit.models import Export
from portal.powers import BY_SLUG, form_for
from portal.quarantine import OpenOnly

_FIELDS = {"from_day": "since", "until_day": "until", "time_zone": "time_zone", "actor": "administrator", "target": "about", "target_type": "about_kind", "on_behalf_of": "on_behalf_of",
           "token": "token",
           "ticket": "ticket", "of_matter": "of_matter", "matter": "matter", "purpose": "purpose", "prefix": "prefix", "ocsf": "ocsf_version"}
_LISTS = {"action": "actions", "category": "categories", "outcome": "outcomes"}
_PATIENCE, _NOBODY = 90.0, 15.0
"""Seconds without any progress after which it gives up, and where nobody can sign; the export itself goes on with the worker."""


class Command(OpenOnly):
    help = ("Exports the audit log: export_audit --org SLUG --as EMAIL --out DIR [--from DATE] [--to DATE] [--actor EMAIL] [--target EMAIL] … --purpose TEXT."
            " Exit 0 done, 1 refused or not possible, 2 wrong input.")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--org", metavar="SLUG")
        parser.add_argument("--as", dest="who", metavar="EMAIL", help="the person who asks, with whose rights it is done")
        parser.add_argument("--out", metavar="DIR", help="an empty folder, or one that does not exist")
        parser.add_argument("--from", dest="from_day", metavar="DATE", help="first day, such as 2026-11-01")
        parser.add_argument("--to", dest="until_day", metavar="DATE", help="last day, included")
        for name, about in (("time-zone", "of the days; without it that of the organization"), ("actor", "e-mail or account id of who acted"), ("target", "e-mail or id of whom or what it is about"),
                            ("target-type", "what --target is; a person without it"), ("on-behalf-of", "e-mail or account id"),
                            ("token", "id of the API token"), ("ticket", "of the entries"),
                            ("of-matter", "of the entries"), ("matter", "what this export is made for"),
                            ("purpose", "why; required"), ("prefix", "of the page numbers"), ("ocsf", "version, 1.8.0 or 1.9.0")):
            parser.add_argument(f"--{name}", help=about)
        for name in _LISTS:
            parser.add_argument(f"--{name}", action="append", default=[], help="several are possible")
        parser.add_argument("--withhold", action="append", default=[], metavar="PATH=GROUND", help="a value that is not opened, and why")
        parser.add_argument("--no-disclosures", action="store_true", help="open no personal values")
        parser.add_argument("--no-reading-copies", action="store_true", help="only the evidence")

    def handle(self, *_args: Any, **options: Any) -> None:
        for name, flag in (("org", "--org"), ("who", "--as"), ("out", "--out"), ("purpose", "--purpose")):
            if not options[name]:
                self._end(f"{flag} is missing", 2)
        out = self._folder(str(options["out"]))
        actor, organization = self._actor(options["org"], options["who"])
        with tenancy.scope(org=organization.id, account=actor.account_id, purpose=purposes.CLAIMS):
            row = self._ask(actor, organization, options)
        row = self._wait(row)
        with tenancy.scope(org=organization.id, account=actor.account_id, purpose=purposes.CLAIMS):
            self._take(actor, row, out)
        self.stdout.write(f"exported: {row.matched} entries, {len(row.files)} files in {out}; check with: python {out / 'verify.py'}")

    def _folder(self, name: str) -> Path:
        out = Path(name).resolve()
        try:
            if out.exists() and (not out.is_dir() or any(out.iterdir())):
                self._end(f"{out} is not an empty folder", 2)
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
            (out / ".writable").touch()
            (out / ".writable").unlink()
        except OSError as error:
            self._end(f"{out} cannot be written: {error.strerror}", 2)
        return out

    def _actor(self, org: str, who: str) -> tuple[Actor, Organization]:
        with tenancy.installation("the command line names an organization"):
            organization = Organization.objects.filter(slug=org).first()
            if organization is None:
                self._end(f"there is no organization '{org}'", 2)
            account = Account.objects.filter(email_key=address_key(who)).first()
            if account is None or not Membership.objects.filter(organization=organization, account=account).exists():
                self._end(f"nobody in '{org}' has the address given with --as", 2)
            return replace(access.actor_for(account_id=account.id, organization_id=organization.id, via="cli"), tier_granted=2), organization

    def _ask(self, actor: Actor, organization: Organization, options: dict[str, Any]) -> Export:
        power, data = BY_SLUG["export-audit"], QueryDict(mutable=True)
        for name, field in power.form.base_fields.items():
            if field.initial is not None:
                data[name] = str(field.initial)
        for option, name in _FIELDS.items():
            if options[option]:
                data[name] = options[option]
        for option, name in _LISTS.items():
            data.setlist(name, options[option])
        data["withhold"] = "\n".join(options["withhold"])
        if options["no_disclosures"]:
            data["disclosures"] = "none"
        for name in ("csv", "ocsf", "loadfile") if options["no_reading_copies"] else ():
            del data[name]
        form = form_for(power, organization, actor, data)
        if not form.is_valid():
            name, errors = next(iter(form.errors.items()))
            self._end(f"{_flag(name)}: {errors[0]}", 2)
        try:
            receipt = door.perform(power=power, actor=actor, data=form.cleaned_data, now=timezone.now())
        except Refused as refusal:
            self._end(" ".join(text(code) for code in refusal.codes), 2 if refusal.codes == ["unknown_person"] else 1)
        except (NotFound, Stale, StepUpNeeded) as error:
            self._end(text("stale" if isinstance(error, Stale) else "not_found"), 1)
        if receipt.plan_id:
            self._end(f"waiting for a second person: plan {receipt.plan_id}. Once it is approved, the export is made by the worker and its files are on its page", 1)
        return Export.objects.filter(org=organization.id, requester=actor.account_id).order_by("-asked_at")[0]

    def _wait(self, row: Export) -> Export:
        """Work on it here, beside the worker; ask the signer, or be it where none is at work and the keys can be read."""
        own, tried = None, False
        patience, end, last = _PATIENCE, time.monotonic() + _PATIENCE, ("", 0)
        while True:
            if not tried and not epochs.alive(now=timezone.now()):
                own, tried = self._own_signer(), True
                patience = _PATIENCE if own is not None else _NOBODY
                end = time.monotonic() + patience
            if own is not None:
                _number()
                if own.held():
                    own.step(now=datetime.now(UTC))
            exporting.turn(row.id, row.org)
            with tenancy.scope(org=row.org, purpose=purposes.CLAIMS):
                row = Export.objects.get(id=row.id)
            if row.state not in exporting.UNFINISHED:
                break
            if (row.state, row.next) != last:
                last, end = (row.state, row.next), time.monotonic() + patience
            if time.monotonic() > end:
                self._end("the signer or the sequencer does not answer; the export goes on when they run, and its files are on its page", 1)
            time.sleep(0.05 if row.state == "running" else 0.2)
        if row.state != "sealed":
            self._end(f"the export {row.state}: {row.error or 'somebody stopped it'}" + (f", entry {row.error_seq}" if row.error_seq else ""), 1)
        return row

    def _signer_runs(self) -> bool:
        return epochs.alive(now=timezone.now())

    def _own_signer(self) -> Any:
        from audit.signer import Signer

        try:
            keys.ring(now=timezone.now(), create=False)
            self.stderr.write("steward: no signer is at work; this command signs itself, with the keys in the signer’s folder")
            return Signer()
        except keys.NoKeys:
            return None

    def _take(self, actor: Actor, row: Export, out: Path) -> None:
        """Copy the files; taking them away is an entry like any other download."""
        try:
            for one in row.files:
                target = out / one["name"]
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copyfile(files.bundle(row.id) / one["name"], target)
        except OSError as error:
            self._end(f"the files cannot be copied to {out}: {error.strerror}. They are on the page of the export", 1)
        exporting.record_download(actor=actor, row=row, name=archive.name(row), now=timezone.now())

    def _end(self, message: str, status: int) -> NoReturn:
        self.stderr.write(f"steward: {message}")
        sys.exit(status)


def _number() -> None:
    """Where nobody signs, perhaps nobody numbers either. A sequencer that runs wins; nothing is numbered twice."""
    from audit import sequencer

    sequencer.run_once()


def _flag(field: str) -> str:
    names = {**{name: f"--{option.replace('_', '-')}" for option, name in _FIELDS.items()}, **{name: f"--{option}" for option, name in _LISTS.items()}, "since": "--from", "until": "--to"}
    return names.get(field, f"--{field}")
