"""Log streams: reading how they fare, and asking for a test. They are added and changed by their actions."""

from __future__ import annotations

from typing import Any

from accounts.reasons import NotFound
from audit.streams.formats import FORMATS
from portal import streams
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, nullable, number, text, thing

STREAM = thing(
    {
        "id": shapes.ID,
        "name": text(60, sample="SIEM"),
        "kind": choice(*streams.KINDS),
        "host": text(260, sample="https://siem.example.com", about="The address without its path."),
        "format": choice(*FORMATS),
        "ocsf": text(10, sample="1.8.0"),
        "names": flag("Whether personal values are sent."),
        "public_key": text(60, sample="whpk_…", about="For the v1a signatures of a webhook."),
        "state": choice(*streams.STATES),
        "after": number(0, about="The last entry that the receiver took."),
        "lag": number(0, about="How many entries it does not have yet."),
        "oldest_waiting": shapes.MAYBE_STAMP,
        "failures": number(0, about="Attempts that failed since the last success."),
        "failing_since": shapes.MAYBE_STAMP,
        "next_try": shapes.MAYBE_STAMP,
        "last_success": shapes.MAYBE_STAMP,
        "last_error": text(40, sample="", about="A code, empty after a success."),
        "last_status": nullable(number(100, 999, sample=204)),
        "last_error_at": shapes.MAYBE_STAMP,
        "old_secret_until": shapes.MAYBE_STAMP,
        "test_waiting": flag(),
        "created_at": shapes.STAMP,
    }
)
ATTEMPT = thing(
    {
        "at": shapes.STAMP,
        "first": nullable(number(1)),
        "last": nullable(number(1)),
        "count": number(0),
        "error": text(40, sample=""),
        "status": nullable(number(100, 999, sample=204)),
        "milliseconds": number(0),
        "test": flag(),
    }
)
STREAMS = thing({"streams": many(STREAM)})
STREAM_IN_FULL = thing(STREAM["properties"] | {"attempts": many(ATTEMPT)})


def listed(call: Call) -> dict[str, Any]:
    """The log streams, by name."""
    return {"streams": [streams.as_json(found) for found in streams.healths(call.organization_id)]}


def one(call: Call) -> dict[str, Any]:
    """One log stream with its last attempts."""
    found = streams.one(call.organization_id, call.ids["stream_id"])
    return {**streams.as_json(found), "attempts": [streams.attempt_json(row) for row in streams.attempts(found.row)]}


def test(call: Call) -> dict[str, Any]:
    """Ask for a test delivery; its result is among the attempts a few seconds later."""
    if call.actor.scope_groups is not None or not call.actor.may("view_audit"):
        raise NotFound
    found = streams.one(call.organization_id, call.ids["stream_id"])
    streams.ask_test(found.row, now=call.now)
    return streams.as_json(streams.one(call.organization_id, found.row.id))


OPERATIONS = (
    Operation(name="audit-streams", method="GET", path="orgs/{slug}/audit-streams/", part="Audit log", summary="List log streams", permission="view_audit", run=listed, answers={200: STREAMS}),
    Operation(
        name="audit-stream",
        method="GET",
        path="orgs/{slug}/audit-streams/{stream_id}/",
        part="Audit log",
        summary="One log stream and its last deliveries",
        permission="view_audit",
        run=one,
        answers={200: STREAM_IN_FULL},
    ),
    Operation(
        name="audit-stream-test",
        method="POST",
        path="orgs/{slug}/audit-streams/{stream_id}/test/",
        part="Audit log",
        summary="Ask for a test delivery",
        permission="manage_settings",
        run=test,
        body=thing(),
        example={},
        answers={200: STREAM},
    ),
)
