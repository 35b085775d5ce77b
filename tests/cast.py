"""The cast: the same people with the same rights in every test, in organizations of their own."""
from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import access, notice_default, tenancy
from accounts.actor import Actor, Proof
from accounts.addresses import address_key
from accounts.models import Account, Management, Membership, Organization, Role, Service, ServiceAccess
from accounts.powers.grants import AccountAuthGroup
from accounts.roles import create_builtin_roles
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

PASSWORD = "correct horse battery staple"
_HASH = make_password(PASSWORD)
_numbers = itertools.count(1)
ROLES = ("owner", "administrator", "security", "privacy-officer", "people-manager", "app-manager", "legal", "help-desk", "auditor", "member")


@dataclass
class Org:
    organization: Organization
    roles: dict[str, Role]
    services: list[Service]
    people: dict[str, Membership] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.organization.slug

    def person(self, name: str) -> Membership:
        return self.people[name]

    def actor(self, name: str, *, tier: int = 2, now: datetime | None = None) -> Actor:
        """The named person as an actor who has just proved who they are (tier 0: long ago)."""
        membership = self.people[name]
        proof = {0: Proof(), 1: Proof(method="password", at=now or datetime.now(UTC)), 2: Proof(method="totp", at=now or datetime.now(UTC))}[tier]
        return access.actor_for(account_id=membership.account_id, organization_id=self.organization.id, proof=proof)


class World:
    """Northwind-like (managed and unmanaged people of every role) and Contoso-like (an owner and a member). The second is made when a test first speaks of it: most never do."""

    def __init__(self, north: Org | None = None) -> None:
        self._n = f"{next(_numbers)}-{uuid.uuid4().hex[:8]}"
        self.north = north or make_org(f"north-{self._n}", [*((role, role, True) for role in ROLES), ("second-owner", "owner", True), ("guest", "member", False), ("worker", "member", True)])

    @cached_property
    def contoso(self) -> Org:
        with tenancy.installation("tests make their world"):
            return make_org(f"contoso-{self._n}", [("owner", "owner", True), ("member", "member", False)])


def make_org(slug: str, people: list[tuple[str, str, bool]]) -> Org:
    now = datetime.now(UTC) - timedelta(days=1)
    with transaction.atomic():
        organization = Organization(id=uuid.uuid4(), slug=slug, name=slug.title(), created_at=now)
        with recording.opened(org=organization.id, now=now) as act:
            organization.save(force_insert=True)
            org = Org(organization=organization, roles=create_builtin_roles(organization=organization), services=[
                Service(id=uuid.uuid4(), organization=organization, slug=s, name=s.title(), created_at=now) for s in ("notes", "calendar")])
            Service.objects.bulk_create(org.services)
            add_people(org, people, now)
            notice_default.first(organization.id, now=now).save(force_insert=True)
            act.write([EntryDraft(org=organization.id, action="organization.created", category="organization", outcome="success",
                                  actor=ActorRef(type="operator"), targets=[TargetRef(type="organization", id=organization.id)], via="cli")])
    return org


def add_person(org: Org, name: str, role: str, managed: bool, now: datetime) -> Membership:
    add_people(org, [(name, role, managed)], now)
    return org.people[name]


def add_people(org: Org, people: list[tuple[str, str, bool]], now: datetime) -> None:
    """As many statements for many people as for one: nearly every test makes a world."""
    from allauth.account.models import EmailAddress

    added = []
    for name, role, _managed in people:
        address = f"{name}@{org.slug}.example"
        account = Account(id=uuid.uuid4(), email=address, email_key=address_key(address), name=f"{name.title()} Person", password=_HASH, created_at=now,
                          email_verified_at=now, has_second_factor=org.roles[role].rank >= 50)
        added.append(Membership(id=uuid.uuid4(), organization=org.organization, account=account, role=org.roles[role], status="active", joined_at=now, created_at=now))
        org.people[name] = added[-1]
    Account.objects.bulk_create([row.account for row in added])
    EmailAddress.objects.bulk_create([EmailAddress(user=row.account, email=row.account.email, verified=True, primary=True) for row in added])
    Membership.objects.bulk_create(added)
    AccountAuthGroup.objects.bulk_create([AccountAuthGroup(account=row.account, group_id=row.role.auth_group_id) for row in added])
    Management.objects.bulk_create([Management(id=uuid.uuid4(), organization=org.organization, account=row.account, basis="created_by_org", since=now)
                                    for row, (_name, _role, managed) in zip(added, people, strict=True) if managed])
    ServiceAccess.objects.bulk_create([ServiceAccess(id=uuid.uuid4(), organization=org.organization, membership=row, service=service, granted_at=now) for row in added for service in org.services])
