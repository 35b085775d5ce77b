"""Who was asked and what they answered, for the person, the administrators, the letters and the copy (GDPR Art. 19: the person is told of the recipients)."""
from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account, Installation
from accounts.tenancy import installation
from accounts.work import plain
from dsar.cases.models import Action, Case, Outcome
from dsar.relays import answering, messages
from dsar.relays.following import GRANTED
from dsar.relays.models import OPEN, Relay, Responder, Way

_TRIED = {
    "unreachable": gettext_lazy("The last try: nobody answers at its address."), "name_not_found": gettext_lazy("The last try: the name in its address is not known."),
    "too_slow": gettext_lazy("The last try: it took too long to answer."), "tls_failed": gettext_lazy("The last try: the connection was not safe, because its certificate is not right."),
    "private_address": gettext_lazy("The last try: its address is in a private network, which the operator has to allow."), "plain_http": gettext_lazy("The last try: its address is not encrypted."),
    "bad_address": gettext_lazy("The last try: its address is none."),
}
_OTHERWISE = gettext_lazy("The last try: what it answered was no receipt that it signed.")


@dataclass(frozen=True)
class Line:
    """One program that was asked for one thing."""

    row: Relay
    name: str
    independent: bool
    suspended: bool

    @property
    def open(self) -> bool:
        return self.row.state in OPEN

    @property
    def tried(self) -> str:
        """Why the last try failed, in words; '' where nothing is wrong, or it was answered."""
        code = self.row.problem if self.open else ""
        if code.startswith("status_"):
            return _("The last try: it answered with the status %(status)s.") % {"status": code.removeprefix("status_")}
        return str(_TRIED.get(code, _OTHERWISE)) if code else ""

    @property
    def kind(self) -> str:
        """How the state looks: ok, warn, bad, or nothing in particular."""
        if self.row.state in OPEN:
            return "bad" if self.row.overdue_at else "warn" if self.row.state == "by_hand" else ""
        return "ok" if self.row.state in {"completed", "not_found"} else "warn"


def of_case(case_id: UUID) -> list[Line]:
    """Who was asked for a request, in the order of their names. In any scope: whoever may see the request may see this."""
    with installation("programs that were asked for one request"):
        rows = list(Relay.objects.filter(case_id=case_id).defer("answer").select_related("responder__service", "responder__installation__app"))
    found = [Line(row, row.responder.name, row.responder.independent, row.responder.suspended_at is not None) for row in rows]
    return sorted(found, key=lambda line: (line.name.casefold(), line.row.type, str(line.row.id)))


def unconfirmed(case: Case) -> list[str]:
    """The names of those who have not confirmed what was granted: open, refused or done in part. Those who are told only now are among them."""
    with installation("programs that have not confirmed a request"):
        rows = list(Relay.objects.filter(case=case).defer("answer").select_related("responder__service", "responder__installation__app"))
        names = {row.responder.name for row in rows if row.state not in {"completed", "not_found", "cancelled"}}
        granted = Action.objects.filter(case=case, right__in=list(GRANTED), outcome__in=(Outcome.GRANTED, Outcome.PARTIAL)).values_list("right", flat=True)
        if {GRANTED[right] for right in granted} - {row.type for row in rows}:  # type: ignore[index]
            names |= set(reached(case.organization_id))
    return sorted(names, key=str.casefold)


def reached(organization_id: UUID) -> Iterable[str]:
    """The names of everybody who would be asked. Needs the scope."""
    rows = Responder.objects.filter(organization_id=organization_id).select_related("service", "installation__app")
    yield from (row.name for row in rows if row.way != Way.NONE and (row.installation is None or row.installation.state != "ended"))
    known = {row.installation_id for row in rows}
    yield from (one.app.name for one in Installation.objects.filter(organization_id=organization_id).exclude(state="ended").select_related("app") if one.id not in known)


def not_confirmed_of(account: Account) -> list[str]:
    """For the last mail about an account: who was asked to delete too and has not confirmed it. Needs to see every organization."""
    rows = Relay.objects.filter(account=account, type="erasure").exclude(state__in=("completed", "not_found", "cancelled")).defer("answer")
    rows = rows.select_related("responder__service", "responder__installation__app")
    return sorted({row.responder.name for row in rows}, key=str.casefold)


# The copy


def folder(row: Relay) -> str:
    """Where the copy has what a program gave; the number keeps apart what bears the same name."""
    name = re.sub(r"[^a-z0-9]+", "-", row.responder.name.lower()).strip("-")[:40] or "program"
    return f"data/apps/{name}-{str(row.id)[:8]}"


def for_copy(case_id: UUID) -> list[tuple[str, dict[str, Any], Any]]:
    """For each program that was asked for a copy: its folder, where it comes from, and what it gave, None where it gave nothing. Needs to see every organization."""
    rows = Relay.objects.filter(case_id=case_id, type__in=answering.GIVES).select_related("responder__service", "responder__installation__app", "organization").order_by("id")
    return [(folder(row), {
        "from": row.responder.name, "kind": "service" if row.responder.service_id else "app", "application": str(messages.application(row.responder)), "organization": row.organization.name,
        "answers_for_the_data_themselves": row.responder.independent, "asked": str(row.type), "request": str(row.id), "asked_at": plain(row.asked_at), "answered_at": plain(row.answered_at),
        "status": str(row.state), "reason": row.code, "how": row.how, "signed_with": row.responder.public_key if row.receipt else "", "sha256_of_signed_answer": row.receipt,
    }, answering.opened(row) if row.answer else None) for row in rows]


def text_of(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
