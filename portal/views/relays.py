"""Requests that reach services and apps: their state for administrators, the answer by a link in a mail, and the addresses that programs call."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from redis.exceptions import RedisError

from accounts.models import Installation, Service
from accounts.tenancy import installation
from audit.context import current
from dsar.powers import relays as powers
from dsar.powers import responders
from dsar.relays import answering, messages, pulling, sending
from dsar.relays.messages import Unfit
from dsar.relays.models import OPEN, Relay, RelayState, Responder
from portal.api import problems
from portal.api.problems import Problem
from portal.organization import enter
from portal.views import errors

A_MINUTE = 60
"""Calls a minute of one program, or about one request."""
STATUS = {"bad_signature": 401, "no_key": 401, "replayed": 409, "answered_already": 409, "not_json": 422, "unknown_status": 422, "no_nonce": 422, "no_code": 422}
SAYS = {
    "bad_signature": "The signature is not that of this program's key over the bytes that came.", "no_key": "We know no key of this program.",
    "wrong_sender": "“from” is not the application that was asked.", "wrong_addressee": "“to” is not the address of this request.",
    "wrong_time": "“issued_at” has to be an instant within the last five minutes.", "expired": "“expires_at” is over.", "another_request": "“id” is not the request of this address.",
    "replayed": "This nonce was used before.", "answered_already": "The request is closed: it was answered, or called off.", "not_json": "The body is no JSON object, or names a key twice.",
    "unknown_status": "This status cannot be said, or not after what was said before.", "no_nonce": "“nonce” needs 16 to 64 ASCII signs.", "no_code": "A refusal needs one of the codes.",
}


BY_MAIL = {
    RelayState.COMPLETED: gettext_lazy("It is done"),
    RelayState.NOT_FOUND: gettext_lazy("We hold nothing about this person"),
    RelayState.IN_PROGRESS: gettext_lazy("We are working on it"),
    RelayState.REJECTED: gettext_lazy("We do not do it"),
}
"""What can be answered by the link in a mail."""


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Services and apps as those that answer requests: how each is reached, what waits, who does not answer."""
    actor = enter(request, slug)
    if not (actor.may(responders.PERMISSION) or actor.may(powers.PERMISSION)):
        actor = enter(request, slug, permission=powers.PERMISSION)
    assert actor.organization_id is not None
    return render(request, "relays/index.html", {"rows": listed(actor.organization_id), "may_set": actor.may(responders.PERMISSION) and actor.scope_groups is None, "grace": settings.RELAY_GRACE_DAYS})


def listed(organization_id: UUID) -> list[dict[str, Any]]:
    """Every service and installed app, with how it is reached and how it answers: for the page and the API."""
    known = {row.service_id or row.installation_id: row for row in Responder.objects.filter(organization_id=organization_id)}
    counts: dict[UUID, Counter[str]] = {}
    for responder_id, state, late in Relay.objects.filter(organization_id=organization_id).values_list("responder_id", "state", "overdue_at"):
        found = counts.setdefault(responder_id, Counter())
        found["asked"] += 1
        found["open"] += state in OPEN
        found["by_hand"] += state == RelayState.BY_HAND
        found["overdue"] += state in OPEN and late is not None
        found["late"] += late is not None
    return [_line(program, known.get(program.id), counts) for program in responders.programs(organization_id)]


def _line(program: Service | Installation, row: Responder | None, counts: dict[UUID, Counter[str]]) -> dict[str, Any]:
    some = counts.get(row.id, Counter()) if row else Counter()
    way = row.way if row else "mail" if isinstance(program, Installation) else ""
    return {"program": program, "name": responders.name_of(program), "kind": "service" if isinstance(program, Service) else "app", "row": row, "way": way,
            "missed": row is not None and row.overdue_at is not None and pulling.missed(row, now=timezone.now()),
            **{name: some[name] for name in ("asked", "open", "by_hand", "overdue", "late")}}


# By the link in a mail


