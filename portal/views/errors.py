"""Answers when something is not possible: plain words, the right status, nothing half done."""
from __future__ import annotations

import logging
import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts import reasons
from audit.key_store import KeyMissing

logger = logging.getLogger("steward.errors")


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    response = render(request, "error.html", {"title": title, "text": text, "status": status}, status=status)
    response._has_been_logged = True  # type: ignore[attr-defined]  (an answer, not a fault)
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Unknown, foreign and forbidden look the same (guard rail 6)."""
    return _page(request, 404, _("There is nothing here"), _("The page does not exist, or you are not allowed to see it. If somebody sent you the address, ask them."))


def refused(request: HttpRequest, error: reasons.Refused) -> HttpResponse:
    return _page(request, 403, _("This was not done"), " ".join(reasons.text(code) for code in error.codes))


def stale(request: HttpRequest) -> HttpResponse:
    return _page(request, 412, _("Something changed meanwhile"), _("Nothing was done. Go back, look at the new state, and decide again."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(request, 403, _("The form has expired"), _("Nothing was done. Go back, reload the page, and send it again."))


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 429, _("Too many attempts"), _("Wait a few minutes and try again."))


def too_large(request: HttpRequest, most: int) -> HttpResponse:
    return _page(request, 413, _("This is too large"), _("Nothing was read and nothing was done. At most %(number)d MB can be sent here.") % {"number": most // (1024 * 1024)})


def no_length(request: HttpRequest) -> HttpResponse:
    """Something that arrives in pieces without saying how many there are (RFC 9110, 15.5.12). Browsers always say it."""
    return _page(request, 411, _("How large is it?"), _("Nothing was read and nothing was done. What you send has to say beforehand how long it is (Content-Length)."))


def failed(request: HttpRequest) -> HttpResponse:
    """A fault of ours, or PostgreSQL is away: nothing was done, and the second passes by itself. The request id helps whoever looks into it."""
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status, title, text = (503, _("Steward is not available for a moment"), _("Nothing was done. Wait a little and try again; what you typed is still in your browser when you go back.")) if away \
        else (500, _("Something went wrong"), _("Nothing was done. If it happens again, tell whoever runs this installation, with the reference below."))
    reference = getattr(request, "id", "")
    if request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse({"type": "about:blank", "title": title, "status": status, "detail": text, "code": "unavailable" if away else "fault", "request_id": reference},
                                              status=status, content_type="application/problem+json")
    else:
        response = HttpResponse(render_to_string("failed.html", {"title": title, "text": text, "reference": reference}), status=status)
    if away:
        response.headers["Retry-After"] = "10"
        response._has_been_logged = True  # type: ignore[attr-defined]  (PostgreSQL's own log and ours say that it is away)
        error = sys.exc_info()[1]
        logger.error("%s", error if isinstance(error, KeyMissing) else f"PostgreSQL does not answer ({type(error).__name__})")
    return response


def door_closed(request: HttpRequest, code: str, membership: Any) -> HttpResponse:
    """The person belongs to the organization but may not come in now: why, until when, whom to ask."""
    return render(request, "door.html", {"code": code, "membership": membership}, status=403)
