"""May this person use this service now? Asked whenever somebody signs in to it and whenever a token of theirs is used there (POWERS P2)."""
from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from accounts import access
from accounts.models import Service, ServiceAccess
from accounts.services import ways
from accounts.tenancy import installation

NOTED = timedelta(minutes=10)


def refusal(*, account_id: UUID, service_id: UUID, now: datetime) -> str:
    """Why the person may not use the service now, as a code, or ''. Works in every scope: a service names its organization."""
    return _found(account_id, service_id, now)[1]


def level(*, account_id: UUID, service_id: UUID, now: datetime) -> str:
    """How far the person may go there: 'full', 'read_only', or '' for not at all. The service is told it as the claim `access`."""
    return _found(account_id, service_id, now)[0]


def used(*, account_id: UUID, service_id: UUID, now: datetime) -> None:
    """Note that the person is using the service, at most once in ten minutes, where they have access of their own. Not an act: the column says only when something was last used."""
    with installation("a service names its organization"):
        rows = ServiceAccess.objects.filter(service_id=service_id, membership__account_id=account_id)
        rows.filter(Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED)).update(last_used_at=now)


def at(standing: access.Standing, service: Service) -> tuple[str, str]:
    """How far the person may go at the service, and why not, for whoever knows how they stand in its organization. Needs the reach."""
    if standing.refusal:
        return "", standing.refusal
    if service.state != "active":
        return "", "service_suspended"
    found = ways.level(membership_id=standing.membership_id, service_id=service.id)
    return (found, "") if found else ("", "no_service_access")


def _found(account_id: UUID, service_id: UUID, now: datetime) -> tuple[str, str]:
    with installation("a service names its organization"):
        service = Service.objects.filter(id=service_id).only("organization_id", "state").first()
        if service is None:
            return "", "unknown_service"
        standing = access.standing(account_id=account_id, organization_id=service.organization_id, now=now)
        return at(standing, service) if standing is not None else ("", "not_a_member")
