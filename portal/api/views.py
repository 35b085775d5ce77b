"""The first operations of the API: people, what may be done to them, plans, the log, oneself."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed, ParseError, UnsupportedMediaType
from rest_framework.utils import json

from accounts import door, listing_query, tenancy
from accounts.actor import Actor
from accounts.models import Membership
from accounts.models import Plan as StoredPlan
from accounts.people import Person, load_people
from accounts.power import Plan, Power
from accounts.reasons import NotFound, text
from accounts.work import plain
from audit import queries
from portal.api.auth import caller
from portal.api.problems import Problem, answer, problem_of
from portal.powers import BY_SLUG, POWERS

BODY_LIMIT = 1024 * 1024
View = Callable[..., HttpResponse]


def operation(*methods: str) -> Callable[[View], View]:
    """An operation of the API: its methods, its errors as problems, its rate in the headers."""

    def wrap(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise MethodNotAllowed(str(request.method))
                response = view(request, *args, **kwargs)
            except Exception as error:
                problem = problem_of(error)
                if problem is None:
                    raise
                response = answer(problem, getattr(request, "id", ""))
                if problem.status == 405:
                    response.headers["Allow"] = ", ".join(methods)
            if hasattr(request, "rate"):
                response.headers["RateLimit"], response.headers["RateLimit-Policy"] = request.rate, '"minute";q=600;w=60'
            return response

        return wrapped

    return wrap


def sent(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body; {} for an empty one."""
    if int(request.headers.get("Content-Length") or 0) > BODY_LIMIT:
        raise Problem(413, "too_large", "The body may have at most 1 MB.")
    if not request.body:
        return {}
    if request.content_type != "application/json":
        raise UnsupportedMediaType(request.content_type or "")
    try:
        found = json.loads(request.body)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError from error
    if not isinstance(found, dict):
        raise Problem(400, "malformed", "The body must be a JSON object.")
    return found


def cleaned(power: Power, body: dict[str, Any]) -> dict[str, Any]:
    """The body as the power's form reads it; unknown fields and wrong types are refused, field by field."""
    if unknown := sorted(set(body) - set(power.form.base_fields)):
        raise Problem(422, "unknown_fields", "These fields are not known here.", errors={name: ["unknown field"] for name in unknown})
    data, wrong = QueryDict(mutable=True), {}
    for name, value in body.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(v, dict | list | float) for v in values):
            wrong[name] = ["has the wrong type"]
        else:
            data.setlist(name, ["" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in values])
    for name, field in power.form.base_fields.items():
        if name not in body and field.initial is not None:
            data[name] = str(field.initial)
        elif body.get(name) is False:
            data.pop(name, None)
    form = power.form(data)
    if wrong or not form.is_valid():
        raise Problem(422, "invalid", "Some fields are not valid.", errors={**{k: [str(e) for e in v] for k, v in form.errors.items()}, **wrong})
    return {name: value for name, value in form.cleaned_data.items() if name in body or name not in power.form.base_fields or power.form.base_fields[name].initial is not None or value}


def person_json(actor: Actor, person: Person) -> dict[str, Any]:
    """A member as the organization may know them."""
    m, a = person.membership, person.account
    assert m is not None
    return {"id": str(m.id), "account_id": str(a.id), "email": a.email, "name": a.name, "account_status": a.status, "membership_status": m.status, "effective_status": person.status,
            "reason_code": (a.reason_code if a.status != "active" else m.reason_code) or None, "reason_text": m.reason_text or None, "until": plain(m.status_until),
            "changed_by": str(m.status_changed_by) if m.status_changed_by else None, "changed_at": plain(m.status_changed_at), "role": m.role.slug, "rank": person.rank, "managed": person.managed,
            "title": m.title, "department": m.department, "second_factor": a.has_second_factor, "last_active_at": plain(m.last_active_at), "joined_at": plain(m.joined_at)}


