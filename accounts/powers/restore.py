"""Restore: access comes back, either as it was (reinstate) or without roles and groups (start fresh) (POWERS P2)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.models import Group, GroupMembership, Service, ServiceAccess
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import set_status
from accounts.powers.forms import ReasonForm, later
from accounts.powers.grants import set_role
from accounts.work import Work


class RestoreForm(ReasonForm):
    how = forms.ChoiceField(label=gettext_lazy("Restore how"), initial="reinstate", widget=forms.RadioSelect, choices=[
        ("reinstate", gettext_lazy("Reinstate: groups and services as they were")),
        ("start_fresh", gettext_lazy("Start fresh: as a member without groups and services"))])
    field_order = ["how", "reason_code", "message", "private_note"]


def rule(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    membership = person.membership
    if membership is None or membership.status not in {"restricted", "suspended", "removed"}:
        yield "wrong_status"
    elif membership.status == "removed" and not any(kept.expires_at > now for kept in person.extra["snapshots"]):
        yield "wrong_status"


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    found = []
    if data.get("how") == "start_fresh":
        found.append(Effect("lost", "assignments", _("Groups and service assignments are dropped.")))
    else:
        found.append(Effect("kept", "assignments", _("Groups and services work again as before.")))
    if person.membership and person.membership.role.rank and person.membership.status != "restricted":
        found.append(Effect("lost", "role", _("The role “%(role)s” does not come back by itself; grant it again.") % {"role": _(person.membership.role.name)}))
    found.append(Effect("lost", "tokens", _("API tokens and sessions that ended stay ended.")))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    membership = person.membership
    assert membership is not None
    was = membership.status
    if was in {"suspended", "removed"}:
        set_role(work, person, person.extra["roles"]["member"])
    if was == "removed":
        _bring_back(work, person, data)
    elif data.get("how") == "start_fresh":
        for row in [*(row for row in person.extra["groups"] if not row.group.directory), *person.extra["services"]]:
            work.remove(row)
    else:
        for access in person.extra["services"]:
            if access.resumes == "none":
                work.remove(access)
                continue
            work.track(access)
            access.state, access.resumes = access.resumes or ("full" if membership.restricted_mode else access.state), ""
    set_status(work, person, {**data, "until": None}, "active")
    membership.restricted_mode = ""
    work.note(person.id, how=data.get("how") or "reinstate")


def _bring_back(work: Work, person: Person, data: Data) -> None:
    membership = person.membership
    assert membership is not None
    snapshot = person.extra["snapshots"][0]
    if data.get("how") != "start_fresh":
        levels = dict(zip(snapshot.services, snapshot.levels, strict=False))
        for service in Service.objects.filter(id__in=snapshot.services):
            work.add(ServiceAccess(organization_id=membership.organization_id, membership=membership, service=service, state=levels.get(service.id, "full"), granted_at=work.now))
        for group in Group.objects.filter(id__in=snapshot.groups, role=None, directory=False):
            work.add(GroupMembership(organization_id=membership.organization_id, group=group, membership=membership))
    work.remove(snapshot)


POWER = Power(
    slug="restore", code="access.restore", event="membership.restored", over="member", permission="manage_access", tier=1,
    form=later(RestoreForm), rule=rule, effects=effects, apply=apply, bulk=True,
    gather=(gathering.groups, gathering.services, gathering.snapshots, gathering.roles, gathering.auth_groups),
    always=True,
    title=gettext_lazy("Restore access"), button=gettext_lazy("Restore access"),
    does=gettext_lazy("Gives access back: reinstate groups and services, or start fresh as a member."),
    does_not=gettext_lazy("Does not bring back administrator roles, API tokens or sessions."),
    sentence=gettext_lazy("%(actor)s restored the access of %(target)s"),
)
