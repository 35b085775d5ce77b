"""`manage.py power_file`: check a file of acts, and carry it out when its number and digest are confirmed."""
from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access, act_file, bulk, bulk_run, purposes, tenancy
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, Organization, Plan, PlanRow
from accounts.models.plan import PlanState
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from portal import acting, job_rows, people_csv
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = ("Acts by file: power_file FILE --org SLUG --as EMAIL checks it and prints a plan; power_file --plan ID --count N --digest D --org SLUG --as EMAIL carries it out."
            " Exit 0 done, 1 refused, 2 wrong input.")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="CSV: email or person_id, action, reason_code, until, message")
        parser.add_argument("--org", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="who", required=True, metavar="EMAIL", help="the person who acts")
        parser.add_argument("--plan", metavar="ID", type=UUID)
        parser.add_argument("--count", metavar="N", type=int, help="how many people it will change, as the check said")
        parser.add_argument("--digest", metavar="D", default="", help="as the check said")

    def handle(self, *_args: Any, **options: Any) -> None:
        if bool(options["file"]) == bool(options["plan"]) or (options["plan"] and options["count"] is None):
            self._end("give a file, or --plan with --count and --digest", 2)
        with tenancy.installation("the command line names an organization"):
            organization = Organization.objects.filter(slug=options["org"]).first()
            account = Account.objects.filter(email_key=address_key(options["who"])).first()
            if organization is None or account is None or access.standing(account_id=account.id, organization_id=organization.id) is None:
                self._end("there is no such organization, or nobody in it has the address given with --as", 2)
            actor = replace(access.actor_for(account_id=account.id, organization_id=organization.id, via="cli"), tier_granted=2)
        try:
            with tenancy.scope(org=organization.id, account=account.id, purpose=purposes.ACT):
                plan = self._check(actor, options["file"]) if options["file"] else self._carry_out(actor, options)
            self._results(plan)
        except people_csv.BadFile as problem:
            self._end(str(problem), 2)
        except Refused as refusal:
            self._end(" ".join(text(code) for code in refusal.codes), 1)
        except (NotFound, Stale, StepUpNeeded) as error:
            self._end(text({NotFound: "not_found", Stale: "stale", StepUpNeeded: "step_up"}[type(error)]), 1)

    def _check(self, actor: Actor, name: str) -> Plan:
        path = Path(name)
        if not path.is_file() or path.stat().st_size > people_csv.BYTES:
            raise people_csv.BadFile("there is no such file, or it is larger than 5 MB")
        plan = acting.upload(actor=actor, table=people_csv.table(path.read_bytes()), now=timezone.now())
        while bulk.judge_batch(plan_id=plan.id, now=timezone.now()):
            pass
        plan.refresh_from_db()
        self.stderr.write(f"plan {plan.id}: {plan.summary['doable']} would be done, {plan.summary['skipped']} left out"
                          + ("; a second person has to agree" if plan.tier >= 3 else "") + f"\nto go on: --plan {plan.id} --count {plan.summary['doable']} --digest {plan.digest}")
        return plan

    def _carry_out(self, actor: Actor, options: dict[str, Any]) -> Plan:
        if not Plan.objects.filter(id=options["plan"], organization_id=actor.organization_id, power=act_file.FILE.slug).exists():
            raise NotFound
        plan = bulk.confirm(actor=actor, plan_id=options["plan"], digest=options["digest"], count=options["count"], now=timezone.now())
        if plan.state == PlanState.AWAITING_APPROVAL:
            self.stderr.write(f"waiting for a second person: plan {plan.id}")
            return plan
        bulk_run.run(plan_id=plan.id, organization_id=plan.organization_id)
        with tenancy.scope(org=plan.organization_id, purpose=purposes.ACT):
            plan.refresh_from_db()
            failed = PlanRow.objects.filter(plan=plan, state="failed").count()
            self.stderr.write(f"{plan.get_state_display()}: {plan.summary.get('done', 0)} done, {failed} not possible, {plan.summary['skipped']} left out")
        return plan

    def _results(self, plan: Plan) -> None:
        for line in people_csv.write(job_rows.lines(row=plan, power=act_file.FILE, failures=False), spreadsheet=True, columns=job_rows.header(act_file.FILE)):
            self.stdout.write(line.decode(), ending="")

    def _end(self, message: str, status: int) -> None:
        self.stderr.write(f"steward: {message}")
        sys.exit(status)
