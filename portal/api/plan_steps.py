"""The steps of a plan: set it going, agree, decline, take back, stop."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.urls import reverse

from accounts import approvals, bulk, bulk_run, purposes, tenancy
from accounts.models.plan import PlanState
from accounts.reasons import Refused
from portal import importing, people_csv
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.plans import ASYNC, ONE, plan_json, stored
from portal.api.problems import Problem
from portal.api.schema import choice, many, nullable, number, thing
from portal.api.schema import text as words
from portal.jobs import wake
from portal.powers import PLANNED
from portal.views.jobs import FIELDS


def execute(call: Call) -> HttpResponse:
    """Set it going: small ones are done with the answer, large ones in the background."""
    row = stored(call)
    if not row.many:
        raise Refused({"": ["wrong_status"]})
    count = call.body.get("count")
    if count is None and PLANNED[row.power].over != "row":
        raise Problem(422, "invalid", "Some fields are not valid.", errors={"count": ["is required"]})
    row = bulk.confirm(actor=call.actor, plan_id=row.id, digest=call.body["digest"], count=count, now=call.now)
    later = row.total > ASYNC or call.respond_async or row.state != PlanState.RUNNING
    if row.state == PlanState.RUNNING and not later:
        bulk_run.run(plan_id=row.id, organization_id=row.organization_id)
        tenancy.set_request_scope(org=call.organization_id, account=call.actor.account_id, purpose=purposes.EXPORT)  # the run used a scope of its own
    elif row.state == PlanState.RUNNING:
        wake("many")
    row.refresh_from_db()
    response = JsonResponse(plan_json(row), status=202 if later else 200)
    response.headers["Location"] = reverse("api:plan", args=[call.slug, row.id])
    return response


def _decide(call: Call, *, approve: bool) -> dict[str, Any]:
    row = stored(call)
    approvals.decide(plan_id=row.id, actor=call.actor, requester=approvals.requester(row), power=PLANNED[row.power], approve=approve, note=call.body.get("note", ""), now=call.now)
    row.refresh_from_db()
    if row.state == PlanState.RUNNING:
        wake("many")
    return plan_json(row)


def cancel(call: Call) -> dict[str, Any]:
    """Whoever asked takes it back before it runs."""
    row = stored(call)
    if row.many or row.state == PlanState.UPLOADED:
        bulk.cancel(actor=call.actor, plan_id=row.id, now=call.now)
    elif row.state != PlanState.AWAITING_APPROVAL and row.requested_by == call.actor.membership_id:
        raise Refused({"": ["wrong_status"]})
    else:
        approvals.cancel(plan_id=row.id, actor=call.actor, now=call.now)
    row.refresh_from_db()
    return plan_json(row)


def stop(call: Call) -> dict[str, Any]:
    """No further batch begins; what is done stays done."""
    row = stored(call)
    bulk.stop(actor=call.actor, plan_id=row.id, now=call.now)
    row.refresh_from_db()
    return plan_json(row)


def columns(call: Call) -> HttpResponse:
    """What the columns of an uploaded file are, where their names did not say it."""
    row = stored(call)
    mapping = {n: name for n, name in enumerate(call.body["columns"]) if name is not None}
    if row.state == PlanState.UPLOADED and len(call.body["columns"]) != len(row.data["header"]):
        raise Problem(422, "invalid", "Some fields are not valid.", errors={"columns": [f"must have {len(row.data['header'])} items, one for each column"]})
    try:
        row = importing.assign(actor=call.actor, plan=row, mapping=mapping, now=call.now)
    except people_csv.BadFile as problem:
        raise Problem(422, "bad_file", str(problem)) from problem
    wake("many")
    return JsonResponse(plan_json(row))


_NOTE = thing(None, note=words(2000, sample="Agreed."))


def _step(name: str, summary: str, run: Any, *, answers: dict[int, Any] | None = None, body: Any = None, **more: Any) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=f"{ONE}{name.removeprefix('plan-')}/",
        part="Plans",
        summary=summary,
        run=run,
        answers=answers or {200: shapes.PLAN},
        body=body or thing(),
        refusals=(403, 409, 412),
        **more,
    )


OPERATIONS = (
    _step(
        "plan-execute",
        "Execute a plan",
        execute,
        answers={200: shapes.PLAN, 202: shapes.PLAN},
        deferred=True,
        body=thing({"digest": words(64, least=64, like="^[0-9a-f]{64}$", sample="0" * 64)}, count=nullable(number(0, 100_000, about="`doable` of the plan; not for a file."))),
        about="`digest` and `count` must be those of the plan you looked at. What needs a second person then waits for them.",
    ),
    _step("plan-approve", "Agree to somebody else's plan", lambda call: _decide(call, approve=True), body=_NOTE, about="A person signed in to the portal, never a token, and never the one who asked."),
    _step("plan-deny", "Decline somebody else's plan", lambda call: _decide(call, approve=False), body=_NOTE),
    _step("plan-cancel", "Take back one's own plan", cancel),
    _step("plan-stop", "Stop a plan that is running", stop),
    _step("plan-columns", "Say what the columns of a file are", columns, body=thing({"columns": many(choice(*FIELDS, None), 100, least=1)}), example={"columns": ["email", None, "name"]}),
)
