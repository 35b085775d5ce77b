"""Exports of the audit log: ask, follow, stop, take the files away."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import exporting
from accounts.reasons import NotFound, StepUpNeeded
from accounts.work import plain
from audit.export import archive
from audit.export.filters import completeness
from audit.models import Export
from portal.api import acts, shapes
from portal.api.forms import body_of, example_of
from portal.api.operation import Call, Operation, Param
from portal.api.problems import Problem
from portal.api.schema import ANYTHING, choice, flag, many, nullable, number, text, thing, uuid
from portal.jobs import wake
from portal.powers import BY_SLUG
from portal.views import audit_exports

POWER = BY_SLUG["export-audit"]
FILE = thing({"name": text(120, sample="events/events-000001.jsonl.gz"), "size": number(0), "sha256": text(64, sample="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")})
SHORT = {
    "id": uuid(),
    "state": choice("asked", "running", "sealed", "failed", "stopped", "expired"),
    "matter": text(200, sample="Smith v. Jones"),
    "purpose": text(500, sample="Production of 2026-11"),
    "filter": ANYTHING | {"examples": [{"outcomes": ["denied"]}], "description": "As the manifest says it; only what is used."},
    "completeness": choice("range", "actor", "target", "attested", about="What is proven: that nothing of a range, an actor or a target is missing; or only that what is there is genuine."),
    "first": nullable(number(1, about="The range of numbers, once it is known.")),
    "last": nullable(number(0)),
    "size": nullable(number(0, about="Entries of the log that everything is proved against.")),
    "entries": number(0, about="How many are written."),
    "error": nullable(text(40, sample="disk_full")),
    "error_entry": nullable(number(1, about="The number of the entry that is not what was recorded.")),
    "requested_by": uuid("The account."),
    "disclosures": flag("Whether personal values are included."),
    "asked_at": shapes.STAMP,
    "finished_at": shapes.MAYBE_STAMP,
    "expires_at": shapes.STAMP,
}
EXPORT = thing({**SHORT, "files": many(FILE)})
EXPORTS = thing({"exports": many(thing(SHORT))})


def short(row: Export) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "state": row.state,
        "matter": row.matter,
        "purpose": row.purpose,
        "filter": row.wanted,
        "completeness": completeness(row.wanted),
        "first": row.first,
        "last": row.last,
        "size": row.size,
        "entries": row.matched,
        "error": row.error or None,
        "error_entry": row.error_seq,
        "requested_by": str(row.requester),
        "disclosures": row.shown,
        "asked_at": plain(row.asked_at),
        "finished_at": plain(row.finished_at),
        "expires_at": plain(row.expires_at),
    }


def whole(row: Export) -> dict[str, Any]:
    return {**short(row), "files": row.files if row.state == "sealed" else []}


def listed(call: Call) -> dict[str, Any]:
    """The newest exports."""
    return {"exports": [short(row) for row in exporting.listed(actor=call.actor)]}


def create(call: Call) -> HttpResponse:
    """The same as the action; Location names the export."""
    response = acts.act(call, POWER, [])
    if response.status_code == 200:
        wake("exports")
        newest = exporting.listed(actor=call.actor, limit=1)
        if newest and newest[0].requester == call.actor.account_id:
            response.headers["Location"] = reverse("api:audit-export", args=[call.slug, newest[0].id])
    return response


def one(call: Call) -> dict[str, Any]:
    """One export, with its files once it is sealed."""
    return whole(exporting.find(actor=call.actor, export_id=call.ids["export_id"]))


def stop(call: Call) -> HttpResponse:
    """Nothing more is written; what was written is removed."""
    return JsonResponse(whole(exporting.stop(actor=call.actor, export_id=call.ids["export_id"], now=call.now)))


def take_up(call: Call) -> HttpResponse:
    """Go on with one that failed, by whoever asked for it."""
    exporting.find(actor=call.actor, export_id=call.ids["export_id"])
    if call.actor.tier(call.now) < audit_exports.TIER:
        raise StepUpNeeded(audit_exports.TIER)
    row = exporting.take_up(actor=call.actor, export_id=call.ids["export_id"], now=call.now)
    wake("exports")
    return JsonResponse(whole(row))


def file(call: Call) -> HttpResponseBase:
    """One file, or without a name all of them as a tar. Range is honoured."""
    row = exporting.find(actor=call.actor, export_id=call.ids["export_id"])
    name = call.query.get("name") or archive.name(row)
    if not audit_exports.offered(row, name):
        raise NotFound
    if call.actor.tier(call.now) < audit_exports.TIER:
        raise StepUpNeeded(audit_exports.TIER)
    found = audit_exports.answer(call.request, call.actor, row, name)
    if found.status_code == 416:
        raise Problem(416, "range", "The file has no such part.")
    return found


ALL = "orgs/{slug}/audit/exports/"
ONE = ALL + "{export_id}/"
_IN = {"part": "Audit log", "permission": exporting.PERMISSION}
OPERATIONS = (
    Operation(name="audit-exports", method="GET", path=ALL, summary="The exports of the log", run=listed, answers={200: EXPORTS}, **_IN),
    Operation(
        name="create-audit-export",
        method="POST",
        path=ALL,
        summary="Export the log (the same as the action)",
        about="A token needs to be one for sensitive things. Follow Location until the state is `sealed`; where the organization asks for a second person, the answer is 202 with a plan.",
        run=create,
        body=body_of(POWER),
        example=example_of(POWER),
        answers={200: shapes.RECEIPT, 202: shapes.RECEIPT},
        refusals=(403, 409, 412),
        keyed=True,
        power=POWER,
        **_IN,
    ),
    Operation(name="audit-export", method="GET", path=ONE, summary="One export", run=one, answers={200: EXPORT}, **_IN),
    Operation(name="audit-export-stop", method="POST", path=ONE + "stop/", summary="Stop an export", run=stop, body=thing(), answers={200: EXPORT}, refusals=(403, 409), **_IN),
    Operation(name="audit-export-resume", method="POST", path=ONE + "resume/", summary="Take up a failed export", run=take_up, body=thing(), answers={200: EXPORT}, refusals=(403, 409), **_IN),
    Operation(
        name="audit-export-file",
        method="GET",
        path=ONE + "file/",
        summary="Take a file of an export away",
        about="Each download is an entry of the log. A token needs to be one for sensitive things.",
        run=file,
        gives="application/octet-stream",
        answers={200: None, 206: None},
        refusals=(403, 416),
        query=(Param(name="name", schema=text(120, sample="manifest.json"), about="A name from `files`; without it all files as a tar."),),
        **_IN,
    ),
)
