"""Create a role of one's own: some of one's own permissions under a name, below one's own rank (guard rail 3)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import Group as AuthGroup
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Role
from accounts.power import Data, Effect, Power
from accounts.powers.roles import GRANTABLE, RoleForm, free_slug, grant, name_taken
from accounts.roles import SECOND_FACTOR_RANK
from accounts.targets import OrganizationTarget
from accounts.work import Work


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if not data:
        return
    if int(data["rank"]) >= actor.rank:
        yield "rank"
    if set(data["permissions"]) - (actor.permissions & set(GRANTABLE)):
        yield "beyond_own"
    if name_taken(organization_id=target.id, name=str(data["name"])):
        yield "name_taken"


def effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "holders", _("Nobody holds the role until you give it to somebody."))]
    if data and int(data["rank"]) >= SECOND_FACTOR_RANK:
        found.append(Effect("later", "enrol", _("Whoever gets it needs a second factor to use it.")))
    return found


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    organization, name = target.organization, str(data["name"])
    slug = free_slug(organization_id=organization.id, name=name)
    group = AuthGroup(name=f"{organization.id}:{slug}")
    role = Role(id=uuid.uuid4(), organization=organization, slug=slug, name=name, rank=int(data["rank"]), builtin=False, permissions=sorted(set(data["permissions"])), auth_group=group)
    work.add(group)
    work.add(role)
    grant(work, organization=organization, group=group, codenames=role.permissions)
    work.note(target.id, _made=[role])


POWER = Power(
    slug="create-role", code="role.create", event="role.created", over="organization", permission="manage_roles", tier=2, form=RoleForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Create a role"), button=gettext_lazy("Create the role"),
    does=gettext_lazy("Makes a role of your organization's own: a rank below yours and some of your permissions."),
    does_not=gettext_lazy("Gives it to nobody yet, and can never hold more than you do."),
    sentence=gettext_lazy("%(actor)s created the role “%(target)s”"),
)
