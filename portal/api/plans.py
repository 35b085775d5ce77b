"""Plans: what an act on many would do, who agrees, how far it is, what became of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import alone, approvals, bulk, door, listing_query
from accounts.keyset import fetch
from accounts.models import Membership, Plan
from accounts.models.plan import PlanState
from accounts.power import Power
from accounts.reasons import NotFound, Refused, text
from accounts.work import plain
from portal import job_rows, people_csv
from portal.api import forms, parameters, schema, shapes
from portal.api.idempotency import once
from portal.api.operation import Call, Operation, Param
from portal.api.problems import Problem
from portal.api.schema import ANYTHING, choice, flag, many, number, thing, uuid
from portal.api.schema import text as words
from portal.jobs import wake
from portal.powers import BY_SLUG, PLANNED, POWERS

SHORT, ASYNC, MOST = 100, 50, 10_000
"""Targets of a plan that is only looked at; above which a stored one is carried out in the background; in all (guard rail 12)."""
ACTIONS = tuple(p.slug for p in POWERS if p.over == "member" or p.slug == "invite")


def plan_json(row: Plan) -> dict[str, Any]:
    """A stored plan and what became of it."""
    power, said = PLANNED[row.power], row.summary
    one = row.total if row.targets else 0
    return {
        "id": str(row.id),
        "action": row.power,
        "state": row.state,
        "targets": [str(t) for t in row.targets],
        "params": {k: v for k, v in row.data.items() if k not in {"rows", "header", "custodians", "ground"}},  # whom a hold is about is for its own page
        "digest": row.digest,
        "tier": row.tier,
        "needs_approval": row.tier >= 3,
        "effects": job_rows.effects(row, power) if row.many else [],
        "verdicts": said.get("verdicts", {}),
        "total": row.total,
        "doable": said.get("doable", one),
        "done": said.get("done", one if row.state == PlanState.DONE else 0),
        "failed": said.get("failed", 0),
        "skipped": said.get("skipped", 0),
        "requested_by": str(row.requested_by),
        "requested_via": row.requested_via,
        "undo": power.undo,
        "created_at": plain(row.created_at),
        "expires_at": plain(row.expires_at),
        "carried_out_at": plain(alone.due_at(row)),
        "decided_by": str(row.decided_by) if row.decided_by else None,
        "decided_at": plain(row.decided_at),
        "finished_at": plain(row.finished_at),
    }


def made(call: Call, row: Plan) -> JsonResponse:
    """201 for a plan that is ready to be looked at; 202 where its people are still being checked, or the caller would rather come back."""
    later = row.state == PlanState.PREPARING or row.total > ASYNC or call.respond_async
    response = JsonResponse(plan_json(row), status=202 if later else 201)
    response.headers["Location"] = reverse("api:plan", args=[call.slug, row.id])
    return response


def stored(call: Call) -> Plan:
    """The plan in the address: one's own, or anybody's for those who approve plans."""
    row = Plan.objects.filter(organization_id=call.organization_id, id=call.ids["plan_id"]).first()
    if row is None or not (call.actor.may("approve_plans") or row.requested_by == call.actor.membership_id):
        raise NotFound
    return row


def create(call: Call) -> HttpResponse:
    """Look without doing (`store` false), or write down exactly whom it would hit."""
    power = BY_SLUG[call.body["action"]]
    if not call.actor.may(power.permission):
        raise NotFound
    params = call.body.get("params", {})
    if wrong := schema.check(forms.body_of(power), params, "params"):
        raise Problem(422, "invalid", "Some fields are not valid.", errors=wrong)
    data = forms.cleaned(power, params, call.request, call.actor)
    ids = [UUID(t) for t in call.body.get("targets", [])]
    if not call.body.get("store", True):
        if len(ids) > SHORT or "filter" in call.body:
            raise Problem(422, "invalid", "A plan that is not stored names at most 100 targets.", errors={"targets": ["at most 100 ids, and no filter"]})
        if power.over == "member":
            _all_reached(call, ids)
        return JsonResponse(_dry(power, call, ids, data))
    if ("targets" in call.body) == ("filter" in call.body):
        raise Problem(422, "invalid", "Say either targets or filter.", errors={"targets": ["either targets or filter"]})
    _all_reached(call, ids)
    wanted = listing_query.wanted(call.body["filter"]) if "filter" in call.body else None
    row, repeated = once(call, call.body, lambda: bulk.freeze(power=power, actor=call.actor, data=data, now=call.now, ids=None if wanted else ids, wanted=wanted))
    if row.state == PlanState.PREPARING:
        wake("many")
    response = made(call, row)
    if repeated:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _all_reached(call: Call, ids: list[UUID]) -> None:
    """Whom the actor's role does not reach is not there for a plan either."""
    if call.actor.scope_groups is None or not ids:
        return
    found = Membership.objects.filter(id__in=ids, group_memberships__group_id__in=call.actor.scope_groups).distinct().values_list("id", flat=True)
    if set(ids) - set(found) - {call.actor.membership_id}:
        raise NotFound


