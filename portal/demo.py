"""The people of the demo: Northwind with about 200 in four services, Contoso small, and an operator."""
from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import notice_default
from accounts.addresses import address_key
from accounts.models import Account, Group, GroupMembership, GroupService, Management, Membership, Organization, Role, Service, ServiceAccess
from accounts.outbox import seal_text
from accounts.powers.grants import AccountAuthGroup
from accounts.roles import create_builtin_roles
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef
from portal import demo_notes

PASSWORD = "demo demo demo"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CAST = [("owner", "Olivia Okafor", "owner"), ("owner2", "Otto Lindqvist", "owner"), ("admin", "Priya Raman", "administrator"), ("security", "Sanne de Vries", "security"),
        ("manager", "Pavel Novák", "people-manager"), ("privacy", "Petra Hoffmann", "privacy-officer"), ("legal", "Leo Rossi", "legal"), ("helpdesk", "Hiro Tanaka", "help-desk"),
        ("auditor", "Ana Almeida", "auditor"), ("member", "Maya Cohen", "member")]
FIRST = ["Agnieszka", "Amara", "Arjun", "Beatriz", "Chiara", "Daan", "Dmitri", "Elif", "Emeka", "Fatima", "Freya", "Giulia", "Hana", "Ingrid", "Ivan", "Jin", "João", "Katarzyna", "Léa", "Lukas",
         "Mariam", "Mateo", "Min-jun", "Nadia", "Noor", "Oskar", "Paula", "Quentin", "Rania", "Sofia", "Tomás", "Uma", "Viktor", "Wei", "Yara", "Zoltán"]
LAST = ["Almeida", "Becker", "Castillo", "Dubois", "Eriksson", "Ferrari", "García", "Haddad", "Ivanova", "Jansen", "Kowalski", "Lopes", "Müller", "Nakamura", "Okonkwo", "Petrov", "Quispe", "Rossi",
        "Schmidt", "Szczepański", "Tamm", "Ueda", "Varga", "Wang", "Yılmaz", "Zhang"]
DEPARTMENTS = ["Engineering", "Finance", "Marketing", "Operations", "People", "Sales", "Support"]
SERVICES = [("notes", "Notes", "Shared notes and documents", ("user.name", "user.contact.email", "user.content.private")),
            ("calendar", "Calendar", "Meetings and rooms", ("user.name", "user.contact.email")),
            ("tickets", "Tickets", "Requests and incidents", ("user.name", "user.contact.email", "user.workplace")), ("drive", "Drive", "Files", ("user.name", "user.content.private"))]
"""Short name, name, what it is for, and which data about people it holds. Everybody has the calendar; the team Engineering has the tickets; of the others each has some."""


def make() -> None:
    """Make everything in one transaction, once, and only where no organization exists: a database that is in use never
    gets accounts whose password is known."""
    with installation("the demo makes organizations"), transaction.atomic():
        if Organization.objects.exists():
            demo_notes.follow(now=datetime.now(UTC))
            return
        now = datetime.now(UTC)
        chance = random.Random(20261123)  # noqa: S311  (the same demo everywhere)
        hashed = make_password(PASSWORD)
        _organization("northwind", "Northwind", [*CAST], 190, now, chance, hashed)
        _organization("contoso", "Contoso", [("owner", "Carla Mendes", "owner"), ("member", "Chris Walker", "member")], 8, now, chance, hashed)
        _operator(now, hashed)


def _organization(slug: str, name: str, cast: list[tuple[str, str, str]], more: int, now: datetime, chance: random.Random, hashed: str) -> None:
    organization = Organization(id=uuid.uuid4(), slug=slug, name=name, time_zone="UTC", contact_name="IT help", contact_email=f"help@{slug}.example", created_at=now - timedelta(days=400))
    with recording.opened(org=organization.id, now=now) as act:
        organization.save(force_insert=True)
        roles = create_builtin_roles(organization=organization)
        notice = notice_default.first(organization.id, now=organization.created_at)
        notice.save(force_insert=True)
        services = [Service(organization=organization, slug=s, name=n, description=d, categories=list(kinds), everyone="full" if s == "calendar" else "", created_at=now)
                    for s, n, d, kinds in SERVICES]
        Service.objects.bulk_create(services)
        groups = [Group(organization=organization, name=d, created_at=now) for d in DEPARTMENTS]
        Group.objects.bulk_create(groups)
        people = [(f"{local}@{slug}.example", full, roles[role], True) for local, full, role in cast]
        seen = {address_key(p[0]) for p in people}
        while len(people) < len(cast) + more:
            first, last = chance.choice(FIRST), chance.choice(LAST)
            address = f"{first}.{last}@{slug}.example".lower().replace(" ", "")
            if address_key(address) not in seen:
                seen.add(address_key(address))
                people.append((address, f"{first} {last}", roles["member"], chance.random() < 0.85))
        rows = _people(organization, people, now, chance, hashed, str(notice.id))
        _belongings(organization, rows, services, groups, now, chance)
        if slug == "northwind":
            demo_notes.make(services[0], now=now)
        act.write([EntryDraft(org=organization.id, action="organization.created", category="organization", outcome="success", actor=ActorRef(type="operator"),
                              targets=[TargetRef(type="organization", id=organization.id)], via="cli", facts={"people": len(rows)})])


