"""Delete a group; whoever is in it stays in the organization. A role that it carried goes with it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import holding
from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm
from accounts.powers.grants import grantable
from accounts.powers.roles import untouchable
from accounts.powers.shared_service_access import TOLD
from accounts.profile import aside
from accounts.services.reached import Many, of_group
from accounts.targets import GroupTarget
from accounts.work import Work


def rule(actor: Actor, target: GroupTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if target.scoping:
        yield "group_in_scope"
    if holding.keeps_group(organization=target.group.organization_id, group=target.id):
        yield "on_hold"
    if aside.keeps_group(target.id):
        yield "part_restricted"
    if target.role is not None:
        yield from grantable(actor, target.role)
        yield from untouchable(actor, target.members)


def tier_for(_actor: Actor, target: GroupTarget, _data: Data) -> int:
    """With a role it takes that role from everybody in it."""
    return 2 if target.role is not None else 1


def effects(target: GroupTarget, _data: Data, _now: datetime) -> list[Effect]:
    words = ngettext("%(n)d person leaves the group; they stay in the organization.", "%(n)d people leave the group; they stay in the organization.", target.size)
    found = [Effect("lost", "members", words % {"n": target.size}, target.size)]
    if target.role is not None:
        found.append(Effect("lost", f"role:{target.role.slug}", _("They lose the role “%(role)s” that they held through the group.") % {"role": _(target.role.name)}))
    for service, name in of_group(target.id):
        found.append(Effect("lost", f"service:{service}", _("They lose what the group has in “%(service)s”, at once.") % {"service": name}))
    return [*found, *([TOLD] if any(one.code.startswith("service:") for one in found) else [])]


def apply(work: Work, target: GroupTarget, _data: Data) -> None:
    if target.role is not None:
        for person in target.members:
            work.tell(person, "membership.group_role_changed", group=target.group.name, role_before=target.role.name, role_after="")
    for person in target.members:
        work.touch(person.membership)
    if services := of_group(target.id):
        work.for_many.append(Many(target=target.id, organization=target.group.organization_id, services=services, group=target.id))
    work.remove_last(target.group)
    work.note(target.id, name=target.group.name, members=target.size)


POWER = Power(
    slug="delete-group", code="group.delete", event="group.deleted", over="group", permission="manage_groups", tier=1, tier_for=tier_for,
    form=NoForm, rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Delete the group"), button=gettext_lazy("Delete the group"),
    does=gettext_lazy("Removes the group, and with it the role that it carries."),
    does_not=gettext_lazy("Removes nobody from the organization. A group that limits somebody's role cannot be deleted."),
    sentence=gettext_lazy("%(actor)s deleted the group “%(target)s”"),
)
