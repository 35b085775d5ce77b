"""Change a role of one's own organization: it counts for everybody who holds it, at their next click (guard rail 3)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group as AuthGroup
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.models import OrganizationGroupPermission
from accounts.permissions import PERMISSIONS
from accounts.power import Data, Effect, Power
from accounts.powers.roles import GRANTABLE, RoleForm, closed, grant, name_taken
from accounts.roles import SCOPED_RANK, SECOND_FACTOR_RANK
from accounts.targets import RoleTarget
from accounts.work import Work


def _wanted(data: Data) -> dict[str, Any]:
    return {"name": str(data["name"]), "rank": int(data["rank"]), "permissions": sorted(set(data["permissions"]))}


def _new(target: RoleTarget, data: Data) -> dict[str, Any]:
    """The fields that would really change."""
    return {field: value for field, value in _wanted(data).items() if value != getattr(target.role, field)} if data else {}


def rule(actor: Actor, target: RoleTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from closed(actor, target)
    if not data or target.role.builtin:
        return
    wanted, new = _wanted(data), _new(target, data)
    if not new:
        yield "nothing_to_change"
    if wanted["rank"] >= actor.rank:
        yield "rank"
    if set(wanted["permissions"]) - (actor.permissions & set(GRANTABLE)):
        yield "beyond_own"
    if "name" in new and name_taken(organization_id=target.role.organization_id, name=wanted["name"], but=target.id):
        yield "name_taken"
    if wanted["rank"] > SCOPED_RANK and any(h.membership and h.membership.role_scope is not None for h in target.holders):
        yield "scope_rank"
    if wanted["rank"] >= SECOND_FACTOR_RANK and any(h.account.kind == "service" for h in target.holders):
        yield "service_rank"


def effects(target: RoleTarget, data: Data, _now: datetime) -> list[Effect]:
    n = len(target.holders)
    words = ngettext("%(n)d person holds this role; the change counts at their next click.", "%(n)d people hold this role; the change counts at their next click.", n)
    found = [Effect("lost", "holders", words % {"n": n}, n)]
    new = _new(target, data)
    if "rank" in new:
        found.append(Effect("lost", f"rank:{new['rank']}", _("The rank changes from %(before)d to %(after)d.") % {"before": target.role.rank, "after": new["rank"]}))
    for codename in new.get("permissions", ()):
        if codename not in target.role.permissions:
            found.append(Effect("kept", f"+{codename}", _("New: %(permission)s.") % {"permission": PERMISSIONS[codename]}))
    for codename in target.role.permissions if "permissions" in new else ():
        if codename not in new["permissions"]:
            found.append(Effect("lost", f"-{codename}", _("No longer: %(permission)s.") % {"permission": PERMISSIONS.get(codename, codename)}))
    missing = sum(1 for h in target.holders if not h.account.has_second_factor)
    if new.get("rank", 0) >= SECOND_FACTOR_RANK and missing:
        found.append(Effect("later", "enrol", ngettext("%(n)d of them must set up a second factor first.", "%(n)d of them must set up a second factor first.", missing) % {"n": missing}, missing))
    return found


def apply(work: Work, target: RoleTarget, data: Data) -> None:
    role, new = target.role, _new(target, data)
    if "permissions" in new:
        rows = OrganizationGroupPermission.objects.filter(group_id=role.auth_group_id).select_related("permission")
        for row in rows:
            if row.permission.codename not in new["permissions"]:
                work.remove(row)
        held = {row.permission.codename for row in rows}
        grant(work, organization=target.organization, group=AuthGroup(id=role.auth_group_id), codenames=[c for c in new["permissions"] if c not in held])
    facts = {"role": new.get("name", role.name), "rank_before": role.rank, "rank_after": new.get("rank", role.rank),
             "added": sorted(set(new.get("permissions", ())) - set(role.permissions)), "removed": sorted(set(role.permissions) - set(new.get("permissions", role.permissions)))}
    for field, value in new.items():
        setattr(role, field, value)
    if new.keys() & {"rank", "permissions"}:
        for holder in target.holders:
            work.tell(holder, "membership.role_updated", **facts)
    work.note(target.id, holders=len(target.holders))


POWER = Power(
    slug="update-role", code="role.update", event="role.updated", over="role", permission="manage_roles", tier=2, form=RoleForm, rule=rule, effects=effects, apply=apply,
    title=gettext_lazy("Change this role"), button=gettext_lazy("Save the role"),
    does=gettext_lazy("Changes name, rank or permissions of a role for everybody who holds it, at once. They are told."),
    does_not=gettext_lazy("Changes no built-in role, and no role that somebody of your rank or above holds."),
    sentence=gettext_lazy("%(actor)s changed the role “%(target)s”"),
)