def _dry(power: Power, call: Call, ids: list[UUID], data: dict[str, Any]) -> dict[str, Any]:
    plan = door.plan(power=power, actor=call.actor, ids=ids, data=data, now=call.now)
    return {
        "action": plan.power.slug,
        "digest": plan.digest,
        "tier": plan.tier,
        "needs_approval": plan.needs_approval,
        "undo": plan.power.undo or None,
        "notice": plan.power.notice,
        "targets": [
            {
                "id": str(v.target.id),
                "allowed": v.allowed,
                "blockers": [{"code": c, "text": text(c)} for c in v.reasons],
                "effects": [{"kind": e.kind, "code": e.code, "count": e.count, "text": str(e.text)} for e in v.effects],
            }
            for v in plan.verdicts
        ],
    }


def listed(call: Call) -> dict[str, Any]:
    """Plans, newest first: one's own, and everybody's for those who approve plans."""
    where, values = ["p.organization_id = %s"], [call.organization_id]
    if not call.actor.may("approve_plans"):
        where.append("p.requested_by = %s")
        values.append(call.actor.membership_id)
    if call.query.get("state"):
        where.append("p.state = %s")
        values.append(call.query["state"])
    page = fetch(
        select="SELECT p.id",
        source="accounts_plan p",
        where=where,
        values=values,
        keys=(("-extract(epoch FROM p.created_at)", "numeric"), ("p.id", "uuid")),
        binding=f"plans:{call.organization_id}:{call.actor.membership_id}:{call.query.get('state', '')}",
        cursor=call.query.get("cursor", ""),
        size=call.query.get("limit", 25),
    )
    if page.lost:
        raise Problem(422, "bad_cursor", "The cursor does not belong to this list.", errors={"cursor": ["does not belong to this list"]})
    rows = {row.id: row for row in Plan.objects.filter(id__in=[r[0] for r in page.rows])}
    return {"plans": [plan_json(rows[r[0]]) for r in page.rows], "next": page.next or None, "previous": page.previous or None}


def pending(call: Call) -> dict[str, Any]:
    """What waits for a second person, oldest first."""
    return {"plans": [plan_json(row) for row in approvals.pending(organization_id=call.organization_id, now=call.now)]}


def one(call: Call) -> dict[str, Any]:
    """A stored plan and what became of it."""
    return plan_json(stored(call))


def results(call: Call) -> dict[str, Any]:
    """What became of each target, in the order of the plan."""
    row = stored(call)
    if not row.many:
        names = {m.id: m.account for m in Membership.objects.filter(id__in=row.targets).select_related("account")}
        state = "done" if row.state == PlanState.DONE else "waiting" if row.state == PlanState.AWAITING_APPROVAL else "skipped"
        return {
            "results": [
                {
                    "number": n,
                    "person_id": str(t),
                    "email": names[t].email if t in names else "",
                    "name": names[t].name if t in names else "",
                    "state": state,
                    "codes": [],
                    "reasons": [],
                    "entry": None,
                }
                for n, t in enumerate(row.targets, start=1)
            ],
            "next": None,
        }
    found = job_rows.page(row=row, power=PLANNED[row.power], actor=call.actor, only=call.query.get("state", ""), after=call.query.get("after", 0), size=call.query.get("limit", 25))
    return {"results": list(_rows(found["rows"])), "next": found["next"] or None}


