"""Entering an organization: the one place where a page learns who acts, in which organization, with what rights."""
from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest
from django.utils import timezone

from accounts import access, fetch, tenancy
from accounts.actor import Actor
from accounts.models import Membership, Organization
from accounts.models.organization import OrganizationStatus
from accounts.organizations import slugs
from accounts.reasons import NotFound
from accounts.seen import seen_in
from portal import reading, zones
from portal.views.stepup import proof_of


class Door(Exception):
    """The person belongs here but may not come in now; `code` says why, `membership` what they are told."""

    def __init__(self, code: str, membership: Membership) -> None:
        self.code, self.membership = code, membership
        super().__init__(code)


class Moved(Exception):
    """The organization that had this address has another one now, and the person is or was in it."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(slug)


def enter(request: HttpRequest, slug: str, *, permission: str | None = None, by_right: bool = False) -> Actor:
    """The actor for this person in this organization, with the scope set; foreign and unknown ones raise NotFound.

    The session must know the membership's present access epoch: whoever was suspended or signed out of the
    organization signs in again first. `by_right`: what the person does is theirs by right, so it is open to
    them while their access is suspended; they come in without any power over others.
    """
    if not request.user.is_authenticated:
        raise NotFound
    organization = fetch.one(Organization, "slug", slug)
    if organization is not None and organization.status == OrganizationStatus.DELETED:
        raise NotFound
    if organization is None:
        raise Moved(new) if (new := slugs.moved(slug, account_id=request.user.id, now=timezone.now())) else NotFound
    tenancy.set_request_scope(org=organization.id, account=request.user.id, purpose=_purpose(request))
    found = access.standing(account_id=request.user.id, organization_id=organization.id)
    if found is None or found.refusal == "not_a_member":
        raise NotFound
    code = found.refusal or ("" if _knows_epoch(request, str(organization.id), found.access_epoch) else "sign_in_again")
    if code == "suspended" and by_right:
        request.organization = organization  # type: ignore[attr-defined]
        return replace(access.actor_in(found, proof=proof_of(request), session_id=request.steward_session.id), rank=0, permissions=frozenset())  # type: ignore[attr-defined]
    if code:
        raise _door(code, found)
    actor = access.actor_in(found, proof=proof_of(request), session_id=request.steward_session.id)  # type: ignore[attr-defined]
    request.organization, request.actor, request.standing = organization, actor, found  # type: ignore[attr-defined]
    zones.use(request.user.time_zone, organization.time_zone)
    if permission is not None and (found.needs_enrolment or found.doubted) and permission in found.permissions:
        raise _door("enrol" if found.needs_enrolment else "doubted", found)
    if not actor.may(permission):
        raise NotFound
    seen_in(membership_id=found.membership_id, before=found.last_active_at, now=timezone.now())
    return actor


def _purpose(request: HttpRequest) -> str:
    """What this address reads people for: the operation of the API said so, or the list of pages does."""
    said: str | None = getattr(request, "purpose", None)
    return reading.of_page(request.resolver_match.url_name if request.resolver_match else None) if said is None else said


def moved(request: HttpRequest, slug: str) -> str:
    """The same address with the organization's present name in it."""
    old = request.resolver_match.kwargs["slug"] if request.resolver_match else ""
    return request.get_full_path().replace(f"/{old}/", f"/{slug}/", 1)


def _door(code: str, found: access.Standing) -> Door:
    return Door(code, Membership.objects.select_related("organization").get(id=found.membership_id))


def _knows_epoch(request: HttpRequest, organization_id: str, epoch: int) -> bool:
    known = request.session.get("steward_epochs", {})
    if organization_id not in known and epoch == 1:
        known[organization_id] = 1
        request.session["steward_epochs"] = known
    return known.get(organization_id) == epoch


def myself(request: HttpRequest) -> Actor:
    """The person acting on their own account."""
    return access.own_actor(account=request.user, proof=proof_of(request), session_id=request.steward_session.id)  # type: ignore[attr-defined]
