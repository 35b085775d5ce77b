"""The files that people add to their requests: those who answer fetch them, one by one, and each time it is written down."""
from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.actor import Actor
from accounts.entries import actor_ref
from accounts.models import Account, Membership, ValueDispute
from accounts.people import load_people
from accounts.reasons import NotFound
from accounts.roles import OWNER_RANK
from audit import recording
from audit.record import EntryDraft, TargetRef
from dsar.cases import evidence
from dsar.cases.models import Case, Evidence
from dsar.powers.cases import visible
from portal.organization import enter
from portal.views.stepup import ask

TIER = 1
"""Whoever fetches a file of somebody else has just proved who they are."""


def file(request: HttpRequest, slug: str, case_id: UUID, file_id: UUID) -> HttpResponse:
    """Fetch one file (POST: a link alone fetches nothing). It is never shown in the browser, and lies in no cache."""
    actor, now = enter(request, slug), timezone.now()
    row = Evidence.objects.filter(id=file_id, case_id=case_id, organization_id=actor.organization_id).select_related("case").first()
    if row is None or not _may(actor, row.case):
        raise NotFound
    if request.method != "POST":
        return redirect("rights-case", slug, case_id)
    if actor.tier(now) < TIER:
        return ask(request, TIER)
    whose = Account.objects.get(id=row.account_id)
    with transaction.atomic(), recording.opened(org=row.organization_id, now=now) as act:
        act.write([EntryDraft(org=row.organization_id, action="case.evidence_read", category="case", outcome="success", actor=actor_ref(actor), via=actor.via,
                              targets=[TargetRef(type="person", id=whose.id, label=whose.name or whose.email, subject=whose.id), TargetRef(type="case", id=row.case_id)],
                              facts={"case": str(row.case_id), "evidence": str(row.id), "kind": str(row.kind)})])
    kind, ending = evidence.TYPES[row.kind]  # type: ignore[index]
    found = HttpResponse(evidence.opened(row), content_type=kind)
    for header, value in {"Content-Disposition": f'attachment; filename="{row.case.reference}-{str(row.id)[:8]}.{ending}"', "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff",
                          "Content-Security-Policy": "sandbox; default-src 'none'"}.items():
        found.headers[header] = value
    return found


def _may(actor: Actor, row: Case) -> bool:
    """Whoever answers requests; whoever answers what is disputed in this one. Never whom the person keeps out, and never the person themselves: they have the file."""
    if row.account_id == actor.account_id or not visible(row.organization_id, actor).filter(id=row.id).exists():
        return False
    if actor.may("manage_requests") and actor.scope_groups is None:
        return True
    return actor.may("update_profiles") and ValueDispute.objects.filter(request=row.id, organization_id=row.organization_id).exists() and _could_answer(actor, row)


def _could_answer(actor: Actor, row: Case) -> bool:
    """Whether the person is within reach of this administrator: by rank, and by the groups that their role is limited to."""
    member = Membership.objects.filter(organization_id=row.organization_id, account_id=row.account_id).values_list("id", flat=True).first()
    people = load_people(organization_id=row.organization_id, ids=[member], lock=False) if member else []
    return any((actor.rank > p.rank or actor.rank >= OWNER_RANK) and (actor.scope_groups is None or actor.scope_groups & p.group_ids) for p in people)
