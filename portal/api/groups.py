"""Roles, groups, administrators and service accounts: reading them. They are changed by their actions."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse

from accounts import administrators, listing_query, targets
from accounts.models import Group, Role
from accounts.people import load_people
from accounts.powers.grouping import reaches
from accounts.reasons import NotFound
from accounts.work import plain
from portal.api import parameters, shapes
from portal.api.operation import Call, Operation, Param
from portal.api.people import fitting, person_json
from portal.powers import BY_SLUG


def _plain(row: Any) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, UUID) else value if isinstance(value, list | bool | int) else plain(value) for name, value in asdict(row).items()}


def _role(row: Role, holders: int) -> dict[str, Any]:
    return {"id": str(row.id), "slug": row.slug, "name": row.name, "rank": row.rank, "builtin": row.builtin, "permissions": row.permissions, "holders": holders}


def roles(call: Call) -> dict[str, Any]:
    """The roles, highest first, with how many hold each."""
    numbers = administrators.holders(organization_id=call.organization_id)
    return {"roles": [_role(row, numbers.get(row.id, 0)) for row in Role.objects.filter(organization_id=call.organization_id).order_by("-rank", "name")]}


def role(call: Call) -> HttpResponse:
    """One role, with the ETag that its actions may carry."""
    found = targets.load(power=BY_SLUG["delete-role"], actor=call.actor, ids=[call.ids["role_id"]], data={}, lock=False)
    if not found:
        raise NotFound
    response = JsonResponse(_role(found[0].role, administrators.holders(organization_id=call.organization_id).get(found[0].id, 0)))
    response.headers["ETag"] = f'"{found[0].etag}"'
    return response


def groups(call: Call) -> dict[str, Any]:
    """The groups that the caller's role reaches, by name."""
    rows, page = administrators.groups(actor=call.actor, q=call.query.get("q", ""), cursor=call.query.get("cursor", ""))
    fitting(page.lost)
    return {"groups": [_plain(row) for row in rows], "next": page.next or None, "previous": page.previous or None}


def group(call: Call) -> HttpResponse:
    """One group, with the ETag that its actions may carry."""
    found = targets.load(power=BY_SLUG["delete-group"], actor=call.actor, ids=[call.ids["group_id"]], data={}, lock=False)
    if not found:
        raise NotFound
    one = found[0]
    response = JsonResponse(
        {"id": str(one.id), "name": one.group.name, "directory": one.group.directory,
         "role": one.role.name if one.role else None, "rank": one.role.rank if one.role else None, "size": one.size, "scoping": one.scoping}
    )
    response.headers["ETag"] = f'"{one.etag}"'
    return response


def group_people(call: Call) -> dict[str, Any]:
    """Who is in a group."""
    row = Group.objects.filter(organization_id=call.organization_id, id=call.ids["group_id"]).first()
    if row is None or not reaches(call.actor, row.id):
        raise NotFound
    want = replace(listing_query.wanted(call.query), size=call.query.get("limit", 25))
    page = listing_query.page(organization_id=call.organization_id, want=want, groups=frozenset({row.id}))
    fitting(page.lost)
    people = {p.id: p for p in load_people(organization_id=call.organization_id, ids=[r.id for r in page.rows], lock=False)}
    return {"people": [person_json(people[r.id]) for r in page.rows if r.id in people], "next": page.next or None, "previous": page.previous or None}


def holders(call: Call) -> dict[str, Any]:
    """Everybody with a rank, highest first."""
    chosen = Role.objects.filter(organization_id=call.organization_id, slug=call.query["role"]).first() if "role" in call.query else None
    if "role" in call.query and chosen is None:
        return {"administrators": [], "next": None, "previous": None}
    rows, page = administrators.administrators(actor=call.actor, role=chosen, cursor=call.query.get("cursor", ""))
    fitting(page.lost)
    names = tuple(shapes.ADMINISTRATOR["properties"])
    return {
        "administrators": [{**{n: v for n, v in _plain(row).items() if n in names}, "groups": [{"name": g, "role": r} for g, r in row.groups]} for row in rows],
        "next": page.next or None,
        "previous": page.previous or None,
    }


def service_accounts(call: Call) -> dict[str, Any]:
    """Members for programs, by name. Each is a person of /people/ too."""
    rows, page = administrators.service_accounts(actor=call.actor, cursor=call.query.get("cursor", ""))
    fitting(page.lost)
    return {"service_accounts": [_plain(row) for row in rows], "next": page.next or None, "previous": page.previous or None}


_SEE = "view_people"
OPERATIONS = (
    Operation(name="roles", method="GET", path="orgs/{slug}/roles/", part="Roles", summary="List roles", permission=_SEE, run=roles, answers={200: shapes.ROLES}),
    Operation(name="role", method="GET", path="orgs/{slug}/roles/{role_id}/", part="Roles", summary="One role", permission=_SEE, run=role, answers={200: shapes.ROLE}, tagged=True),
    Operation(
        name="administrators",
        method="GET",
        path="orgs/{slug}/administrators/",
        part="Roles",
        summary="Everybody who holds a role with a rank",
        permission=_SEE,
        run=holders,
        answers={200: shapes.ADMINISTRATORS},
        query=(parameters.PEOPLE_FILTER[2], parameters.P_CURSOR),
    ),
    Operation(
        name="service-accounts",
        method="GET",
        path="orgs/{slug}/service-accounts/",
        part="Roles",
        summary="List service accounts",
        permission=_SEE,
        run=service_accounts,
        answers={200: shapes.SERVICE_ACCOUNTS},
        query=(parameters.P_CURSOR,),
    ),
    Operation(
        name="groups",
        method="GET",
        path="orgs/{slug}/groups/",
        part="Groups",
        summary="List groups",
        permission=_SEE,
        run=groups,
        answers={200: shapes.GROUPS},
        query=(Param(name="q", schema=parameters.P_Q.schema, about="Part of the name."), parameters.P_CURSOR),
    ),
    Operation(name="group", method="GET", path="orgs/{slug}/groups/{group_id}/", part="Groups", summary="One group", permission=_SEE, run=group, answers={200: shapes.GROUP}, tagged=True),
    Operation(
        name="group-people",
        method="GET",
        path="orgs/{slug}/groups/{group_id}/people/",
        part="Groups",
        summary="Who is in a group",
        permission=_SEE,
        run=group_people,
        answers={200: shapes.PEOPLE},
        query=(*parameters.PEOPLE_FILTER, parameters.P_SORT, parameters.P_CURSOR, parameters.P_LIMIT),
    ),
)
