"""Retention: rules with what they cover, the time machine, and the reports of runs. Rules are set and removed by their actions."""

from __future__ import annotations

from typing import Any

from accounts.reasons import NotFound, Refused
from accounts.work import plain
from dsar.powers.retention_forms import LookForm
from dsar.retention import periods, setting
from dsar.retention.models import Act, Ground, Kind, RetentionRun, RunState, Scope
from dsar.retention.periods import MEASURES
from portal import retention
from portal.api import shapes
from portal.api.operation import Call, Operation, Param
from portal.api.problems import Problem
from portal.api.schema import choice, flag, many, nullable, number, table, text, thing

_WHAT = text(60, sample="accounts_mail", about="A kind of data by its name, or a category such as `user.behavior`.")
_DAY = text(10, like=r"^\d{4}-\d\d-\d\d$", sample="2027-01-31")
_DAYS = nullable(number(0, sample=365))
_COUNT = number(0)
RULE = thing({
    "id": shapes.ID, "kind": choice(*Kind.values), "what": _WHAT, "count": number(0, 1_000_000, sample=30), "measure": choice(*MEASURES), "trigger": choice("end", "made", "used"),
    "action": choice(*Act.values, ""), "scope": choice(*Scope.values), "about": shapes.MAYBE_ID | {"description": "The group or service."}, "account_id": shapes.MAYBE_ID, "label": text(60, sample=""),
    "ground": choice("", *Ground.values), "effective_at": shapes.STAMP, "ends_at": shapes.MAYBE_STAMP, "covers": many(text(60, sample="accounts_mail")),
    "state": choice("in_force", "coming", "ending", "nothing", about="`nothing`: what it names is not there any more, so it does nothing."),
    "text": text(500, sample="Notices that were sent, everybody: goes after 30 days"),
})
KIND = thing({"kind": text(60, sample="accounts_mail"), "title": text(200, sample="Notices that were sent"), "default_days": _DAYS, "least_days": _DAYS, "most_days": _DAYS,
              "here": many(text(300, sample="Deleted after 30 days, counted from when the mail was written."))})
RULES = thing({"rules": many(RULE), "kinds": many(KIND)})
LOOK = thing({
    "on": _DAY, "goes": _COUNT, "held": _COUNT, "goes_without": nullable(_COUNT) | {"description": "Without the rule that is tried; null where none is."},
    "kinds": many(thing({"kind": text(60, sample="accounts_mail"), "total": _COUNT, "goes": _COUNT, "held": _COUNT,
                         "by": many(thing({"rule": text(500, sample="the period of this installation"), "count": _COUNT})),
                         "examples": many(thing({"who": text(320, sample="Sam Sample"), "why": many(text(500, sample="It was over on 1 May 2026."))}))})),
    "months": many(thing({"from": _DAY, "to": _DAY, "goes": _COUNT, "goes_with": nullable(_COUNT) | {"description": "With the rule that is tried; null where none is."}}))
        | {"description": "Of what is there now, how much would go in each of the next twelve months. What is due already is in the first one."},
    "nothing": many(text(500, sample="accounts_gone, everybody: goes after 30 days")) | {"description": "Rules that name what is not there any more."},
})
RUN = thing({"id": shapes.ID, "day": _DAY, "dry": flag("Whether it only counted."), "state": choice(*RunState.values), "due": _COUNT, "removed": _COUNT, "held": _COUNT, "total": _COUNT,
             "overdue": nullable(_COUNT) | {"description": "What was past its day and still there when it was over; should be 0."}, "started_at": shapes.STAMP, "finished_at": shapes.MAYBE_STAMP})
RUNS = thing({"runs": many(RUN)})
STEP = thing({"kind": text(60, sample="accounts_mail"), "due": _COUNT, "held": _COUNT, "removed": _COUNT, "emptied": _COUNT,
              "by": many(thing({"rule": text(500, sample="the period of this installation"), "count": _COUNT})),
              "counted": table(_COUNT)})
REPORT = thing({**RUN["properties"], "steps": many(STEP)})


def listed(call: Call) -> dict[str, Any]:
    """The rules that hold or will, and each kind of data with its periods in days."""
    found = []
    for line in retention.lines(call.organization_id, call.now):
        row = line.row
        found.append({
            "id": str(row.id), "kind": row.kind, "what": row.what, "count": row.count, "measure": row.measure, "trigger": row.trigger, "action": row.action, "scope": row.scope,
            "about": plain(row.about), "account_id": plain(row.account_id), "label": row.label, "ground": row.ground, "effective_at": plain(row.effective_at), "ends_at": plain(row.ends_at),
            "covers": [one.key for one in line.kinds], "state": line.state, "text": line.text})
    return {"rules": found, "kinds": [{"kind": row["one"].key, "title": str(row["one"].title), "default_days": row["default"].count if row["default"] else None,
                                       "least_days": row["floor"].count if row["floor"] else None, "most_days": row["ceiling"].count if row["ceiling"] else None, "here": row["periods"]}
                                      for row in retention.kinds(call.organization_id, call.now)]}


