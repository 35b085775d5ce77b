"""What every page's frame shows: the organization, the way around, the person."""
from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation by what the actor may see; the organizations of the person; the time zone that is shown."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"demo": settings.DEMO}
    organization, actor = getattr(request, "organization", None), getattr(request, "actor", None)
    return {
        "demo": settings.DEMO, "nav": _nav(request, organization, actor), "here": organization, "zone": timezone.get_current_timezone_name(),
        "actor_may_audit": actor is not None and actor.may("view_audit"),
    }


def _nav(request: HttpRequest, organization: Organization | None, actor: Any) -> list[dict[str, Any]]:
    own = [("me", "cog", _("Your account"), None), ("me-sessions", "clock", _("Sessions"), None), ("mfa_index", "lock", _("Second factor"), None)]
    if organization is None or actor is None:
        items = [(reverse(name), icon, label) for name, icon, label, _p in own]
    else:
        entries = [("org-home", "grid", _("Your services"), None), ("people", "users", _("People"), "view_people"), ("groups", "archive", _("Groups"), "view_people"), ("administrators", "shield", _("Administrators"), "view_people"), ("plans", "inbox", _("Approvals"), "approve_plans"), ("jobs", "clock", _("Jobs"), "manage_access"),
                   ("audit", "clock", _("Audit log"), "view_audit"), ("tokens", "lock", _("API tokens"), None), ("help", "info", _("What powers do"), None)]
        items = [(reverse(name, args=[organization.slug]), icon, label) for name, icon, label, permission in entries if actor.may(permission)]
    found = [{"href": href, "icon": icon, "label": label} for href, icon, label in items]
    current = max((i for i in found if request.path.startswith(i["href"])), key=lambda i: len(i["href"]), default=None)
    for item in found:
        item["current"] = item is current
    return found
