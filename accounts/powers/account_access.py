"""What deactivation and lockdown have in common: the account loses every way in, everywhere."""
from __future__ import annotations

from accounts.people import Person
from accounts.roles import OWNER_RANK
from accounts.work import Work


def close_account(work: Work, person: Person, *, reason: str) -> None:
    """End every session and token of the account in all organizations; tell the other ones neutrally (guard rail 8)."""
    person.account.auth_epoch += 1
    work.end_sessions(person.account.id, reason)
    known = person.membership or person.management
    for membership_id, organization_id, rank in person.extra["elsewhere"]:
        work.end_tokens(membership_id, state="disabled", reason=reason)
        if known is None or organization_id != known.organization_id:
            event = "organization.owner_unavailable" if rank >= OWNER_RANK else "member.unavailable"
            work.elsewhere.append((organization_id, event, person.account.id))
