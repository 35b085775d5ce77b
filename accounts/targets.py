"""What powers act on besides people: the organization, an API token, a session, a row that names a new person."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db.models import Q
from django.utils import timezone

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.emails.collisions import closed_until, hold
from accounts.models import Account, ApiToken, Group, GroupMembership, Membership, OAuthApplication, Organization, OrganizationPolicy, Role, Service, Session, ValueDispute
from accounts.people import Person, load_addressed, load_people, load_self
from accounts.power import Data, Power
from accounts.reasons import Stale
from accounts.returning import deleted


@dataclass
class OrganizationTarget:
    organization: Organization
    kind: str = "organization"

    @property
    def id(self) -> UUID:
        return self.organization.id

    @property
    def label(self) -> str:
        return self.organization.name

    @property
    def version(self) -> tuple[int, ...]:
        return (self.organization.version,)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


@dataclass
class TokenTarget:
    token: ApiToken
    owner: Person
    kind: str = "api_token"

    @property
    def id(self) -> UUID:
        return self.token.id

    @property
    def label(self) -> str:
        return self.token.label

    @property
    def version(self) -> tuple[int, ...]:
        return (self.token.version,)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


@dataclass
class SessionTarget:
    session: Session
    kind: str = "session"

    @property
    def id(self) -> UUID:
        return self.session.id

    @property
    def label(self) -> str:
        return ""

    @property
    def version(self) -> tuple[int, ...]:
        return (0 if self.session.ended_at is None else 1,)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


@dataclass
class RoleTarget:
    """A role with everybody who holds it, directly or through a group."""

    role: Role
    holders: list[Person]
    groups: int
    kind: str = "role"

    @property
    def id(self) -> UUID:
        return self.role.id

    @property
    def organization(self) -> Organization:
        return self.role.organization

    @property
    def label(self) -> str:
        return self.role.name

    @property
    def version(self) -> tuple[int, ...]:
        return (self.role.version, len(self.holders), self.groups)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


@dataclass
class GroupTarget:
    """A group; its people are loaded where a role comes or goes with it."""

    group: Group
    role: Role | None
    size: int
    scoping: int
    """How many roles are limited to it."""
    members: list[Person] = field(default_factory=list)
    kind: str = "group"

    @property
    def id(self) -> UUID:
        return self.group.id

    @property
    def label(self) -> str:
        return self.group.name

    @property
    def version(self) -> tuple[int, ...]:
        return (self.group.version, self.size)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


@dataclass
class ServiceTarget:
    """A service of the organization."""

    service: Service
    client: OAuthApplication | None
    """How it signs people in, if it does."""
    kind: str = "service"

    @property
    def id(self) -> UUID:
        return self.service.id

    @property
    def label(self) -> str:
        return self.service.name

    @property
    def version(self) -> tuple[int, ...]:
        return (self.service.version,)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


@dataclass
class Row:
    """One line of an invitation or an import: an address, what is wanted for it, and who already has that address."""

    id: UUID
    number: int
    values: dict[str, Any]
    directory: Directory
    account: Account | None = None
    member: Person | None = None
    duplicate: bool = False
    corrected: dict[str, set[str]] = field(default_factory=dict)
    """By field, values that were corrected because the person said so."""
    contested: frozenset[str] = frozenset()
    """Fields of which the person says that they are not right."""
    closed_until: datetime | None = None
    """Somebody else gave the address up a short time ago; until then it is nobody's."""
    deleted: bool = False
    """Somebody with this address was deleted here: they do not come back unless somebody says why."""
    kind: str = "person"

    @property
    def label(self) -> str:
        return str(self.values.get("name") or self.values.get("email") or "")

    @property
    def version(self) -> tuple[int, ...]:
        return self.member.version if self.member else (0, self.account.version if self.account else 0)


@dataclass
class Directory:
    """The organization's roles, groups and services by the names people write."""

    organization: Organization
    roles: dict[str, Role] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    ends: dict[UUID, datetime | None] = field(default_factory=dict)
    """When the access of whoever invites comes to its end, once it was looked up."""
    numbers: OrganizationPolicy | None = None
    """The numbers of the organization, once they were looked up."""
    fields: frozenset[str] | None = None
    """Fields of profiles that a directory owns alone, once they were looked up."""


