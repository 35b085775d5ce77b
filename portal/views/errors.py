"""Answers when something is not possible: plain words, the right status, nothing half done."""
from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts import reasons


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


def failed(request: HttpRequest) -> HttpResponse:
    """A fault of ours. The request id helps whoever looks into it."""
    return HttpResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Steward</title><h1>Something went wrong</h1><p>Nothing was done. Reference: {getattr(request, 'id', '')}</p></html>", status=500)


def door_closed(request: HttpRequest, code: str, membership: Any) -> HttpResponse:
    """The person belongs to the organization but may not come in now: why, until when, whom to ask."""
    return render(request, "door.html", {"code": code, "membership": membership}, status=403)
