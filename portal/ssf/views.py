"""The addresses of the transmitter: discovery, keys, the stream of the calling program, its status, subjects, verification, and the fetching of events."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.models import OAuthApplication, SignalStream
from accounts.signals import polling, streams, tokens
from accounts.signals.streams import Bad
from portal.ssf.callers import caller

LARGEST = 65_536
_PAUSED = "An administrator of the organization paused this stream."


def configuration(_request: HttpRequest) -> JsonResponse:
    """Where everything is (SSF 1.0, section 7.1)."""
    base = settings.STEWARD_URL
    return JsonResponse({
        "spec_version": "1_0", "issuer": tokens.issuer(), "jwks_uri": f"{base}/ssf/jwks.json", "delivery_methods_supported": [streams.PUSH, streams.POLL],
        "configuration_endpoint": f"{base}/ssf/stream", "status_endpoint": f"{base}/ssf/status", "add_subject_endpoint": f"{base}/ssf/subjects/add",
        "remove_subject_endpoint": f"{base}/ssf/subjects/remove", "verification_endpoint": f"{base}/ssf/verify", "critical_subject_members": [],
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:7617"}], "default_subjects": "ALL"})


def jwks(_request: HttpRequest) -> JsonResponse:
    """The keys of the tokens (RFC 7517)."""
    return JsonResponse(tokens.jwks())


def _by_program(**verbs: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view for programs: the verbs it has, errors as JSON, and never a page."""

    @csrf_exempt
    @wraps(next(iter(verbs.values())))
    def view(request: HttpRequest, **ids: Any) -> HttpResponse:
        run = verbs.get(request.method or "")
        if run is None:
            return _problem(Bad("method_not_allowed", "This address does not take that.", 405), Allow=", ".join(verbs))
        try:
            return run(request, caller(request), **ids)
        except Bad as bad:
            return _problem(bad, **({"WWW-Authenticate": 'Basic realm="Steward", charset="UTF-8"'} if bad.status == 401 else {"Retry-After": "30"} if bad.status == 429 else {}))

    view.body_limit = LARGEST  # type: ignore[attr-defined]
    return view


def _problem(bad: Bad, **headers: str) -> JsonResponse:
    response = JsonResponse({"err": bad.code, "description": bad.words}, status=bad.status, headers=headers)
    response._has_been_logged = True  # type: ignore[attr-defined]  (an answer, not a fault)
    return response


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        found = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Bad("invalid_request", "The body is not JSON.") from error
    if not isinstance(found, dict):
        raise Bad("invalid_request", "The body is not a JSON object.")
    if b"\\u0000" in request.body:
        raise Bad("invalid_request", "Texts hold no zero character.")
    return found


def _own(client: OAuthApplication, word: object) -> SignalStream:
    """The client's stream. An id that is not its own is not there."""
    found = streams.of(client)
    if found is None or (word is not None and str(word) != str(found.id)):
        raise Bad("not_found", "There is no such stream.", 404)
    return found


def _get(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    if "stream_id" in request.GET:
        return JsonResponse(streams.configuration(_own(client, request.GET["stream_id"])))
    found = streams.of(client)
    return JsonResponse([streams.configuration(found)] if found else [], safe=False)


def _create(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    return JsonResponse(streams.configuration(streams.create(client, _body(request), now=timezone.now())), status=201)


def _patch(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    body = _body(request)
    return JsonResponse(streams.configuration(streams.change(_own(client, body.get("stream_id")), body, whole=False, now=timezone.now())))


def _put(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    body = _body(request)
    return JsonResponse(streams.configuration(streams.change(_own(client, body.get("stream_id")), body, whole=True, now=timezone.now())))


def _delete(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    streams.remove(_own(client, request.GET.get("stream_id")), now=timezone.now())
    return HttpResponse(status=204)


def _status(row: SignalStream) -> JsonResponse:
    return JsonResponse({"stream_id": str(row.id), "status": row.state, **({"reason": reason} if (reason := _PAUSED if row.state != row.status else row.reason) else {})})


def _read_status(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    return _status(_own(client, request.GET.get("stream_id")))


def _set_status(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    body = _body(request)
    return _status(streams.set_status(_own(client, body.get("stream_id")), body.get("status"), body.get("reason", ""), now=timezone.now()))


def _subject(*, wanted: bool) -> Callable[..., HttpResponse]:
    def run(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
        body = _body(request)
        streams.set_subject(_own(client, body.get("stream_id")), body.get("subject"), wanted=wanted, now=timezone.now())
        return HttpResponse(status=200 if wanted else 204)

    return run


def _verify(request: HttpRequest, client: OAuthApplication) -> HttpResponse:
    body = _body(request)
    streams.verify(_own(client, body.get("stream_id")), body.get("state"), now=timezone.now())
    return HttpResponse(status=204)


def _poll(request: HttpRequest, client: OAuthApplication, stream_id: UUID) -> HttpResponse:
    row = _own(client, stream_id)
    if row.method != "poll":
        raise Bad("invalid_request", "This stream is pushed, not fetched.")
    return JsonResponse(polling.poll(row, _body(request), now=timezone.now()))


stream = _by_program(GET=_get, POST=_create, PATCH=_patch, PUT=_put, DELETE=_delete)
status = _by_program(GET=_read_status, POST=_set_status)
add_subject, remove_subject = _by_program(POST=_subject(wanted=True)), _by_program(POST=_subject(wanted=False))
verify, poll = _by_program(POST=_verify), _by_program(POST=_poll)
