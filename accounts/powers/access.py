"""What restricting, suspending, restoring and removing have in common: the membership's status and who set it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.people import Person
from accounts.power import Data, Effect
from accounts.schedules.rules import moment
from accounts.work import Work


def set_status(work: Work, person: Person, data: Data, status: str) -> None:
    """Write a membership status with its ground; the entry and the person's page show the same."""
    assert person.membership is not None
    row = person.membership
    row.status, row.reason_code = status, data.get("reason_code", "") or ""
    row.reason_text, row.private_note = data.get("message", "") or "", data.get("private_note", "") or ""
    row.status_until, row.status_changed_by, row.status_changed_at = moment(data.get("until")), work.actor_membership, work.now


def set_account_status(work: Work, person: Person, data: Data, status: str) -> None:
    """The same for the account itself."""
    row = person.account
    row.status, row.reason_code, row.reason_text = status, data.get("reason_code", "") or "", data.get("message", "") or ""
    row.status_until, row.status_changed_by, row.status_changed_at = moment(data.get("until")), work.actor_membership, work.now


def access_ends_at(person: Person) -> datetime | None:
    """When the person's access here ends, as far as that is decided: nothing that is made now outlives it."""
    times = (person.membership.access_ends_at if person.membership else None, person.account.access_ends_at)
    return min((t for t in times if t is not None), default=None)


def allowed_from(*statuses: str) -> Any:
    """A rule: the membership must be in one of these statuses."""

    def rule(_actor: Any, person: Person, _data: Data, _now: Any) -> Iterable[str]:
        if person.membership is None or person.membership.status not in statuses:
            yield "wrong_status"

    return rule


def ended_sessions(person: Person, *, everywhere: bool) -> list[Effect]:
    """What happens to sessions: account powers end them, membership powers close this organization to them."""
    if everywhere:
        return [Effect("lost", "sessions", ngettext("%(n)d session ends at once.", "%(n)d sessions end at once.", person.sessions) % {"n": person.sessions}, person.sessions)]
    return [Effect("lost", "organization_sessions", _("Every session loses this organization at its next click."))]


def ended_access(person: Person, *, tokens: str) -> list[Effect]:
    """Services, tokens and invitations that stop working."""
    found = []
    if person.services:
        found.append(Effect("lost", "services", ngettext("Access to %(n)d service stops.", "Access to %(n)d services stops.", person.services) % {"n": person.services}, person.services))
    if person.tokens:
        words = {"disabled": ngettext("%(n)d API token is disabled for good.", "%(n)d API tokens are disabled for good.", person.tokens),
                 "revoked": ngettext("%(n)d API token is revoked.", "%(n)d API tokens are revoked.", person.tokens)}[tokens]
        found.append(Effect("lost", "tokens", words % {"n": person.tokens}, person.tokens))
    if person.invitations:
        words = ngettext("%(n)d invitation they issued is withdrawn.", "%(n)d invitations they issued are withdrawn.", person.invitations)
        found.append(Effect("lost", "invitations", words % {"n": person.invitations}, person.invitations))
    return found


def returns_at(data: Data) -> list[Effect]:
    """The automatic end, when one was chosen."""
    until = moment(data.get("until"))
    if until is None:
        return []
    return [Effect("later", "until", _("On %(when)s access comes back by itself.") % {"when": timezone.localtime(until).strftime("%Y-%m-%d %H:%M %Z")})]


def strip_access(work: Work, person: Person, *, tokens: str, reason: str) -> None:
    """Everything in this organization that works for the person stops: credentials, tokens, their open invitations."""
    assert person.membership is not None
    person.membership.access_epoch += 1
    work.end_tokens(person.membership.id, state=tokens, reason=reason)
    work.withdraw_invitations(person.membership.id)
