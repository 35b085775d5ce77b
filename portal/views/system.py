"""Health, help, the demo's mailbox, the operator's page, and the answers at an organization's closed door."""
from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import tenancy
from accounts.models import Mail, Membership, Organization
from accounts.reasons import NotFound
from audit.models import Cursor, Pending
from portal import mailbox
from portal.organization import enter
from portal.powers import POWERS


def healthz(_request: HttpRequest) -> HttpResponse:
    """The process runs."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(_request: HttpRequest) -> HttpResponse:
    """The process can serve: PostgreSQL answers and Valkey counts."""
    from django.core.cache import cache

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM accounts_organization LIMIT 1")
        cache.set("readyz", "1", 5)
    except (DatabaseError, OSError) as error:
        return HttpResponse(f"waiting: {type(error).__name__}\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")


def help_page(request: HttpRequest, slug: str) -> HttpResponse:
    """What each power does and does not do: the same words as on the pages."""
    enter(request, slug)
    return render(request, "help.html", {"powers": [p for p in POWERS if not p.code.startswith("own.")], "own": [p for p in POWERS if p.code.startswith("own.")]})


def mails(request: HttpRequest) -> HttpResponse:
    """The demo's mailbox: what would have been sent."""
    _demo_only()
    return render(request, "mailbox/index.html", {"letters": mailbox.letters()})


def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail, with its links."""
    _demo_only()
    found = mailbox.letter(name)
    if found is None:
        raise NotFound
    return render(request, "mailbox/letter.html", {"letter": found})


def _demo_only() -> None:
    if not settings.DEMO:
        raise NotFound


@login_required
def operator(request: HttpRequest) -> HttpResponse:
    """The installation as its operator sees it: sizes and troubles, no content."""
    if not request.user.is_operator:
        raise NotFound
    with tenancy.installation("the operator's page counts"):
        organizations = [{"organization": o, "people": Membership.objects.filter(organization=o).exclude(status="removed").count()} for o in Organization.objects.order_by("name")]
        return render(request, "operator.html", {
            "organizations": organizations, "cursors": list(Cursor.objects.order_by("name")), "waiting": Pending.objects.count(),
            "due": Mail.objects.filter(state="due").count(), "failed": Mail.objects.filter(state="failed").count()})
