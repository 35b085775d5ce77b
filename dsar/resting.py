"""Mails about what rests because the way in to an account changed: to its mailbox, and to the one that it had before (RIGHTS 3d)."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts import lately, outbox
from accounts.models import Account, Mail, Membership
from accounts.powers import BY_SLUG
from audit.subscribers import Sealed, Subscriber
from dsar.cases.models import Case
from dsar.cases.table import DELAYED
from dsar.powers import export_person, request_copy

TEMPLATE, ONCE_IN = "request-rests", timedelta(days=1)
_REFUSED = frozenset({export_person.POWER.event, BY_SLUG["delete-own-account"].event, BY_SLUG["schedule-deletion"].event})


def handle(batch: list[Sealed]) -> None:
    """What was asked, or was tried and refused for this reason. Each mailbox hears of it once a day at most."""
    for sealed in batch:
        if (account := _whose(sealed)) is None:
            continue
        now = datetime.now(UTC)
        rests = lately.until(account, now)
        if rests is None or Mail.objects.filter(account=account, template=TEMPLATE, created_at__gt=now - ONCE_IN).exists():
            continue
        facts = sealed.record.get("facts", {})
        reference = Case.objects.filter(id=facts["case"]).values_list("reference", flat=True).first() if "case" in facts else ""
        for address in [account.email, *lately.earlier_addresses(account, now)]:
            outbox.owe(template=TEMPLATE, account=account, address=address, entry=sealed.entry, organization_id=None, now=now,
                       context={"until": f"{rests.astimezone(UTC):%Y-%m-%d %H:%M}", "reference": reference or "", "entry": f"{sealed.seq}"})


def _whose(sealed: Sealed) -> Account | None:
    facts = sealed.record.get("facts", {})
    if sealed.outcome == "success" and sealed.action == "case.received":
        return _account(sealed) if DELAYED & set(facts.get("rights", ())) else None
    if sealed.outcome == "success" and sealed.action == request_copy.POWER.event:
        return _account(sealed)
    return _account(sealed) if sealed.outcome == "denied" and lately.CODE in str(sealed.record.get("reason_code") or "").split(",") else None


def _account(sealed: Sealed) -> Account | None:
    targets = [(t["type"], t["id"]) for t in sealed.record.get("targets", [])]
    person = next((UUID(number) for kind, number in targets if kind == "person"), None)
    member = next((UUID(number) for kind, number in targets if kind == "membership"), None)
    if person is None and member is not None:
        person = Membership.objects.filter(id=member).values_list("account_id", flat=True).first()
    if person is None and sealed.record["actor"].get("id"):  # an act on oneself names nobody else
        person = UUID(sealed.record["actor"]["id"])
    return Account.objects.filter(id=person).exclude(status="purged").first() if person else None


SUBSCRIBER = Subscriber(name="resting", handle=handle, actions=frozenset({"case.received", request_copy.POWER.event, *_REFUSED}))
