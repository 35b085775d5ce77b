"""“Find or go”: people, pages, groups, roles, saved views, powers and organizations by what they are called. It finds and leads; it never acts."""
from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import listing_query, views_saved
from accounts.actor import Actor
from accounts.models import Group, Installation, Organization, Role, Service
from accounts.power import Power
from portal.powers import POWERS
from portal.shell import Place, navigation

LONGEST, MOST = 200, 8
"""Characters of a query that are looked at, and results of one kind."""


@dataclass(frozen=True)
class Hit:
    """One result: what it is called, what helps to tell it apart, where it leads."""

    label: str
    href: str
    note: str = ""


@dataclass(frozen=True)
class Kind:
    """The results of one kind."""

    key: str
    title: str
    icon: str
    hits: list[Hit]


def clean(text: str) -> str:
    """What was typed, without control characters and not longer than anybody's name."""
    return "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[:LONGEST]).strip()


def find(*, actor: Actor, organization: Organization, others: Iterable[Place], q: str) -> list[Kind]:
    """What the actor may see and whose name has words that begin like those typed; before anything is typed, the places to go."""
    words = listing_query.tokens(q)
    if q and not words:
        return []
    found = [
        Kind("people", _("People"), "users", _people(actor, organization, q) if words else []),
        Kind("pages", _("Pages"), "grid", _pages(actor, organization, words)),
        Kind("powers", _("Powers"), "info", _powers(actor, organization, words) if words else []),
        Kind("groups", _("Groups"), "archive", _groups(actor, organization, q) if words else []),
        Kind("roles", _("Roles"), "shield", _roles(actor, organization, q) if words else []),
        Kind("services", _("Services"), "grid", _services(actor, organization, words) if words else []),
        Kind("apps", _("Apps"), "grid", _apps(actor, organization, words) if words else []),
        Kind("views", _("Saved views"), "search", _views(actor, organization, q)),
        Kind("organizations", _("Other organizations"), "globe", [Hit(o.label, o.href, o.note) for o in others if _fits(words, o.label)][:MOST]),
    ]
    return [kind for kind in found if kind.hits]


def _fits(words: list[str], *texts: Any) -> bool:
    """Whether each word typed begins a word of these texts."""
    held = [token for text in texts for token in listing_query.tokens(str(text))]
    return all(any(token.startswith(word) for token in held) for word in words)


def _services(actor: Actor, organization: Organization, words: list[str]) -> list[Hit]:
    if not actor.may("view_people"):
        return []
    rows = Service.objects.filter(organization=organization).order_by("name").values_list("id", "name", "description")
    return [Hit(name, reverse("service", args=[organization.slug, number]), about) for number, name, about in rows if _fits(words, name)][:MOST]


def _apps(actor: Actor, organization: Organization, words: list[str]) -> list[Hit]:
    if not actor.may("manage_apps"):
        return []
    rows = Installation.objects.filter(organization=organization).exclude(state="ended").order_by("app__name").values_list("app_id", "app__name", "app__provider")
    return [Hit(name, reverse("app", args=[organization.slug, number]), provider) for number, name, provider in rows if _fits(words, name)][:MOST]


def _people(actor: Actor, organization: Organization, q: str) -> list[Hit]:
    if not actor.may("view_people"):
        return []
    want = listing_query.Wanted(q=q, size=MOST)
    rows = listing_query.page(organization_id=organization.id, want=want, groups=actor.scope_groups).rows
    return [Hit(row.name or row.email, reverse("person", args=[organization.slug, row.id]), row.email if row.name else "") for row in rows]


def _pages(actor: Actor, organization: Organization, words: list[str]) -> list[Hit]:
    within = [
        ("people-import", _("Import people"), "import_people"), ("people-act", _("Act by file"), "manage_access"), ("settings-notice", _("The notice"), "manage_settings"),
        ("settings-inactivity", _("The inactivity rule"), "manage_settings"),
        ("roles", _("Roles"), "view_people"), ("protected", _("Protected people"), "view_people"), ("service-accounts", _("Service accounts"), "view_people"),
        ("claims", _("Claims"), "manage_domains"), ("succession", _("Succession"), "manage_settings"), ("my-succession", _("Following the owners"), None)]
    own = [("me", _("Your account")), ("me-values", _("The values of your profile")), ("me-sessions", _("Sessions")), ("me-communications", _("News and tips")),
           ("mfa_index", _("Second factor")), ("account_change_password", _("Change the password"))]
    found = [Hit(place.label, place.href) for place in navigation(organization, actor)]
    if not words:
        return found  # nothing typed yet: the places of the organization, all of them
    found += [Hit(label, reverse(name, args=[organization.slug])) for name, label, permission in within if actor.may(permission)]
    if actor.may("manage_settings"):
        settings = reverse("settings", args=[organization.slug])
        found += [Hit(_("Profile fields: who changes them"), f"{settings}#h-fields"), Hit(_("What people edit and delete themselves"), f"{settings}#h-edit")]
    if actor.may("view_people") and actor.may("update_profiles"):
        found.append(Hit(_("Disputed profile values"), reverse("people", args=[organization.slug]) + "?due=dispute"))
    found += [Hit(label, reverse(name), _("Your account")) for name, label in own]
    return [hit for hit in found if _fits(words, hit.label)][:MOST]


def _powers(actor: Actor, organization: Organization, words: list[str]) -> list[Hit]:
    found = []
    for power in POWERS:
        if _fits(words, power.title, power.button, power.code):
            page = _page_of(power, actor, organization)
            found.append(Hit(str(power.title), page or reverse("help-power", args=[organization.slug, power.slug]), "" if page else _("What it does and does not do")))
    return found[:MOST]


def _page_of(power: Power, actor: Actor, organization: Organization) -> str:
    """The page of a power that needs nobody to be chosen first; '' for the others and for what the actor may not do."""
    if power.over not in {"row", "organization"} or not actor.may(power.permission):
        return ""
    return reverse("people-import", args=[organization.slug]) if power.slug == "import-people" else reverse("organization-power", args=[organization.slug, power.slug])


def _groups(actor: Actor, organization: Organization, q: str) -> list[Hit]:
    if not actor.may("view_people"):
        return []
    rows = Group.objects.filter(organization=organization, name__icontains=q).order_by("name")
    if actor.scope_groups is not None:
        rows = rows.filter(id__in=actor.scope_groups)
    return [Hit(row.name, reverse("group", args=[organization.slug, row.id])) for row in rows[:MOST]]


def _roles(actor: Actor, organization: Organization, q: str) -> list[Hit]:
    if not actor.may("view_people"):
        return []
    rows = Role.objects.filter(organization=organization, name__icontains=q).order_by("-rank", "name")[:MOST]
    holders, everybody = reverse("administrators", args=[organization.slug]), reverse("roles", args=[organization.slug])
    return [Hit(row.name, f"{holders}?{urlencode({'role': row.slug})}" if row.rank else everybody, _("Rank %(rank)d") % {"rank": row.rank}) for row in rows]


def _views(actor: Actor, organization: Organization, q: str) -> list[Hit]:
    pages = {page: label for page, label, permission in (("people", _("People"), "view_people"), ("audit", _("Audit log"), "view_audit")) if actor.may(permission)}
    rows = [row for page in pages for row in views_saved.visible(actor=actor, page=page) if q.casefold() in row.name.casefold()][:MOST]
    return [Hit(row.name, f"{reverse(row.page, args=[organization.slug])}?{row.query}", pages[row.page]) for row in rows]
