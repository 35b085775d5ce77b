"""The organization itself: its settings, and the notice with every version. They are changed by their actions."""

from __future__ import annotations

from typing import Any

from accounts import policy
from accounts.models import Organization
from accounts.models.notice import Basis
from accounts.work import plain
from portal import notices_of
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, nullable, number, text, thing

SETTINGS = thing(
    {
        "id": shapes.ID,
        "slug": text(50, sample="northwind"),
        "name": text(200, sample="Northwind"),
        "time_zone": text(64, sample="Europe/Berlin"),
        "contact_name": text(200, sample="IT help desk"),
        "contact_email": text(254, sample="help@example.com"),
        "contact_link": text(300, sample="https://example.com/help"),
        "deletion_days": number(1, 90, sample=14),
        "closing_days": number(14, 90, sample=14),
        "contract_reminders": text(40, sample="30, 7, 1"),
        "own_deletion": choice("ask", "free"),
        "created_at": shapes.STAMP,
    }
)
NAMED = thing({"power": text(60, sample="suspend"), "purpose": text(1000, sample="To end access that is no longer needed."), "basis": choice(*Basis.values)})
VERSION = thing(
    {
        "number": number(1),
        "state": choice("current", "announced", "past", "replaced", "draft"),
        "powers": many(NAMED),
        "text": text(20_000, sample="What administrators can do …"),
        "significant": flag(),
        "digest": text(64, sample="9f86d081884c7d65…", about="SHA-256 over powers, words and text; empty for a draft."),
        "published_at": shapes.MAYBE_STAMP,
        "effective_at": shapes.MAYBE_STAMP,
    }
)
NOTICE = thing({"current": nullable(number(1)), "usable": many(text(60, sample="suspend")), "versions": many(VERSION)})
DRAFT = thing({"draft": nullable(VERSION)})


def settings(call: Call) -> dict[str, Any]:
    """What was decided for the organization as a whole."""
    row, numbers = Organization.objects.get(id=call.organization_id), policy.of(call.organization_id)
    return {
        "id": str(row.id),
        "slug": row.slug,
        "name": row.name,
        "time_zone": row.time_zone,
        "contact_name": row.contact_name,
        "contact_email": row.contact_email,
        "contact_link": row.contact_link,
        "deletion_days": numbers.deletion_days,
        "closing_days": numbers.closing_days,
        "contract_reminders": numbers.contract_reminders,
        "own_deletion": "free" if numbers.own_deletion else "ask",
        "created_at": plain(row.created_at),
    }


def notice(call: Call) -> dict[str, Any]:
    """What is published, newest first; for every member."""
    found = notices_of.overview(call.organization_id, now=call.now)
    return {"current": found.current.row.number if found.current else None, "usable": sorted(found.usable), "versions": [notices_of.as_json(one) for one in found.versions]}


def draft(call: Call) -> dict[str, Any]:
    """What is being written."""
    found = notices_of.overview(call.organization_id, now=call.now)
    return {"draft": notices_of.as_json(found.draft) if found.draft else None}


OPERATIONS = (
    Operation(name="settings", method="GET", path="orgs/{slug}/settings/", part="Organization", summary="The settings", permission="manage_settings", run=settings, answers={200: SETTINGS}),
    Operation(name="notice", method="GET", path="orgs/{slug}/notice/", part="Organization", summary="The published notice with every version", run=notice, answers={200: NOTICE}),
    Operation(name="notice-draft", method="GET", path="orgs/{slug}/notice/draft/", part="Organization", summary="The draft of the next notice",
              permission="manage_settings", run=draft, answers={200: DRAFT}),
)
