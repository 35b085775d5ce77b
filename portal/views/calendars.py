"""Dates of requests as calendars: the link of whoever handles them, and the file of whoever asked."""
from __future__ import annotations

import hashlib
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.reasons import NotFound
from accounts.tenancy import installation
from audit.context import current
from dsar.cases import calendar, inquiries
from dsar.cases.models import Case
from portal.views import errors
from portal.views.asking import COOKIE

A_LINK, A_MACHINE = 20, 120


def feed(request: HttpRequest, word: str) -> HttpResponse:
    """What a calendar program reads. A link that is unknown and one that is over are answered alike."""
    if not _within_limits(calendar.digest(word).hex()[:32]):
        return errors.too_many(request)
    found = calendar.feed(secret=word, now=timezone.now())
    if found is None:
        raise Http404
    return _answer(found)


@login_required
def mine(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """The dates of one's own request."""
    row = Case.objects.filter(id=case_id, account=request.user).prefetch_related("actions").first()
    if row is None:
        raise NotFound
    return _answer(calendar.of_person(row, now=timezone.now()), row.reference)


def followed(request: HttpRequest) -> HttpResponse:
    """The dates of the request that this browser follows."""
    now = timezone.now()
    found = inquiries.visited(secret=request.COOKIES.get(COOKIE, ""), now=now)
    if found is None:
        raise Http404
    with installation("a person's own request"):
        row = Case.objects.prefetch_related("actions").get(id=found[1], account=found[0])
        return _answer(calendar.of_person(row, now=now), row.reference)


def _within_limits(word: str) -> bool:
    """A calendar reads every few hours: so many times a minute is a program gone wild, or somebody who tries links. Without a cache nobody is turned away."""
    minute, machine = int(timezone.now().timestamp() // 60), hashlib.sha256(current().ip.encode()).hexdigest()[:32]
    try:
        link, from_there = cache.count(f"calendar:{word}:{minute}", f"calendar:{machine}:{minute}", seconds=120)
    except (RedisError, OSError):
        return True
    return link <= A_LINK and from_there <= A_MACHINE


def _answer(text: str, name: str = "") -> HttpResponse:
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8")
    if name:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.ics"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
