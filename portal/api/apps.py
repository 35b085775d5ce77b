"""Apps: the catalogue as an organization sees it, what waits for a decision, one app with what it does; and what apps hold of oneself. Acts are powers."""

from __future__ import annotations

from typing import Any

from accounts import policy, tenancy
from accounts.catalogue import life, listing
from accounts.models import App
from accounts.powers.apps import PERMISSION
from accounts.reasons import NotFound
from accounts.work import plain
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, nullable, number, text, thing

STATES = ("installed", "suspended", "approved", "needs_review", "in_review", "denied", "blocked", "withdrawn", "offered", "withdrawn_offer")
_WORDS = many(text(120, sample="profile"))
APP = thing({
    "id": shapes.ID, "slug": text(50, sample="whiteboard"), "name": text(100, sample="Whiteboard"), "about": text(500, sample="Drawing together."), "provider": text(200, sample="Whiteboard Ltd"),
    "provider_email": text(254, sample="privacy@example.com"), "website": text(500, sample=""), "privacy_url": text(500, sample="https://example.com/privacy"), "scopes": _WORDS, "categories": _WORDS,
    "countries": _WORDS, "own": flag("Whether your organization added it; the operator offers the others.")})
LISTED = thing({"app": APP, "state": choice(*STATES), "asked": number(0, 2**31, sample=0), "reason": text(1000, sample="", about="Why it was denied or blocked."), "until": shapes.MAYBE_STAMP,
                "installation": shapes.MAYBE_ID, "pending_scopes": _WORDS})
OFFER = thing({"app": APP, "state": choice(*STATES), "asked_by_you": flag(), "may_be_asked_for": flag()})
CALLED = thing({"what": text(60, sample="userinfo"), "calls": number(0, 2**53), "first_at": shapes.STAMP, "last_at": shapes.STAMP})
TOLD = thing({"event": text(30, sample="app.installed"), "state": choice("due", "sent", "failed", "dropped"), "attempts": number(0, 99), "error": text(40, sample=""), "created_at": shapes.STAMP,
              "sent_at": shapes.MAYBE_STAMP})
INSTALLED = thing({"id": shapes.ID, "state": choice("active", "suspended"), "scopes": _WORDS, "pending_scopes": _WORDS, "client_id": text(100, sample="stc_0123"), "installed_at": shapes.STAMP,
                   "installed_by": shapes.MAYBE_ID, "expires_at": shapes.MAYBE_STAMP, "last_used_at": shapes.MAYBE_STAMP, "people": number(0, 2**31, sample=0), "calls": many(CALLED),
                   "scorecard": many(thing({"good": flag(), "text": text(300, sample="Requests of people reach it by program.")}))})
DETAIL = thing({"app": APP, "state": choice(*STATES), "asked": number(0, 2**31, sample=0), "reason": text(1000, sample=""), "until": shapes.MAYBE_STAMP, "installation": nullable(INSTALLED),
                "told": many(TOLD)})
MINE = thing({"installation": shapes.ID, "organization": shapes.ID, "app": text(100, sample="Whiteboard"), "provider": text(200, sample="Whiteboard Ltd"),
              "provider_email": text(254, sample="privacy@example.com"), "privacy_url": text(500, sample="https://example.com/privacy"), "categories": _WORDS, "countries": _WORDS,
              "state": choice("active", "suspended", "ended"), "grant": shapes.MAYBE_ID, "allowed": _WORDS, "granted_at": shapes.MAYBE_STAMP, "ended_at": shapes.MAYBE_STAMP,
              "last_used_at": shapes.MAYBE_STAMP, "installed_scopes": _WORDS})


def _app(app: App) -> dict[str, Any]:
    names = ("slug", "name", "about", "provider", "provider_email", "website", "privacy_url", "scopes", "categories", "countries")
    return {"id": str(app.id), **{name: getattr(app, name) for name in names}, "own": app.organization_id is not None}


def _stands(one: listing.Listed) -> dict[str, Any]:
    return {"app": _app(one.app), "state": one.state, "asked": one.asked, "reason": one.review.words if one.review else "", "until": plain(one.review.until) if one.review else None}


def _listed(one: listing.Listed) -> dict[str, Any]:
    row = one.installation
    return {**_stands(one), "installation": str(row.id) if row else None, "pending_scopes": row.pending_scopes if row else []}


