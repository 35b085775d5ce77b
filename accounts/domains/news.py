"""Mails about domains: whoever may act on them hears what happened to one without their doing."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.domains.names import shown
from accounts.models import Account, Domain, Organization
from accounts.models.domain import DomainState
from audit.subscribers import Sealed, Subscriber

PERMISSION = "manage_domains"
EVENTS = frozenset({"domain.verified", "domain.recovered", "domain.failing", "domain.frozen", "domain.lapsed", "domain.expired", "domain.contested", "domain.contest_waits",
                    "domain.contest_won", "domain.contest_lost"})


def handle(batch: list[Sealed]) -> None:
    """Owe the mails about what the checks found."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        if organization is not None:
            facts = sealed.record.get("facts", {})
            context = {"organization": organization.name, "domain": shown(facts.get("domain", "")), "event": sealed.action.partition(".")[2], "words": facts.get("words", ""),
                       "ground": facts.get("ground", ""),
                       "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}", "page": settings.STEWARD_URL + reverse("domains", args=[organization.slug])}
            for account in audience.holders(organization, PERMISSION):
                outbox.owe(template="domain-news", account=account, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))
            if sealed.action == "domain.contest_waits":
                _operators(sealed, facts, context)


def _operators(sealed: Sealed, facts: dict[str, Any], context: dict[str, Any]) -> None:
    """Whoever operates the installation learns that a contest waits for them: once, though each side has its entry."""
    sides = list(Domain.objects.filter(name=facts["domain"], state=DomainState.CONTESTED).order_by("id").values_list("organization_id", flat=True))
    if sides[:1] != [sealed.org]:
        return
    for account in Account.objects.filter(is_operator=True, status="active"):
        outbox.owe(template="domain-decision", account=account, entry=sealed.entry, organization_id=None, now=datetime.now(UTC),
                   context={"domain": context["domain"], "name": facts["domain"], "ground": context["ground"], "when": context["when"], "page": settings.STEWARD_URL + reverse("operator")})


SUBSCRIBER = Subscriber(name="domains", handle=handle, actions=EVENTS)