def _rows(found: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for one_ in found:
        r = one_["row"]
        yield {
            "number": r.number,
            "person_id": str(r.target) if r.target else None,
            "email": str(one_["email"]),
            "name": str(one_["name"]),
            "state": r.state,
            "codes": list(r.codes),
            "reasons": [text(code) for code in r.codes],
            "entry": str(r.entry) if r.entry else None,
        }


def results_file(call: Call) -> HttpResponseBase:
    """The same as a file that is safe to open in a spreadsheet."""
    row = stored(call)
    power = PLANNED[row.power]
    if not row.many:
        raise NotFound
    return StreamingHttpResponse(
        people_csv.write(job_rows.lines(row=row, power=power, failures=call.query.get("only") == "failures"), spreadsheet=True, columns=job_rows.header(power)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{row.power}-results.csv"'},
    )


def receipt(call: Call) -> dict[str, Any]:
    """The plan's end in numbers; there is none before it has ended."""
    row = stored(call)
    if row.state not in {PlanState.DONE, PlanState.STOPPED, PlanState.FAILED}:
        raise Refused({"": ["wrong_status"]})
    full = plan_json(row)
    return {
        "plan_id": full["id"],
        **{name: full[name] for name in ("action", "state", "digest", "total", "done", "failed", "skipped", "undo", "requested_by", "decided_by", "decided_at", "finished_at")},
    }


ONE = "orgs/{slug}/plans/{plan_id}/"
_FILTER = thing(None, q=words(200, sample="sam"), status=choice(*listing_query.STATUSES), role=words(40, sample="member"), mfa=choice("yes", "no"))
_CREATE = thing(
    {"action": choice(*ACTIONS)},
    targets=many(uuid(), MOST),
    filter=_FILTER,
    params={**ANYTHING, "description": "What the action takes; see its own operation."},
    store=flag("False only looks, and writes nothing."),
)
OPERATIONS = (
    Operation(
        name="plans",
        method="GET",
        path="orgs/{slug}/plans/",
        part="Plans",
        summary="List plans",
        run=listed,
        answers={200: shapes.PLANS},
        query=(Param(name="state", schema=choice(*PlanState.values), about="Only plans in this state."), parameters.P_CURSOR, parameters.P_LIMIT),
    ),
    Operation(
        name="plan-create",
        method="POST",
        path="orgs/{slug}/plans/",
        part="Plans",
        summary="Plan an act on many",
        run=create,
        body=_CREATE,
        answers={200: shapes.DRY_RUN, 201: shapes.PLAN, 202: shapes.PLAN},
        refusals=(403, 409),
        deferred=True,
        keyed=True,
        example={"action": "suspend", "filter": {"q": "worker"}, "params": {"reason_code": "absence"}},
        about="Name the people by `targets` or by the `filter` of the people list. The answer is a plan: what would happen to each, and why not where it would not. Execute it with its digest.",
    ),
    Operation(
        name="approvals",
        method="GET",
        path="orgs/{slug}/approvals/",
        part="Plans",
        summary="What waits for a second person",
        permission="approve_plans",
        run=pending,
        answers={200: thing({"plans": many(shapes.PLAN)})},
    ),
    Operation(name="plan", method="GET", path=ONE, part="Plans", summary="One plan", run=one, answers={200: shapes.PLAN}),
    Operation(
        name="plan-results",
        method="GET",
        path=ONE + "results/",
        part="Plans",
        summary="What became of each",
        run=results,
        answers={200: shapes.RESULTS},
        query=(
            Param(name="state", schema=choice("waiting", "skipped", "done", "failed"), about="Only these."),
            Param(name="after", schema=number(0, 1_000_000, sample=0), about="`next` of the page before."),
            parameters.P_LIMIT,
        ),
    ),
    Operation(
        name="plan-results-file",
        method="GET",
        path=ONE + "results.csv",
        part="Plans",
        summary="What became of each, as a file",
        run=results_file,
        gives="text/csv",
        answers={200: None},
        query=(Param(name="only", schema=choice("failures"), about="Only what was left out or not possible."),),
    ),
    Operation(name="plan-receipt", method="GET", path=ONE + "receipt/", part="Plans", summary="The receipt of a plan that has ended", run=receipt, answers={200: shapes.PLAN_RECEIPT}, refusals=(409,)),
)
