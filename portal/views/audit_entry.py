"""One entry in full: the sentence, what changed, where it came from, and the proof that it is in the log as it was written."""
from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import audit_reading
from accounts.actor import Actor
from accounts.models import Membership
from accounts.reasons import NotFound
from audit import clocks, disclosure, epochs, queries, receipts
from audit.queries import ERASED, Seen
from portal import came_by, sentences
from portal.organization import enter


def entry(request: HttpRequest, slug: str, entry_id: UUID) -> HttpResponse:
    """What happened, for people; and below it the record as it is hashed."""
    actor, seen = _seen(request, slug, entry_id)
    org = actor.organization_id
    assert org is not None
    audit_reading.viewed(actor=actor, what="entry", filters={"entry": str(entry_id)}, now=timezone.now())
    before, after = queries.beside(org=org, seq=seen.seq) if seen.seq else (None, None)
    people = _people(seen)
    context: dict[str, Any] = {
        "line": sentences.line(seen), "seen": seen, "record": json.dumps(seen.record, indent=2, ensure_ascii=False), "before": before, "after": after, "proof": _proof(org, seen),
        "context": seen.record.get("context", {}), "address": _opened(seen, "context.ip"), "program": _opened(seen, "context.user_agent"), "note": _opened(seen, "why.private_note"),
        "by": people.get(seen.record["actor"].get("id", "")), "about": [people[t["id"]] for t in seen.record.get("targets", []) if t["type"] == "person" and t["id"] in people],
        "plan": seen.record.get("delegation", {}).get("plan"), "bulk": seen.record.get("bulk"), "token": seen.record["actor"].get("token_id"), "way": came_by.way(seen.record.get("context", {})),
        "proved": came_by.proof(seen.record["actor"].get("auth", {})),
        "through": sentences.through(seen.record), "grant": seen.record.get("delegation", {}).get("grant_id"),
        "withheld": _withheld(org, seen),
    }
    return render(request, "audit/entry.html", context)


def _seen(request: HttpRequest, slug: str, entry_id: UUID) -> tuple[Actor, Seen]:
    actor = enter(request, slug, permission="view_audit")
    assert actor.organization_id is not None
    seen = queries.entry(org=actor.organization_id, entry_id=entry_id)
    if seen is None:
        raise NotFound
    return actor, seen


def _withheld(org: UUID, seen: Seen) -> list[disclosure.Erased]:
    """Under which entries values of this one are withheld: of a person who was erased, of an address whose time was over."""
    if ERASED not in seen.open.values():
        return []
    found = list(disclosure.erased_under(org=org, subjects=disclosure.subjects_of(seen.record)).values())
    if seen.seq and ERASED in (seen.open.get("context.ip"), seen.open.get("context.user_agent")) and (clock := clocks.erased_under(org=org, seq=seen.seq)):
        found.append(clock)
    return found


def _opened(seen: Seen, path: str) -> str | None:
    """The value of a commitment; None where there is none, "" where it was erased."""
    value = seen.open.get(path)
    return "" if value is ERASED else value


def _people(seen: Seen) -> dict[str, UUID]:
    """The members behind the accounts that the entry names, for the links to all that is theirs."""
    ids = {seen.record["actor"].get("id"), *(t["id"] for t in seen.record.get("targets", []) if t["type"] == "person")} - {None}
    return {str(account): member for account, member in Membership.objects.filter(account_id__in=ids).values_list("account_id", "id")}


def _proof(org: UUID, seen: Seen) -> dict[str, Any] | None:
    """Number, leaf, and the statement that covers them; None while it is being numbered."""
    if seen.seq is None:
        return None
    envelope, leaf = queries.envelope(org=org, seq=seen.seq)
    found = epochs.inclusion(org=org, seq=seen.seq)
    return {"envelope": envelope, "leaf": leaf.hex(), "statement": found[0] if found else None, "steps": len(found[1]) if found else 0}


def proof(request: HttpRequest, slug: str, entry_id: UUID) -> HttpResponse:
    """The entry's place in the tree, as other tools read it (C2SP tlog-proof)."""
    actor, seen = _seen(request, slug, entry_id)
    assert actor.organization_id is not None
    text = epochs.tlog_proof(org=actor.organization_id, seq=seen.seq) if seen.seq else None
    if text is None:
        raise NotFound
    audit_reading.viewed(actor=actor, what="proof", filters={"entry": str(entry_id)}, now=timezone.now())
    return _file(text, f"entry-{seen.seq}.tlog-proof")


def record(request: HttpRequest, slug: str, entry_id: UUID) -> HttpResponse:
    """The exact bytes that the envelope's hash is of."""
    actor, seen = _seen(request, slug, entry_id)
    text = queries.records({entry_id: seen.occurred_at}).get(entry_id)
    if text is None:
        raise NotFound
    audit_reading.viewed(actor=actor, what="entry", filters={"entry": str(entry_id)}, now=timezone.now())
    return _file(text, f"record-{entry_id}.json", kind="application/json")


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
    return _file(text, f"receipt-{entry_id}.txt")


def _file(text: str, name: str, *, kind: str = "text/plain") -> HttpResponse:
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", headers={
        "Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
