"""A database that was restored from a backup serves nobody until the ledger was replayed onto it (`dsar/ledger/quarantine.py`): pages, programs, jobs and processes ask here."""
from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import Account
from audit import signer
from dsar.ledger import file, memory, quarantine

logger = logging.getLogger("steward.quarantine")
Get = Callable[[HttpRequest], HttpResponse]
OPERATORS = frozenset({"/operator/", "/sign-in/", "/sign-in/out/", "/sign-in/second-step/", "/sign-in/passkey/"})
"""What the operator needs to see how it stands."""
_RETRY = "600"


def why() -> str:
    """Why nobody is served, or ''. A database that does not answer is no reason: whoever asks finds that out themselves."""
    try:
        return quarantine.now().words
    except DatabaseError:
        connections[quarantine.ALIAS].close()
        return ""


def why_unsigned() -> str:
    """Why nothing is signed, or ''. The signer may have a machine of its own, without the ledger: there counts what the database itself knows."""
    if memory.is_closed(using=signer.ALIAS):
        return quarantine.WORDS["behind"]
    return why() if file.path().exists() else ""


def said(what: str, why: Callable[[], str] = why) -> bool:
    """Whether it is closed; then the process says so and does nothing. For processes without a page."""
    if words := why():
        logger.error("%s stands still: %s", what, words)
    return bool(words)


class OpenOnly(BaseCommand):
    """A command that reads or changes what is about people: not while it is closed."""

    def execute(self, *args: Any, **options: Any) -> Any:
        if words := why():
            raise CommandError(words)
        return super().execute(*args, **options)


class Quarantine:
    """Before anything reads or writes: every page says in plain words that there is nothing to be had now, and every operation of the API in its own terms."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/static/") or request.path in OPERATORS or not why():
            return self.get_response(request)
        return closed(request)


def closed(request: HttpRequest) -> HttpResponse:
    title, text = _("Steward is closed for the moment"), _("A backup is being brought back. Nothing can be seen or done until that is finished, so that nobody comes back who was deleted.")
    if request.path.startswith("/api/"):
        answer: HttpResponse = JsonResponse({"type": "about:blank", "title": title, "status": 503, "detail": text, "code": "quarantine", "request_id": getattr(request, "id", "")}, status=503,
                                            content_type="application/problem+json")
    else:
        answer = render(request, "quarantine.html", {"title": title, "text": text}, status=503)
    answer.headers["Retry-After"] = _RETRY
    answer.headers["Cache-Control"] = "no-store"
    answer._has_been_logged = True  # type: ignore[attr-defined]  (an answer, not a fault)
    return answer


def may_sign_in(account: Account) -> bool:
    """Nobody but the operator while it is closed, and not one about whom the ledger knows something newer."""
    return not why() or (account.is_operator and quarantine.usable(account.id))
