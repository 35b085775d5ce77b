"""What the powers over roles have in common: the form, who may touch a role, its django-guardian rows, telling its holders."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import Group as AuthGroup
from django.contrib.auth.models import Permission
from django.utils.text import slugify
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization, OrganizationGroupPermission, Role
from accounts.people import Person
from accounts.permissions import PERMISSIONS
from accounts.powers import naming
from accounts.powers.forms import StrictForm
from accounts.targets import RoleTarget
from accounts.work import Work

HIGHEST = 99
"""Only the built-in owner ranks 100."""
GRANTABLE = tuple(p for p in PERMISSIONS if p != "transfer_ownership")
"""Ownership is handed over by owners only, so no role can be made of it."""


class RoleForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    rank = forms.IntegerField(label=gettext_lazy("Rank"), min_value=1, max_value=HIGHEST, help_text=gettext_lazy(
        "From 1 to 99, and below your own. Its holders act only on people who rank lower. From 50 on they need a second factor."))
    permissions = forms.MultipleChoiceField(label=gettext_lazy("What its holders may do"), widget=forms.CheckboxSelectMultiple, choices=[(p, PERMISSIONS[p]) for p in GRANTABLE])

    def choices_for(self, _organization: Organization, actor: Actor) -> None:
        """Only what the actor may do can be handed on."""
        self.fields["permissions"].choices = [(p, PERMISSIONS[p]) for p in GRANTABLE if actor.may(p)]  # type: ignore[attr-defined]

    @staticmethod
    def initial_for(target: Any) -> dict[str, Any]:
        """The role as it is; nothing for a new one."""
        return {"name": target.role.name, "rank": target.role.rank, "permissions": target.role.permissions} if isinstance(target, RoleTarget) else {}

    def clean_name(self) -> str:
        return naming.clean(self.cleaned_data["name"])


def name_taken(*, organization_id: UUID, name: str, but: UUID | None = None) -> bool:
    """Whether another role is called so, or is known to files and programs by this word."""
    wanted = naming.key(name)
    return any(wanted in {naming.key(role.name), role.slug} for role in Role.objects.filter(organization_id=organization_id).exclude(id=but))


def free_slug(*, organization_id: UUID, name: str) -> str:
    """A word for files and programs, made of the name, that no other role is known by."""
    used = {"none"} | {word for role in Role.objects.filter(organization_id=organization_id) for word in (role.slug, naming.key(role.name))}
    stem = slugify(name)[:32].strip("-") or "role"
    return next(slug for number in range(1, len(used) + 2) if (slug := stem if number == 1 else f"{stem}-{number}") not in used)


def shielded(actor: Actor, person: Person) -> bool:
    """Whether the person is protected from this actor: what reaches everybody in a role or group reaches them too."""
    return bool(person.membership and person.membership.protected and actor.membership_id not in person.protectors)


def untouchable(actor: Actor, people: Iterable[Person]) -> Iterable[str]:
    """Why the actor may not change what all these people may do: it is acting on each of them (guard rails 3 to 5)."""
    people = list(people)
    if any(person.account.id == actor.account_id for person in people):
        yield "self"
    elif any(person.rank >= actor.rank for person in people):
        yield "rank"
    if any(shielded(actor, person) for person in people):
        yield "protected"


def closed(actor: Actor, target: RoleTarget) -> Iterable[str]:
    """Why this actor may not change or delete this role at all."""
    if target.role.builtin:
        yield "builtin_role"
        return
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if target.role.rank >= actor.rank:
        yield "rank"
    yield from untouchable(actor, target.holders)


def permission_rows(codenames: Iterable[str]) -> list[Permission]:
    """django's rows for these permissions."""
    return list(Permission.objects.filter(content_type__app_label="accounts", content_type__model="organization", codename__in=list(codenames)))


def grant(work: Work, *, organization: Organization, group: AuthGroup, codenames: Iterable[str]) -> None:
    """Write what django-guardian has to know about a role."""
    for row in permission_rows(codenames):
        work.add(OrganizationGroupPermission(group=group, permission=row, content_object=organization))
