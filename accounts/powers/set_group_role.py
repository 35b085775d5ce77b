"""Give a group a role, or take it away: it counts as giving it to everybody in the group (guard rail 3)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.models import Organization, Role
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.powers.grants import grantable, still
from accounts.powers.grouping import unfit
from accounts.powers.roles import untouchable
from accounts.roles import OWNER_RANK, SECOND_FACTOR_RANK
from accounts.targets import GroupTarget
from accounts.work import Work

NONE = "none"
"""What is sent to take the role away; no role is known by this word."""


class GroupRoleForm(StrictForm):
    role = AnyChoiceField(label=gettext_lazy("Role"), max_length=40)

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The roles that the actor may give."""
        rows = Role.objects.filter(organization=organization, rank__gt=0, rank__lt=min(actor.rank, OWNER_RANK)).order_by("-rank", "name")
        self.fields["role"].choices = [(NONE, gettext_lazy("No role")), *((row.slug, _("%(role)s (rank %(rank)d)") % {"role": _(row.name), "rank": row.rank})  # type: ignore[attr-defined]
                                                                       for row in rows if not set(row.permissions) - actor.permissions)]

    @staticmethod
    def initial_for(target: GroupTarget) -> dict[str, str]:
        """The role that the group carries now."""
        return {"role": target.role.slug if target.role else NONE}


def _wanted(target: GroupTarget, data: Data) -> Role | None:
    slug = str(data.get("role") or NONE)
    return Role.objects.filter(organization_id=target.group.organization_id, slug=slug, rank__gt=0).first() if slug != NONE else None


def rule(actor: Actor, target: GroupTarget, data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if target.role is not None:
        yield from grantable(actor, target.role)
    if not data:
        return
    role = _wanted(target, data)
    if data.get("role") != NONE and role is None:
        yield "unknown_role"
        return
    if role == target.role:
        yield "nothing_to_change"
    if role is not None:
        yield from grantable(actor, role)
        if role.rank >= OWNER_RANK:
            yield "rank"
        for person in target.members:
            yield from unfit(person, role.rank)
    yield from untouchable(actor, target.members)


def effects(target: GroupTarget, data: Data, _now: datetime) -> list[Effect]:
    if not data:
        return []
    found, role, n = [], _wanted(target, data), target.size
    if target.role is not None:
        words = ngettext("%(n)d person loses the role “%(role)s” that they held through the group.", "%(n)d people lose the role “%(role)s” that they held through the group.", n)
        found.append(Effect("lost", f"role:{target.role.slug}", words % {"n": n, "role": _(target.role.name)}, n))
    if role is not None:
        words = ngettext("%(n)d person in the group gets the role “%(role)s” at once.", "%(n)d people in the group get the role “%(role)s” at once.", n)
        found.append(Effect("kept", f"role:{role.slug}", words % {"n": n, "role": _(role.name)}, n))
        found.append(Effect("later", "future", _("Whoever joins the group later gets it too, whoever leaves it loses it.")))
        missing = sum(1 for p in target.members if not p.account.has_second_factor)
        if role.rank >= SECOND_FACTOR_RANK and missing:
            found.append(Effect("later", "enrol", ngettext("%(n)d of them must set up a second factor first.", "%(n)d of them must set up a second factor first.", missing) % {"n": missing}, missing))
    return found


def apply(work: Work, target: GroupTarget, data: Data) -> None:
    role, before = _wanted(target, data), target.role
    assert "role" in data
    if role is not None:
        still(role)
    target.group.role = role
    for person in target.members:
        work.touch(person.membership)
        work.tell(person, "membership.group_role_changed", group=target.group.name, role_before=before.name if before else "", role_after=role.name if role else "")
    work.note(target.id, role_before=before.slug if before else "", role_after=role.slug if role else "", members=target.size)


POWER = Power(
    slug="set-group-role", code="group.set_role", event="group.role_set", over="group", permission="manage_roles", tier=2, form=GroupRoleForm, rule=rule, effects=effects, apply=apply,
    title=gettext_lazy("Choose the role of the group"), button=gettext_lazy("Save the role"),
    does=gettext_lazy("Gives everybody in the group a role below your own rank, or takes it away. They are told."),
    does_not=gettext_lazy("Does not change the role that each of them has themselves. No group can make somebody an owner."),
    sentence=gettext_lazy("%(actor)s changed the role of the group “%(target)s”"),
)
