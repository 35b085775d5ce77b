"""Delete a role of one's own organization that nobody holds."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import Group as AuthGroup
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Membership, MembershipSnapshot, Role
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm
from accounts.powers.roles import closed
from accounts.targets import RoleTarget
from accounts.work import Work


def rule(actor: Actor, target: RoleTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from closed(actor, target)
    if not target.role.builtin and (target.holders or target.groups):
        yield "role_in_use"


def effects(_target: RoleTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "role", _("The role is gone. The audit log keeps what it was."))]


def apply(work: Work, target: RoleTarget, _data: Data) -> None:
    """Former members and the notes for bringing them back still name the role; they lose it now, and roles never come back by themselves."""
    member = Role.objects.get(organization_id=target.role.organization_id, slug="member")
    for row in [*Membership.objects.filter(role=target.role, status="removed"), *MembershipSnapshot.objects.filter(role=target.role)]:
        work.track(row)
        row.role = member
    work.remove_last(target.role)
    work.remove_last(AuthGroup(id=target.role.auth_group_id))
    work.note(target.id, name=target.role.name, rank=target.role.rank, permissions=target.role.permissions)


POWER = Power(
    slug="delete-role", code="role.delete", event="role.deleted", over="role", permission="manage_roles", tier=2, form=NoForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Delete this role"), button=gettext_lazy("Delete the role"),
    does=gettext_lazy("Removes a role that nobody holds and no group carries."),
    does_not=gettext_lazy("Takes nothing from anybody: a role in use cannot be deleted."),
    sentence=gettext_lazy("%(actor)s deleted the role “%(target)s”"),
)
