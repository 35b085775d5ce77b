"""Saying what a directory governs: the one place where provisioning and single sign-on set it, and the operator until then."""
from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Group, Membership, Organization
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef


class Taken(Exception):
    """Another one of the organization has this external identifier."""


def membership(*, membership_id: UUID, governed: bool, external_id: str, actor: ActorRef, via: str, now: datetime) -> bool:
    """Put a membership under the directory, or take it out; and note what the directory knows the person by. False where it is so already. Needs to see the organization."""
    with transaction.atomic():
        account = Membership.objects.values_list("account_id", flat=True).get(id=membership_id)
        row = Membership.objects.select_for_update().get(id=membership_id)
        return _mark(row, governed, external_id, actor, via, now, subject=account,
                     targets=[TargetRef(type="person", id=account, subject=account), TargetRef(type="membership", id=row.id)])


def group(*, group_id: UUID, governed: bool, external_id: str, actor: ActorRef, via: str, now: datetime) -> bool:
    """The same for a group."""
    with transaction.atomic():
        row = Group.objects.get(id=group_id)
        Organization.objects.select_for_update().get(id=row.organization_id)
        row = Group.objects.select_for_update().get(id=group_id)
        return _mark(row, governed, external_id, actor, via, now, subject=None, targets=[TargetRef(type="group", id=row.id, label=row.name)])


def _mark(row: Any, governed: bool, external_id: str, actor: ActorRef, via: str, now: datetime, *, subject: UUID | None, targets: list[TargetRef]) -> bool:
    if (row.directory, row.external_id) == (governed, external_id):
        return False
    model = type(row)
    if external_id:
        Organization.objects.select_for_update().get(id=row.organization_id)
        if model.objects.filter(organization_id=row.organization_id, external_id=external_id).exclude(id=row.id).exists():
            raise Taken
    kind = model._meta.model_name
    with recording.opened(org=row.organization_id, now=now, subjects=[subject] if subject else []) as act:
        model.objects.filter(id=row.id).update(directory=governed, external_id=external_id, version=row.version + 1)
        act.write([EntryDraft(org=row.organization_id, action=f"{kind}.{'governed' if governed else 'released'}_by_directory", category="access" if kind == "membership" else "group",
                              outcome="success", actor=actor, via=via, targets=targets, facts={"external_id": bool(external_id)})])
    return True
