"""Giving a role: the membership's role, and the auth group through which django-guardian knows it."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group as AuthGroup

from accounts import gathering
from accounts.actor import Actor
from accounts.models import Account, Group, Role
from accounts.people import Person
from accounts.reasons import Stale
from accounts.roles import OWNER_RANK
from accounts.work import Work

AccountAuthGroup = Account.groups.through


def set_role(work: Work, person: Person, role: Role) -> None:
    """Change the membership's role and the auth group with it."""
    membership = person.membership
    assert membership is not None
    if membership.role_id == role.id:
        return
    links = _links(person)
    for row in links:
        if row.group_id == membership.role.auth_group_id:
            work.remove(row)
    if role.auth_group_id not in {row.group_id for row in links}:
        work.add(AccountAuthGroup(account=person.account, group=AuthGroup(id=role.auth_group_id)))
    membership.role = role
    membership.role_scope = None


def drop_role(work: Work, person: Person) -> None:
    """Take the auth group away, for a membership that ends."""
    membership = person.membership
    assert membership is not None
    for row in _links(person):
        if row.group_id == membership.role.auth_group_id:
            work.remove(row)


def _links(person: Person) -> list[Any]:
    """The person's auth groups; `gathering.auth_groups` has fetched them where many people are acted on."""
    if "auth_groups" not in person.extra:
        gathering.auth_groups([person])
    return person.extra["auth_groups"]


def grantable(actor: Actor, role: Role) -> Iterable[str]:
    """Why the actor may not give this role, in whatever way: directly, by an invitation, through a group (guard rail 3)."""
    if role.rank >= actor.rank and role.rank and not (actor.rank >= OWNER_RANK and role.rank == OWNER_RANK):
        yield "rank"
    elif role.rank and not actor.may("manage_roles"):
        yield "no_permission"
    elif set(role.permissions) - actor.permissions:
        yield "beyond_own"


def still(row: Role | Group) -> None:
    """Hold a role or a group as it was when the act was judged, until it is written; Stale when it was changed meanwhile."""
    if getattr(row, "held", False):
        return
    if not type(row).objects.select_for_update(no_key=True).filter(id=row.id, version=row.version).exists():
        raise Stale
    row.held = True  # type: ignore[union-attr]