def directory(*, organization_id: UUID) -> Directory:
    """Roles by slug and name, groups and services by name, all case-folded."""
    found = Directory(organization=Organization.objects.get(id=organization_id))
    for role in Role.objects.filter(organization_id=organization_id):
        found.roles[role.slug.casefold()] = found.roles[role.name.casefold()] = role
    found.groups = {group.name.casefold(): group for group in Group.objects.filter(organization_id=organization_id)}
    for service in Service.objects.filter(organization_id=organization_id):
        found.services[service.slug.casefold()] = found.services[service.name.casefold()] = service
    return found


def load(*, power: Power, actor: Actor, ids: Iterable[UUID], data: Data, lock: bool) -> list[Any]:
    """The targets with these ids that the actor's scope contains, in a fixed order. Missing ones are simply not there."""
    ids = list(ids)
    if power.over == "own_account":
        return load_self(account_id=actor.account_id, lock=lock) if actor.account_id else []
    if power.over == "session":
        rows = Session.objects.filter(id__in=ids, account_id=actor.account_id).order_by("id")
        return [SessionTarget(row) for row in (rows.select_for_update() if lock else rows)]
    if actor.organization_id is None:
        return []
    if power.over == "member":
        return load_people(organization_id=actor.organization_id, ids=ids, lock=lock)
    if power.over == "organization":
        organizations = Organization.objects.filter(id=actor.organization_id)
        return [OrganizationTarget(row) for row in (organizations.select_for_update() if lock else organizations)]
    if power.over == "token":
        return _load_tokens(actor.organization_id, ids, lock)
    if power.over == "role":
        return [found for i in sorted(ids) if (found := _load_role(actor.organization_id, i, lock))]
    if power.over == "group":
        return [found for i in sorted(ids) if (found := _load_group(actor, i, data, lock))]
    if power.over == "service":
        return [found for i in sorted(ids) if (found := _load_service(actor.organization_id, i, lock))]
    return _load_rows(actor.organization_id, data["rows"], lock)


def _load_tokens(organization_id: UUID, ids: list[UUID], lock: bool) -> list[TokenTarget]:
    tokens = ApiToken.objects.filter(organization_id=organization_id, id__in=ids).order_by("id")
    tokens = list(tokens.select_for_update() if lock else tokens)
    owners = {p.membership.id: p for p in load_people(organization_id=organization_id, ids=[t.membership_id for t in tokens], lock=False) if p.membership}
    return [TokenTarget(token=token, owner=owners[token.membership_id]) for token in tokens]


def _load_role(organization_id: UUID, role_id: UUID, lock: bool) -> RoleTarget | None:
    """People are locked before the organization and what it owns, here and everywhere, so that nobody waits in a circle."""
    ids = _holders(organization_id, role_id)
    people = load_people(organization_id=organization_id, ids=ids, lock=lock)
    role = _held(Role, organization_id, role_id, lock)
    if role is not None and lock and set(_holders(organization_id, role_id)) != set(ids):
        raise Stale
    return RoleTarget(role=role, holders=people, groups=Group.objects.filter(organization_id=organization_id, role_id=role_id).count()) if role else None


def _holders(organization_id: UUID, role_id: UUID) -> list[UUID]:
    direct = Membership.objects.filter(organization_id=organization_id, role_id=role_id).exclude(status="removed").values_list("id", flat=True)
    return list(direct.union(GroupMembership.objects.filter(organization_id=organization_id, group__role_id=role_id).values_list("membership_id", flat=True)))