def _people(organization: Organization, people: list[tuple[str, str, Role, bool]], now: datetime, chance: random.Random, hashed: str, notice: str) -> list[Membership]:
    accounts, memberships, managements, groups, addresses, factors = [], [], [], [], [], []
    for number, (address, name, role, managed) in enumerate(people):
        cast = number < len(CAST)
        factor = role.rank > 0 or (not cast and chance.random() < 0.6)
        last = now - timedelta(hours=chance.randint(1, 900)) if chance.random() < 0.93 else None
        account = Account(id=uuid.uuid4(), email=address, email_key=address_key(address), email_verified_at=now, name=name, password=hashed, created_at=now, has_second_factor=factor,
                          last_active_at=last)
        membership = Membership(id=uuid.uuid4(), organization=organization, account=account, role=role, status="active", joined_at=now - timedelta(days=chance.randint(1, 390)),
                                created_at=now, title=chance.choice(["", "Analyst", "Engineer", "Manager", "Specialist"]), department=chance.choice(DEPARTMENTS), last_active_at=last)
        if not cast and chance.random() < 0.04:
            membership.status, membership.reason_code, membership.status_changed_at = "suspended", "absence", now - timedelta(days=3)
        accounts.append(account)
        memberships.append(membership)
        addresses.append(EmailAddress(user=account, email=address, verified=True, primary=True))
        groups.append(AccountAuthGroup(account=account, group_id=role.auth_group_id))
        if factor:
            factors.append(Authenticator(user=account, type=Authenticator.Type.TOTP, data={"secret": seal_text(TOTP_SECRET)}))
        if managed:
            managements.append(Management(organization=organization, account=account, basis="created_by_org", since=now - timedelta(days=300), notice_version=notice))
    for model, rows in ((Account, accounts), (EmailAddress, addresses), (Membership, memberships), (Management, managements), (AccountAuthGroup, groups), (Authenticator, factors)):
        model.objects.bulk_create(rows)
    return memberships


def _belongings(organization: Organization, rows: list[Membership], services: list[Service], groups: list[Group], now: datetime, chance: random.Random) -> None:
    by_name = {group.name: group for group in groups}
    GroupMembership.objects.bulk_create(GroupMembership(organization=organization, group=by_name[row.department], membership=row) for row in rows)
    GroupService.objects.create(organization=organization, group=by_name["Engineering"], service=next(one for one in services if one.slug == "tickets"), state="full", granted_at=now)
    ServiceAccess.objects.bulk_create(ServiceAccess(organization=organization, membership=row, service=service, granted_at=now)
                                      for row in rows for service in services if service.slug != "calendar" and chance.random() < 0.75)


def _operator(now: datetime, hashed: str) -> None:
    account = Account(id=uuid.uuid4(), email="operator@steward.example", email_key="operator@steward.example", email_verified_at=now, name="Installation operator", password=hashed,
                      created_at=now, is_operator=True)
    with recording.opened(org=INSTALLATION, now=now) as act:
        account.save(force_insert=True)
        EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
        act.write([EntryDraft(org=INSTALLATION, action="operator.created", category="installation", outcome="success", actor=ActorRef(type="operator"),
                              targets=[TargetRef(type="person", id=account.id, subject=account.id)], via="cli")])


def how_to_sign_in() -> str:
    """The lines that follow the readiness line."""
    with installation("is this the demo?"):
        if not Organization.objects.filter(slug="northwind").exists():
            return "This database has organizations of its own, so no demo was made.\n"
    rows = [("owner", "owner@northwind.example"), ("administrator", "admin@northwind.example"), ("help desk", "helpdesk@northwind.example"), ("auditor", "auditor@northwind.example"),
            ("member", "member@northwind.example"), ("operator", "operator@steward.example")]
    lines = [f"  {role:<14} {address}" for role, address in rows]
    return "\n".join([
        f"Sign in with the password “{PASSWORD}” as:", *lines,
        "Administrators need a second factor, already set up for them: add the secret",
        f"  {TOTP_SECRET}",
        "to an authenticator app (one minute), or print the present code with: python manage.py demo_code",
        f"Mail stays here: {settings.STEWARD_URL}/mailbox/",
        *([f"Northwind’s Notes, a service that people sign in to with their account, is at {demo_notes.address()}/"] if demo_notes.address() and demo_notes.file().exists() else []), ""])
