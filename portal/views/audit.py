"""The audit log: search, read in words. Each search is an entry itself."""
from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit_reading
from accounts.powers import BY_SLUG
from audit import by_address, counts, drill, epochs, queries, selfcheck
from audit.queries import Filters
from portal import audit_filters, rows, sentences
from portal.audit_filters import Asked
from portal.charts import Chart
from portal.organization import enter
from portal.views import saved

CATEGORIES = sorted({power.code.split(".")[0] for power in BY_SLUG.values()}
                    | {"access", "account", "app", "announcement", "audit", "brake", "business_transfer", "case", "claim", "credential", "data", "disclosure", "domain", "email", "hold", "legal_hold",
                       "management", "membership", "notice", "organization", "own", "package", "people", "plan", "privacy", "privacy_notice", "profile", "register", "relay", "retention", "rights",
                       "role", "sign_in", "signals", "succession", "use"})
"""What powers write, and what is written without one."""


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Entries by number, newest first; the address holds the filter and the place."""
    actor = enter(request, slug, permission="view_audit")
    assert actor.organization_id is not None
    if (default := saved.opening(request, actor, "audit")) is not None:
        return default
    org = actor.organization_id
    asked = audit_filters.read(request.GET, org)
    before, after = _number(request.GET.get("before")), _number(request.GET.get("after"))
    reached: int | None = None
    found = queries.Page(entries=[], newer=None, older=None)
    if not asked.problems:
        if asked.network is None:
            found = queries.page(org=org, filters=asked.filters, before=before, after=after, size=50, paths=sentences.NAMES)
        else:
            found, reached = _by_address(org, asked, before)
        if before is None and after is None:
            audit_reading.viewed(actor=actor, what="search", filters=asked.facts, people=asked.people, now=timezone.now())
    total, exact = (0, True) if asked.problems or asked.network else counts.matching(org=org, filters=asked.filters)
    context = {
        **saved.beside(request, actor, "audit"),
        "rows": rows.entries([sentences.line(seen) for seen in found.entries], slug=slug), "newer": found.newer, "older": found.older, "problems": asked.problems,
        "total": total, "exact": exact, "by_address": asked.network is not None, "reached": reached, "looked": by_address.MOST,
        "actions": rows.options(((action, action) for action in sorted(sentences.EVENTS)), request.GET.get("action", "")),
        "categories": rows.options(((name, name) for name in CATEGORIES), request.GET.get("category", "")),
        "kinds": rows.options(((kind, kind) for kind in audit_filters.KINDS), request.GET.get("target_type", "person")),
        "filtered": any(request.GET.get(k) for k in audit_filters.FIELDS if k != "target_type"),
        "more_filters": any(request.GET.get(k) for k in ("acted_as", "target", "category", "token", "plan", "ticket", "matter", "address")),
        "values": {**{name: request.GET.get(name, "") for name in audit_filters.FIELDS}, **{name: day.isoformat() if (day := getattr(asked.filters, name)) else "" for name in ("since", "until")}},
    }
    if not request.headers.get("HX-Request"):
        context |= {"chart": activity(org, asked.filters), "signed": epochs.latest(org=org), "refusal": epochs.refusal(),
                    "checked": next(iter(selfcheck.last()), None), "drilled": next(iter(drill.history(org=org, limit=1)), None)}
    return render(request, "audit/_results.html" if request.headers.get("HX-Request") else "audit/index.html", context)


def _by_address(org: UUID, asked: Asked, before: int | None) -> tuple[queries.Page, int | None]:
    """Addresses are sealed: what is newest is opened and looked at, as far as one request may."""
    assert asked.network is not None
    found = by_address.search(org=org, filters=asked.filters, network=asked.network, before=before)
    queries.disclose(org=org, entries=found.entries, paths=sentences.NAMES)
    return queries.Page(entries=found.entries, newer=None, older=found.reached), found.reached


def activity(org: UUID, filters: Filters, *, most: int = 60) -> Chart:
    """Entries of each day of the range, at most the last sixty days of it: of the whole log, whatever else is asked for, because these numbers are exact."""
    until = filters.until or timezone.now().date()
    since = max(filters.since or date.min, date.fromordinal(max(1, until.toordinal() - most + 1)))
    counted = dict(counts.days(org=org, since=since, until=until))
    first = since if filters.since else min(counted, default=max(since, date.fromordinal(max(1, until.toordinal() - 13))))
    first = min(first, until)
    return Chart(id="activity", title=_("Activity"), description=_("Entries of the whole log on each day, in UTC."), head=_("Day"), series=[(_("Entries"), "bar")],
                 points=[((day := first + timedelta(days=n)).isoformat()[5:], [counted.get(day, 0)]) for n in range((until - first).days + 1)])


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
