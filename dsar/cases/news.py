"""Mails about requests: the person gets a receipt and every step that concerns them, the administrators what they have to do."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audience, outbox
from audit.subscribers import Sealed, Subscriber
from dsar.cases import agents, words
from dsar.cases.models import Case, Happening
from dsar.cases.table import BY_EVENT, REMINDER, ROWS
from dsar.relays import shown

PERMISSION = "manage_requests"
TO_ALL = frozenset({"warned", "breached", "disputed", "assigned", "barred"})
"""Of these not only whoever handles the request hears."""
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
    if happened.event == "agent_confirmed" and (acting := agents.unconfirmed(case)) is not None:
        outbox.owe(template="agent-address", account=case.account, address=acting.email, context={"link": agents.link(acting)}, entry=sealed.entry, organization_id=case.organization_id,
                   now=datetime.now(UTC))
    if "person" in row.tell and (happened.event != "assigned" or happened.facts.get("against_wish")):
        said = _letter(case, happened.event, happened.words if happened.by == "administrator" else "", ground=happened.code, facts=happened.facts)
        to_person, agent = agents.mailboxes(case, happened.event)
        for address, page in ((case.account.email, settings.STEWARD_URL + _page(case)) if to_person else ("", ""), (agent, "")):
            if address:
                outbox.owe(template="case-news", account=case.account, address=address, context={**said, "entry": f"{sealed.seq}", "page": page}, entry=sealed.entry,
                           organization_id=case.organization_id, now=datetime.now(UTC))
    if "administrators" in row.tell:
        found = [one for one in audience.holders(case.organization, PERMISSION) if one.id not in {*case.barred, case.account_id}]
        handler = [one for one in found if one.id == case.assigned]
        if happened.event == "assigned":
            found = [one for one in handler if one.id != happened.actor]
        for account in found if happened.event in TO_ALL or not handler else handler:
            _administrator(sealed, case, account, "child" if happened.code == REMINDER else happened.event)


OUTCOMES = frozenset({"fulfilled", "fulfilled_in_part", "released"})
"""These say what became of the request, and so who else was asked and has not confirmed it."""
COMPLAINS = frozenset({"breached", "upheld", "extend", "closed_unverified"})
"""Beside what is decided, these say where else the person can turn."""


def _letter(case: Case, event: str, message: str, *, ground: str = "", facts: Mapping[str, Any] | None = None) -> dict[str, object]:
    """What the person is told, in their language."""
    row = BY_EVENT[event]
    with translation.override(case.account.language):
        return {"organization": case.organization.name, "reference": case.reference, "message": message, "line": str(words.TIMELINE[event]), "more": _more(case, event, facts or {}),
                "ground": words.ground(ground), "due": date_format(case.statutory_due) if case.statutory_due and row.clock != "stop" and event not in {"breached", "reminded"} else "",
                "complain": words.complain(case.regimes) if row.decides or event in COMPLAINS else [],
                "unconfirmed": shown.unconfirmed(case) if event in OUTCOMES else []}


def _more(case: Case, event: str, facts: Mapping[str, Any]) -> list[str]:
    """What only this letter says."""
    if event == "reminded" and facts.get("closes"):
        day = date_format(date.fromisoformat(facts["closes"]))
        found = [_("Sign in and confirm it on the page of the request. If you cannot sign in, ask the organization how else it can know you; do not send copies of documents."),
                 _("Without a proof nothing is done or disclosed, and the request is closed, not before %(day)s. You can ask again at any time.") % {"day": day}]
        if "erasure" in case.actions.values_list("right", flat=True):
            found.append(_("Instead of the deletion you can ask for no mail and no use beyond what is needed. That needs no proof, and the page of the request has a button for it."))
        return found
    if event == "assigned":
        return [_("You had asked for somebody else. If you do not agree with it, keep them out of your request, or ask for somebody else again.")]
    if event == "breached" and facts.get("promised"):
        return [_("Now you are to be answered by %(day)s, and everybody who can answer you was told.") % {"day": date_format(date.fromisoformat(facts["promised"]))}]
    if event == "downgraded" and facts.get("into"):
        return [_("Its reference is %(reference)s.") % {"reference": facts["into"]}]
    return []


def preview(case: Case, event: str, message: str, *, ground: str = "") -> str:
    """The letter as the person would get it, on one line; '' where they get none."""
    if "person" not in BY_EVENT[event].tell:
        return ""
    with translation.override(case.account.language):
        return " ".join(render_to_string("mail/case-news/body.txt", _letter(case, event, message, ground=ground)).split())


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
