"""Exports of a whole organization. They are asked for, stopped and answered by their actions; the file is for whoever asked."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase

from accounts.reasons import NotFound, StepUpNeeded
from accounts.work import plain
from dsar.wholesale import run
from dsar.wholesale.model import ExportState, Level, OrganizationExport
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, number, text, thing
from portal.views import organization_exports as page

EXPORT = thing(
    {
        "id": shapes.ID,
        "requested_by": shapes.ID,
        "level": choice(*Level.values),
        "purpose": text(500, sample="We move to another house", about="What it is for."),
        "state": choice(*ExportState.values),
        "asked_at": shapes.STAMP,
        "begins_at": shapes.STAMP,
        "as_of": shapes.MAYBE_STAMP,
        "expires_at": shapes.MAYBE_STAMP,
        "downloads_left": number(0, run.DOWNLOADS),
        "bytes": number(0, 2**53) | {"description": "0 while it is not ready."},
        "sha256": text(64, sample="", about="Of the file; empty while it is not ready."),
        "problem": text(40, sample="", about="A code, empty when nothing went wrong."),
    }
)


def _json(row: OrganizationExport) -> dict[str, Any]:
    ready = row.state == ExportState.READY
    return {
        "id": str(row.id),
        "requested_by": str(row.requested_by),
        "level": row.level,
        "purpose": row.purpose,
        "state": row.state,
        "asked_at": plain(row.asked_at),
        "begins_at": plain(row.begins_at),
        "as_of": plain(row.snapshot_at),
        "expires_at": plain(row.expires_at),
        "downloads_left": max(run.DOWNLOADS - row.downloads, 0) if ready else 0,
        "bytes": row.size or 0,
        "sha256": row.sha256,
        "problem": row.failure,
    }


def listed(call: Call) -> dict[str, Any]:
    """Exports of the organization, newest first."""
    return {"exports": [_json(row) for row in OrganizationExport.objects.filter(organization_id=call.organization_id).order_by("-asked_at")[:50]]}


def fetch(call: Call) -> HttpResponseBase:
    """The file. One of three times."""
    if call.actor.tier(call.now) < page.TIER:
        raise StepUpNeeded(page.TIER)
    try:
        return page.answer(*run.fetch(actor=call.actor, export_id=call.ids["export_id"], now=call.now, via="api"))
    except run.NotThere:
        raise NotFound from None


OPERATIONS = (
    Operation(
        name="organization-exports",
        method="GET",
        path="orgs/{slug}/exports/",
        part="Organization",
        summary="Exports of the whole organization",
        permission=run.PERMISSION,
        run=listed,
        answers={200: thing({"exports": many(EXPORT)})},
    ),
    Operation(
        name="organization-export-file",
        method="POST",
        path="orgs/{slug}/exports/{export_id}/file/",
        part="Organization",
        summary="Take an export of the whole organization away",
        permission=run.PERMISSION,
        run=fetch,
        body=thing(),
        gives="application/zip",
        answers={200: None},
        refusals=(403,),
        about="Only whoever asked for it, as long as they own the organization. Each download is an entry of the log, and all owners are told.",
    ),
)