def _load_group(actor: Actor, group_id: UUID, data: Data, lock: bool) -> GroupTarget | None:
    organization_id = actor.organization_id
    assert organization_id is not None
    if actor.scope_groups is not None and group_id not in actor.scope_groups:
        return None
    members = GroupMembership.objects.filter(organization_id=organization_id, group_id=group_id).values_list("membership_id", flat=True)
    carries = bool(data.get("role")) or Group.objects.filter(organization_id=organization_id, id=group_id, role__isnull=False).exists()
    ids = list(members) if carries else []
    people = load_people(organization_id=organization_id, ids=ids, lock=lock)
    group = _held(Group, organization_id, group_id, lock)
    if group is None:
        return None
    if lock and ((carries and set(members.all()) != set(ids)) or (group.role_id is not None and not carries)):
        raise Stale
    scoping = Membership.objects.filter(organization_id=organization_id, role_scope__contains=[group_id]).exclude(status="removed").count()
    return GroupTarget(group=group, role=group.role, size=len(ids) if carries else members.count(), scoping=scoping, members=people)


def _load_service(organization_id: UUID, service_id: UUID, lock: bool) -> ServiceTarget | None:
    service = _held(Service, organization_id, service_id, lock)
    return ServiceTarget(service=service, client=OAuthApplication.objects.filter(service=service).first()) if service else None


def _held(model: type[Any], organization_id: UUID, row_id: UUID, lock: bool) -> Any:
    """The row; locked together with the organization's own row, under which names are given."""
    if lock:
        Organization.objects.select_for_update().get(id=organization_id)
        model.objects.select_for_update().filter(organization_id=organization_id, id=row_id).first()
    return model.objects.filter(organization_id=organization_id, id=row_id).select_related(*(["role"] if model is Group else ["organization"])).first()


FEW = 50
"""Up to so many rows, whoever wants one of their addresses at the same moment waits. Of more, the second meets the database's own refusal, and the batch is tried again."""


def _load_rows(organization_id: UUID, rows: list[dict[str, Any]], lock: bool) -> list[Row]:
    names = directory(organization_id=organization_id)
    keys = [address_key(str(row.get("email", ""))) for row in rows]
    if lock and len(keys) <= FEW:
        for key in sorted(set(keys)):
            hold(key)
    accounts = Account.objects.filter(email_key__in=keys).order_by("id")
    by_key = {account.email_key: account for account in (accounts.select_for_update() if lock else accounts)}
    by_account = {p.account.id: p for p in load_addressed(organization_id=organization_id, keys=keys, lock=lock)}
    closed = closed_until(keys=[key for key in keys if key not in by_key], organization_id=organization_id)
    gone = deleted(keys=keys, organization_id=organization_id, now=timezone.now())
    old, contested = _disputed(organization_id, list(by_account))
    seen: set[str] = set()
    found = []
    for number, (key, values) in enumerate(zip(keys, rows, strict=True), start=1):
        account = by_key.get(key)
        member = by_account.get(account.id) if account else None
        found.append(Row(id=uuid5(organization_id, f"row:{key}:{number}"), number=number, values=dict(values), directory=names,
                         account=member.account if member else account, member=member,
                         corrected=old.get(account.id, {}) if account else {},
                         contested=contested.get(account.id, frozenset()) if account else frozenset(), duplicate=key in seen, closed_until=closed.get(key),
                         deleted=key in gone and not _belongs(member)))
        seen.add(key)
    return found


def _belongs(person: Person | None) -> bool:
    """Whether somebody is here already, so that nobody has to be asked whether they may come back."""
    return person is not None and person.membership is not None and person.membership.status != "removed"


def _disputed(organization_id: UUID, accounts: list[UUID]) -> tuple[dict[UUID, dict[str, set[str]]], dict[UUID, frozenset[str]]]:
    """What these people had corrected, and what they contest now, by field."""
    old: dict[UUID, dict[str, set[str]]] = {}
    gone: dict[UUID, frozenset[str]] = {}
    rows = ValueDispute.objects.filter(Q(away=True) | Q(state__in=("corrected", "partly")), organization_id=organization_id, account_id__in=accounts)
    for account, name, value, away in rows.values_list("account_id", "field", "value", "away") if accounts else ():
        if away:
            gone[account] = gone.get(account, frozenset()) | {name}
        else:
            old.setdefault(account, {}).setdefault(name, set()).add(value)
    return old, gone


def members_of(targets: Iterable[Any]) -> list[Membership]:
    """The membership rows among these targets."""
    return [t.membership for t in targets if isinstance(t, Person) and t.membership is not None]
