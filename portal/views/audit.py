"""The audit log: filter, read in words, open an entry."""
from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.addresses import address_key
from accounts.models import Membership
from accounts.reasons import NotFound
from audit import queries, receipts
from portal import rows, sentences
from portal.organization import enter
from portal.views import saved


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Entries by number, newest first; the address holds the filter and the place."""
    actor = enter(request, slug, permission="view_audit")
    assert actor.organization_id is not None
    if (default := saved.opening(request, actor, "audit")) is not None:
        return default
    problems: list[str] = []
    filters = _filters(request, problems)
    found = queries.Page(entries=[], newer=None, older=None) if problems else queries.page(
        org=actor.organization_id, filters=filters, before=_number(request.GET.get("before")), after=_number(request.GET.get("after")), size=50, paths=sentences.NAMES)
    context = {
        **saved.beside(request, actor, "audit"),
        "rows": rows.entries([sentences.line(seen) for seen in found.entries], slug=slug), "newer": found.newer, "older": found.older, "problems": problems,
        "total": queries.count(org=actor.organization_id, since=filters.since, until=filters.until),
        "actions": rows.options(((action, action) for action in sorted(sentences.EVENTS)), request.GET.get("action", "")),
        "filtered": any(request.GET.get(k) for k in _FIELDS),
        "values": {**{name: request.GET.get(name, "") for name in _FIELDS}, "since": filters.since.isoformat() if filters.since else "", "until": filters.until.isoformat() if filters.until else ""},
    }
    return render(request, "audit/_results.html" if request.headers.get("HX-Request") else "audit/index.html", context)


_FIELDS = ("actor", "person", "action", "outcome", "since", "until")


def _filters(request: HttpRequest, problems: list[str]) -> queries.Filters:
    from django.utils.translation import gettext as _

    get = request.GET.get

    def account(name: str) -> UUID | None:
        typed = get(name, "").strip()
        if not typed:
            return None
        found = Membership.objects.filter(organization=request.organization, account__email_key=address_key(typed)).values_list("account_id", flat=True).first()  # type: ignore[attr-defined]
        if found is None:
            problems.append(_("Nobody in this organization has the address “%(address)s”.") % {"address": typed})
        return found

    def day(name: str) -> date | None:
        typed = get(name, "").strip()
        try:
            return date.fromisoformat(typed) if typed else None
        except ValueError:
            problems.append(_("“%(value)s” is not a date. Write it like 2026-11-23.") % {"value": typed[:40]})
            return None

    since, until = day("since"), day("until")
    if since and until and since > until:
        problems.append(_("The first day is after the last day."))
    return queries.Filters(actor=account("actor"), target=account("person"), action=get("action", "")[:80],
                           outcome=get("outcome", "") if get("outcome") in {"success", "denied", "failure"} else "", since=since, until=until)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def entry(request: HttpRequest, slug: str, entry_id: UUID) -> HttpResponse:
    """One entry in full: the sentence, what changed, what ended, the record that is hashed."""
    actor = enter(request, slug, permission="view_audit")
    assert actor.organization_id is not None
    seen = queries.entry(org=actor.organization_id, entry_id=entry_id)
    if seen is None:
        raise NotFound
    context: dict[str, Any] = {"line": sentences.line(seen), "seen": seen, "record": json.dumps(seen.record, indent=2, ensure_ascii=False)}
    return render(request, "audit/entry.html", context)


def receipt(request: HttpRequest, slug: str, entry_id: UUID) -> HttpResponse:
    """The signed promise about one entry, for whoever did it and for those who read the log."""
    actor = enter(request, slug)
    assert actor.organization_id is not None
    seen = queries.entry(org=actor.organization_id, entry_id=entry_id, paths=())
    if seen is None or not (actor.may("view_audit") or seen.record["actor"].get("id") == str(actor.account_id)):
        raise NotFound
    text = receipts.issue(org=actor.organization_id, entries=[entry_id], now=timezone.now())
    if text is None:
        raise NotFound
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="receipt-{entry_id}.txt"', "Cache-Control": "no-store"})
