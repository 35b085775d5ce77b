"""Rename a group."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Power
from accounts.powers.grouping import NameForm, name_taken
from accounts.targets import GroupTarget
from accounts.work import Work


class RenameForm(NameForm):
    @staticmethod
    def initial_for(target: GroupTarget) -> dict[str, str]:
        """The present name."""
        return {"name": target.group.name}


def rule(actor: Actor, target: GroupTarget, data: Data, _now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if not data:
        return
    if data["name"] == target.group.name:
        yield "nothing_to_change"
    elif name_taken(organization_id=target.group.organization_id, name=str(data["name"]), but=target.id):
        yield "name_taken"


def apply(_work: Work, target: GroupTarget, data: Data) -> None:
    target.group.name = str(data["name"])


POWER = Power(
    slug="rename-group", code="group.rename", event="group.renamed", over="group", permission="manage_groups", tier=0, ladder=0, form=RenameForm, rule=rule, apply=apply, notice=False,
    title=gettext_lazy("Rename the group"), button=gettext_lazy("Rename"),
    does=gettext_lazy("Gives the group another name."), does_not=gettext_lazy("Changes nothing for the people in it."),
    sentence=gettext_lazy("%(actor)s renamed the group “%(target)s”"),
)
