"""What is scheduled: reading it. It is asked for by `not_before` of an action, and changed by the actions cancel-scheduled and reschedule."""

from __future__ import annotations

from typing import Any

from accounts.models.plan import PlanState
from accounts.reasons import NotFound, text
from accounts.schedules import listing, rules
from accounts.schedules.acts import CONTRACT
from accounts.work import plain
from portal.api import parameters, shapes
from portal.api.operation import Call, Operation, Param
from portal.api.people import fitting
from portal.api.schema import choice, flag, many, thing, uuid
from portal.api.schema import text as words
from portal.powers import FALLS_DUE

KINDS = tuple(power.slug for power in FALLS_DUE.values() if power.schedulable or power.slug == CONTRACT)
SCHEDULED = thing(
    {
        "id": shapes.ID,
        "action": choice(*KINDS),
        "state": choice(*[state.value for state in (PlanState.SCHEDULED, *sorted(rules.TRANSITIONS[PlanState.SCHEDULED] - {PlanState.SCHEDULED}))]),
        "person_id": shapes.ID,
        "due_at": shapes.STAMP,
        "until": shapes.MAYBE_STAMP,
        "reason_code": words(60, sample="left_organization", about="Empty where the act has no ground."),
        "automatic": flag("Whether it comes by itself whoever asked for it is still there or not: the end of a role that was given for a time, of a contract."),
        "requested_by": shapes.ID,
        "requested_via": words(10, sample="api"),
        "created_at": shapes.STAMP,
        "finished_at": shapes.MAYBE_STAMP,
        "waits_for": many(shapes.REASON) | {"description": "What stands in the way of a deletion now, such as a legal hold: then it is not done at its time."},
        "why_not": many(shapes.REASON) | {"description": "Why it was not done when its time came."},
    }
)
ALL = thing({"scheduled": many(SCHEDULED), **shapes.PAGING})


def as_json(found: listing.Scheduled) -> dict[str, Any]:
    """A scheduled act as the API shows it: without what was written to the person or for administrators."""
    row = found.plan
    return {
        "id": str(row.id),
        "action": row.power,
        "state": row.state,
        "person_id": str(row.subject),
        "due_at": plain(row.due_at),
        "until": plain(rules.moment(row.data.get("until"))),
        "reason_code": str(row.data.get("reason_code") or ""),
        "automatic": row.automatic,
        "requested_by": str(row.requested_by),
        "requested_via": row.requested_via,
        "created_at": plain(row.created_at),
        "finished_at": plain(row.finished_at),
        "waits_for": [{"code": code, "text": text(code)} for code in found.waits_for],
        "why_not": [{"code": code, "text": text(code)} for code in row.failure.split(",") if code],
    }


def listed(call: Call) -> dict[str, Any]:
    """What happens by itself, the next one first."""
    found, page = listing.page(actor=call.actor, power=call.query.get("action", ""), person=call.query.get("person"), cursor=call.query.get("cursor", ""), size=call.query.get("limit", 25))
    fitting(page.lost)
    return {"scheduled": [as_json(one) for one in found], "next": page.next or None, "previous": page.previous or None}


def one(call: Call) -> dict[str, Any]:
    """One scheduled act, also when it has come to its end."""
    found = listing.one(actor=call.actor, plan_id=call.ids["scheduled_id"])
    if found is None:
        raise NotFound
    return as_json(found)


OPERATIONS = (
    Operation(
        name="scheduled",
        method="GET",
        path="orgs/{slug}/scheduled/",
        part="Plans",
        summary="List what is scheduled",
        permission="view_people",
        run=listed,
        answers={200: ALL},
        query=(
            Param(name="action", schema=choice(*KINDS), about="Only acts of this kind."),
            Param(name="person", schema=uuid(), about="Only about this person."),
            parameters.P_CURSOR,
            parameters.P_LIMIT,
        ),
    ),
    Operation(name="scheduled-one", method="GET", path="orgs/{slug}/scheduled/{scheduled_id}/", part="Plans", summary="One scheduled act", permission="view_people", run=one, answers={200: SCHEDULED}),
)
