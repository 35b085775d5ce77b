"""A person as powers see them: account, membership, management, rank and what hangs on them, loaded set-based."""
from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from accounts.models import Account, GroupMembership, Management, Membership, Organization, Role
from accounts.models.account import AccountStatus
from accounts.models.membership import ManagementBasis, MembershipStatus
from accounts.purposes import ADMINISTRATION, handle
from accounts.roles import OWNER_RANK
from accounts.services import ways

STRICTNESS = ("purged", "pending_deletion", "locked", "deactivated", "removed", "suspended", "restricted", "invited", "active")
"""Strictest first (POWERS section 1): the effective status is the first that applies."""


def effective_status(*, account: str, membership: str) -> str:
    """The one status people are shown: the stricter of account and membership. The database trigger says the same."""
    return min((account, membership), key=STRICTNESS.index)


@dataclass
class Person:
    """One target of a power. `membership` is None when people act on their own account."""

    account: Account
    membership: Membership | None = None
    management: Management | None = None
    rank: int = 0
    group_ids: frozenset[UUID] = frozenset()
    protectors: frozenset[UUID] = frozenset()
    sessions: int = 0
    tokens: int = 0
    services: int = 0
    invitations: int = 0
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return self.membership.id if self.membership else self.account.id

    @property
    def kind(self) -> str:
        return "person"

    @property
    def managed(self) -> bool:
        return self.management is not None

    @property
    def governed(self) -> bool:
        """Whether a directory decides over the account's life and profile."""
        return self.management is not None and self.management.basis == ManagementBasis.SCIM

    @property
    def status(self) -> str:
        if self.membership is None:
            return self.account.status
        return effective_status(account=self.account.status, membership=self.membership.status)

    @property
    def stored_only(self) -> bool:
        """Whether what is held about the person may only be stored: nothing of it is shown in daily administration."""
        return self.membership is not None and self.membership.use_restricted and ADMINISTRATION not in self.membership.use_freed

    @property
    def is_owner(self) -> bool:
        return self.rank >= OWNER_RANK and self.membership is not None and self.membership.status != MembershipStatus.REMOVED

    @property
    def label(self) -> str:
        return self.account.name or self.account.email

    @property
    def version(self) -> tuple[int, int, int]:
        """What changes whenever a power changed anything about this person: the ETag and part of every digest."""
        return (self.membership.version if self.membership else 0, self.account.version, self.management.version if self.management else 0)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


def veiled(person: Person) -> Person:
    """The person as an organization may see them: as they are, or a handle in place of what is held about them, to be looked at and never written."""
    if not person.stored_only:
        return person
    assert person.membership is not None
    shown, account = copy(person.membership), copy(person.account)
    account.name, account.email, account.email_key = "", handle(person.id), handle(person.id)
    account.reason_code = account.reason_text = account.recovery_email = ""
    account.has_second_factor = False
    shown.title = shown.department = shown.reason_code = shown.reason_text = shown.private_note = shown.external_id = ""
    shown.set_aside = []
    shown.last_active_at = shown.joined_at = shown.identity_changed_at = None
    shown.account = account
    return replace(person, account=account, membership=shown, group_ids=frozenset(), sessions=0, tokens=0, services=0, invitations=0)


_HELD = f"""
  (SELECT COALESCE(max(gr.rank), 0) FROM accounts_groupmembership gm JOIN accounts_group g ON g.id = gm.group_id JOIN accounts_role gr ON gr.id = g.role_id WHERE gm.membership_id = m.id),
  ARRAY(SELECT gm.group_id FROM accounts_groupmembership gm WHERE gm.membership_id = m.id),
  CASE WHEN m.protected THEN ARRAY(SELECT p.administrator_id FROM accounts_protection p WHERE p.membership_id = m.id) END,
  (SELECT count(*) FROM accounts_session s WHERE s.account_id = m.account_id AND s.ended_at IS NULL),
  (SELECT count(*) FROM accounts_apitoken t WHERE t.membership_id = m.id AND t.state = 'active'),
  {ways.COUNT},
  (SELECT count(*) FROM accounts_membership i WHERE i.invited_by = m.id AND i.status = 'invited')"""
_LOCK = ("SELECT m.id FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id"
         " WHERE m.organization_id = %s AND {match} ORDER BY m.account_id, m.id FOR UPDATE OF m, a")
_MODELS: tuple[tuple[str, type[models.Model]], ...] = (("m", Membership), ("a", Account), ("r", Role), ("o", Organization), ("mg", Management))


