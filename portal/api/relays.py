"""How services and apps are reached with requests of people, and how they answer. What is done about it are actions; what programs themselves call stands below /relays/."""

from __future__ import annotations

from typing import Any

from accounts.work import plain
from dsar.powers import relays
from dsar.relays.models import RelayState, Type, Way
from dsar.relays.shown import Line
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, nullable, number, text, thing
from portal.views.relays import listed

_DAY = text(10, sample="2026-12-24")
RESPONDER = thing({
    "id": shapes.ID | {"description": "Of the service or the installation."}, "name": text(100, sample="Notes"), "kind": choice("service", "app"),
    "way": choice("", *Way.values) | {"description": "Empty where nobody said how it is reached."}, "url": text(500, sample="https://notes.example.com/requests"), "email": text(254, sample=""),
    "public_key": text(44, sample=""), "independent": flag("Whoever runs it answers for the data themselves."), "cycle_days": nullable(number(1, 30)), "polled_at": shapes.MAYBE_STAMP,
    "overdue_at": shapes.MAYBE_STAMP, "suspended_at": shapes.MAYBE_STAMP, "asked": number(0), "open": number(0), "by_hand": number(0), "overdue": number(0),
})
ASKED = thing({
    "id": shapes.ID, "name": text(100, sample="Notes"), "type": choice(*Type.values), "way": choice(*Way.values), "state": choice(*RelayState.values), "code": text(40, sample=""),
    "asked_at": shapes.STAMP, "respond_by": _DAY, "expected_on": nullable(_DAY), "answered_at": shapes.MAYBE_STAMP, "overdue_at": shapes.MAYBE_STAMP, "independent": flag(),
})
"""One service or app that was asked for one request."""


def asked(line: Line) -> dict[str, Any]:
    row = line.row
    return {"id": str(row.id), "name": line.name, "type": row.type, "way": row.way, "state": row.state, "code": row.code, "asked_at": plain(row.asked_at), "respond_by": row.respond_by.isoformat(),
            "expected_on": row.expected_on.isoformat() if row.expected_on else None, "answered_at": plain(row.answered_at), "overdue_at": plain(row.overdue_at), "independent": line.independent}


def responders(call: Call) -> dict[str, Any]:
    """Every service and every installed app, with how it is reached and what it has not answered."""
    found = []
    for one in listed(call.organization_id):
        row = one["row"]
        found.append({"id": str(one["program"].id), "name": one["name"], "kind": one["kind"], "way": one["way"], **{name: getattr(row, name, "") for name in ("url", "email", "public_key")},
                      "independent": bool(row and row.independent), "cycle_days": row.cycle_days if row and row.way == Way.PULL else None,
                      **{name: plain(getattr(row, name, None)) for name in ("polled_at", "overdue_at", "suspended_at")}, **{name: one[name] for name in ("asked", "open", "by_hand", "overdue")}})
    return {"responders": found}


OPERATIONS = (
    Operation(name="responders", method="GET", path="orgs/{slug}/responders/", part="Organization", summary="List how services and apps are reached with requests of people, and how they answer",
              permission=relays.PERMISSION, run=responders, answers={200: thing({"responders": many(RESPONDER)})}),
)
