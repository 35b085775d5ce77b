"""The protected people: who may act on them, since when, and who said so (guard rail 5)."""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from accounts.actor import Actor
from accounts.models import Membership, Protection

MOST = 200
"""People on the page. Protection is for a few; a list of everybody would protect nobody."""


@dataclass(frozen=True)
class Protector:
    """Somebody who may act on a protected person. Since when and by whom is unknown for those named before it was kept."""

    id: UUID
    name: str
    since: datetime | None
    set_by: str
    itself: bool
    """Put themselves on the list."""


@dataclass(frozen=True)
class Protected:
    """A protected person, with everybody who may act on them."""

    id: UUID
    name: str
    email: str
    protectors: list[Protector] = field(default_factory=list)


def listed(*, actor: Actor, person: UUID | None = None) -> list[Protected]:
    """The protected people whom the actor's role reaches, by name, or one of them. The same few queries for any number."""
    people = Membership.objects.filter(organization_id=actor.organization_id, protected=True).exclude(status="removed").select_related("account").order_by("list_name", "id")
    if actor.scope_groups is not None:
        people = people.filter(group_memberships__group_id__in=actor.scope_groups).distinct()
    if person is not None:
        people = people.filter(id=person)
    found = {m.id: Protected(id=m.id, name=m.account.name or m.account.email, email=m.account.email) for m in people[:MOST]}
    rows = list(Protection.objects.filter(membership_id__in=list(found)).select_related("administrator__account").order_by("administrator__list_name", "id"))
    setters = {m.id: m.account.name or m.account.email for m in Membership.objects.filter(id__in={row.set_by for row in rows if row.set_by}).select_related("account")}
    for row in rows:
        account = row.administrator.account
        found[row.membership_id].protectors.append(Protector(
            id=row.administrator_id, name=account.name or account.email, since=row.since, set_by=setters.get(row.set_by, "") if row.set_by else "", itself=row.set_by == row.administrator_id))
    return list(found.values())
