"""Remove a person from a group; a role that the group carries goes with it (guard rail 3)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.grants import still
from accounts.powers.grouping import GroupForm, chosen, organization_groups, problems
from accounts.profile import aside
from accounts.work import Work


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    found = list(problems(actor, person, data))
    yield from found
    if found:
        return
    group = chosen(person, data) if data else None
    if not person.group_ids or (group is not None and group.id not in person.group_ids):
        yield "nothing_to_change"
    elif group is not None and aside.group_restricted(person.membership, group.id):
        yield "part_restricted"


def tier_for(_actor: Actor, person: Person, data: Data) -> int:
    """Taking a role away needs what changing a role needs."""
    group = chosen(person, data) if data else None
    return 1 if group is not None and group.role is not None else 0


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    group = chosen(person, data) if data else None
    if group is None:
        return []
    found = [Effect("lost", f"group:{group.id}", _("Leaves the group “%(group)s”.") % {"group": group.name})]
    if group.role is not None:
        found.append(Effect("lost", f"role:{group.role.slug}", _("Loses the role “%(role)s” that came with the group, at once.") % {"role": _(group.role.name)}))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    group, membership = chosen(person, data), person.membership
    assert group is not None and membership is not None
    still(group)
    for row in person.extra["groups"]:  # type: ignore[attr-defined]
        if row.group_id == group.id:
            work.remove(row)
    work.touch(membership)
    work.joins_or_leaves(group.id, organization=membership.organization_id, account=person.account.id, target=person.id)
    work.note(person.id, group=group.name, role=group.role.name if group.role else "", _also=[group])


POWER = Power(
    slug="remove-from-group", code="group.remove", event="membership.group_left", over="member", permission="manage_groups", tier=0, tier_for=tier_for,
    form=GroupForm, rule=rule, effects=effects, apply=apply, self_allowed=True, rank_rule=False, bulk=True, gather=(organization_groups, gathering.groups), undo="add-to-group",
    always=True,
    title=gettext_lazy("Remove from a group"), button=gettext_lazy("Remove from the group"),
    does=gettext_lazy("Takes the person out of a group, and with it the role that the group carries."),
    does_not=gettext_lazy("Does not remove the person from the organization."),
    sentence=gettext_lazy("%(actor)s removed %(target)s from a group"),
)
