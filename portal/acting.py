"""A file of acts becomes a plan of many lines, which is judged, confirmed and carried out like any other (accounts/bulk.py)."""
from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import act_file, bulk
from accounts.actor import Actor
from accounts.models import Plan, PlanRow
from accounts.reasons import Refused
from audit import recording
from portal import people_csv


def rows(table: people_csv.Table) -> list[dict[str, object]]:
    """The lines by the names of their columns; BadFile names the first column that is not ours, or what is missing."""
    if unknown := [name for name in table.header if name not in act_file.COLUMNS]:
        raise people_csv.BadFile(_("There is no column “%(name)s”. The columns are: %(columns)s.") % {"name": unknown[0][:60], "columns": ", ".join(act_file.COLUMNS)})
    who = [name for name in act_file.WHO if name in table.header]
    if len(who) != 1:
        raise people_csv.BadFile(_("One column must say who: either email or person_id."))
    if "action" not in table.header:
        raise people_csv.BadFile(_("One column must be the action."))
    found = []
    for line, cells in table.lines:
        said = {name: people_csv.unguarded(cell) for name, cell in zip(table.header, cells, strict=True)}
        found.append({"line": line, "by": who[0], "who": said.pop(who[0]), **said})
    return found


def upload(*, actor: Actor, table: people_csv.Table, now: datetime) -> Plan:
    """Keep the file as a plan and judge it. Nothing is done before it is confirmed."""
    if not act_file.offered(actor):
        raise Refused({"": ["no_permission"]})
    lines = act_file.checked(rows(table))
    actions = sorted({line["data"]["action"] for line in lines} & set(act_file.ACTIONS))
    plan = bulk.new(power=act_file.FILE, actor=actor, data={"actions": actions}, now=now)
    plan.total = len(lines)
    wrong = sum(1 for line in lines if line.get("codes"))
    plan.progress, plan.summary = wrong, {"effects": {}, "verdicts": {"error": wrong} if wrong else {}}
    with transaction.atomic(), recording.opened(org=plan.organization_id, now=now) as act:
        plan.save(force_insert=True)
        PlanRow.objects.bulk_create((PlanRow(organization_id=plan.organization_id, plan=plan, number=n, **line) for n, line in enumerate(lines, start=1)), batch_size=2000)
        act.write([bulk.draft(plan, actor, "plan.made")])
    return bulk.prepared(plan, now=now)
