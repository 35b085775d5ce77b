"""Mails about succession: to every owner at each step, with a link that stops it; to whoever is asked; to the operator where nobody else can help."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.addresses import address_key
from accounts.models import Account, Membership, Organization, SuccessionCase
from accounts.models.succession import OPEN
from accounts.roles import OWNER_RANK
from accounts.succession import stopping
from audit.subscribers import Sealed, Subscriber

TO_OWNERS = frozenset({"succession.named", "succession.declined", "succession.days_set", "succession.codes_made", "succession.codes_aged", "succession.codes_presented",
                       "succession.waiting", "succession.reminded", "succession.proposed", "succession.offered", "succession.accepted", "succession.nobody", "succession.stopped", "succession.expired",
                       "organization.ownership_granted"})
TO_PERSON = frozenset({"succession.codes_presented", "succession.proposed", "succession.offered", "succession.stopped", "succession.expired", "organization.ownership_granted"})
EVENTS = TO_OWNERS | TO_PERSON


def handle(batch: list[Sealed]) -> None:
    """Owe the mails about these steps. Refused attempts are in the log only, except wrong codes: nobody is told of a guess."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first() if sealed.outcome == "success" else None
        if organization is not None:
            _owe(organization, sealed, datetime.now(UTC))


def _owe(organization: Organization, sealed: Sealed, now: datetime) -> None:
    facts = sealed.record.get("facts", {})
    case = SuccessionCase.objects.filter(organization=organization, id=facts.get("succession")).first() if facts.get("succession") else None
    person = Membership.objects.filter(organization=organization, id=facts.get("person")).select_related("account").first() if facts.get("person") else None
    said = _context(organization, sealed, facts, case, person)
    holders = _owners(organization)
    for account in holders if sealed.action in TO_OWNERS else ():
        link = settings.STEWARD_URL + reverse("keep-ownership", args=[stopping.token(case_id=case.id, account_id=account.id)]) if case is not None and case.state in OPEN else ""
        _mail("succession-owners", account, {**said, "link": link}, sealed, organization, now, everywhere=True)
    concerned = [person.account] if person is not None and sealed.action in TO_PERSON else []
    named = Membership.objects.filter(organization=organization, id__in=facts.get("successors") or ()).select_related("account") if sealed.action == "succession.named" else ()
    for account in [*concerned, *(member.account for member in named)]:
        if account.id not in {holder.id for holder in holders} or sealed.action == "organization.ownership_granted":
            _mail("succession-person", account, said, sealed, organization, now)
    if sealed.action == "succession.nobody" or (sealed.action == "succession.waiting" and facts.get("cause") == "unusable"):
        for account in Account.objects.filter(is_operator=True, status="active"):
            outbox.owe(template="succession-operator", account=account, entry=sealed.entry, organization_id=None, now=now,
                       context={"id": str(organization.id), "event": said["event"], "when": said["when"], "page": settings.STEWARD_URL + reverse("operator")})


def _owners(organization: Organization) -> list[Account]:
    """Everybody who holds ownership, also who is suspended, locked or switched off: it is theirs that is spoken about."""
    rows = Membership.objects.filter(organization=organization, role__rank__gte=OWNER_RANK, account__kind="person").exclude(status__in=("removed", "invited")).exclude(account__status="purged")
    return [row.account for row in rows.select_related("account").order_by("id")]


def _context(organization: Organization, sealed: Sealed, facts: dict[str, Any], case: SuccessionCase | None, person: Membership | None) -> dict[str, Any]:
    return {
        "organization": organization.name, "event": sealed.action.partition(".")[2], "way": facts.get("way", ""), "cause": facts.get("cause", ""), "how": facts.get("how", ""),
        "days": facts.get("days", ""),
        "name": (person.account.name or person.account.email) if person else "", "named": len(facts.get("successors") or ()), "silent": organization.owner_silent_days,
        "until": _day(facts.get("until")), "offer_until": _day(facts.get("offer_until")), "words": case.words if case else "", "case": facts.get("reference", ""),
        "when": _day(sealed.record["occurred_at"]), "reference": f"{sealed.seq}", "page": settings.STEWARD_URL + reverse("succession", args=[organization.slug]),
        "mine": settings.STEWARD_URL + reverse("my-succession", args=[organization.slug])}


def _day(stamp: Any) -> str:
    return str(stamp or "")[:16].replace("T", " ")


def _mail(template: str, account: Account, context: dict[str, Any], sealed: Sealed, organization: Organization, now: datetime, *, everywhere: bool = False) -> None:
    for address in _mailboxes(account) if everywhere else [account.email]:
        outbox.owe(template=template, account=account, context=context, entry=sealed.entry, organization_id=organization.id, now=now, address=address)


def _mailboxes(account: Account) -> list[str]:
    """Every mailbox of the person that we know: theirs, their recovery address, and others they confirmed. Only a sign-in turns the link in it into anything."""
    others = EmailAddress.objects.filter(user=account, verified=True).values_list("email", flat=True)
    return list({address_key(address): address for address in (*others, account.recovery_email, account.email) if address}.values())


SUBSCRIBER = Subscriber(name="succession", handle=handle, actions=EVENTS)
