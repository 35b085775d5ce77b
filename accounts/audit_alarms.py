"""Alarms: when the log does not verify, or a drill was not caught, everybody is told who may read the log."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from accounts import access, outbox
from accounts.actor import Proof
from accounts.models import Account, GroupMembership, Membership, Organization, Role
from audit import drill, selfcheck
from audit.subscribers import Sealed, Subscriber

PERMISSION = "view_audit"


def handle(batch: list[Sealed]) -> None:
    """Owe the mails about findings. That everything is well is in the log, and nobody is woken for it."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first() if sealed.outcome != "success" else None
        if organization is not None:
            context = {"organization": organization.name, "drill": sealed.action == drill.ACTION, "facts": sealed.record.get("facts", {}), "reference": f"{sealed.seq}",
                       "when": sealed.record["occurred_at"][:16].replace("T", " "), "page": settings.STEWARD_URL + reverse("audit", args=[organization.slug])}
            for account in readers(organization):
                outbox.owe(template="audit-alarm", account=account, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


def readers(organization: Organization) -> Iterator[Account]:
    """Who may read this log: by their own role, or by a group's."""
    roles = [role.id for role in Role.objects.filter(organization=organization) if PERMISSION in role.permissions]
    groups = GroupMembership.objects.filter(organization=organization, group__role__in=roles)
    rows = Membership.objects.filter(Q(role__in=roles) | Q(id__in=groups.values("membership_id")), organization=organization, status="active", account__status="active", account__kind="person")
    for membership in rows.select_related("account").order_by("id"):
        found = access.standing(account_id=membership.account_id, organization_id=organization.id)
        actor = access.actor_in(found, proof=Proof()) if found else None
        if actor is not None and actor.may(PERMISSION):
            yield membership.account


SUBSCRIBER = Subscriber(name="alarms", handle=handle, actions=frozenset({selfcheck.ACTION, drill.ACTION}))
