"""How long the audit log is kept: what was agreed, what will go and when, what is on hold."""
from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.powers.log_keeping import words
from audit import holds, retention
from portal.organization import enter


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The policy, a preview of another one, holds and removals. `?years=` only looks; saving needs two people."""
    actor = enter(request, slug, permission="view_audit")
    org = actor.organization_id
    assert org is not None
    low, high = retention.bounds()
    past = retention.history(org=org)
    agreed = retention.current(org=org)
    chosen, problem = _chosen(request.GET.get("years", ""), low, high)
    found = [h for h in holds.every(org=org) if h.kind != "subject" or (actor.may("manage_holds") and h.subject != actor.account_id)]  # who is held is for those who manage holds, and never for them
    names = _names([by for a in past for by in a.agreed_by] + [by for h in found for by in (h.by, *h.released_by) if by])
    rows = [{"hold": h, "words": words(h), "by": names.get(h.by, ""), "released_by": [names.get(by, "") for by in h.released_by]} for h in found]
    context: dict[str, Any] = {
        "agreed": agreed, "past": [{"agreed": a, "by": [names.get(by, _("somebody who is gone")) for by in a.agreed_by]} for a in past], "low": low, "high": high,
        "chosen": chosen, "problem": problem, "years": chosen or agreed.years, "coming": retention.upcoming(org=org, chosen=chosen or agreed.years),
        "holds": rows, "may_hold": actor.may("manage_holds"), "in_force": sum(1 for h in found if h.released_at is None), "may_set": actor.may("manage_settings"),
        "waiting": holds.waiting(org=org), "removals": retention.removals(org=org)[:50], "removed": retention.removed(org=org),
    }
    return render(request, "audit/retention/index.html", context, status=422 if problem else 200)


def _chosen(typed: str, low: int, high: int) -> tuple[int | None, str]:
    if not typed.strip():
        return None, ""
    if typed.isascii() and typed.isdigit() and len(typed) < 4 and low <= int(typed) <= high:
        return int(typed), ""
    return None, _("Choose from %(low)d to %(high)d years.") % {"low": low, "high": high}


def _names(ids: list[UUID]) -> dict[UUID | None, str]:
    return {account.id: account.name or account.email for account in Account.objects.filter(id__in=set(ids))}
