"""The audit log: entries in order, so that polling can neither miss nor repeat one. Ten thousand at a time, as JSON or line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from django.http import StreamingHttpResponse

from accounts import audit_reading
from accounts.reasons import NotFound
from accounts.work import plain
from audit import epochs, queries
from portal.api import shapes
from portal.api.operation import Call, Operation, Param
from portal.api.problems import Problem
from portal.api.schema import choice, number, text, uuid
from portal.audit_filters import KINDS, OUTCOMES

LINES = "application/x-ndjson"
_IDS = ("actor", "acted_as", "target", "token", "plan")
_TEXTS = ("target_type", "action", "category", "outcome", "ticket", "matter")


def entry_json(e: queries.Seen) -> dict[str, Any]:
    return {"id": str(e.id), "seq": e.seq, "recorded_at": plain(e.recorded_at), "record": e.record, "disclosed": {k: None if v is queries.ERASED else v for k, v in e.open.items()}}


def listed(call: Call) -> dict[str, Any] | StreamingHttpResponse:
    """Entries above number `after`, oldest first. With `Accept: application/x-ndjson` one entry on each line."""
    after = call.query.get("after", 0)
    filters = queries.Filters(since=_day(call, "since"), until=_day(call, "until"), **{name: UUID(call.query[name]) for name in _IDS if name in call.query},
                              **{name: call.query[name] for name in _TEXTS if name in call.query})
    if filters.since and filters.until and filters.since > filters.until:
        raise Problem(422, "invalid", "Some query parameters are not valid.", errors={"until": ["is before the first day"]})
    page = queries.page(org=call.organization_id, filters=filters, after=after, size=call.query.get("limit", 100))
    found = sorted((e for e in page.entries if e.seq is not None), key=lambda e: e.seq or 0)
    audit_reading.viewed(actor=call.actor, what="follow", filters={}, now=call.now)
    if LINES in call.request.headers.get("Accept", ""):
        return StreamingHttpResponse(_lines(found), content_type=f"{LINES}; charset=utf-8")
    return {"entries": [entry_json(e) for e in found], "next": found[-1].seq if found else after}


def _lines(found: list[queries.Seen]) -> Iterator[bytes]:
    for entry in found:
        yield orjson.dumps(entry_json(entry)) + b"\n"


def _day(call: Call, name: str) -> date | None:
    if name not in call.query:
        return None
    try:
        return date.fromisoformat(call.query[name])
    except ValueError as error:
        raise Problem(422, "invalid", "Some query parameters are not valid.", errors={name: ["is not a day such as 2026-11-23"]}) from error


def one(call: Call) -> dict[str, Any]:
    """One entry in full."""
    seen = _seen(call)
    audit_reading.viewed(actor=call.actor, what="entry", filters={"entry": str(seen.id)}, now=call.now)
    return entry_json(seen)


def proof(call: Call) -> dict[str, Any]:
    """Where the entry is in the tree, and the signed head above it."""
    seen = _seen(call)
    found = epochs.inclusion(org=call.organization_id, seq=seen.seq) if seen.seq else None
    if seen.seq is None or found is None:
        raise Problem(409, "not_signed", "The entry is not under a signed head yet. Ask again in a minute.")
    envelope, leaf = queries.envelope(org=call.organization_id, seq=seen.seq)
    audit_reading.viewed(actor=call.actor, what="proof", filters={"entry": str(seen.id)}, now=call.now)
    return {"seq": seen.seq, "envelope": envelope, "leaf_sha256": leaf.hex(), "size": found[0].size, "path": [node.hex() for node in found[1]], "checkpoint": found[0].note}


def _seen(call: Call) -> queries.Seen:
    seen = queries.entry(org=call.organization_id, entry_id=call.ids["entry_id"])
    if seen is None:
        raise NotFound
    return seen


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
            Param(name="after", schema=number(0, 2**53, sample=0), about="Entries above this number; the `next` of the page before, or the `seq` of the last line."),
            Param(name="limit", schema=number(1, 10_000, sample=100), about="How many at most; 100 without it. With `Accept: application/x-ndjson` they come line by line."),
            Param(name="actor", schema=uuid(), about="The account that acted."),
            Param(name="acted_as", schema=uuid(), about="On whose behalf."),
            Param(name="target", schema=uuid(), about="What was acted on: of a person the account."),
            Param(name="target_type", schema=choice(*KINDS), about="What kind of thing `target` is; a person without it."),
            Param(name="action", schema=text(80, like=r"^[a-z_.]+$", sample="membership.suspended"), about="The name of the event."),
            Param(name="category", schema=text(40, like=r"^[a-z_]+$", sample="membership"), about="The kind of event."),
            Param(name="outcome", schema=choice(*OUTCOMES), about="How it ended."),
            Param(name="token", schema=uuid(), about="With which API token."),
            Param(name="plan", schema=uuid(), about="By which plan."),
            Param(name="ticket", schema=text(200, sample="OPS-1042"), about="For which ticket."),
            Param(name="matter", schema=text(200, sample="Doe v. Example"), about="For which legal matter."),
            Param(name="since", schema=_DAY, about="First day, in UTC."),
            Param(name="until", schema=_DAY, about="Last day, in UTC."),
        ),
    ),
    Operation(name="entry", method="GET", path="orgs/{slug}/audit/{entry_id}/", part="Audit log", summary="One entry", permission="view_audit", run=one, answers={200: shapes.ENTRY}),
    Operation(name="entry-proof", method="GET", path="orgs/{slug}/audit/{entry_id}/proof/", part="Audit log", summary="The proof of one entry", permission="view_audit", run=proof,
              answers={200: shapes.PROOF}, refusals=(409,)),
)
