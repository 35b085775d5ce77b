"""Whoever acts for the person in a request: confirmed by the person's mailbox, by the person signed in, or by two people of the organization; gets the letters that were chosen, and never data."""
from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.addresses import address_key
from accounts.work import Work
from dsar.cases import engine
from dsar.cases.engine import Loaded
from dsar.cases.models import Agent, AgentState, Authority, Case, Letters
from dsar.cases.table import Who

_NO_NAME = re.compile(r"[/@<>\\]|\.\w|[^\S ]")
"""A name goes into a mail to somebody who did not ask for it: it can hold no address and no link."""
ALWAYS_TO_PERSON = frozenset({"received", "ask_identity", "reminded", "proven", "downgraded", "agent_confirmed", "agent_ended"})
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
    """Whether the person gets the letter, and the address of whoever acts for them if they do."""
    row = of(case)
    if row is None or row.state != AgentState.CONFIRMED or row.letters == Letters.PERSON:
        return True, ""
    return row.letters == Letters.BOTH or event in ALWAYS_TO_PERSON, row.email if address_key(row.email) != case.account.email_key else ""


AUTHORITIES = [("", gettext_lazy("Choose one")), *Authority.choices]
METHODS = [("", gettext_lazy("Choose one")), ("document", gettext_lazy("A power of attorney or an order was shown")), ("register", gettext_lazy("Found in a public register")),
           ("called_back", gettext_lazy("The person said so on a number that was known before")), ("in_person", gettext_lazy("The person said so, seen and known"))]
