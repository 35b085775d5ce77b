"""What the other organizations of a person learn of an act on the account: neutrally, each in its own log (guard rail 8)."""
from __future__ import annotations

from uuid import UUID

from accounts.people import Person
from accounts.work import Work


def identity_changed(work: Work, person: Person, *, own: UUID | None) -> None:
    """The organization that manages the account changed its address or second factor: in every other organization where the person
    holds a rank, the rank rests until somebody there confirms who this is. `own` is the organization that acts. Needs `gathering.elsewhere`."""
    for membership_id, organization_id, rank in person.extra["elsewhere"]:  # type: ignore[attr-defined]
        if rank and organization_id != own:
            work.doubt(membership_id)
            work.elsewhere.append((organization_id, "account.identity_changed", person.account.id))
