"""Mails about what is scheduled: the person, and whoever may do such a thing, hear of each step (POWERS P2, P6)."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from accounts import audience, outbox
from accounts.models import Account, Membership, Organization
from accounts.models import Plan as StoredPlan
from accounts.powers import FALLS_DUE
from accounts.reasons import text
from accounts.schedules import words
from audit.queries import Seen, disclose
from audit.subscribers import Sealed, Subscriber

EVENTS = {"plan.scheduled": "scheduled", "plan.rescheduled": "moved", "plan.schedule_cancelled": "cancelled", "plan.superseded": "dropped", "plan.due_soon": "soon", "plan.not_done": "not_done"}
TOO_OLD = timedelta(days=7)


def handle(batch: list[Sealed]) -> None:
    """Owe the mails of these entries: one to each person, and one to each administrator for an act, however many people it is about."""
    now = datetime.now(UTC)
    told: dict[tuple[UUID, str, str, str], list[Sealed]] = {}
    for sealed in batch:
        if datetime.fromisoformat(sealed.record["occurred_at"]) > now - TOO_OLD and (sealed.outcome == "success" or sealed.action == "plan.not_done"):
            facts = sealed.record.get("facts", {})
            told.setdefault((sealed.org, sealed.action, sealed.record.get("act") or "", f"{facts.get('power')} {facts.get('due')}"), []).append(sealed)
    for (org, _action, _act, _what), found in told.items():
        organization = Organization.objects.filter(id=org).first()
        if organization is not None:
            for sealed in found:
                _tell_person(sealed, organization, now)
            _tell_administrators(found, organization, now)


def _person(sealed: Sealed) -> Account | None:
    named = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
    return Account.objects.filter(id=named).first() if named else None


def _tell_person(sealed: Sealed, organization: Organization, now: datetime) -> None:
    if (account := _person(sealed)) is not None:
        said = _said(sealed)
        outbox.owe(template="scheduled-news", account=account, entry=sealed.entry, organization_id=organization.id, now=now, context={
            **_context(sealed, organization, account), "message": said.get("why.text", ""), "reason": sealed.record.get("why", {}).get("reason_code", ""),
            "actor": said.get("actor.name") or said.get("actor.email") or "", "contact": organization.contact_email or ""})


def _said(sealed: Sealed) -> dict[str, str]:
    seen = Seen(seq=sealed.seq, id=sealed.entry, recorded_at=None, occurred_at=datetime.now(UTC), record=sealed.record)
    disclose(org=sealed.org, entries=[seen])
    return {path: value for path, value in seen.open.items() if isinstance(value, str)}


def _context(sealed: Sealed, organization: Organization, account: Account) -> dict[str, Any]:
    facts = sealed.record["facts"]
    zone = account.time_zone or organization.time_zone

    def at(name: str) -> str:
        return words.at(datetime.fromisoformat(facts[name]), zone) if facts.get(name) else ""

    with translation.override(account.language):
        return {"organization": organization.name, "event": EVENTS[sealed.action], "act": words.title(facts["power"]), "due": at("due"), "until": at("until"), "before": at("before"),
                "by": words.title(facts["by"]) if facts.get("by") else "", "why": " ".join(text(code) for code in facts.get("why", [])),
                "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


def _tell_administrators(found: list[Sealed], organization: Organization, now: datetime) -> None:
    """Whoever may do such a thing, and whoever asked for it; nobody about themselves."""
    first, people = found[0], [account for sealed in found if (account := _person(sealed)) is not None]
    name = (people[0].name or people[0].email) if len(people) == 1 else ""
    page = settings.STEWARD_URL + reverse("scheduled", args=[organization.slug])
    for account in _audience(first, organization):
        if [account] != people:
            outbox.owe(template="scheduled-administrators", account=account, entry=first.entry, organization_id=organization.id, now=now,
                       context={**_context(first, organization, account), "name": name, "count": len(found), "page": page, "actor": _said(first).get("actor.name", "")})


def _audience(sealed: Sealed, organization: Organization) -> Iterator[Account]:
    facts, seen = sealed.record["facts"], set()
    for account in audience.holders(organization, FALLS_DUE[facts["power"]].permission or ""):
        seen.add(account.id)
        yield account
    row = StoredPlan.objects.filter(organization_id=organization.id, id=facts["scheduled"]).first()
    asked = Membership.objects.filter(id=row.requested_by, status="active", account__status="active").select_related("account").first() if row else None
    if asked is not None and asked.account_id not in seen:
        yield asked.account


SUBSCRIBER = Subscriber(name="schedules", handle=handle, actions=frozenset(EVENTS))
