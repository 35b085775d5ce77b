"""What every page's frame shows: the organization, the way around, the person."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts import approvals, notices, tenancy
from accounts.models import Membership, Organization


@dataclass
class Place:
    """Somewhere to go: an entry of the navigation, or another organization."""

    key: str
    href: str
    icon: str
    label: str
    current: bool = False
    note: str = ""
    waiting: int = 0
    """How many things wait there for the person."""
    status: str = ""

    @property
    def path(self) -> str:
        return self.href.partition("?")[0]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation by what the actor may see; the organizations of the person; the time zone that is shown."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"demo": settings.DEMO}
    organization, actor = getattr(request, "organization", None), getattr(request, "actor", None)
    return {
        "demo": settings.DEMO, "nav": _nav(request, organization, actor), "here": organization, "may_find": actor is not None, "zone": timezone.get_current_timezone_name(),
        "actor_may_keep": actor is not None and actor.may("transfer_ownership"),
        "actor_may_audit": actor is not None and actor.may("view_audit"), "actor_may_export": actor is not None and actor.may("export_audit"),
        "actor_is_scoped": actor is not None and actor.scope_groups is not None,
        "bell": SimpleLazyObject(lambda: notices.bell(user.id)), "organizations": SimpleLazyObject(lambda: organizations(request)),
    }


def _entries() -> list[tuple[str, str, str, str | None]]:
    return [("org-home", "grid", _("Your services"), None), ("overview", "info", _("Overview"), "view_people"),
            ("people", "users", _("People"), "view_people"), ("groups", "archive", _("Groups"), "view_people"), ("services", "grid", _("Services"), "view_people"),
            ("administrators", "shield", _("Administrators"), "view_people"), ("plans", "inbox", _("Approvals"), "approve_plans"), ("jobs", "clock", _("Jobs"), "manage_access"),
            ("scheduled", "clock", _("Scheduled"), "view_people"),
            ("email-changes", "inbox", _("E-mail addresses"), "change_email"),
            ("rights-requests", "inbox", _("Requests"), "manage_requests"), ("domains", "globe", _("Domains"), "manage_domains"),
            ("apps", "grid", _("Apps"), "manage_apps"),
            ("registers", "archive", _("Registers"), "manage_registers"), ("audit", "clock", _("Audit log"), "view_audit"), ("processing", "archive", _("Record of processing"), "view_people"),
            ("retention", "clock", _("Retention"), "view_audit"),
            ("copies", "archive", _("Copies of people’s data"), "manage_requests"), ("content", "shield", _("Opened content"), "view_content"),
            ("holds", "shield", _("Legal holds"), "manage_holds"),
            ("tokens", "lock", _("API tokens"), None), ("announcements", "bell", _("Announcements"), "manage_settings"),
            ("settings", "cog", _("Settings"), "manage_settings"),
            ("help", "info", _("What powers do"), None)]


def sections() -> dict[str, str | None]:
    """The places that every organization has, and the permission that shows them."""
    return {name: permission for name, _icon, _label, permission in _entries()}


def navigation(organization: Organization, actor: Any) -> list[Place]:
    """The places of an organization that the actor may see."""
    found = [Place(name, reverse(name, args=[organization.slug]), icon, label) for name, icon, label, permission in _entries() if actor.may(permission)]
    if actor.may("view_people"):
        found[0].href += "?services"  # for them the bare address leads on to the people list
    return found


def _nav(request: HttpRequest, organization: Organization | None, actor: Any) -> list[Place]:
    own = [("me", "cog", _("Your account")), ("me-email", "inbox", _("E-mail address")), ("me-who", "shield", _("Who can do what")), ("me-privacy", "archive", _("Your data and your rights")),
           ("me-apps", "grid", _("Apps")), ("me-requests", "inbox", _("Your requests")), ("me-notices", "bell", _("Notices")), ("me-communications", "inbox", _("News and tips")),
           ("me-sessions", "clock", _("Sessions")), ("mfa_index", "lock", _("Second factor"))]
    found = navigation(organization, actor) if organization and actor else [Place(name, reverse(name), icon, label) for name, icon, label in own]
    path = getattr(request, "belongs_to", request.path)  # a power's page has an address of its own and belongs to the page it leads back to
    if organization and path.startswith(reverse("webhooks", args=[organization.slug])):
        path = reverse("services", args=[organization.slug])  # programs of both kinds are told by webhooks; whoever sees these pages sees that one
    current = max((place for place in found if path == place.path or (place.key != "org-home" and path.startswith(place.path))), key=lambda place: len(place.path), default=None)
    for place in found:
        place.current = place is current
        if place.key == "plans":
            place.waiting = approvals.for_decision(actor, now=timezone.now())
    return found


def organizations(request: HttpRequest) -> list[Place]:
    """Where else the person belongs, with role or status; the same section there. Nothing when there is no choice."""
    rows = list(Membership.objects.filter(account_id=request.user.id).exclude(status="removed").select_related("organization").order_by("organization__name"))
    if len(rows) < 2:
        return []
    with tenancy.installation("the names of a person's own roles"):
        roles = dict(Membership.objects.filter(id__in=[row.id for row in rows]).values_list("id", "role__name"))
    organization, actor = getattr(request, "organization", None), getattr(request, "actor", None)
    section = next((place.key for place in _nav(request, organization, actor) if place.current), "") if organization and actor else ""
    found = []
    for row in rows:
        href = reverse("me-invitation", args=[row.id]) if row.status == "invited" else (
            reverse("go", args=[row.organization.slug, section]) if section else reverse("org-home", args=[row.organization.slug]))
        found.append(Place(str(row.id), href, "globe", row.organization.name, current=organization is not None and row.organization_id == organization.id,
                           note=_(roles[row.id]), status="" if row.status == "active" else row.status))
    return found
