"""Saved views: the state of a list is its address, and a view is a name for one, for oneself or for everybody in the organization."""
from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.actor import Actor
from accounts.models import SavedView
from accounts.reasons import NotFound, Refused
from accounts.roles import OWNER_RANK

KEYS = {"people": ("q", "status", "role", "mfa", "due", "sort"),
        "audit": ("actor", "acted_as", "person", "target", "target_type", "action", "category", "outcome", "token", "plan", "ticket", "matter", "address", "since", "until")}
"""What of an address belongs to a view. Cursors do not: a view is not a place in a list."""
PERMISSIONS = {"people": "view_people", "audit": "view_audit"}
SHARING = "manage_settings"
MOST, LONGEST = 50, 1000


def normalized(page: str, query: Mapping[str, str] | str) -> str:
    """The query part that a view keeps: what is known, what is not empty, always in the same order."""
    given = dict(parse_qsl(query)) if isinstance(query, str) else query
    return urlencode([(key, value) for key in KEYS[page] if (value := given.get(key, "")) and (key, value) != ("sort", "name")])[:LONGEST]


def visible(*, actor: Actor, page: str) -> list[SavedView]:
    """One's own views and those that colleagues who are still there share."""
    rows = SavedView.objects.filter(Q(owner_id=actor.membership_id) | Q(shared=True, owner__status__in=("active", "restricted")), organization_id=actor.organization_id, page=page)
    return sorted(rows.select_related("owner__account"), key=lambda row: (row.owner_id != actor.membership_id, row.name.casefold()))


def save(*, actor: Actor, page: str, name: str, query: str, shared: bool, default: bool, now: datetime) -> SavedView:
    """A new view. Its name is new among one's own for this list."""
    assert actor.organization_id is not None and actor.membership_id is not None
    _may(actor, page, shared)
    if SavedView.objects.filter(owner_id=actor.membership_id, page=page).count() >= MOST:
        raise Refused({"": ["too_many_views"]})
    row = SavedView(organization_id=actor.organization_id, owner_id=actor.membership_id, page=page, name=_name(name), query=normalized(page, query), shared=shared, created_at=now)
    return _store(row, default=default)


def change(*, actor: Actor, view_id: UUID, name: str | None = None, query: str | None = None, shared: bool | None = None, default: bool | None = None) -> SavedView:
    """One's own view, changed. An owner of the organization may also stop somebody's view from being shared."""
    row = SavedView.objects.filter(organization_id=actor.organization_id, id=view_id).first()
    mine = row is not None and row.owner_id == actor.membership_id
    if row is None or not (mine or (row.shared and shared is False and actor.rank >= OWNER_RANK and name is query is default is None)):
        raise NotFound
    if mine:
        _may(actor, row.page, bool(shared))
    row.name, row.query = row.name if name is None else _name(name), row.query if query is None else normalized(row.page, query)
    row.shared = row.shared if shared is None else shared
    return _store(row, default=row.is_default if default is None else default)


def drop(*, actor: Actor, view_id: UUID) -> None:
    """One's own view is deleted."""
    if not SavedView.objects.filter(organization_id=actor.organization_id, owner_id=actor.membership_id, id=view_id).delete()[0]:
        raise NotFound


def default_of(*, actor: Actor, page: str) -> SavedView | None:
    """The view with which the list opens for this person."""
    return SavedView.objects.filter(organization_id=actor.organization_id, owner_id=actor.membership_id, page=page, is_default=True).first()


def _may(actor: Actor, page: str, shared: bool) -> None:
    if page not in PERMISSIONS or not actor.may(PERMISSIONS[page]):
        raise NotFound
    if shared and not actor.may(SHARING):
        raise Refused({"": ["no_permission"]})


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= 60 or any(unicodedata.category(sign) == "Cc" for sign in text):
        raise Refused({"": ["invalid_name"]})
    return name


def _store(row: SavedView, *, default: bool) -> SavedView:
    """At most one default for each person and list: the one before gives way."""
    try:
        with transaction.atomic():
            if default:
                SavedView.objects.filter(owner_id=row.owner_id, page=row.page, is_default=True).exclude(id=row.id).update(is_default=False)
            row.is_default = default
            row.save()
    except IntegrityError as error:
        raise Refused({"": ["name_taken"]}) from error
    return row
