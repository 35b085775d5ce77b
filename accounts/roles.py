"""The built-in roles, their ranks and permissions (POWERS section 1), and how a role is written for django-guardian."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group as AuthGroup
from django.contrib.auth.models import Permission
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import Organization, OrganizationGroupPermission, Role
from accounts.permissions import PERMISSIONS
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, Change, EntryDraft, TargetRef

SECOND_FACTOR_RANK = 50
"""From this rank on nobody works without a second factor."""
SCOPED_RANK = 50
"""Up to this rank a role can be limited to groups of people."""
APPROVER_RANK = 80
OWNER_RANK = 100

_READ = ("view_people", "view_audit")
_HELP = ("view_people", "require_password_reset", "revoke_sessions")
_PEOPLE = (*_HELP, "view_audit", "invite_people", "import_people", "manage_access", "deactivate_accounts",
           "update_profiles", "change_email", "revoke_tokens", "manage_groups")
_SECURITY = (*_READ, "require_password_reset", "revoke_sessions", "revoke_tokens", "reset_second_factor",
             "lock_accounts")
_ADMINISTRATOR = tuple(p for p in PERMISSIONS if p not in ("transfer_ownership", "view_content", "export_organization"))


@dataclass(frozen=True)
class BuiltinRole:
    slug: str
    name: str
    rank: int
    permissions: tuple[str, ...]
    summary: object


BUILTIN = (
    BuiltinRole("owner", gettext_noop("Owner"), 100, tuple(PERMISSIONS), _("Holds every power and appoints administrators.")),
    BuiltinRole("administrator", gettext_noop("Administrator"), 80, _ADMINISTRATOR, _("Runs the organization day to day.")),
    BuiltinRole("security", gettext_noop("Security"), 60, _SECURITY, _("Ends sessions, resets credentials, locks accounts.")),
    BuiltinRole("privacy-officer", gettext_noop("Privacy officer"), 60, (*_READ, "manage_requests", "manage_retention", "manage_registers"),
                _("Handles requests and retention; acts on nobody's access.")),
    BuiltinRole("people-manager", gettext_noop("People manager"), 50, _PEOPLE, _("Invites, suspends and restores people and keeps their profiles.")),
    BuiltinRole("app-manager", gettext_noop("App manager"), 50, ("view_people", "manage_apps"), _("Looks after services and apps.")),
    BuiltinRole("legal", gettext_noop("Legal"), 40, (*_READ, "manage_holds", "manage_registers", "export_audit"), _("Searches and exports the audit log, places holds, keeps the registers.")),
    BuiltinRole("help-desk", gettext_noop("Help desk"), 30, _HELP, _("Requires password resets and ends sessions.")),
    BuiltinRole("auditor", gettext_noop("Auditor"), 20, _READ, _("Reads every administrator page and the audit log.")),
    BuiltinRole("member", gettext_noop("Member"), 0, (), _("Uses the services.")),
)
BY_SLUG = {role.slug: role for role in BUILTIN}


def create_role(*, organization: Organization, slug: str, name: str, rank: int, permissions: tuple[str, ...], builtin: bool = True) -> Role:
    """Write one role and the django-guardian permissions that make it work. Needs an open audit act."""
    return _create(organization, [Role(slug=slug, name=name, rank=rank, permissions=sorted(permissions), builtin=builtin)])[0]


def create_builtin_roles(*, organization: Organization) -> dict[str, Role]:
    """The roles every organization starts with, by slug. Needs an open audit act."""
    return {role.slug: role for role in _create(organization, [Role(slug=r.slug, name=r.name, rank=r.rank, permissions=sorted(r.permissions), builtin=True) for r in BUILTIN])}


def _create(organization: Organization, roles: list[Role]) -> list[Role]:
    """In four statements, however many they are."""
    groups = AuthGroup.objects.bulk_create([AuthGroup(name=f"{organization.id}:{role.slug}") for role in roles])
    for role, group in zip(roles, groups, strict=True):
        role.id, role.organization, role.auth_group = uuid.uuid4(), organization, group
    Role.objects.bulk_create(roles)
    rows = {row.codename: row for row in Permission.objects.filter(content_type__app_label="accounts", content_type__model="organization")}
    OrganizationGroupPermission.objects.bulk_create(
        OrganizationGroupPermission(group=role.auth_group, permission=rows[codename], content_object=organization) for role in roles for codename in role.permissions if codename in rows)
    return roles


def refresh_builtin_roles(*, now: datetime) -> int:
    """Give the built-in roles of every organization the permissions that this release says they have. Returns how many changed.

    An upgrade that changes what a role may do is an act like any other: each organization's log says so. Running it again
    changes nothing.
    """
    changed = 0
    with installation("an upgrade brings the built-in roles of every organization up to date"):
        for organization in Organization.objects.filter(id__in=_behind()).order_by("id"):
            with transaction.atomic():
                changed += _refresh(organization, now)
    return changed


def _behind() -> set[uuid.UUID]:
    """Organizations with a built-in role that is not what this release says: asked in two statements, because most have none and an installation may have thousands."""
    held = dict(OrganizationGroupPermission.objects.filter(permission__content_type__model="organization").values_list("group_id").annotate(names=ArrayAgg("permission__codename")))
    rows = Role.objects.filter(builtin=True, slug__in=BY_SLUG).values_list("organization_id", "slug", "permissions", "auth_group_id")
    return {organization for organization, slug, permissions, group in rows.iterator() if not permissions == sorted(held.get(group, [])) == sorted(BY_SLUG[slug].permissions)}


def _refresh(organization: Organization, now: datetime) -> int:
    known = {row.id: row.codename for row in Permission.objects.filter(content_type__app_label="accounts", content_type__model="organization")}
    drafts, stale = [], []
    for role in Role.objects.select_for_update().filter(organization=organization, builtin=True, slug__in=BY_SLUG).order_by("id"):
        wanted = sorted(BY_SLUG[role.slug].permissions)
        rows = OrganizationGroupPermission.objects.filter(group_id=role.auth_group_id, content_object=organization)
        if role.permissions != wanted or sorted(known[row.permission_id] for row in rows if row.permission_id in known) != wanted:
            stale.append((role, wanted, list(rows)))
    if not stale:
        return 0
    with recording.opened(org=organization.id, now=now) as act:
        for role, wanted, rows in stale:
            drafts.append(EntryDraft(
                org=organization.id, action="role.refreshed", category="role", outcome="success", actor=ActorRef(type="operator"), via="upgrade",
                targets=[TargetRef(type="role", id=role.id, label=role.name)],
                changes=[Change(path="role.permissions", op="replace", before=role.permissions, after=wanted, klass="public")]))
            held = {known.get(row.permission_id, ""): row for row in rows}
            OrganizationGroupPermission.objects.filter(id__in=[row.pk for codename, row in held.items() if codename not in wanted]).delete()
            OrganizationGroupPermission.objects.bulk_create(
                OrganizationGroupPermission(group_id=role.auth_group_id, permission_id=number, content_object=organization)
                for number, codename in known.items() if codename in wanted and codename not in held)
            Role.objects.filter(id=role.id).update(permissions=wanted, version=role.version + 1)
        act.write(drafts)
    return len(stale)