@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: HttpRequest, word: str) -> HttpResponse:
    """Whoever runs a program answers without an account. Opening the page changes nothing, as mail programs open links by themselves."""
    number = sending.read(word)
    with installation("a link names one request to one program"):
        row = Relay.objects.select_related("responder__service", "responder__installation__app", "organization").filter(id=number).first() if number else None
        if row is None:
            return errors._page(request, 404, _("This link is not valid"),
                                _("It is not complete, was not made here, or is older than four months. Copy all of it from the mail, or ask the organization."))
        refused = ""
        if request.method == "POST":
            status = request.POST.get("status", "")
            try:
                if status not in BY_MAIL:
                    raise Unfit("")
                answering.acknowledge(row.id, status, now=timezone.now())
            except Unfit as unfit:
                refused = _("It was answered already. If that was wrong, write to the organization.") if unfit.code else _("Choose one answer.")
            row.refresh_from_db()
        said = sending.letter(row)
    return render(request, "relays/acknowledge.html", {**said, "row": row, "choices": BY_MAIL.items(), "closed": row.state not in OPEN, "refused": refused}, status=422 if refused else 200)


# What programs call


@require_safe
def keys(_request: HttpRequest) -> HttpResponse:
    """Our public key, with which programs check who asks them."""
    return JsonResponse(messages.public_keys(), headers={"Cache-Control": "public, max-age=3600"})


def _program(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Errors in the form of the API (RFC 9457)."""
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Problem as problem:
            response = problems.answer(problem, request)
            if "retry_after" in problem.more:
                response.headers["Retry-After"] = str(problem.more["retry_after"])
            if problem.status == 401:
                response.headers["WWW-Authenticate"] = "Bearer" if view is _pull else "Steward-Signature"
            return response
    return answered


def _count(name: str) -> None:
    """So many calls a minute; the next one is told when to come back. Without Valkey nobody is counted."""
    now = int(timezone.now().timestamp())
    try:
        [used] = cache.count(f"relays:{name}:{now // 60}", seconds=120)
    except (RedisError, OSError):
        return
    if used > A_MINUTE:
        raise Problem(429, "too_many", "Too many requests. Retry-After says when to come back.", retry_after=60 - now % 60)


def _body(request: HttpRequest, most: int) -> bytes:
    if int(request.META.get("CONTENT_LENGTH") or 0) > most or len(raw := request.read(most + 1)) > most:
        raise Problem(413, "too_large", f"At most {most} bytes.")
    return raw


def _answer(request: HttpRequest, relay_id: UUID) -> HttpResponse:
    """The answer of a program that we called, about one request. Everything about it is checked before any of it counts."""
    _count(str(relay_id))
    raw = _body(request, messages.LARGEST)
    try:
        state = answering.take(relay_id, raw, request.headers.get(messages.HEADER, ""), now=timezone.now())
    except LookupError as error:
        raise Problem(404, "not_found", "There is no such request.") from error
    except Unfit as unfit:
        raise Problem(STATUS.get(unfit.code, 403), unfit.code, SAYS[unfit.code]) from unfit
    return JsonResponse({"id": str(relay_id), "status": state})


def _pull(request: HttpRequest) -> HttpResponse:
    """What a program that asks us is to do about the people that it names."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    responder = pulling.caller(secret.strip()) if scheme.lower() == "bearer" else None
    if responder is None:
        _count(f"wrong:{current().ip}")
        raise Problem(401, "token_invalid", "Send the token of the service or app: Authorization: Bearer strp_…")
    _count(str(responder.id))
    try:
        asked = pulling.read(json.loads(_body(request, 64 * 1024)))
    except RecursionError as error:
        raise Problem(422, "invalid", "The body is no JSON object.") from error
    except ValueError as error:
        raise Problem(422, "invalid", "The body is no JSON object." if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)) from error
    said = pulling.answer(responder, asked, now=timezone.now())
    response = JsonResponse({"subjects": said}) if said else HttpResponse(status=204)
    response.headers["Cycle-Period"] = str(responder.cycle_days)
    return response


answer = csrf_exempt(require_POST(_program(_answer)))
answer.body_limit = messages.LARGEST + 1  # type: ignore[attr-defined]
pull = csrf_exempt(require_POST(_program(_pull)))
pull.body_limit = 64 * 1024 + 1  # type: ignore[attr-defined]
