"""A new organization: its roles, its first notice and its owner, in one act that is the first entry of its log."""
from __future__ import annotations

import uuid
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import notice_default
from accounts.models import Account, Membership, Organization
from accounts.organizations import slugs
from accounts.powers import naming
from accounts.powers.grants import AccountAuthGroup
from accounts.roles import create_builtin_roles
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef


def problem(owner: Account) -> str:
    """Why this account cannot own an organization, as a reason code, or ''. An owner has to be able to sign in and to prove it twice."""
    if owner.kind != "person" or owner.status != "active":
        return "wrong_status"
    if owner.email_verified_at is None:
        return "address_unverified"
    if owner.reported_at is not None:
        return "account_reported"
    return "" if owner.has_second_factor else "no_second_factor"


def clean(name: str, slug: str, *, now: datetime) -> tuple[str, str]:
    """Name and address as they are kept. Raises ValidationError with plain words; a taken address and one that is nobody's are the same answer."""
    name, slug = naming.clean(name), slugs.clean(slug)
    if not slugs.free(slug, own=uuid.UUID(int=0), now=now):
        raise ValidationError(_("This address cannot be used. Choose another one."), code="address_taken")
    return name, slug


def create(*, name: str, slug: str, time_zone: str, owner: Account, actor: ActorRef, via: str, now: datetime) -> Organization:
    """Make it. The address is held while it is decided, so of two who want it at once one is told. Raises ValidationError."""
    with installation("a new organization"), transaction.atomic():
        slugs.hold()
        name, slug = clean(name, slug, now=now)
        organization = Organization(id=uuid.uuid4(), slug=slug, name=name, time_zone=time_zone or "UTC", created_at=now)
        with recording.opened(org=organization.id, now=now, subjects=[owner.id]) as act:
            organization.save(force_insert=True)
            slugs.take(organization, slug)
            roles = create_builtin_roles(organization=organization)
            notice_default.first(organization.id, now=now).save(force_insert=True)
            membership = Membership.objects.create(organization=organization, account=owner, role=roles["owner"], status="active", joined_at=now, created_at=now)
            AccountAuthGroup.objects.create(account=owner, group_id=roles["owner"].auth_group_id)
            act.write([EntryDraft(org=organization.id, action="organization.created", category="organization", outcome="success", actor=actor, via=via,
                                  targets=[TargetRef(type="organization", id=organization.id), TargetRef(type="person", id=owner.id, label=owner.name, subject=owner.id),
                                           TargetRef(type="membership", id=membership.id)], facts={"slug": slug})])
    return organization
