"""The organization itself: its settings, and the notice with every version. They are changed by their actions."""

from __future__ import annotations

from typing import Any

from accounts import policy
from accounts.dormant import people as accounts_unused
from accounts.dormant import rules as dormant
from accounts.inactivity import people as idle
from accounts.inactivity import rules
from accounts.models import Organization
from accounts.models.notice import Basis
from accounts.work import plain
from portal import notices_of
from portal.api import parameters, shapes
from portal.api.operation import Call, Operation, Param
from portal.api.people import fitting
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
        "inactive_days": nullable(number(30, 730, sample=90)) | {"description": "After so many days without use people are suspended; null: nobody is."},
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
        "inactive_days": numbers.inactive_days,
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


INACTIVITY = thing(
    {
        "days": nullable(number(30, 730, sample=90)),
        "decided_at": shapes.MAYBE_STAMP,
        "begins_at": shapes.MAYBE_STAMP | {"description": "Before this nobody is suspended by the rule that is shown."},
        "in_force": flag("Whether this is the organization's rule; else it is a preview."),
        "count": number(0, about="How many people it would warn, or has warned."),
        "people": many(thing({"person_id": shapes.ID, "last_used_at": shapes.STAMP, "ends_at": shapes.STAMP})),
        **shapes.PAGING,
    }
)


def inactivity(call: Call) -> dict[str, Any]:
    """The inactivity rule, or a preview of one; without `days` and without a rule there is nothing to show."""
    held = rules.of(policy.of(call.organization_id))
    days = call.query.get("days")
    shown = rules.Rule(days, call.now) if days and (held is None or held.days != days) else held
    if shown is None:
        return {"days": None, "decided_at": None, "begins_at": None, "in_force": False, "count": 0, "people": [], "next": None, "previous": None}
    count, people, page = idle.preview(organization_id=call.organization_id, rule=shown, now=call.now, cursor=call.query.get("cursor", ""), size=call.query.get("limit", 25))
    fitting(page.lost)
    return {
        "days": shown.days,
        "decided_at": plain(held.since) if shown is held else None,
        "begins_at": plain(shown.begins),
        "in_force": shown is held,
        "count": count,
        "people": [{"person_id": str(one.id), "last_used_at": plain(one.used), "ends_at": plain(one.ends)} for one in people] if call.actor.may("view_people") else [],
        "next": page.next or None,
        "previous": page.previous or None,
    }


UNUSED = thing(
    {
        "days": nullable(number(180, 3650, sample=365)),
        "decided_at": shapes.MAYBE_STAMP,
        "in_force": flag("Whether this is the organization's rule; else it is a preview."),
        "count": number(0, about="How many accounts it would warn, or has warned."),
    }
)


def unused_accounts(call: Call) -> dict[str, Any]:
    """The rule about unused accounts, or a preview of one; without `days` and without a rule there is nothing to show."""
    held, days = dormant.of(policy.of(call.organization_id)), call.query.get("days")
    shown = dormant.Rule(days, call.now) if days and (held is None or held.days != days) else held
    if shown is None:
        return {"days": None, "decided_at": None, "in_force": False, "count": 0}
    count, _shown, _page = accounts_unused.preview(call.organization_id, shown, now=call.now)
    return {"days": shown.days, "decided_at": plain(held.since) if held and shown is held else None, "in_force": shown is held, "count": count}


OPERATIONS = (
    Operation(name="settings", method="GET", path="orgs/{slug}/settings/", part="Organization", summary="The settings", permission="manage_settings", run=settings, answers={200: SETTINGS}),
    Operation(
        name="inactivity",
        method="GET",
        path="orgs/{slug}/inactivity/",
        part="Organization",
        summary="The inactivity rule, and whom it is about",
        permission="manage_settings",
        run=inactivity,
        answers={200: INACTIVITY},
        query=(Param(name="days", schema=number(30, 730, sample=90), about="Preview a rule of so many days instead of the one in force."), parameters.P_CURSOR, parameters.P_LIMIT),
    ),
    Operation(
        name="unused-accounts",
        method="GET",
        path="orgs/{slug}/unused-accounts/",
        part="Organization",
        summary="The rule about unused accounts, and how many it is about",
        permission="manage_settings",
        run=unused_accounts,
        answers={200: UNUSED},
        query=(Param(name="days", schema=number(180, 3650, sample=365), about="Preview a rule of so many days instead of the one in force."),),
    ),
    Operation(name="notice", method="GET", path="orgs/{slug}/notice/", part="Organization", summary="The published notice with every version", run=notice, answers={200: NOTICE}),
    Operation(name="notice-draft", method="GET", path="orgs/{slug}/notice/draft/", part="Organization", summary="The draft of the next notice",
              permission="manage_settings", run=draft, answers={200: DRAFT}),
)
