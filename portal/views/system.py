"""The demo's mailbox, the operator's page, and the answers at an organization's closed door."""
from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import tenancy
from accounts.domains import life
from accounts.domains.names import shown
from accounts.models import Domain, Mail, Membership, Organization, SuccessionCase
from accounts.models.domain import DomainState
from accounts.models.succession import OPEN
from accounts.reasons import NotFound
from accounts.succession import owners
from audit import drill, selfcheck
from audit.models import Cursor, Pending
from dsar.cases import reported
from dsar.registers import notices as privacy
from portal import beats, mailbox, quarantine


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
        people = Membership.objects.filter(account__kind="person").exclude(status="removed")
        organizations = [{"organization": o, "people": people.filter(organization=o).count()} for o in Organization.objects.order_by("name")]
        broken = {row.org for row in (*selfcheck.last(), *selfcheck.last(action=drill.ACTION)) if row.failed}
        version = privacy.latest()
        return render(request, "operator.html", {
            "privacy": version, "privacy_counts": privacy.counts(version) if version and version.significant else None,
            "closed": quarantine.why(), "outside": beats.outside(), "broken": len(broken), "without": _without_owner(), "contests": _contests(), "reports": reported.waiting(), "now": timezone.now(),
            "organizations": organizations,
            "cursors": list(Cursor.objects.order_by("name")), "waiting": Pending.objects.count(),
            "due": Mail.objects.filter(state="due").count(), "failed": Mail.objects.filter(state="failed").count()})


def _contests() -> list[dict[str, object]]:
    """Domains that two organizations have proven, with how each side stands: what the operator has to know to decide."""
    rows = Domain.objects.filter(state=DomainState.CONTESTED).select_related("organization").order_by("name", "id")
    found: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        found.setdefault(row.name, []).append({"slug": row.organization.slug, "since": row.contested_at, "fresh": life.afresh(row), "before": life.held_before(row)})
    return [{"name": shown(name), "ascii": name, "sides": sides} for name, sides in found.items()]


def _without_owner() -> list[dict[str, object]]:
    """Organizations that no owner can sign in to, and those with an open succession: ids and states, nothing else."""
    cases = list(SuccessionCase.objects.filter(state__in=OPEN).order_by("way"))
    gone = set(owners.without())
    held = {i: [case for case in cases if case.organization_id == i] for i in sorted({*gone, *(case.organization_id for case in cases)})}
    return [{"id": i, "unusable": i in gone, "silent": any(case.cause == "silent" for case in found), "cases": found} for i, found in held.items()]
