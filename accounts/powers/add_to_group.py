"""Add a person to a group; into a group that carries a role it is granting that role (guard rail 3)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import GroupMembership
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.grants import still
from accounts.powers.grouping import GroupForm, chosen, organization_groups, problems, unfit
from accounts.profile import aside
from accounts.roles import SECOND_FACTOR_RANK
from accounts.work import Work


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    found = list(problems(actor, person, data))
    yield from found
    group = chosen(person, data) if data and not found else None
    if group is None:
        return
    if aside.group_restricted(person.membership, group.id):
        yield "part_restricted"
    elif group.id in person.group_ids:
        yield "nothing_to_change"
    if group.role is not None:
        yield from unfit(person, group.role.rank)


def tier_for(_actor: Actor, person: Person, data: Data) -> int:
    """As giving the role that the group carries."""
    group = chosen(person, data) if data else None
    if group is None or group.role is None:
        return 0
    return 2 if group.role.rank >= SECOND_FACTOR_RANK else 1


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    group = chosen(person, data) if data else None
    if group is None:
        return []
    found = [Effect("kept", f"group:{group.id}", _("Joins the group “%(group)s”.") % {"group": group.name})]
    if group.role is not None:
        found.append(Effect("kept", f"role:{group.role.slug}", _("Gets the role “%(role)s” through the group, at once.") % {"role": _(group.role.name)}))
        if group.role.rank >= SECOND_FACTOR_RANK and not person.account.has_second_factor:
            found.append(Effect("later", "enrol", _("They must set up a second factor before they can use the role.")))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    group, membership = chosen(person, data), person.membership
    assert group is not None and membership is not None
    still(group)
    work.add(GroupMembership(organization_id=membership.organization_id, group=group, membership=membership))
    work.touch(membership)
    work.joins_or_leaves(group.id, organization=membership.organization_id, account=person.account.id, target=person.id)
    work.note(person.id, group=group.name, role=group.role.name if group.role else "", _also=[group])


POWER = Power(
    slug="add-to-group", code="group.add", event="membership.group_joined", over="member", permission="manage_groups", tier=0, tier_for=tier_for,
    form=GroupForm, rule=rule, effects=effects, apply=apply, self_allowed=True, rank_rule=False, bulk=True, gather=(organization_groups,), undo="remove-from-group",
    title=gettext_lazy("Add to a group"), button=gettext_lazy("Add to the group"),
    does=gettext_lazy("Puts the person into a group, with the role that the group carries, if it does."),
    does_not=gettext_lazy("Changes no service access and not the person's own role."),
    sentence=gettext_lazy("%(actor)s added %(target)s to a group"),
)
