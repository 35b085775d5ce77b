"""Mails about claims: to each person at every step that concerns them, to administrators where somebody waits for their answer."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import audience, notice, outbox
from accounts.claims import leaving
from accounts.domains.names import shown
from accounts.models import ClaimedAccount, Domain, Management, Organization
from accounts.models.claim import UNDECIDED, Standing
from accounts.models.domain import OPEN
from accounts.work import plain
from audit import INSTALLATION
from audit.subscribers import Sealed, Subscriber

PERMISSION = "manage_domains"
TO_PERSON = frozenset({"management.announced", "management.reminded", "management.exempted", "management.objection_rejected", "management.withdrawn", "management.missed", "management.started",
                       "management.exited"})
TO_ADMINISTRATORS = frozenset({"management.objected"})
LINK = "management.exit_asked"
OUTCOMES = frozenset({"domain.contested", "domain.contest_won"})
"""Whoever is managed, or told, on the ground of a contested domain hears of it too. Who loses it is told by the end of control."""
EVENTS = TO_PERSON | TO_ADMINISTRATORS | OUTCOMES | {LINK}


def handle(batch: list[Sealed]) -> None:
    """Owe the mails about these steps. An answer stands in the person's own log too; it is told once."""
    done = [sealed for sealed in batch if sealed.outcome == "success" and (sealed.org != INSTALLATION or sealed.action == LINK)]
    ids = {UUID(sealed.record["facts"]["claimed"]) for sealed in done if "claimed" in sealed.record.get("facts", {})}
    rows = {row.id: row for row in ClaimedAccount.objects.filter(id__in=ids).select_related("account", "organization", "claim__domain")} if ids else {}
    versions = {word: row.number for word, row in notice.shown(row.claim.notice_version for row in rows.values()).items()}
    for sealed in done:
        if sealed.action in OUTCOMES:
            _outcome(sealed)
        elif (row := rows.get(UUID(sealed.record["facts"]["claimed"]))) is not None:
            _owe(sealed, row, versions.get(row.claim.notice_version, 0))


def _owe(sealed: Sealed, row: ClaimedAccount, version: int) -> None:
    now, organization = datetime.now(UTC), row.organization
    if sealed.action == LINK:
        if row.leaving_address and sealed.record["facts"].get("wished_at") == plain(row.leaving_at):  # only the newest wish has a link
            context = {**_context(sealed, row), "link": settings.STEWARD_URL + reverse("leave-claim", args=[leaving.token(row)])}
            outbox.owe(template="claim-leave", account=row.account, address=row.leaving_address, context=context, entry=sealed.entry, organization_id=None, now=now)
        return
    if sealed.action in TO_ADMINISTRATORS:
        page = settings.STEWARD_URL + reverse("claim", args=[organization.slug, row.claim_id])
        for account in audience.holders(organization, PERMISSION):
            outbox.owe(template="claim-objected", account=account, context={**_context(sealed, row), "page": page, "until": _day(row.object_until)}, entry=sealed.entry,
                       organization_id=organization.id, now=now)
        return
    context = {**_context(sealed, row), "notice": version, "link": settings.STEWARD_URL + reverse("claim-notice", args=[leaving.notice_token(row)])}
    outbox.owe(template="claim-news", account=row.account, context=context, entry=sealed.entry, organization_id=organization.id, now=now)
    if sealed.action == "management.exited":
        outbox.owe(template="claim-news", account=row.account, address=row.address, context={**context, "link": ""}, entry=sealed.entry, organization_id=organization.id, now=now)


def _context(sealed: Sealed, row: ClaimedAccount) -> dict[str, Any]:
    organization = row.organization
    return {"organization": organization.name, "contact": organization.contact_email or "", "contact_name": organization.contact_name or "", "domain": shown(row.claim.domain.name),
            "event": sealed.action.partition(".")[2], "address": row.address, "date": _day(row.effective_at), "ground": row.answer_code, "words": row.answer, "objection": row.objection,
            "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


def _day(when: datetime | None) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M}" if when else ""


def _outcome(sealed: Sealed) -> None:
    """The people whose accounts stand on a contested domain, or are about to, learn what that means for them, and that it is settled."""
    now, name = datetime.now(UTC), sealed.record["facts"]["domain"]
    organization = Organization.objects.filter(id=sealed.org).first()
    domain = Domain.objects.filter(organization_id=sealed.org, name=name, state__in=OPEN).first()
    if organization is None or domain is None or datetime.fromisoformat(sealed.record["occurred_at"]) < now - timedelta(days=30):
        return
    context = {"organization": organization.name, "domain": shown(name), "event": sealed.action.partition(".")[2], "contact": organization.contact_email or "",
               "contact_name": organization.contact_name or "", "words": sealed.record["facts"].get("words", ""),
               "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}
    managed = Management.objects.filter(organization=organization, basis="domain_claim", account__email_key__endswith=f"@{name}").select_related("account").order_by("id")
    held = {**context, "link": settings.STEWARD_URL + reverse("me-who")}
    for management in managed.iterator(chunk_size=500):
        outbox.owe(template="claim-news", account=management.account, context=held, entry=sealed.entry, organization_id=organization.id, now=now)
    for row in ClaimedAccount.objects.filter(claim__domain=domain, state__in=UNDECIDED).select_related("account").order_by("id").iterator(chunk_size=500):
        outbox.owe(template="claim-news", account=row.account, entry=sealed.entry, organization_id=organization.id, now=now,
                   context={**context, "event": f"{context['event']}_undecided", "address": row.address, "date": _day(row.effective_at), "objected": row.state == Standing.OBJECTED,
                            "link": settings.STEWARD_URL + reverse("claim-notice", args=[leaving.notice_token(row)])})


SUBSCRIBER = Subscriber(name="claims", handle=handle, actions=EVENTS)