def look(call: Call) -> dict[str, Any]:
    """What would be due on a day of what is there now, as the rules are or with one that is tried."""
    form = LookForm({name: value for name, value in call.query.items() if value is not None})
    form.choices_for(call.request.organization, call.actor)  # type: ignore[attr-defined]
    if not form.is_valid():
        raise Problem(422, "invalid", "The request does not fit.", errors={name: [str(text) for text in texts] for name, texts in form.errors.items()})
    tried, codes = retention.proposal(call.organization_id, form.cleaned_data, call.now)
    if codes:
        raise Refused({"": codes})
    day = form.cleaned_data["on"] or periods.today(call.now, setting.zone(call.organization_id))
    found = retention.look(call.actor, day=day, tried=tried, now=call.now, samples=call.actor.may("manage_retention") and call.actor.may("view_people"))
    return {"on": day.isoformat(), "goes": found.goes, "held": found.held, "goes_without": found.before, "nothing": found.nothing,
            "months": [{"from": one.first.isoformat(), "to": one.last.isoformat(), "goes": one.goes, "goes_with": one.changed if tried else None} for one in found.months], "kinds": [
        {"kind": row["one"].key, "total": row["total"], "goes": row["goes"], "held": row["held"], "by": [{"rule": said, "count": count} for said, count in row["by"]],
         "examples": [{"who": one["who"], "why": one["why"]} for one in row["samples"]]} for row in found.rows]}


def _run(row: RetentionRun) -> dict[str, Any]:
    return {"id": str(row.id), "day": row.day.isoformat(), "dry": row.dry, "state": row.state, "due": row.due, "removed": row.removed, "held": row.held, "total": row.total, "overdue": row.overdue,
            "started_at": plain(row.started_at), "finished_at": plain(row.finished_at)}


def runs(call: Call) -> dict[str, Any]:
    """The latest runs, newest first."""
    return {"runs": [_run(row) for row in retention.runs(call.organization_id)]}


def run(call: Call) -> dict[str, Any]:
    """One run with what it did, kind by kind."""
    row = RetentionRun.objects.filter(organization_id=call.organization_id, id=call.ids["run_id"]).first()
    if row is None:
        raise NotFound
    return {**_run(row), "steps": [{"kind": step["kind"], "due": step["due"], "held": step["held"], "removed": step["removed"], "emptied": step["emptied"], "counted": dict(step["counted"]),
                                    "by": [{"rule": said, "count": count} for said, count in step["by"]]} for step in retention.report(row)]}


_TRIED = (
    Param(name="on", schema=_DAY, about="The day; today without it."),
    Param(name="what", schema=_WHAT, about="Try a rule about this: a kind of data, or a category."),
    Param(name="kind", schema=choice(*Kind.values), about="What the rule does; `delete` without it."),
    Param(name="count", schema=number(0, 1_000_000, sample=30), about="How long."),
    Param(name="measure", schema=choice(*MEASURES), about="Days, months or years; days without it."),
    Param(name="trigger", schema=choice("end", "made", "used"), about="From when it counts; `end` without it."),
    Param(name="action", schema=choice(*Act.values), about="What happens then; `delete` without it."),
    Param(name="scope", schema=choice(*(one for one in Scope.values if one != Scope.PERSON)), about="About whom; everybody without it."),
    Param(name="group", schema=text(100, sample="Finance"), about="A group, by id or name."),
    Param(name="service", schema=text(100, sample="notes"), about="A service, by id or slug."),
    Param(name="label", schema=text(60, sample="suspend"), about="A label."),
)
_READ: dict[str, Any] = {"method": "GET", "part": "Organization", "permission": "view_audit"}
OPERATIONS = (
    Operation(name="retention", path="orgs/{slug}/retention/", summary="Rules about how long data is kept, and what they mean", run=listed, answers={200: RULES}, **_READ),
    Operation(name="retention-look", path="orgs/{slug}/retention/look/", summary="What would go on a day, by which rule", run=look, query=_TRIED, answers={200: LOOK}, refusals=(403,),
              about="Only looks. Examples are given to whoever may manage retention and see people.", **_READ),
    Operation(name="retention-runs", path="orgs/{slug}/retention/runs/", summary="Runs that carried the rules out", run=runs, answers={200: RUNS}, **_READ),
    Operation(name="retention-run", path="orgs/{slug}/retention/runs/{run_id}/", summary="The report of one run", run=run, answers={200: REPORT}, **_READ),
)
