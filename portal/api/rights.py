"""Requests of people about their own data: reading them. What is done with them are actions."""

from __future__ import annotations

from typing import Any

from accounts.reasons import NotFound
from accounts.work import plain
from dsar.cases import dates
from dsar.cases.engine import Loaded
from dsar.cases.models import Channel, Outcome, Right, State
from dsar.cases.table import BY_EVENT
from dsar.powers.cases import visible
from dsar.relays import shown
from portal.api import relays, shapes
from portal.api.operation import Call, Operation, Param
from portal.api.schema import choice, flag, many, nullable, number, text, thing

DAY = nullable(text(10, sample="2026-12-24"))
ACTION = thing({"right": choice(*Right.values), "verified": flag("Whether it is known well enough who asked."), "outcome": choice(*Outcome.values), "ground": text(40, sample="")})
_COMMON = {
    "id": shapes.ID,
    "reference": text(12, sample="R-7KQM-2XWP"),
    "account_id": shapes.ID,
    "channel": choice(*Channel.values),
    "state": choice(*State.values),
    "level": number(0, 3) | {"description": "How well it is known who asked: 1 their mailbox, 2 signed in, 3 vouched for or with a second factor."},
    "received_at": shapes.STAMP,
    "due_on": DAY,
    "handled_by": shapes.MAYBE_ID | {"description": "The account of the administrator who handles it."},
    "closed_at": shapes.MAYBE_STAMP,
    "rights": many(ACTION),
}
CASE = thing(_COMMON)
ONE = thing({
    **_COMMON,
    "words": text(2000, sample="Please send me what you keep about me."),
    "rests_until": shapes.MAYBE_STAMP | {"description": "Until then nothing is disclosed, deleted or corrected, because the way in to the account changed."},
    "why_due": many(text(400, sample="Received on 24 November 2026.")),
    "happened": many(thing({"at": shapes.STAMP, "event": choice(*BY_EVENT), "by": text(16, sample="person"), "code": text(40, sample=""), "words": text(2000, sample="")})),
    "programs": many(relays.ASKED) | {"description": "Services and apps that were asked too, and what they answered."},
})
CASES = thing({"requests": many(CASE)})


def _json(row: Any) -> dict[str, Any]:
    return {"id": str(row.id), "reference": row.reference, "account_id": str(row.account_id), "channel": row.channel, "state": row.state, "level": row.level, "received_at": plain(row.received_at),
            "handled_by": plain(row.assigned), "due_on": row.statutory_due.isoformat() if row.statutory_due else None, "closed_at": plain(row.closed_at),
            "rights": [{"right": a.right, "verified": a.verified, "outcome": a.outcome, "ground": a.ground} for a in sorted(row.actions.all(), key=lambda a: a.right)]}


def listed(call: Call) -> dict[str, Any]:
    """Requests that this caller may see, what is due first before; with `open` only those that wait; at most 200."""
    rows = visible(call.organization_id, call.actor).prefetch_related("actions")
    if call.query.get("open"):
        rows = rows.filter(closed_at=None)
    return {"requests": [_json(row) for row in rows.order_by("closed_at", "statutory_due", "received_at")[:200]]}


def one(call: Call) -> dict[str, Any]:
    """One request with what happened, and why its date is what it is."""
    row = visible(call.organization_id, call.actor).filter(id=call.ids["case_id"]).prefetch_related("actions").first()
    if row is None:
        raise NotFound
    happened = list(row.happenings.order_by("at", "id"))
    actions = list(row.actions.all())
    return {**_json(row), "words": row.words, "rests_until": plain(Loaded(row, actions, happened).rests(call.now)), "why_due": dates.explained(row, actions, happened),
            "happened": [{"at": plain(h.at), "event": h.event, "by": h.by, "code": h.code, "words": h.words} for h in happened],
            "programs": [relays.asked(line) for line in shown.of_case(row.id)]}


OPERATIONS = (
    Operation(name="requests", method="GET", path="orgs/{slug}/requests/", part="Organization", summary="List requests of people about their data", permission="manage_requests", run=listed,
              query=(Param(name="open", schema=flag(), about="Only those that wait."),), answers={200: CASES}),
    Operation(name="request", method="GET", path="orgs/{slug}/requests/{case_id}/", part="Organization", summary="Read one request", permission="manage_requests", run=one, answers={200: ONE}),
)
