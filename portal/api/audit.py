"""The audit log: entries in order, so that polling can neither miss nor repeat one."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from accounts.reasons import NotFound
from accounts.work import plain
from audit import queries
from portal.api import shapes
from portal.api.operation import Call, Operation, Param
from portal.api.problems import Problem
from portal.api.schema import choice, number, text, uuid

KINDS = ("person", "organization", "api_token", "session", "role", "group", "plan")


def entry_json(e: queries.Seen) -> dict[str, Any]:
    return {"id": str(e.id), "seq": e.seq, "recorded_at": plain(e.recorded_at), "record": e.record, "disclosed": {k: None if v is queries.ERASED else v for k, v in e.open.items()}}


def listed(call: Call) -> dict[str, Any]:
    """Entries above number `after`, oldest first."""
    after = call.query.get("after", 0)
    filters = queries.Filters(
        actor=UUID(call.query["actor"]) if "actor" in call.query else None,
        target=UUID(call.query["target"]) if "target" in call.query else None,
        target_type=call.query.get("target_type", "person"),
        action=call.query.get("action", ""),
        outcome=call.query.get("outcome", ""),
        since=_day(call, "since"),
        until=_day(call, "until"),
    )
    page = queries.page(org=call.organization_id, filters=filters, after=after, size=call.query.get("limit", 100))
    found = sorted((e for e in page.entries if e.seq is not None), key=lambda e: e.seq or 0)
    return {"entries": [entry_json(e) for e in found], "next": found[-1].seq if found else after}


def _day(call: Call, name: str) -> date | None:
    if name not in call.query:
        return None
    try:
        return date.fromisoformat(call.query[name])
    except ValueError as error:
        raise Problem(422, "invalid", "Some query parameters are not valid.", errors={name: ["is not a day such as 2026-11-23"]}) from error


def one(call: Call) -> dict[str, Any]:
    """One entry in full."""
    seen = queries.entry(org=call.organization_id, entry_id=call.ids["entry_id"])
    if seen is None:
        raise NotFound
    return entry_json(seen)


_DAY = text(10, like=r"^\d{4}-\d{2}-\d{2}$", sample="2026-11-23")
OPERATIONS = (
    Operation(
        name="audit",
        method="GET",
        path="orgs/{slug}/audit/",
        part="Audit log",
        summary="Follow the log",
        permission="view_audit",
        run=listed,
        answers={200: shapes.ENTRIES},
        query=(
            Param(name="after", schema=number(0, 2**53, sample=0), about="Entries above this number; the `next` of the page before."),
            Param(name="limit", schema=number(1, 500, sample=100), about="How many at most; 100 without it."),
            Param(name="actor", schema=uuid(), about="The account that acted."),
            Param(name="target", schema=uuid(), about="What was acted on: of a person the account."),
            Param(name="target_type", schema=choice(*KINDS), about="What kind of thing `target` is; a person without it."),
            Param(name="action", schema=text(80, like=r"^[a-z_.]+$", sample="membership.suspended"), about="The name of the event."),
            Param(name="outcome", schema=choice("success", "denied", "failure"), about="How it ended."),
            Param(name="since", schema=_DAY, about="First day, in UTC."),
            Param(name="until", schema=_DAY, about="Last day, in UTC."),
        ),
    ),
    Operation(name="entry", method="GET", path="orgs/{slug}/audit/{entry_id}/", part="Audit log", summary="One entry", permission="view_audit", run=one, answers={200: shapes.ENTRY}),
)
