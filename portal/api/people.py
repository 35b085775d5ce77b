"""People: the list with its filters, one person, what may be done to them, and the file in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import audit_reading, door, listing_query, protected
from accounts.models import Plan, Session
from accounts.people import Person, load_people, veiled
from accounts.reasons import Refused, text
from accounts.services import ways
from accounts.work import plain
from portal import acting, importing, people_csv
from portal.api import parameters, shapes
from portal.api.acts import find
from portal.api.operation import Call, Operation, Param
from portal.api.plans import made
from portal.api.problems import Problem
from portal.api.schema import choice
from portal.jobs import wake
from portal.powers import POWERS
from portal.views.importing import people as lines
from portal.views.importing import record_export


def person_json(person: Person) -> dict[str, Any]:
    """A member as the organization may know them."""
    m, a = person.membership, person.account
    assert m is not None
    return {
        "id": str(m.id),
        "account_id": str(a.id),
        "kind": a.kind,
        "email": a.email,
        "name": a.name,
        "account_status": a.status,
        "membership_status": m.status,
        "effective_status": person.status,
        "reason_code": (a.reason_code if a.status != "active" else m.reason_code) or None,
        "reason_text": m.reason_text or None,
        "until": plain(m.status_until),
        "purge_at": plain(a.status_until) if a.status == "pending_deletion" else None,
        "purge_waits": a.status == "pending_deletion" and a.status_until is None,
        "changed_by": str(m.status_changed_by) if m.status_changed_by else None,
        "changed_at": plain(m.status_changed_at),
        "role": m.role.slug,
        "rank": person.rank,
        "managed": person.managed,
        "title": m.title,
        "department": m.department,
        "directory": bool(person.membership and person.membership.directory),
        "groups": sorted(str(g) for g in person.group_ids),
        "second_factor": a.has_second_factor,
        "recovery_address": bool(a.recovery_email) if person.managed else None,
        "identity_changed_at": plain(m.identity_changed_at),
        "protected": m.protected,
        "use_restricted": m.use_restricted,
        "restricted_parts": sorted({one.partition(".")[0] if one.startswith("groups.") else one for one in m.set_aside if not one.startswith("contested.")}),
        "last_active_at": plain(m.last_active_at),
        "joined_at": plain(m.joined_at),
        "contract_ends_on": plain(m.contract_ends_on),
    }


def listed(call: Call) -> dict[str, Any]:
    """A page of people."""
    want = replace(listing_query.wanted(call.query), size=call.query.get("limit", 25))
    page = listing_query.page(organization_id=call.organization_id, want=want, groups=call.actor.scope_groups)
    fitting(page.lost)
    rows = {p.id: veiled(p) for p in load_people(organization_id=call.organization_id, ids=[r.id for r in page.rows], lock=False)}
    return {"people": [person_json(rows[r.id]) for r in page.rows if r.id in rows], "next": page.next or None, "previous": page.previous or None}


def fitting(lost: bool) -> None:
    """A cursor of another organization, filter or order, or a forged one, is told so."""
    if lost:
        raise lost_place()


def lost_place() -> Problem:
    """The answer to a cursor that does not fit."""
    return Problem(422, "bad_cursor", "The cursor does not belong to this list.", errors={"cursor": ["does not belong to this list"]})


def one(call: Call) -> HttpResponse:
    """One member, with the ETag that acts on them may carry."""
    found = veiled(find(call))
    audit_reading.person_viewed(actor=call.actor, account_id=found.account.id, what="record", now=call.now)
    access = [] if found.stored_only else ways.of([found.id])
    response = JsonResponse({**person_json(found), "services": [{"slug": a.slug, "name": a.name, "state": a.level or "off"} for a in access]})
    response.headers["ETag"] = f'"{found.etag}"'
    return response


def capabilities(call: Call) -> dict[str, Any]:
    """For each power, or the one that was asked for: may the caller use it on this person now, and if not, why."""
    found, answers, only = find(call), {}, call.query.get("power")
    audit_reading.person_viewed(actor=call.actor, account_id=found.account.id, what="powers", now=call.now)
    for power in POWERS:
        if power.over == "member" and only in {None, power.slug}:
            codes = door.capability(power=power, actor=call.actor, person=found, now=call.now)
            answers[power.slug] = {
                "code": power.code,
                "allowed": not codes,
                "reasons": [{"code": c, "text": text(c)} for c in codes],
                "tier": power.tier,
                "needs_approval": power.tier >= 3 or (found.is_owner and not power.owner_lock and power.rank_rule),
            }
    return {"capabilities": answers}


def sessions(call: Call) -> dict[str, Any]:
    """Where a managed person is signed in: without addresses and devices. Of anybody else an organization sees none."""
    found = find(call)
    if not found.managed:
        raise Refused({str(found.id): ["not_managed"]})
    audit_reading.person_viewed(actor=call.actor, account_id=found.account.id, what="sessions", now=call.now)
    rows = Session.objects.filter(account=found.account, ended_at=None).order_by("-last_seen_at")[:100]
    return {"sessions": [session_json(row) for row in rows]}


def session_json(row: Session) -> dict[str, Any]:
    return {"id": str(row.id), "started_at": plain(row.started_at), "last_seen_at": plain(row.last_seen_at), "ended_at": plain(row.ended_at), "ended_reason": row.ended_reason}


def protected_people(call: Call) -> dict[str, Any]:
    """Who is protected, and by whom they may be acted on."""
    return {"people": [{"person_id": str(row.id), "name": row.name, "administrators": [_protector(one) for one in row.protectors]} for row in protected.listed(actor=call.actor)]}


def _protector(one: protected.Protector) -> dict[str, Any]:
    return {"person_id": str(one.id), "name": one.name, "since": plain(one.since), "set_by": one.set_by or None, "named_themselves": one.itself}


def export(call: Call) -> HttpResponseBase:
    """The people list as a file; that it was taken away is itself in the log."""
    response = StreamingHttpResponse(content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{call.slug}-people.csv"'})
    if call.request.method == "HEAD":
        return HttpResponse(headers=dict(response.headers))
    record_export(call.actor)
    response.streaming_content = people_csv.write(lines(call.organization_id, listing_query.wanted(call.query), call.actor.scope_groups), spreadsheet=call.query.get("for") == "spreadsheet")
    return response


def upload(call: Call) -> HttpResponse:
    """A file of people becomes a plan; nothing happens before it is executed."""
    return _planned(call, importing.upload)


def acts(call: Call) -> HttpResponse:
    """A file of acts becomes a plan; nothing happens before it is executed."""
    return _planned(call, acting.upload)


def _planned(call: Call, keep: Callable[..., Plan]) -> HttpResponse:
    try:
        plan = keep(actor=call.actor, table=people_csv.table(call.body), now=call.now)
    except people_csv.BadFile as problem:
        raise Problem(422, "bad_file", str(problem)) from problem
    wake("many")
    response = made(call, plan)
    response.headers["Location"] = reverse("api:plan", args=[call.slug, plan.id])
    return response


_BASE = "orgs/{slug}/people/"
_ACTS = "email,action,reason_code,until,message\r\nnobody@example.com,suspend,absence,,See you in May\r\n"
_FILE = "email,display_name,role\r\nnew.person@example.com,New Person,member\r\n"
OPERATIONS = (
    Operation(
        name="people",
        method="GET",
        path=_BASE,
        part="People",
        summary="List people",
        permission="view_people",
        run=listed,
        answers={200: shapes.PEOPLE},
        query=(*parameters.PEOPLE_FILTER, parameters.P_SORT, parameters.P_CURSOR, parameters.P_LIMIT),
    ),
    Operation(name="person", method="GET", path=_BASE + "{person_id}/", part="People", summary="One person", permission="view_people", run=one, answers={200: shapes.PERSON_FULL}, tagged=True),
    Operation(
        name="capabilities",
        method="GET",
        path=_BASE + "{person_id}/capabilities/",
        part="People",
        summary="What you may do to a person, and if not, why",
        permission="view_people",
        run=capabilities,
        query=(Param(name="power", schema=choice(*(power.slug for power in POWERS if power.over == "member")), about="Only this one."),),
        answers={200: shapes.CAPABILITIES},
    ),
    Operation(
        name="person-sessions",
        method="GET",
        path=_BASE + "{person_id}/sessions/",
        part="People",
        summary="Where a managed person is signed in",
        permission="view_people",
        run=sessions,
        answers={200: shapes.SESSIONS},
        refusals=(403,),
    ),
    Operation(
        name="protected-people",
        method="GET",
        path="orgs/{slug}/protected/",
        part="People",
        summary="Who is protected, and who may act on them",
        permission="view_people",
        run=protected_people,
        answers={200: shapes.PROTECTED},
    ),
    Operation(
        name="people-file",
        method="GET",
        path="orgs/{slug}/people.csv",
        part="People",
        summary="Export the people list",
        permission="import_people",
        run=export,
        gives="text/csv",
        answers={200: None},
        query=(*parameters.PEOPLE_FILTER, Param(name="for", schema=choice("spreadsheet"), about="Guard cells that a spreadsheet would take for formulas.")),
    ),
    Operation(
        name="people-import",
        method="POST",
        path=_BASE + "import/",
        part="People",
        summary="Import people from a file",
        permission="import_people",
        run=upload,
        takes="text/csv",
        answers={201: shapes.PLAN, 202: shapes.PLAN},
        deferred=True,
        example=_FILE,
        about="CSV in UTF-8 with a header line, at most 10,000 rows and 5 MB. It becomes a plan, which you look at and execute.",
    ),
    Operation(
        name="people-act",
        method="POST",
        path=_BASE + "act/",
        part="People",
        summary="Act on people by a file",
        permission="view_people",
        run=acts,
        takes="text/csv",
        answers={201: shapes.PLAN, 202: shapes.PLAN},
        refusals=(403,),
        deferred=True,
        example=_ACTS,
        about="CSV in UTF-8: `email` or `person_id`, `action` (the slug or code of a power that can be used on many), `reason_code`, `until`, `message`. It becomes a plan with a verdict for each "
        "line, which you look at and execute with its digest and count. Each line is done by its own power.",
    ),
)
