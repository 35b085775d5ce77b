"""Saved views: a list's filter and order under a name, for oneself or for everybody in the organization."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse

from accounts import views_saved
from accounts.models import SavedView
from accounts.work import plain
from portal.api import shapes
from portal.api.operation import Call, Operation, Param
from portal.api.schema import choice, flag, text, thing


def view_json(call: Call, row: SavedView) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "page": row.page,
        "name": row.name,
        "query": row.query,
        "shared": row.shared,
        "is_default": row.is_default,
        "mine": row.owner_id == call.actor.membership_id,
        "created_at": plain(row.created_at),
    }


def listed(call: Call) -> dict[str, Any]:
    """One's own views and those that colleagues share, for lists that one may see."""
    pages = [page for page, permission in views_saved.PERMISSIONS.items() if call.actor.may(permission) and call.query.get("page", page) == page]
    return {"views": [view_json(call, row) for page in pages for row in views_saved.visible(actor=call.actor, page=page)]}


def create(call: Call) -> HttpResponse:
    """A new view. Where one is, and not which page of it, is what a view remembers."""
    body = call.body
    row = views_saved.save(actor=call.actor, page=body["page"], name=body["name"], query=body.get("query", ""), shared=body.get("shared", False), default=body.get("is_default", False), now=call.now)
    return JsonResponse(view_json(call, row), status=201)


def delete(call: Call) -> HttpResponse:
    """One's own view goes; other people's are not there."""
    views_saved.drop(actor=call.actor, view_id=call.ids["view_id"])
    return HttpResponse(status=204)


_NEW = thing({"page": choice("people", "audit"), "name": text(60, least=1, sample="No second factor")}, query=text(1000, sample="mfa=no"), shared=flag(), is_default=flag())
OPERATIONS = (
    Operation(
        name="views",
        method="GET",
        path="orgs/{slug}/views/",
        part="Saved views",
        summary="List saved views",
        run=listed,
        answers={200: shapes.VIEWS},
        query=(Param(name="page", schema=choice("people", "audit"), about="Only views of this list."),),
    ),
    Operation(name="view-create", method="POST", path="orgs/{slug}/views/", part="Saved views", summary="Save a view", run=create, body=_NEW, answers={201: shapes.VIEW}, refusals=(403, 409)),
    Operation(name="view-delete", method="DELETE", path="orgs/{slug}/views/{view_id}/", part="Saved views", summary="Delete one of your views", run=delete, answers={204: None}, refusals=(403,)),
)
