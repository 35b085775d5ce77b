"""Mails about requests: the person gets a receipt and every step that concerns them, the administrators what they have to do."""
from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from accounts import audience, outbox
from audit.subscribers import Sealed, Subscriber
from dsar.cases import words
from dsar.cases.models import Case, Happening
from dsar.cases.table import BY_EVENT, REMINDER, ROWS

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
    row = BY_EVENT[happened.event]
    if "person" in row.tell:
        said = _letter(case, happened.event, happened.words if happened.by == "administrator" else "")
        outbox.owe(template="case-news", account=case.account, context={**said, "entry": f"{sealed.seq}", "page": settings.STEWARD_URL + _page(case)}, entry=sealed.entry,
                   organization_id=case.organization_id, now=datetime.now(UTC))
    if "administrators" in row.tell:
        for account in audience.holders(case.organization, PERMISSION):
            if account.id not in {*case.barred, case.account_id}:
                _administrator(sealed, case, account, "child" if happened.code == REMINDER else happened.event)


def _letter(case: Case, event: str, message: str) -> dict[str, object]:
    """What the person is told, in their language."""
    row = BY_EVENT[event]
    with translation.override(case.account.language):
        return {"organization": case.organization.name, "reference": case.reference, "message": message, "line": str(words.TIMELINE[event]),
                "due": date_format(case.statutory_due) if case.statutory_due and row.clock != "stop" else "",
                "complain": words.complain(case.regimes) if row.decides or event in {"breached", "upheld"} else []}


def preview(case: Case, event: str, message: str) -> str:
    """The letter as the person would get it, on one line; '' where they get none."""
    if "person" not in BY_EVENT[event].tell:
        return ""
    with translation.override(case.account.language):
        return " ".join(render_to_string("mail/case-news/body.txt", _letter(case, event, message)).split())


def _page(case: Case) -> str:
    """Where the person follows it: on their own pages, or by their mailbox if they cannot sign in."""
    return reverse("me-request", args=[case.id]) if case.account.status == "active" else reverse("rights-status")


def _administrator(sealed: Sealed, case: Case, account: object, event: str) -> None:
    with translation.override(account.language):  # type: ignore[attr-defined]
        due = date_format(case.statutory_due) if case.statutory_due else ""
    outbox.owe(template="case-waits", account=account, entry=sealed.entry, organization_id=case.organization_id, now=datetime.now(UTC), context={  # type: ignore[arg-type]
        "organization": case.organization.name, "reference": case.reference, "event": event, "due": due, "entry": f"{sealed.seq}",
        "page": settings.STEWARD_URL + reverse("rights-requests", args=[case.organization.slug])})


SUBSCRIBER = Subscriber(name="cases", handle=handle, actions=EVENTS)
