"""Oneself: who one is, where one is signed in, what administrators did and could do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core import signing
from django.db.models import Q

from accounts import acknowledging
from accounts.models import Account, Membership, Organization, Session
from accounts.models.membership import ManagementBasis
from accounts.notices import of as own_notices
from accounts.reasons import NotFound
from accounts.work import plain
from portal import who
from portal.api import parameters, shapes, shapes_self
from portal.api.operation import Call, Operation
from portal.api.people import fitting, lost_place, session_json
from portal.powers import POWERS

_SIGNER = signing.Signer(salt="steward.api.mine")


def me(call: Call) -> dict[str, Any]:
    """Who the caller is."""
    a = call.actor
    return {"account_id": str(a.account_id), "name": a.name, "email": a.email, "kind": a.kind, "token_id": str(a.token_id) if a.token_id else None}


def profile(call: Call) -> dict[str, Any]:
    """What the person says about themselves here."""
    a = Account.objects.get(id=call.actor.account_id)
    return {
        "account_id": str(a.id),
        "name": a.name,
        "email": a.email,
        "language": a.language,
        "time_zone": a.time_zone,
        "refuses_invitations": a.refuses_invitations,
        "second_factor": a.has_second_factor,
        "created_at": plain(a.created_at),
    }


def _self(call: Call) -> UUID:
    assert call.actor.account_id is not None
    return call.actor.account_id


def _only(call: Call) -> UUID | None:
    """A token sees only the organization that it was made for."""
    return call.actor.organization_id if call.actor.kind == "api_token" else None


def _memberships(call: Call) -> list[Membership]:
    return who.memberships(_self(call), only=_only(call))


def organizations(call: Call) -> dict[str, Any]:
    """The caller's organizations."""
    return {
        "organizations": [
            {"slug": r.organization.slug, "name": r.organization.name, "membership_id": str(r.id), "status": r.status, "role": r.role.slug} for r in _memberships(call) if r.status != "removed"
        ]
    }


def standing(call: Call) -> dict[str, Any]:
    """The organization, and what the caller may do in it now."""
    row, a = Organization.objects.get(id=call.organization_id), call.actor
    return {
        "slug": row.slug,
        "name": row.name,
        "time_zone": row.time_zone,
        "membership_id": str(a.membership_id) if a.membership_id else None,
        "rank": a.rank,
        "tier": a.tier(call.now),
        "permissions": sorted(a.permissions),
    }


def sessions(call: Call) -> dict[str, Any]:
    """Where the person is signed in."""
    return {"sessions": [session_json(row) for row in Session.objects.filter(account_id=call.actor.account_id, ended_at=None).order_by("-last_seen_at")[:100]]}


def invitations(call: Call) -> dict[str, Any]:
    """Invitations that wait for the person's answer."""
    return {
        "invitations": [
            {"membership_id": str(r.id), "organization": r.organization.name, "role": r.role.slug, "invited_at": plain(r.invited_at), "expires_at": plain(r.invitation_expires_at)}
            for r in _memberships(call)
            if r.status == "invited"
        ]
    }


def ledger(call: Call) -> dict[str, Any]:
    """What administrators did to the caller, newest first, in words; never who else was concerned."""
    try:
        found, older = who.acts(_self(call), only=_only(call), cursor=call.query.get("cursor", ""), size=call.query.get("limit", 25))
    except who.LostPlace:
        raise lost_place() from None
    return {"acts": [_act(one) for one in found], "next": older or None}


def _act(one: who.Act) -> dict[str, Any]:
    line = one.line
    return {
        "id": str(line.id),
        "at": plain(line.at),
        "organization": one.organization.slug,
        "event": line.action,
        "text": line.text,
        "by": line.actor,
        "role": one.role,
        "reason_code": line.reason,
        "ground": one.ground,
        "message": line.why,
        "ended": {k: v for k, v in line.ended.items() if isinstance(v, int)},
    }


def my_powers(call: Call) -> dict[str, Any]:
    """Which organization can do what to the caller's membership and account, on what basis, since when."""
    return {
        "organizations": [
            {
                "organization": hold.organization.slug,
                "name": hold.organization.name,
                "managed": hold.management is not None,
                "basis": hold.management.basis if hold.management else "membership",
                "basis_text": str(ManagementBasis(hold.management.basis).label) if hold.management else "",
                "since": plain(hold.since),
                "notice_version": hold.notice.number if hold.notice else None,
                "powers": [
                    {"power": p.slug, "title": str(p.title), "does": str(p.does), "reach": "account" if p.account_power else "membership"}
                    for p in POWERS
                    if p in (*hold.over_membership, *hold.over_account)
                ],
            }
            for hold in who.holds(_self(call), only=_only(call))
        ]
    }


