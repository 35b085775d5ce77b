"""Who hears of what happens to apps: administrators, whoever asked for one, the provider; people who had allowed something hear it in batches (running.py)."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.models import Account, App, AppRequest, Installation, Organization
from accounts.oauth.scopes import SCOPES
from audit.queries import Seen, disclose
from audit.subscribers import Sealed, Subscriber


def handle(batch: list[Sealed]) -> None:
    """Owe the mails that follow from these entries."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        target = next((t["id"] for t in sealed.record.get("targets", []) if t["type"] == "app"), None)
        app = App.objects.filter(id=target).first() if target else None
        if sealed.outcome == "success" and organization is not None and app is not None:
            for tell in _TOLD[sealed.action]:
                tell(sealed, organization, app)


def _context(sealed: Sealed, organization: Organization, app: App) -> dict[str, Any]:
    return {"organization": organization.name, "app": app.name, "provider": app.provider, "event": sealed.action.removeprefix("app."), "reference": f"{sealed.seq}",
            "when": sealed.record["occurred_at"][:16].replace("T", " ")}


def _managers(sealed: Sealed, organization: Organization, app: App) -> None:
    """Whoever decides about apps, but for whoever did it."""
    facts = sealed.record.get("facts", {})
    if sealed.action == "app.requested" and not facts.get("first"):
        return  # the queue says how many ask; one mail for the first is enough
    changed = sealed.action == "app.changed"
    if changed and not facts.get("pending"):
        return
    context = {**_context(sealed, organization, app), **({"event": "scopes_pending"} if changed else {}), "page": settings.STEWARD_URL + reverse("app", args=[organization.slug, app.id]),
               "scopes": [str(SCOPES[name]) for name in facts.get("pending" if changed else "scopes", []) if name in SCOPES]}
    people = [account for account in audience.holders(organization, "manage_apps") if str(account.id) != sealed.record["actor"].get("id")]
    outbox.owe_all(template="app-news", accounts=people, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


def _askers(sealed: Sealed, organization: Organization, app: App) -> None:
    """Everybody whose request this act answered."""
    rows = AppRequest.objects.filter(organization=organization, app=app, decision=sealed.record["facts"]["decision"]).values("account_id")
    context = {**_context(sealed, organization, app), "words": _said(sealed).get("why.text", ""), "page": settings.STEWARD_URL + reverse("app-catalogue", args=[organization.slug])}
    people = Account.objects.filter(id__in=rows, kind="person").exclude(status="purged")
    outbox.owe_all(template="app-decided", accounts=people, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


def _said(sealed: Sealed) -> dict[str, str]:
    seen = Seen(seq=sealed.seq, id=sealed.entry, recorded_at=None, occurred_at=datetime.now(UTC), record=sealed.record)
    disclose(org=sealed.org, entries=[seen])
    return {path: value for path, value in seen.open.items() if isinstance(value, str)}


def _provider(sealed: Sealed, organization: Organization, app: App) -> None:
    """The provider learns whom it has to do with, as the installing page said; and that it has to erase. The mail about an installation belongs to whoever is named in it, and is erased with them."""
    row = _row(sealed)
    if row is None:
        return
    by = row.installed_by if sealed.action == "app.installed" else None
    context = {**_context(sealed, organization, app), "installation": str(row.id), "name": by.name if by else "", "email": by.email if by else "",
               "scopes": [str(SCOPES[name]) for name in row.scopes if name in SCOPES]}
    outbox.owe_to(template="app-provider", address=app.provider_email, account=by, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


def _row(sealed: Sealed) -> Installation | None:
    named = sealed.record.get("facts", {}).get("installation")
    return Installation.objects.filter(id=UUID(named), organization_id=sealed.org).select_related("installed_by").first() if named else None


def _gone(sealed: Sealed, organization: Organization, app: App) -> None:
    """From now on the people who had allowed it something can be told: the mails refer to this entry."""
    row = _row(sealed)
    if row is not None and row.state == "ended":
        Installation.objects.filter(id=row.id).update(ended_entry=sealed.entry)
        _provider(sealed, organization, app)


_Tell = Callable[[Sealed, Organization, App], None]
_TOLD: dict[str, Iterable[_Tell]] = {
    "app.requested": (_managers,), "app.scopes_pending": (_managers,), "app.changed": (_managers,), "app.approval_ended": (_managers,), "app.expired": (_managers, _gone),
    "app.approved": (_askers,), "app.denied": (_askers,), "app.blocked": (_askers, _gone),
    "app.installed": (_provider,), "app.uninstalled": (_gone,),
}
SUBSCRIBER = Subscriber(name="apps", handle=handle, actions=frozenset(_TOLD))
