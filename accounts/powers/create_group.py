"""Create a group: a name for a set of people."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Group
from accounts.power import Data, Power
from accounts.powers.grouping import NameForm, name_taken
from accounts.targets import OrganizationTarget
from accounts.work import Work


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if data and name_taken(organization_id=target.id, name=str(data["name"])):
        yield "name_taken"


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    group = Group(id=uuid.uuid4(), organization=target.organization, name=str(data["name"]), created_at=work.now)
    work.add(group)
    work.note(target.id, _made=[group])


POWER = Power(
    slug="create-group", code="group.create", event="group.created", over="organization", permission="manage_groups", tier=0, ladder=0, form=NameForm, rule=rule, apply=apply, notice=False,
    title=gettext_lazy("Create a group"), button=gettext_lazy("Create the group"),
    does=gettext_lazy("Makes an empty group, for sorting people, for limiting a help desk to some of them, or for giving them a role together."),
    does_not=gettext_lazy("Gives nobody anything by itself."),
    sentence=gettext_lazy("%(actor)s created the group “%(target)s”"),
)
