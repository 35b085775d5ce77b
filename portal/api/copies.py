"""Copies of what is held about people: one's own, and those that the organization asked for. They are asked for by their actions."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase

from accounts.actor import Actor
from accounts.entries import actor_ref
from accounts.reasons import NotFound, StepUpNeeded
from accounts.work import plain
from dsar.export import run
from dsar.models import Copy, CopyState
from dsar.powers import export_person
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, number, text, thing
from portal.views import copies

COPY = thing(
    {
        "id": shapes.ID,
        "account_id": shapes.ID,
        "state": choice(*CopyState.values),
        "asked_at": shapes.STAMP,
        "as_of": shapes.MAYBE_STAMP,
        "expires_at": shapes.MAYBE_STAMP,
        "downloads_left": number(0, run.DOWNLOADS),
        "bytes": number(0, 2**53) | {"description": "0 while it is not ready."},
        "sha256": text(64, sample="", about="Of the file; empty while it is not ready."),
        "problem": text(40, sample="", about="A code, empty when nothing went wrong."),
    }
)
COPIES = thing({"copies": many(COPY)})


def _json(row: Copy) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "account_id": str(row.account_id),
        "state": row.state,
        "asked_at": plain(row.asked_at),
        "as_of": plain(row.snapshot_at),
        "expires_at": plain(row.expires_at),
        "downloads_left": max(run.DOWNLOADS - row.downloads, 0) if row.state == CopyState.READY else 0,
        "bytes": row.size or 0,
        "sha256": row.sha256,
        "problem": row.failure,
    }


def mine(call: Call) -> dict[str, Any]:
    """The caller's own copies, newest first."""
    return {"copies": [_json(row) for row in Copy.objects.filter(account_id=call.actor.account_id, organization=None).order_by("-asked_at")[:20]]}


def listed(call: Call) -> dict[str, Any]:
    """Copies that the organization asked for, newest first."""
    return {"copies": [_json(row) for row in Copy.objects.filter(organization_id=call.organization_id, for_case=None).order_by("-asked_at")[:100]]}


def fetch_mine(call: Call) -> HttpResponseBase:
    """The file. One of three times."""
    return _fetch(call, run.Holder(account=call.actor.account_id), call.actor, copies.TIER)


def fetch(call: Call) -> HttpResponseBase:
    """The file. One of three times."""
    return _fetch(call, run.Holder(organization=call.organization_id), call.actor, export_person.POWER.tier)


def _fetch(call: Call, holder: run.Holder, actor: Actor, tier: int) -> HttpResponseBase:
    if actor.tier(call.now) < tier:
        raise StepUpNeeded(tier)
    try:
        return copies.answer(*run.fetch(holder=holder, copy_id=call.ids["copy_id"], now=call.now, actor=actor_ref(actor), via="api"))
    except run.NotThere:
        raise NotFound from None


_FILE: dict[str, Any] = {
    "method": "POST",
    "body": thing(),
    "gives": "application/zip",
    "answers": {200: None},
    "refusals": (403,),
    "about": "Each download is an entry of the log. After three of them, or seven days, the copy is destroyed.",
}
OPERATIONS = (
    Operation(name="me-copies", method="GET", path="me/copies/", part="Oneself", summary="Copies of one's own data", who="session", run=mine, answers={200: COPIES}),
    Operation(name="me-copy-file", path="me/copies/{copy_id}/file/", part="Oneself", summary="Take a copy of one's own data away", who="session", run=fetch_mine, **_FILE),
    Operation(
        name="copies",
        method="GET",
        path="orgs/{slug}/copies/",
        part="People",
        summary="Copies of people's data that the organization asked for",
        permission="manage_requests",
        run=listed,
        answers={200: COPIES},
    ),
    Operation(name="copy-file", path="orgs/{slug}/copies/{copy_id}/file/", part="People", summary="Take a copy of a person's data away", permission="manage_requests", run=fetch, **_FILE),
)
