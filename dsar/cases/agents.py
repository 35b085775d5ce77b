"""Whoever acts for the person in a request: confirmed by the person's mailbox, by the person signed in, or by two people of the organization; gets the letters that were chosen, and never data.

Their address is what somebody typed, so nothing is told there before whoever reads its mail said that it is theirs (decision 82).
"""
from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.addresses import address_key
from accounts.reasons import NotFound
from accounts.tenancy import installation
from accounts.work import Work
from audit.record import ActorRef
from dsar.cases import engine
from dsar.cases.engine import Loaded
from dsar.cases.models import Agent, AgentState, Authority, Case, Letters
from dsar.cases.table import Who

_MAILBOX = signing.Signer(salt="steward.agent.mailbox")
_NO_NAME = re.compile(r"[/@<>\\]|\.\w|[^\S ]")
"""A name goes into a mail to somebody who did not ask for it: it can hold no address and no link."""
ALWAYS_TO_PERSON = frozenset({"received", "ask_identity", "reminded", "proven", "downgraded", "agent_confirmed", "agent_mailbox", "agent_ended"})
"""Whatever was chosen: what asks for a proof, and who acts for them, the person hears themselves."""
NAME = {"label": gettext_lazy("Name of whoever acts for them"), "max_length": 80}


def clean_name(value: str) -> str:
    """The name, or a ValidationError."""
    value = " ".join(value.split()) if "\x00" not in value else value
    if _NO_NAME.search(value):
        raise forms.ValidationError(_("Write the name alone, without an address or a link."), code="name")
    return value


def stated(work: Work, case: Case, said: dict[str, Any]) -> Agent:
    """Somebody says that they act for the person in this new request."""
    row = Agent(id=uuid4(), case=case, organization_id=case.organization_id, account_id=case.account_id, name=str(said["agent_name"])[:80], email=str(said["agent_email"])[:254],
                authority=str(said["authority"]))
    work.add(row)
    return row


def of(case: Case) -> Agent | None:
    return Agent.objects.filter(case_id=case.id).first()


def codes(case: Case, *, answer: str) -> list[str]:
    """Why it cannot be confirmed or ended now."""
    row = of(case)
    if row is None or row.state == AgentState.ENDED or (answer == "confirm" and row.state == AgentState.CONFIRMED):
        return ["no_agent"]
    return []


def confirm(work: Work, loaded: Loaded, *, letters: str, method: str, who: Who, actor: Any, row: Agent | None = None) -> dict[str, Any]:
    """They act for the person, and get the letters that were chosen."""
    if row is None:
        row = Agent.objects.select_for_update().get(case_id=loaded.case.id)
        work.track(row)
    row.state, row.letters, row.method, row.confirmed_at = AgentState.CONFIRMED, letters, method, work.now
    return engine.go(work, loaded, "agent_confirmed", who=who, actor=actor, data={"code": method, "facts": {"letters": letters}})


def end(work: Work, loaded: Loaded, *, actor: Any) -> dict[str, Any]:
    """They do not, or not any more: from here on they hear nothing."""
    row = Agent.objects.select_for_update().get(case_id=loaded.case.id)
    work.track(row)
    row.state, row.letters = AgentState.ENDED, Letters.PERSON
    return engine.go(work, loaded, "agent_ended", who="person", actor=actor)


def mailboxes(case: Case, event: str) -> tuple[bool, str]:
    """Whether the person gets the letter, and the address of whoever acts for them if they do. As long as that mailbox is not confirmed, or is the person's own, the person gets everything."""
    row = of(case)
    if row is None or not _heeded(row) or row.mailbox_confirmed_at is None or address_key(row.email) == case.account.email_key:
        return True, ""
    return row.letters == Letters.BOTH or event in ALWAYS_TO_PERSON, row.email


# Their mailbox


def _heeded(row: Agent) -> bool:
    """Whether they are known to act for the person, and letters are to go to them."""
    return row.state == AgentState.CONFIRMED and row.letters != Letters.PERSON


def unconfirmed(case: Case) -> Agent | None:
    """Whoever is to get letters and has not said yet that the mailbox is theirs."""
    row = of(case)
    return row if row is not None and _heeded(row) and row.mailbox_confirmed_at is None and address_key(row.email) != case.account.email_key else None


def link(row: Agent) -> str:
    """What their mailbox gets: it confirms this one mailbox for this one request, for as long as letters are to go there, and shows nothing."""
    return settings.STEWARD_URL + reverse("agent-mailbox", args=[_MAILBOX.sign(str(row.id))])


def behind(word: str) -> Agent | None:
    """Whose mailbox this link confirms; None for one that means nothing, or nothing any more."""
    try:
        number = UUID(_MAILBOX.unsign(word))
    except (signing.BadSignature, ValueError):
        return None
    with installation("a link names whoever acts for somebody"):
        row = Agent.objects.filter(id=number).first()
    return row if row is not None and _heeded(row) else None


def confirm_mailbox(word: str, *, now: datetime) -> None:
    """Whoever reads the mail there says that it is theirs: letters go there from here on. Raises NotFound; said twice it is said once."""
    found = behind(word)
    if found is None:
        raise NotFound
    with installation("whoever acts for somebody confirms their mailbox"), transaction.atomic():
        work, loaded = Work(now=now), engine.load(found.case_id)
        row = Agent.objects.select_for_update().get(id=found.id)
        if not _heeded(row):
            raise NotFound
        if row.mailbox_confirmed_at is not None:
            return
        work.track(row)
        row.mailbox_confirmed_at = now
        facts = engine.go(work, loaded, "agent_mailbox", who="agent", data={"code": "mail_link"})
        engine.written(work, [engine.draft(loaded, facts, actor=ActorRef(type="anonymous", auth_method="mail_link"), via="ui", account=loaded.case.account, work=work)],
                       org=loaded.case.organization_id, now=now)


AUTHORITIES = [("", gettext_lazy("Choose one")), *Authority.choices]
METHODS = [("", gettext_lazy("Choose one")), ("document", gettext_lazy("A power of attorney or an order was shown")), ("register", gettext_lazy("Found in a public register")),
           ("called_back", gettext_lazy("The person said so on a number that was known before")), ("in_person", gettext_lazy("The person said so, seen and known"))]
