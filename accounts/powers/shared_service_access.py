"""Access to a service that many have together: a group, or everybody in the organization."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.models import GroupService, Membership, Service
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, services
from accounts.powers.forms import StrictForm
from accounts.powers.grants import still
from accounts.powers.services import LEVELS, NONE, WhichForm
from accounts.services.reached import Many
from accounts.targets import GroupTarget, ServiceTarget
from accounts.work import Work

TOLD = Effect("later", "told", gettext_lazy("Everybody whose access changes by this is told by e-mail, with your name."))
CHOICES = [*LEVELS, (NONE, gettext_lazy("No access"))]


class GroupForm(WhichForm):
    level = forms.ChoiceField(label=gettext_lazy("What the group may do there"), choices=CHOICES, initial="full", widget=forms.RadioSelect)


class EveryoneForm(StrictForm):
    level = forms.ChoiceField(label=gettext_lazy("What everybody in the organization may do there"), choices=CHOICES, widget=forms.RadioSelect)

    @staticmethod
    def initial_for(target: ServiceTarget) -> dict[str, Any]:
        """As it is now."""
        return {"level": target.service.everyone or NONE}


def chosen(organization_id: UUID, data: Data) -> Service | None:
    return services.named(services.by_word(organization_id), data.get("service"))


def _row(target: GroupTarget, service: Service) -> GroupService | None:
    return GroupService.objects.filter(group=target.group, service=service).first()


def group_rule(actor: Actor, target: GroupTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if not data.get("service"):
        return
    service = chosen(target.group.organization_id, data)
    if service is None:
        yield "unknown_service"
    elif (row.state if (row := _row(target, service)) else NONE) == data.get("level", "full"):
        yield "nothing_to_change"


def group_effects(target: GroupTarget, data: Data, _now: datetime) -> list[Effect]:
    service = chosen(target.group.organization_id, data) if data.get("service") else None
    if service is None:
        return []
    n, level = target.size, data.get("level", "full")
    return [*_said(level, n, service), Effect("kept", "own", _("Whoever has access of their own keeps it as it is.")),
            TOLD, *([Effect("later", "future", _("Whoever joins the group later gets it too, whoever leaves it loses it."))] if level != NONE else [])]


def _said(level: str, n: int, service: Service) -> list[Effect]:
    given = {"n": n, "service": service.name}
    if level == NONE:
        words = ngettext("%(n)d person loses what they had of “%(service)s” by this, at once.", "%(n)d people lose what they had of “%(service)s” by this, at once.", n)
        return [Effect("lost", f"service:{service.id}:none", words % given, n)]
    if level == "read_only":
        words = ngettext("%(n)d person can read in “%(service)s”.", "%(n)d people can read in “%(service)s”.", n)
    else:
        words = ngettext("%(n)d person has full access to “%(service)s”.", "%(n)d people have full access to “%(service)s”.", n)
    return [Effect("kept", f"service:{service.id}:{level}", words % given, n)]


def set_group(work: Work, target: GroupTarget, data: Data) -> None:
    service, level = chosen(target.group.organization_id, data), str(data.get("level") or "full")
    assert service is not None
    still(service)
    row = _row(target, service)
    before = row.state if row else NONE
    work.less_of.setdefault(service.id, set())
    if level == NONE:
        assert row is not None
        work.remove(row)
    elif row is None:
        work.add(GroupService(organization_id=target.group.organization_id, group=target.group, service=service, state=level, granted_at=work.now))
    else:
        work.track(row)
        row.state = level
    work.for_many.append(Many(target=target.id, organization=service.organization_id, services=[(service.id, service.name)], group=target.id))
    work.note(target.id, group=target.group.name, service=service.name, before=before, after=level, members=target.size, _also=[service])


def everyone_rule(actor: Actor, target: ServiceTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("level") and data["level"] == (target.service.everyone or NONE):
        yield "nothing_to_change"


def everyone_effects(target: ServiceTarget, data: Data, _now: datetime) -> list[Effect]:
    if not data.get("level"):
        return []
    n = Membership.objects.filter(organization_id=target.service.organization_id).exclude(status__in=("removed", "invited")).count()
    later = [Effect("later", "future", _("Whoever comes to the organization later gets it too."))] if data["level"] != NONE else []
    return [*_said(str(data["level"]), n, target.service), Effect("kept", "own", _("Whoever has access of their own, or from whom it was taken, keeps it as it is.")), TOLD, *later]


def set_everyone(work: Work, target: ServiceTarget, data: Data) -> None:
    before, level = target.service.everyone or NONE, str(data["level"])
    work.less_of.setdefault(target.id, set())
    target.service.everyone = "" if level == NONE else level
    work.for_many.append(Many(target=target.id, organization=target.service.organization_id, services=[(target.id, target.service.name)]))
    work.note(target.id, before=before, after=level)


GROUP = Power(
    slug="set-group-service", code="group.set_service", event="group.service_set", over="group", permission="manage_apps", tier=1, form=GroupForm, rule=group_rule, effects=group_effects,
    apply=set_group, notice=False,
    title=gettext_lazy("Choose what the group may do in a service"), button=gettext_lazy("Save"),
    does=gettext_lazy("Gives everybody in the group access to a service, restricts it to reading, or takes it away."),
    does_not=gettext_lazy("Changes nothing for people who have access of their own or from whom it was taken."),
    sentence=gettext_lazy("%(actor)s changed what the group “%(target)s” may do in a service"),
)
EVERYONE = Power(
    slug="set-service-everyone", code="service.set_everyone", event="service.everyone_set", over="service", permission="manage_apps", tier=1, form=EveryoneForm, rule=everyone_rule,
    effects=everyone_effects, apply=set_everyone, notice=False,
    title=gettext_lazy("Choose what everybody may do in the service"), button=gettext_lazy("Save"),
    does=gettext_lazy("Gives everybody in the organization access, restricts it to reading, or takes it away again."),
    does_not=gettext_lazy("Changes nothing for people who have access of their own or from whom it was taken."),
    sentence=gettext_lazy("%(actor)s changed what everybody may do in the service “%(target)s”"),
)
