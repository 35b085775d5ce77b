"""Mails about requests: the person gets a receipt and every step that concerns them, the administrators what they have to do."""
from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from accounts import audience, outbox
from audit.subscribers import Sealed, Subscriber
from dsar.cases import words
from dsar.cases.models import Case, Happening
from dsar.cases.table import BY_EVENT, ROWS

PERMISSION = "manage_requests"
EVENTS = frozenset(row.entry for row in ROWS if row.tell)


def handle(batch: list[Sealed]) -> None:
    """Owe the mails of these entries, from the log of the organization that was asked alone."""
    for sealed in batch:
        facts = sealed.record.get("facts", {})
        case = Case.objects.filter(id=facts["case"], organization_id=sealed.org).select_related("account", "organization").first() if sealed.outcome == "success" and "case" in facts else None
        happened = Happening.objects.filter(case=case, id=facts.get("happened")).first() if case and facts.get("happened") else None
        if case is not None and happened is not None:
            _tell(sealed, case, happened)


def _tell(sealed: Sealed, case: Case, happened: Happening) -> None:
    row, common = BY_EVENT[happened.event], {"organization": case.organization.name, "reference": case.reference, "message": happened.words if happened.by == "administrator" else "",
                                                       "entry": f"{sealed.seq}"}
    if "person" in row.tell:
        with translation.override(case.account.language):
            said = {
                "line": str(words.TIMELINE[happened.event]), "due": date_format(case.statutory_due) if case.statutory_due else "",
                "complain": words.complain(case.regimes) if row.decides or row.event == "breached" else []}
        outbox.owe(template="case-news", account=case.account, context={**common, **said, "page": settings.STEWARD_URL + reverse("me-request", args=[case.id])}, entry=sealed.entry,
                   organization_id=case.organization_id, now=datetime.now(UTC))
    if "administrators" in row.tell:
        for account in audience.holders(case.organization, PERMISSION):
            if account.id not in {*case.barred, case.account_id}:
                _administrator(sealed, case, account, happened.event)


def _administrator(sealed: Sealed, case: Case, account: object, event: str) -> None:
    with translation.override(account.language):  # type: ignore[attr-defined]
        due = date_format(case.statutory_due) if case.statutory_due else ""
    outbox.owe(template="case-waits", account=account, entry=sealed.entry, organization_id=case.organization_id, now=datetime.now(UTC), context={  # type: ignore[arg-type]
        "organization": case.organization.name, "reference": case.reference, "event": event, "due": due, "entry": f"{sealed.seq}",
        "page": settings.STEWARD_URL + reverse("rights-requests", args=[case.organization.slug])})


SUBSCRIBER = Subscriber(name="cases", handle=handle, actions=EVENTS)
