"""`manage.py power`: look at or use a power from the command line, through the same door."""
from __future__ import annotations

import json
import sys
from typing import Any

from django.utils import timezone

from accounts import door, purposes, tenancy
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from portal.powers import POWERS
from portal.quarantine import OpenOnly
from portal.surfaces import cli


class Command(OpenOnly):
    help = "Uses a power: power CODE --org SLUG --as EMAIL TARGET… [--set name=value] [--dry-run]. Exit 0 done, 1 refused, 2 wrong input."

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        """Targets may stand before or after the options."""
        parser = super().create_parser(*args, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("code", nargs="?", metavar="CODE", help="a power's code or slug, such as access.suspend")
        parser.add_argument("targets", nargs="*", metavar="TARGET", help="e-mail addresses or membership ids")
        parser.add_argument("--org", metavar="SLUG")
        parser.add_argument("--as", dest="who", metavar="EMAIL", help="the person who acts")
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a field of the power's form")
        parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
        parser.add_argument("--list", action="store_true", help="list the powers")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["list"]:
            self._list(options["json"])
            return
        if not (options["code"] and options["org"] and options["who"]):
            self._end("give a power, --org and --as (or --list)", 2)
        try:
            with tenancy.installation("the command line names an organization"):
                call = cli.resolve(code=options["code"], org=options["org"], who=options["who"], targets=options["targets"], settings=options["set"])
        except cli.BadInput as error:
            self._end(str(error), 2)
        if call.power.over == "member" and not call.ids:
            self._end("name at least one person: an e-mail address or a membership id", 2)
        with tenancy.scope(org=call.organization.id, account=call.actor.account_id, purpose=purposes.ACT):
            self._use(call, options)

    def _use(self, call: cli.Call, options: dict[str, Any]) -> None:
        now = timezone.now()
        try:
            if options["dry_run"]:
                self._show(door.plan(power=call.power, actor=call.actor, ids=call.ids, data=call.data, now=now), options["json"])
                return
            receipt = door.perform(power=call.power, actor=call.actor, ids=call.ids, data=call.data, now=now)
        except Refused as refusal:
            for target, codes in refusal.reasons.items():
                self.stderr.write(f"steward: {target or call.power.code}: {' '.join(text(c) for c in codes)}")
            sys.exit(1)
        except (NotFound, Stale):
            self._end(text("not_found"), 1)
        except StepUpNeeded:
            self._end(text("step_up"), 1)
        if options["json"]:
            self.stdout.write(json.dumps(receipt.as_json() | ({"secret": receipt.secret} if receipt.secret else {})))
        elif receipt.plan_id:
            self.stdout.write(f"waiting for a second person: plan {receipt.plan_id}")
        else:
            ended = ", ".join(f"{n} {kind}" for kind, n in receipt.ended.items() if n)
            self.stdout.write(f"done: {call.power.code} on {len(receipt.targets)}; ended: {ended or 'nothing'}; entries: {', '.join(receipt.entries)}")
            if receipt.secret:
                self.stdout.write(f"its secret, which is shown only now: {receipt.secret}")

    def _show(self, plan: Any, as_json: bool) -> None:
        rows = [{"target": str(v.target.id), "allowed": v.allowed, "reasons": v.reason_texts, "effects": [str(e.text) for e in v.effects]} for v in plan.verdicts]
        if as_json:
            self.stdout.write(json.dumps({"digest": plan.digest, "tier": plan.tier, "targets": rows}))
        else:
            for row in rows:
                self.stdout.write(f"{row['target']}: {'would be done' if row['allowed'] else 'refused: ' + ' '.join(row['reasons'])}")
                for effect in row["effects"]:
                    self.stdout.write(f"    {effect}")
        if plan.blocked:
            sys.exit(1)

    def _list(self, as_json: bool) -> None:
        rows = [{"code": p.code, "slug": p.slug, "event": p.event, "over": p.over, "permission": p.permission, "tier": p.tier, "fields": list(p.form.base_fields), "does": str(p.does)} for p in POWERS]
        self.stdout.write(json.dumps(rows, indent=1) if as_json else "\n".join(f"{r['code']:<32} {r['does']}" for r in rows))

    def _end(self, message: str, status: int) -> None:
        self.stderr.write(f"steward: {message}")
        sys.exit(status)