def notices(call: Call) -> dict[str, Any]:
    """The mails that the caller was sent, newest first: what is to be known stands here too."""
    cursor, size = None, call.query.get("limit", 25)
    if "cursor" in call.query:
        try:
            what, account, at, last = _SIGNER.unsign_object(call.query["cursor"])
        except (signing.BadSignature, ValueError, TypeError):
            what, account, at, last = "", "", None, None
        fitting((what, account) != ("notices", str(call.actor.account_id)))
        cursor = Q(created_at__lt=at) | Q(created_at=at, id__lt=last)
    slugs = {r.organization_id: r.organization.slug for r in _memberships(call)}
    assert call.actor.account_id is not None
    rows = own_notices(call.actor.account_id).order_by("-created_at", "-id")
    if call.actor.kind == "api_token":
        rows = rows.filter(organization_id=call.actor.organization_id)
    found = list(rows.filter(cursor)[: size + 1]) if cursor is not None else list(rows[: size + 1])
    shown = found[:size]
    return {
        "notices": [
            {
                "id": str(m.id),
                "organization": slugs.get(m.organization_id) if m.organization_id else None,
                "subject": m.subject,
                "text": m.body,
                "created_at": plain(m.created_at),
                "read_at": plain(m.read_at),
                "asks": m.asks or None,
                "acknowledged_at": plain(m.acknowledged_at),
            }
            for m in shown
        ],
        "next": _SIGNER.sign_object(["notices", str(call.actor.account_id), plain(shown[-1].created_at), str(shown[-1].id)]) if len(found) > size else None,
    }


def read_notice(call: Call) -> dict[str, Any]:
    """The caller has seen it."""
    wanted: UUID = call.ids["notice_id"]
    assert call.actor.account_id is not None
    rows = own_notices(call.actor.account_id).filter(id=wanted)
    if not rows.exists():
        raise NotFound
    rows.filter(read_at=None).update(read_at=call.now)
    return {"id": str(wanted), "read_at": plain(rows.get().read_at)}


def acknowledge_notice(call: Call) -> dict[str, Any]:
    """The caller says that they have read it."""
    wanted: UUID = call.ids["notice_id"]
    return {"id": str(wanted), "acknowledged_at": plain(acknowledging.confirm(actor=call.actor, mail_id=wanted, now=call.now))}


_PAGE = (parameters.P_CURSOR, parameters.P_LIMIT)


def _get(name: str, path: str, summary: str, run: Any, shape: Any, **more: Any) -> Operation:
    return Operation(name=name, method="GET", path=path, part="Oneself", summary=summary, run=run, answers={200: shape}, **{"who": "person", **more})


OPERATIONS = (
    _get("organization", "orgs/{slug}/", "The organization, and what you may do in it", standing, shapes_self.STANDING, who="member"),
    _get("me", "me/", "Who you are", me, shapes_self.ME),
    _get("me-profile", "me/profile/", "Your profile", profile, shapes_self.PROFILE, who="session", refusals=(403,)),
    _get("me-organizations", "me/organizations/", "Your organizations", organizations, shapes_self.ORGANIZATIONS),
    _get("me-sessions", "me/sessions/", "Where you are signed in", sessions, shapes.SESSIONS, who="session", refusals=(403,)),
    _get("me-invitations", "me/invitations/", "Invitations that wait for your answer", invitations, shapes_self.INVITATIONS, who="session", refusals=(403,)),
    _get("me-ledger", "me/ledger/", "What administrators did to you", ledger, shapes_self.LEDGER, query=_PAGE),
    _get("me-powers", "me/powers/", "Which organization can do what to you", my_powers, shapes_self.MY_POWERS),
    _get("me-notices", "me/notices/", "Your notices", notices, shapes_self.NOTICES, query=_PAGE),
    Operation(
        name="me-notice-read",
        method="POST",
        path="me/notices/{notice_id}/read/",
        part="Oneself",
        summary="Mark a notice as read",
        who="session",
        run=read_notice,
        refusals=(403,),
        answers={200: shapes.thing({"id": shapes.ID, "read_at": shapes.MAYBE_STAMP})},
    ),
    Operation(
        name="me-notice-acknowledge",
        method="POST",
        path="me/notices/{notice_id}/acknowledge/",
        part="Oneself",
        summary="Confirm that you have read a notice",
        about="For notices that ask for it. It says that you read it, not that you agree, and is recorded.",
        who="session",
        run=acknowledge_notice,
        refusals=(403,),
        answers={200: shapes.thing({"id": shapes.ID, "acknowledged_at": shapes.STAMP})},
    ),
)