@cache
def _sql() -> tuple[str, list[tuple[type[models.Model], list[str], slice]]]:
    """The one query behind every plan, and where each model's columns stand in its rows. Written out once: composing it
    by the ORM at each act would cost more than running it."""
    columns, places, at = [], [], 0
    for alias, model in _MODELS:
        fields = model._meta.concrete_fields
        columns += [f'{alias}."{f.column}"' for f in fields]
        places.append((model, [f.attname for f in fields], slice(at, at + len(fields))))
        at += len(fields)
    return (f"SELECT {', '.join(columns)}, {_HELD} FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id"
            " JOIN accounts_role r ON r.id = m.role_id JOIN accounts_organization o ON o.id = m.organization_id"
            " LEFT JOIN accounts_management mg ON mg.account_id = a.id AND mg.organization_id = m.organization_id"
            " WHERE m.organization_id = %s AND {match} ORDER BY m.account_id, m.id"), places


def _load(match: str, values: list[Any], *, lock: bool) -> list[Person]:
    sql, places = _sql()
    with connection.cursor() as cursor:
        if lock:  # in a statement of its own: what is read beside a row that we had to wait for would be as it was before the waiting, such as a management that has ended
            cursor.execute(_LOCK.replace("{match}", match), values)
            match, values = "m.id = ANY(%s)", [values[0], [row[0] for row in cursor.fetchall()]]
        cursor.execute(sql.replace("{match}", match), values)
        shared: dict[UUID, models.Model] = {}
        return [_person(row, places, shared) for row in cursor.fetchall()]


def _person(row: tuple[Any, ...], places: list[tuple[type[models.Model], list[str], slice]], shared: dict[UUID, models.Model]) -> Person:
    """The value for one row. Roles and the organization are the same objects for everybody who has them: nobody changes them here."""
    membership, account, role, organization, management = (
        None if row[place.start] is None else _once(model, names, row[place], shared) if model in _SHARED else model.from_db("default", names, row[place]) for model, names, place in places)
    membership.account, membership.role, membership.organization = account, role, organization
    group_rank, groups, protectors, sessions, tokens, services, invitations = row[places[-1][2].stop:]
    return Person(account=account, membership=membership, management=management, rank=max(role.rank, group_rank), group_ids=frozenset(groups),
                  protectors=frozenset(protectors or ()), sessions=sessions, tokens=tokens, services=services, invitations=invitations)


_SHARED = (Role, Organization)


def _once(model: type[models.Model], names: list[str], values: tuple[Any, ...], shared: dict[UUID, models.Model]) -> models.Model:
    if values[0] not in shared:
        shared[values[0]] = model.from_db("default", names, values)
    return shared[values[0]]


def load_people(*, organization_id: UUID, ids: Iterable[UUID], lock: bool) -> list[Person]:
    """The members with these ids, with everything a plan needs, in one query and a fixed order. `lock` holds membership and account rows until the transaction ends."""
    return _load("m.id = ANY(%s)", [organization_id, list(ids)], lock=lock)


def load_addressed(*, organization_id: UUID, keys: Iterable[str], lock: bool) -> list[Person]:
    """The members who have these addresses, given in comparison form."""
    return _load("a.email_key = ANY(%s)", [organization_id, list(keys)], lock=lock)


def load_self(*, account_id: UUID, lock: bool) -> list[Person]:
    """The person acting on their own account."""
    accounts = Account.objects.filter(id=account_id)
    if lock:
        accounts = accounts.select_for_update()
    return [Person(account=account, management=Management.objects.filter(account=account).first()) for account in accounts]


def usable_owners(*, organization_id: UUID, without: Iterable[UUID]) -> int:
    """Owners who can sign in now: active, verified, with a second factor (guard rail 1). Call under the organization's lock.

    A role that comes by a group counts like one's own. Nobody whose access or role has an end already counts: when it comes, others must be left.
    """
    groups = GroupMembership.objects.filter(organization_id=organization_id, group__role__rank__gte=OWNER_RANK)
    return Membership.objects.filter(
        models.Q(role__rank__gte=OWNER_RANK, role_until=None) | models.Q(id__in=groups.values("membership_id")), organization_id=organization_id,
        status__in=(MembershipStatus.ACTIVE, MembershipStatus.RESTRICTED),
        account__status=AccountStatus.ACTIVE, account__email_verified_at__isnull=False, account__has_second_factor=True,
        identity_changed_at__isnull=True, access_ends_at=None, account__access_ends_at=None,
    ).exclude(id__in=list(without)).count()