def listed(call: Call) -> dict[str, Any]:
    """The whole catalogue."""
    return {"policy": policy.of(call.organization_id).app_policy, "apps": [_listed(one) for one in listing.listed(call.organization_id)]}


def queue(call: Call) -> dict[str, Any]:
    """What waits, what most ask for first."""
    return {"apps": [_listed(one) for one in listing.queue(call.organization_id)]}


def detail(call: Call) -> dict[str, Any]:
    """One app."""
    found = listing.detail(call.organization_id, call.ids["app_id"])
    if found is None:
        raise NotFound
    row = found.listed.installation
    return {**_stands(found.listed), "installation": None if row is None else {
        "id": str(row.id), "state": row.state, "scopes": row.scopes, "pending_scopes": row.pending_scopes, "client_id": found.client.client_id if found.client else "",
        "installed_at": plain(row.installed_at), "installed_by": plain(row.installed_by_id), "expires_at": plain(row.expires_at), "last_used_at": plain(row.last_used_at), "people": found.people,
        "calls": [{"what": use.what, "calls": use.calls, "first_at": plain(use.first_at), "last_at": plain(use.last_at)} for use in found.uses],
        "scorecard": [{"good": line.good, "text": line.text} for line in found.score]},
        "told": [{"event": one.event, "state": one.state, "attempts": one.attempts, "error": one.last_error, "created_at": plain(one.created_at), "sent_at": plain(one.sent_at)}
                 for one in found.deliveries]}


def catalogue(call: Call) -> dict[str, Any]:
    """What everybody sees."""
    chosen = policy.of(call.organization_id).app_policy
    rows = listing.listed(call.organization_id, account_id=call.actor.account_id)
    return {"apps": [{"app": _app(one.app), "state": one.state, "asked_by_you": one.mine,
                      "may_be_asked_for": not one.mine and one.installation is None and not list(life.why_not_ask(chosen, one.app, one.review, call.now))} for one in rows if one.state != "blocked"]}


def mine(call: Call) -> dict[str, Any]:
    """What apps hold of whoever calls."""
    assert call.actor.account_id is not None
    with tenancy.installation("apps of the caller's own organizations"):
        now, past = listing.mine(call.actor.account_id)
    return {"apps": [_mine(one) for one in now], "past": [_mine(one) for one in past]}


def _mine(one: listing.Mine) -> dict[str, Any]:
    row, grant = one.installation, one.grant
    return {"installation": str(row.id), "organization": str(row.organization_id), "app": row.app.name, "provider": row.app.provider, "provider_email": row.app.provider_email,
            "privacy_url": row.app.privacy_url, "categories": row.app.categories, "countries": row.app.countries, "state": row.state, "grant": str(grant.id) if grant else None,
            "allowed": grant.scopes if grant else [], "granted_at": plain(grant.granted_at) if grant else None, "ended_at": plain(grant.ended_at) if grant else None,
            "last_used_at": plain(grant.last_used_at) if grant else None, "installed_scopes": row.scopes}


_READ: dict[str, Any] = {"method": "GET", "part": "Organization"}
OPERATIONS = (
    Operation(name="apps", path="orgs/{slug}/apps/", summary="List the apps of the catalogue", permission=PERMISSION, run=listed,
              answers={200: thing({"policy": choice(*life.POLICIES), "apps": many(LISTED)})}, **_READ),
    Operation(name="app-queue", path="orgs/{slug}/apps/queue/", summary="List the apps that wait for a decision", permission=PERMISSION, run=queue,
              answers={200: thing({"apps": many(LISTED)})}, **_READ),
    Operation(name="app", path="orgs/{slug}/apps/{app_id}/", summary="Read one app", permission=PERMISSION, run=detail, answers={200: DETAIL}, **_READ),
    Operation(name="app-catalogue", path="orgs/{slug}/apps/catalogue/", summary="List the apps that people can use or ask for", run=catalogue, answers={200: thing({"apps": many(OFFER)})}, **_READ),
    Operation(name="me-apps", method="GET", path="me/apps/", part="Oneself", summary="Which apps hold data about oneself", who="session", run=mine,
              answers={200: thing({"apps": many(MINE), "past": many(MINE)})}),
)
