"""Accesses to records of people: who may read what of whom, and what came of it. Records are read on the page only, by a person who is signed in."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.work import plain
from dsar.content.model import ContentAccess
from dsar.powers.content import VIEW
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, number, text, thing
from portal.views import content

ACCESS = thing(
    {
        "id": shapes.ID,
        "account_id": shapes.ID,
        "viewer": shapes.ID,
        "ground": text(40, sample="security_incident", about="A code."),
        "words": text(500, sample="Incident 12", about="What it is about, as the person is told."),
        "kinds": many(text(40, sample="letters")),
        "granted_at": shapes.STAMP,
        "ends_at": shapes.STAMP,
        "state": choice("open", "ended"),
        "ended_how": text(40, sample="", about="Empty while it is open; “over”, “withdrawn”, or a reason code."),
        "told_at": shapes.MAYBE_STAMP,
        "opened": number(0, 2**31) | {"description": "How many records were opened. Each is an entry of the log."},
    }
)


def _json(row: ContentAccess) -> dict[str, Any]:
    still = row.ended_at is None and row.ends_at > timezone.now()
    return {
        "id": str(row.id),
        "account_id": str(row.account_id),
        "viewer": str(row.viewer),
        "ground": row.ground,
        "words": row.words,
        "kinds": list(row.kinds),
        "granted_at": plain(row.granted_at),
        "ends_at": plain(row.ends_at),
        "state": "open" if still else "ended",
        "ended_how": row.ended_how or ("" if still else "over"),
        "told_at": plain(row.told_at),
        "opened": row.opened,
    }


def listed(call: Call) -> dict[str, Any]:
    """Accesses to records, newest first. One to the caller's own records is there once the caller was told."""
    return {"accesses": [_json(row) for row in content.visible(call.actor).order_by("-granted_at", "id")[:100]]}


OPERATIONS = (
    Operation(
        name="content-accesses",
        method="GET",
        path="orgs/{slug}/content/",
        part="People",
        summary="Who may read, or could read, records of managed accounts",
        permission=VIEW.permission,
        run=listed,
        answers={200: thing({"accesses": many(ACCESS)})},
    ),
)
