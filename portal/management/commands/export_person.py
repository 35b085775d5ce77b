"""`manage.py export_person`: a copy of what an organization holds about one person, for somebody who cannot get it themselves; through the same door."""
from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from django.utils import timezone

from accounts import access, door, purposes, tenancy
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.entries import actor_ref
from accounts.models import Membership, Organization
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from dsar.export import run
from dsar.models import Copy, CopyState
from dsar.powers import export_person
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Makes a copy of one person's data: export_person --org SLUG EMAIL --as EMAIL --out DIR [--reason CODE]. Exit 0 done, 1 refused or not possible, 2 wrong input."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("person", metavar="EMAIL", help="whose data")
        parser.add_argument("--org", metavar="SLUG", required=True)
        parser.add_argument("--as", dest="who", metavar="EMAIL", required=True, help="the administrator who asks, with whose rights it is done")
        parser.add_argument("--out", metavar="DIR", required=True, help="where the file is put")
        parser.add_argument("--reason", metavar="CODE", default="person_asked", help="the ground; person_asked without it")

    def handle(self, *_args: Any, **options: Any) -> None:
        out = Path(str(options["out"])).resolve()
        try:
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._end(f"{out} cannot be written: {error.strerror}", 2)
        with tenancy.installation("the command line names an organization"):
            organization = Organization.objects.filter(slug=options["org"]).first()
        if organization is None:
            self._end(f"there is no organization '{options['org']}'", 2)
        with tenancy.scope(org=organization.id, purpose=purposes.RIGHTS):
            actor, person = self._member(organization, options["who"], "--as"), self._member(organization, options["person"], "the person")
            row = self._ask(replace(access.actor_for(account_id=actor.account_id, organization_id=organization.id, via="cli"), tier_granted=2), person, options["reason"])
            run.resume(now=timezone.now(), only=row.id)
            self._take(row, out, access.actor_for(account_id=actor.account_id, organization_id=organization.id, via="cli"))

    def _member(self, organization: Organization, address: str, what: str) -> Membership:
        found = Membership.objects.filter(organization=organization, account__email_key=address_key(address)).first()
        if found is None:
            self._end(f"nobody in '{organization.slug}' has the address given for {what}", 2)
        return found

    def _ask(self, actor: Actor, person: Membership, reason: str) -> Copy:
        power = export_person.POWER
        form = power.form({"reason_code": reason})
        if not form.is_valid():
            self._end(f"--reason: {next(iter(form.errors.values()))[0]}", 2)
        try:
            receipt = door.perform(power=power, actor=actor, ids=[person.id], data=form.cleaned_data, now=timezone.now())
        except Refused as refusal:
            self._end(text(refusal.codes[0]), 1)
        except (NotFound, Stale, StepUpNeeded) as error:
            self._end(f"not possible: {error or type(error).__name__}", 1)
        if receipt.plan_id:
            self._end("a second person has to agree first; the plan waits for them in the portal", 1)
        return Copy.objects.filter(account_id=person.account_id, organization_id=person.organization_id).latest("asked_at")

    def _take(self, row: Copy, out: Path, actor: Actor) -> None:
        row = Copy.objects.get(id=row.id)
        if row.state != CopyState.READY:
            self._end(f"the copy could not be made ({row.failure or 'the log of the server says why'}); the worker tries again", 1)
        try:
            found, blocks = run.fetch(holder=run.Holder(organization=row.organization_id), copy_id=row.id, now=timezone.now(), actor=actor_ref(actor), via="cli")
        except Refused as refusal:
            self._end(text(refusal.codes[0]), 1)
        path = out / f"steward-copy-{found.snapshot_at:%Y-%m-%d}-{row.id}.zip"
        try:
            with path.open("xb") as file:
                path.chmod(0o600)
                for block in blocks:
                    file.write(block)
        except OSError as error:
            self._end(f"{path} cannot be written: {error.strerror}", 1)
        self.stdout.write(f"exported: {sum(found.counts.values())} records in {path} ({found.size} bytes, SHA-256 {found.sha256})")

    def _end(self, words: str, code: int) -> NoReturn:
        self.stderr.write(f"export_person: {words}")
        sys.exit(code)
