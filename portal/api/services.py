"""Services: reading them and who has access. They are changed by their actions."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse

from accounts import targets
from accounts.purposes import handle
from accounts.reasons import NotFound
from accounts.services import listing
from accounts.work import plain
from portal.api import parameters, shapes
from portal.api.operation import Call, Operation
from portal.api.people import fitting
from portal.api.schema import choice, many, nullable, number, text, thing
from portal.powers import BY_SLUG

LEVEL = choice("full", "read_only", "none")
SERVICE = thing(
    {
        "id": shapes.ID,
        "slug": text(50, sample="notes"),
        "name": text(100, sample="Notes"),
        "description": text(300, sample="Shared notes"),
        "url": text(200, sample="https://notes.example.com/"),
        "state": choice("active", "suspended"),
        "everyone": LEVEL | {"description": "What everybody in the organization may do there."},
        "owner": shapes.MAYBE_ID | {"description": "The member who answers for it."},
        "categories": many(text(80, sample="user.name")),
        "client_id": nullable(text(100, sample="stc_5f0e…")) | {"description": "What it signs in with, beside its secret; null where it does not sign people in."},
        "redirect_uris": many(text(500, sample="https://notes.example.com/back")),
        "logout_url": text(500, sample="https://notes.example.com/signed-out"),
        "people": number(0, about="How many active people can use it."),
        "groups": number(0),
        "last_used_at": shapes.MAYBE_STAMP,
        "created_at": shapes.STAMP,
    }
)
HOLDER = thing(
    {
        "id": shapes.ID,
        "name": text(200, sample="Sam Sample"),
        "email": text(320, sample="sam@example.com"),
        "status": choice(*shapes.STRICTNESS[::-1]),
        "access": LEVEL,
        "own": nullable(choice("full", "read_only", "off")) | {"description": "What is theirs alone, and decides; null where there is nothing."},
        "groups": many(text(100, sample="Support")),
        "everyone": LEVEL,
        "granted_at": shapes.MAYBE_STAMP,
        "last_used_at": shapes.MAYBE_STAMP,
    }
)
SERVICES = thing({"services": many(SERVICE)})
SERVICE_FULL = thing(SERVICE["properties"] | {"group_access": many(thing({"id": shapes.ID, "name": text(100, sample="Support"), "access": LEVEL}))})
HOLDERS = thing({"people": many(HOLDER), **shapes.PAGING})


def _json(row: listing.Line) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in ("slug", "name", "description", "url", "state", "categories", "client_id", "people", "groups")},
        "id": str(row.id),
        "everyone": row.everyone or "none",
        "owner": str(row.owner_id) if row.owner_id else None,
        "redirect_uris": (row.redirect_uris or "").split(),
        "logout_url": row.logout_url or "",
        "last_used_at": plain(row.last_used_at),
        "created_at": plain(row.created_at),
    }


def listed(call: Call) -> dict[str, Any]:
    """The services, by name."""
    return {"services": [_json(row) for row in listing.lines(actor=call.actor)]}


def one(call: Call) -> HttpResponse:
    """One service, with the ETag that its actions may carry."""
    row = listing.one(actor=call.actor, service_id=call.ids["service_id"])
    if row is None:
        raise NotFound
    found = targets.load(power=BY_SLUG["change-service"], actor=call.actor, ids=[row.id], data={}, lock=False)
    groups = [{"id": str(group.group_id), "name": group.group.name, "access": group.state} for group in listing.groups(row.id)]
    response = JsonResponse({**_json(row), "group_access": groups})
    response.headers["ETag"] = f'"{found[0].etag}"'
    return response


def people(call: Call) -> dict[str, Any]:
    """Who has access to a service, or had it taken away, and through what."""
    if listing.one(actor=call.actor, service_id=call.ids["service_id"]) is None:
        raise NotFound
    rows, page = listing.holders(actor=call.actor, service_id=call.ids["service_id"], q=call.query.get("q", ""), cursor=call.query.get("cursor", ""), size=call.query.get("limit", 25))
    fitting(page.lost)
    return {"people": [_holder(row) for row in rows], "next": page.next or None, "previous": page.previous or None}


def _holder(row: listing.Holder) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "email": row.email or handle(row.id),
        "status": row.status,
        "access": row.level or "none",
        "own": row.own or None,
        "groups": row.groups,
        "everyone": row.everyone or "none",
        "granted_at": plain(row.since),
        "last_used_at": plain(row.last_used_at),
    }


_SEE = "view_people"
OPERATIONS = (
    Operation(name="services", method="GET", path="orgs/{slug}/services/", part="Services", summary="List services", permission=_SEE, run=listed, answers={200: SERVICES}),
    Operation(name="service", method="GET", path="orgs/{slug}/services/{service_id}/", part="Services", summary="One service", permission=_SEE, run=one, answers={200: SERVICE_FULL}, tagged=True),
    Operation(
        name="service-people",
        method="GET",
        path="orgs/{slug}/services/{service_id}/people/",
        part="Services",
        summary="Who has access to a service",
        permission=_SEE,
        run=people,
        answers={200: HOLDERS},
        query=(parameters.P_Q, parameters.P_CURSOR, parameters.P_LIMIT),
    ),
)
