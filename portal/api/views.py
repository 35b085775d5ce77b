"""Saved views: a list's filter and order under a name, for oneself or for everybody in the organization."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpResponse, JsonResponse

from accounts.models import SavedView
from accounts.reasons import NotFound, Refused
from accounts.work import plain
from portal.api import shapes
from portal.api.operation import Call, Operation, Param
from portal.api.problems import Problem
from portal.api.schema import choice, flag, text, thing

PERMISSIONS = {"people": "view_people", "audit": "view_audit"}
MOST = 100
"""Views of one person."""


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
    pages = [page for page, permission in PERMISSIONS.items() if call.actor.may(permission) and call.query.get("page", page) == page]
    rows = SavedView.objects.filter(Q(owner_id=call.actor.membership_id) | Q(shared=True), organization_id=call.organization_id, page__in=pages).order_by("page", "name", "id")
    return {"views": [view_json(call, row) for row in rows[:1000]]}


def create(call: Call) -> HttpResponse:
    """A new view. Where one is, and not which page of it, is what a view remembers."""
    body = call.body
    if not call.actor.may(PERMISSIONS[body["page"]]):
        raise NotFound
    mine = SavedView.objects.filter(owner_id=call.actor.membership_id)
    if mine.count() >= MOST:
        raise Problem(409, "too_many_views", "You have 100 views. Delete one first.")
    query = urlencode([(k, v) for k, v in parse_qsl(body.get("query", "")) if k not in {"cursor", "before", "after", "csrfmiddlewaretoken"}])
    if len(query) > 1000:
        raise Problem(422, "invalid", "Some fields are not valid.", errors={"query": ["must have at most 1000 characters"]})
    row = SavedView(
        organization_id=call.organization_id,
        owner_id=call.actor.membership_id,
        page=body["page"],
        name=body["name"].strip(),
        query=query,
        shared=body.get("shared", False),
        is_default=body.get("is_default", False),
        created_at=call.now,
    )
    if not row.name:
        raise Problem(422, "invalid", "Some fields are not valid.", errors={"name": ["is required"]})
    try:
        with transaction.atomic():
            if row.is_default:
                mine.filter(page=row.page, is_default=True).update(is_default=False)
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Refused({"": ["name_taken"]}) from error
    return JsonResponse(view_json(call, row), status=201)


def delete(call: Call) -> HttpResponse:
    """One's own view goes; other people's are not there."""
    gone, _by = SavedView.objects.filter(owner_id=call.actor.membership_id, organization_id=call.organization_id, id=call.ids["view_id"]).delete()
    if not gone:
        raise NotFound
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
    Operation(name="view-create", method="POST", path="orgs/{slug}/views/", part="Saved views", summary="Save a view", run=create, body=_NEW, answers={201: shapes.VIEW}, refusals=(409,)),
    Operation(name="view-delete", method="DELETE", path="orgs/{slug}/views/{view_id}/", part="Saved views", summary="Delete one of your views", run=delete, answers={204: None}, refusals=(403,)),
)