def find(actor: Actor, person_id: UUID) -> Person:
    """The member with this id in the actor's organization."""
    assert actor.organization_id is not None
    found = load_people(organization_id=actor.organization_id, ids=[person_id], lock=False)
    if not found:
        raise NotFound
    return found[0]


@operation("GET", "POST")
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """GET: a page of people. POST: invite somebody."""
    if request.method == "POST":
        power = BY_SLUG["invite"]
        actor = caller(request, slug=slug, permission=power.permission)
        return _act(request, power, actor, [], sent(request))
    actor = caller(request, slug=slug, permission="view_people")
    assert actor.organization_id is not None
    want = listing_query.wanted(request.GET)
    page = listing_query.page(organization_id=actor.organization_id, want=want)
    rows = {p.id: p for p in load_people(organization_id=actor.organization_id, ids=[r.id for r in page.rows], lock=False)}
    return JsonResponse({"people": [person_json(actor, rows[r.id]) for r in page.rows if r.id in rows], "next": page.next or None, "previous": page.previous or None})


@operation("GET")
def person(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    """One member, with the ETag that acts on them may carry."""
    actor = caller(request, slug=slug, permission="view_people")
    found = find(actor, person_id)
    response = JsonResponse(person_json(actor, found))
    response.headers["ETag"] = f'"{found.etag}"'
    return response


@operation("GET")
def capabilities(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    """For each power: may the caller use it on this person now, and if not, why."""
    actor = caller(request, slug=slug, permission="view_people")
    found, now = find(actor, person_id), timezone.now()
    answers = {}
    for power in POWERS:
        if power.over == "member":
            codes = door.capability(power=power, actor=actor, person=found, now=now)
            answers[power.slug] = {"code": power.code, "allowed": not codes, "reasons": [{"code": c, "text": text(c)} for c in codes], "tier": power.tier,
                                   "needs_approval": power.tier >= 3 or (found.is_owner and not power.owner_lock and power.rank_rule)}
    return JsonResponse({"capabilities": answers})


@operation("POST")
def action(request: HttpRequest, slug: str, person_id: UUID, power_slug: str) -> HttpResponse:
    """Plan and perform in one call. If-Match and Idempotency-Key are honoured."""
    power = BY_SLUG.get(power_slug)
    actor = caller(request, slug=slug, permission=None)
    if power is None or power.over != "member" or not (actor.may("view_people") or actor.membership_id == person_id):
        raise NotFound
    find(actor, person_id)
    return _act(request, power, actor, [person_id], sent(request))


def _act(request: HttpRequest, power: Power, actor: Actor, ids: list[UUID], body: dict[str, Any]) -> HttpResponse:
    match = request.headers.get("If-Match", "").strip().strip('"')
    receipt = door.perform(power=power, actor=actor, ids=ids, data=cleaned(power, body), now=timezone.now(), version=match or None,
                           key=request.headers.get("Idempotency-Key", "")[:200] or None)
    answered = {**receipt.as_json(), "repeated": receipt.repeated, **({"secret": receipt.secret} if receipt.secret else {})}
    if receipt.plan_id:
        response = JsonResponse(answered, status=202)
        response.headers["Location"] = reverse("api-plan", args=[request.organization.slug, receipt.plan_id])  # type: ignore[attr-defined]
        return response
    return JsonResponse(answered)


@operation("POST")
def plans(request: HttpRequest, slug: str) -> HttpResponse:
    """What an act would do, without doing it: {action, targets, params}."""
    actor, body = caller(request, slug=slug), sent(request)
    if unknown := sorted(set(body) - {"action", "targets", "params"}):
        raise Problem(422, "unknown_fields", "These fields are not known here.", errors={name: ["unknown field"] for name in unknown})
    power = BY_SLUG.get(str(body.get("action")))
    if power is None or power.over not in {"member", "row"}:
        raise Problem(422, "unknown_action", "There is no such action.", errors={"action": ["is not known"]})
    if not actor.may(power.permission):
        raise NotFound
    targets, params = body.get("targets", []), body.get("params", {})
    if not isinstance(params, dict) or not isinstance(targets, list) or len(targets) > 100:
        raise Problem(422, "invalid", "targets is a list of at most 100 ids, params an object.", errors={"targets": ["list of ids"], "params": ["object"]})
    try:
        ids = [UUID(str(t)) for t in targets]
    except ValueError as error:
        raise Problem(422, "invalid", "A target is not an id.", errors={"targets": ["not an id"]}) from error
    return JsonResponse(_plan_json(door.plan(power=power, actor=actor, ids=ids, data=cleaned(power, params), now=timezone.now())))


def _plan_json(made: Plan) -> dict[str, Any]:
    return {"action": made.power.slug, "digest": made.digest, "tier": made.tier, "needs_approval": made.needs_approval, "undo": made.power.undo or None, "notice": made.power.notice,
            "targets": [{"id": str(v.target.id), "allowed": v.allowed, "blockers": [{"code": c, "text": text(c)} for c in v.reasons],
                         "effects": [{"kind": e.kind, "code": e.code, "count": e.count, "text": str(e.text)} for e in v.effects]} for v in made.verdicts]}


@operation("GET")
def plan(request: HttpRequest, slug: str, plan_id: UUID) -> HttpResponse:
    """A stored plan and what became of it."""
    actor = caller(request, slug=slug)
    row = StoredPlan.objects.filter(organization_id=actor.organization_id, id=plan_id).first()
    if row is None or not (actor.may("approve_plans") or row.requested_by == actor.membership_id):
        raise NotFound
    return JsonResponse({"id": str(row.id), "action": row.power, "state": row.state, "targets": [str(t) for t in row.targets], "requested_by": str(row.requested_by),
                         "digest": row.digest, "tier": row.tier,
                         "created_at": plain(row.created_at), "expires_at": plain(row.expires_at), "decided_by": str(row.decided_by) if row.decided_by else None, "decided_at": plain(row.decided_at)})


@operation("GET")
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Entries above number `after`, in order: polling can neither miss nor repeat one."""
    actor = caller(request, slug=slug, permission="view_audit")
    assert actor.organization_id is not None
    try:
        after, size = int(request.GET.get("after", "0")), int(request.GET.get("limit", "100"))
    except ValueError as error:
        raise Problem(422, "invalid", "after and limit are whole numbers.") from error
    if not (0 <= after < 2**62 and 1 <= size <= 500):
        raise Problem(422, "invalid", "after is not negative, limit is from 1 to 500.")
    page = queries.page(org=actor.organization_id, filters=queries.Filters(), after=after, size=size)
    found = sorted((e for e in page.entries if e.seq is not None), key=lambda e: e.seq or 0)
    entries = [{"seq": e.seq, "recorded_at": plain(e.recorded_at), "record": e.record, "disclosed": {k: None if v is queries.ERASED else v for k, v in e.open.items()}} for e in found]
    return JsonResponse({"entries": entries, "next": found[-1].seq if found else after})


@operation("GET")
def me(request: HttpRequest) -> HttpResponse:
    """Who the caller is."""
    actor = caller(request, slug=None)
    return JsonResponse({"account_id": str(actor.account_id), "name": actor.name, "email": actor.email, "kind": actor.kind})


@operation("GET")
def my_organizations(request: HttpRequest) -> HttpResponse:
    """The caller's organizations; for a token the one it was made for."""
    actor = caller(request, slug=None)
    with tenancy.installation("a person's own organizations"):
        rows = list(Membership.objects.filter(account_id=actor.account_id).exclude(status="removed").select_related("organization", "role"))
    if actor.kind == "api_token":
        rows = [r for r in rows if r.organization_id == actor.organization_id]
    return JsonResponse({"organizations": [{"slug": r.organization.slug, "name": r.organization.name, "membership_id": str(r.id), "status": r.status, "role": r.role.slug} for r in rows]})


@operation("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
def nothing(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Everything else below /api/."""
    raise NotFound
