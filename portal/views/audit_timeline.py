"""Everything about one person, or everything one administrator did: by day, in plain sentences, with the exact number."""
from __future__ import annotations

from itertools import groupby
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import audit_reading
from accounts.models import Membership
from accounts.reasons import NotFound
from audit import counts, queries, retention
from audit.queries import Filters
from portal import sentences
from portal.organization import enter
from portal.views.audit import _number


def about(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    """What was done to this person, by whomever."""
    return _timeline(request, slug, person_id, by=False)


def by(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    """What this person did."""
    return _timeline(request, slug, person_id, by=True)


def _timeline(request: HttpRequest, slug: str, person_id: UUID, *, by: bool) -> HttpResponse:
    actor = enter(request, slug, permission="view_audit")
    member = Membership.objects.select_related("account").filter(id=person_id, organization_id=actor.organization_id).first()
    if member is None:
        raise NotFound
    assert actor.organization_id is not None
    kind = "service_account" if member.account.kind == "service" else "person"
    filters = Filters(actor=member.account_id) if by else Filters(target=member.account_id, target_type=kind)
    before, after = _number(request.GET.get("before")), _number(request.GET.get("after"))
    page = queries.page(org=actor.organization_id, filters=filters, before=before, after=after, size=50, paths=sentences.NAMES)
    if before is None and after is None:
        audit_reading.viewed(actor=actor, what="timeline", filters={"side": "by" if by else "about"}, people=(member.account_id,), now=timezone.now())
    lines = [sentences.line(seen) for seen in page.entries]
    total, exact = counts.matching(org=actor.organization_id, filters=filters)
    removed = retention.removed(org=actor.organization_id) > 0
    ever = counts.ever(org=actor.organization_id, kind="actor" if by else kind, key=member.account_id) if removed else total
    return render(request, "audit/timeline.html", {
        "member": member, "by": by, "total": total, "exact": exact, "ever": max(ever, total), "newer": page.newer, "older": page.older,
        "days": [(day, list(found)) for day, found in groupby(lines, key=lambda line: timezone.localtime(line.at).date())]})
