"""What anybody may read of the logs without signing in: keys, heads and hashes, so that outside tools can follow them (C2SP tlog-tiles). And the check of a receipt."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import tenancy
from accounts.reasons import NotFound
from audit import ROOT, epochs, keys, receipts
from audit import tiles as stored
from audit.models import Tile, Tree
from audit.notes import BadNote
from audit.tiles import WIDTH
from portal.api.auth import address, limit
from portal.api.problems import Problem

_NUMBER = re.compile(r"(?:x[0-9]{3}/){0,5}[0-9]{3}(?:\.p/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?")
_OLD, _FOREVER = "public, max-age=10", "public, max-age=31536000, immutable"


def limited(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Not more often than the API may be asked without a name."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        try:
            limit(request, {"address": address(request)})
        except Problem as problem:
            return HttpResponse("Too many requests. Come back later.\n", status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": str(problem.more.get("retry_after", 60))})
        try:
            return view(request, *args, **named)
        except NotFound:  # signing in would not help
            return HttpResponse("There is nothing here.\n", status=404, content_type="text/plain; charset=utf-8")

    return asked


def _answer(request: HttpRequest, body: bytes, kind: str, *, for_ever: bool = False) -> HttpResponse:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    fits = tag in [t.strip() for t in request.headers.get("If-None-Match", "").split(",")]
    answer = HttpResponseNotModified() if fits else HttpResponse(body, content_type=kind)
    for name, value in {"ETag": tag, "Cache-Control": _FOREVER if for_ever else _OLD, "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*"}.items():
        answer.headers[name] = value
    return answer


@require_safe
@limited
def public_keys(request: HttpRequest) -> HttpResponse:
    """Every key that ever signed here, newest first, each endorsed by the one before."""
    answer = JsonResponse({"keys": keys.published()}, json_dumps_params={"indent": 1})
    return _answer(request, answer.content, "application/json")


@require_safe
@limited
def policy(request: HttpRequest) -> HttpResponse:
    """The trust policy as other tools read it (C2SP tlog-policy)."""
    return _answer(request, keys.policy().encode(), "text/plain; charset=utf-8")


@require_safe
@limited
def checkpoint(request: HttpRequest, opaque: str = "") -> HttpResponse:
    """The newest signed head of the root log, or of one organization's log under its opaque name."""
    if not opaque:
        head = epochs.root_checkpoint()
        note = head.note if head else None
    else:
        with tenancy.installation("a log's head is public under its opaque name"):
            said = epochs.latest(org=_log(opaque))
        note = said.note if said else None
    if note is None:
        raise NotFound
    return _answer(request, note.encode(), "text/plain; charset=utf-8")


@require_safe
@limited
def tile(request: HttpRequest, level: int, number: str, opaque: str = "") -> HttpResponse:
    """256 hashes, or the first ones of a tile that is not full: hashes only, never what they are hashes of."""
    if not _NUMBER.fullmatch(number) or level > 7:
        raise NotFound
    name, _p, width = number.partition(".p/")
    n, wanted = int(name.replace("x", "").replace("/", "")), int(width or WIDTH)
    with tenancy.installation("a log's hashes are public under its opaque name"):
        org = _log(opaque) if opaque else ROOT
        size = _signed_size(org) >> (8 * level)
        if n * WIDTH + wanted > size:
            raise NotFound
        hashes = _hashes(org, level, n, wanted)
    if len(hashes) < wanted:
        raise NotFound
    return _answer(request, b"".join(hashes[:wanted]), "application/octet-stream", for_ever=True)


def _hashes(org: UUID, level: int, n: int, wanted: int) -> list[bytes]:
    row = Tile.objects.filter(org=org, level=level, n=n).first()
    found = stored.split(bytes(row.hashes)) if row else []
    if level == 0 and len(found) < wanted:
        with connection.cursor() as cursor:
            found += stored.leaves(cursor, str(org), n * WIDTH + len(found), n * WIDTH + wanted)
    return found


def _signed_size(org: UUID) -> int:
    """How far the log is signed: what lies beyond is nobody's business yet."""
    if org == ROOT:
        head = epochs.root_checkpoint()
        return head.size if head else 0
    said = epochs.latest(org=org)
    return said.size if said else 0


def _log(opaque: str) -> UUID:
    if opaque not in _NAMES:
        with tenancy.installation("which log has this opaque name"):
            _NAMES.update({epochs.opaque(org): org for org in Tree.objects.values_list("org", flat=True)})
    if opaque not in _NAMES:
        raise NotFound
    return _NAMES[opaque]


_NAMES: dict[str, UUID] = {}
"""Opaque names to logs. They never change; a name that is not here yet is looked for."""


@limited
def receipt(request: HttpRequest) -> HttpResponse:
    """Anybody who holds a receipt may ask whether the log kept its promise."""
    context: dict[str, object] = {"text": "", "found": None, "wrong": False}
    if request.method == "POST":
        text = request.POST.get("receipt", "")[:20_000].replace("\r\n", "\n").strip("\n ") + "\n"
        context["text"] = text
        try:
            with tenancy.installation("a receipt says which log it is about"):
                context["found"] = receipts.check(receipt=text, now=timezone.now())
        except BadNote:
            context["wrong"] = True
    return render(request, "log/receipt.html", context, status=422 if context["wrong"] else 200)
