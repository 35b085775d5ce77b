"""What is so of somebody, in codes, days and random numbers: what a line of the ledger says when something about it changed. Read when the line is written; the last line counts."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.communications import choices
from audit import retention
from audit.models import Hold
from dsar.ledger.file import Draft
from dsar.relays.models import OPEN, Relay, Type
from dsar.restriction.model import Restriction


@dataclass(frozen=True)
class Happened:
    """An entry of the log, as far as it says whom it is about."""

    event: UUID
    action: str
    org: UUID
    at: datetime
    people: tuple[UUID, ...]
    """Accounts, of services too."""
    members: tuple[UUID, ...]
    """Memberships that it names."""
    tokens: tuple[UUID, ...] = ()
    targets: tuple[tuple[str, UUID], ...] = ()
    """Everything that it names, with what it is."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else it says: only to find the row that it is about, never to be written."""

    def named(self, type: str) -> list[UUID]:
        return list(dict.fromkeys(number for kind, number in self.targets if kind == type))


_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
_CODES = frozenset({"reason_code", "was_reason_code", "ended_reason", "restricted_mode", "ended_why", "ground", "trigger", "use_freed", "freeing", "freed"})

Read = Callable[[Happened], Iterable[Draft]]


def rows(sql: str, **values: object) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, map(plain, row), strict=True)) for row in cursor.fetchall()]


def plain(value: Any) -> str | int | bool | None:
    """As a line holds it: text, whole numbers, yes and no; several in one text."""
    if isinstance(value, list | tuple):
        return " ".join(str(plain(one)) for one in value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def draft(kind: str, happened: Happened, /, *, org: UUID | None, subject: UUID | None, **facts: Any) -> Draft:
    return Draft(kind, org, subject, {"event": str(happened.event), **{name: code(value) if name in _CODES else plain(value) for name, value in facts.items()}})


def code(value: Any) -> str:
    """Grounds, purposes and the like as codes; whatever is none is not written."""
    return " ".join(one for one in str(plain(value) or "").split() if _CODE.fullmatch(one))


def accounts(happened: Happened) -> Iterable[Draft]:
    for row in rows("SELECT id, status, reason_code, status_until, access_ends_at, reset_required_at, gpc_at, auth_epoch, credential_epoch, is_operator, refuses_invitations, reported_at"
                    " FROM accounts_account WHERE id = ANY(%(ids)s) AND status <> 'purged'", ids=list(happened.people)):
        yield draft("account.state", happened, org=None, subject=UUID(row.pop("id")), **row)


def memberships(happened: Happened) -> Iterable[Draft]:
    """Of the memberships that are named; where none is, of those in the organization whose log it is."""
    for row in rows("""SELECT m.id, m.account_id, m.organization_id, m.status, m.reason_code, m.status_until, m.access_ends_at, m.restricted_mode, m.role_id AS role, r.rank, m.role_until, m.protected,
      m.use_restricted, m.use_freed, m.access_epoch, m.contract_ends_on, m.reset_required_at,
      (SELECT array_agg(p.administrator_id ORDER BY p.administrator_id) FROM accounts_protection p WHERE p.membership_id = m.id) AS administrators,
      CASE WHEN m.status = 'restricted' THEN (SELECT array_agg(s.service_id || '=' || s.state ORDER BY s.service_id)
       FROM (SELECT * FROM accounts_serviceaccess WHERE membership_id = m.id LIMIT 100) s) END AS services
      FROM accounts_membership m JOIN accounts_role r ON r.id = m.role_id
      WHERE m.id = ANY(%(members)s) OR (%(members)s = '{}' AND m.account_id = ANY(%(people)s) AND m.organization_id = %(org)s)""",
                    members=list(happened.members), people=list(happened.people), org=happened.org):
        yield draft("membership.state", happened, org=UUID(row.pop("organization_id")), subject=UUID(row.pop("account_id")), membership=row.pop("id"), **row)


def restrictions(happened: Happened) -> Iterable[Draft]:
    for row in Restriction.objects.filter(organization_id=happened.org, account_id__in=happened.people).order_by("began_at"):
        yield draft("restriction.state", happened, org=row.organization_id, subject=row.account_id, restriction=row.id, **{
            name: getattr(row, name) for name in ("state", "what", "trigger", "by_person", "began_at", "object_by", "confirmed_at", "ground", "freeing", "freed", "lift_at", "lifted_at")})


def consents(happened: Happened) -> Iterable[Draft]:
    """What somebody chose last of each kind, in each organization."""
    by_place: dict[tuple[UUID, UUID], dict[str, str]] = {}
    for (account, organization, kind), line in choices.latest(account_ids=happened.people).items():
        by_place.setdefault((account, organization), {})[kind] = f"{'on' if line.wanted else 'off'} {line.how} {line.at.isoformat()}"
    for (account, organization), chosen in sorted(by_place.items()):
        yield draft("consent.state", happened, org=organization, subject=account, **chosen)


def tokens(happened: Happened) -> Iterable[Draft]:
    """Tokens that this entry ended, or found ended."""
    for row in rows("SELECT id, account_id, organization_id, state, ended_at, ended_reason FROM accounts_apitoken WHERE state <> 'active' AND (id = ANY(%(ids)s)"
                    " OR (account_id = ANY(%(people)s) AND ended_at >= %(at)s))", ids=list(happened.tokens), people=list(happened.people), at=happened.at):
        yield draft("token.state", happened, org=UUID(row.pop("organization_id")), subject=UUID(row.pop("account_id")), token=row.pop("id"), **row)


def deletions(happened: Happened) -> Iterable[Draft]:
    found = {row["account_id"]: row for row in rows(
        "SELECT account_id, organization_id, state, by_person, asked_by, reason_code, scheduled_at, term, purge_at, expedited_by, address_released, was_status, was_reason_code, was_until"
        " FROM accounts_deletion WHERE account_id = ANY(%(ids)s)", ids=list(happened.people))}
    for account in happened.people:
        row = found.get(str(account), {"organization_id": None})
        organization = row.pop("organization_id")
        yield draft("deletion.state", happened, org=UUID(organization) if organization else None, subject=account, there=bool(row),
                    **{name: value for name, value in row.items() if name != "account_id"})


def managements(happened: Happened) -> Iterable[Draft]:
    """Which organization manages an account: where it no longer does, an older database must not say so."""
    found = {row["account_id"]: row for row in rows("SELECT account_id, organization_id FROM accounts_management WHERE account_id = ANY(%(ids)s)", ids=list(happened.people))}
    for account in happened.people:
        row = found.get(str(account))
        yield draft("management.state", happened, org=UUID(row["organization_id"]) if row else None, subject=account)


def holds(happened: Happened) -> Iterable[Draft]:
    """The holds on a log that this entry placed or released. The words of the matter stay in the log."""
    for row in Hold.objects.filter(org=happened.org).order_by("since"):
        if max(row.since, row.released_at or row.since) >= happened.at:
            yield draft("hold.state", happened, org=row.org, subject=row.subject, hold=row.id, kind=row.kind, first_day=row.first_day, last_day=row.last_day, since=row.since, by=row.by,
                        within=row.within, released_at=row.released_at, released_by=row.released_by)


def relays(happened: Happened) -> Iterable[Draft]:
    """What programs were asked to delete: one that was restored from a backup of its own, or that we would forget to ask, is asked again."""
    for row in Relay.objects.filter(organization_id=happened.org, account_id__in=happened.people, type=Type.ERASURE, state__in=OPEN).defer("answer").order_by("id"):
        yield draft("relay.erasure", happened, org=row.organization_id, subject=row.account_id, relay=row.id, responder=row.responder_id, cause=row.cause, asked_at=row.asked_at,
                    respond_by=row.respond_by)


def keeping(happened: Happened) -> Iterable[Draft]:
    """For how many years the log is kept."""
    found = retention.current(org=happened.org)
    yield draft("keeping.state", happened, org=happened.org, subject=None, years=retention.years(found.retention), agreed_by=found.agreed_by)


def passwords(happened: Happened) -> Iterable[Draft]:
    """A password or a second factor became another one: the old one of an older database must open nothing any more."""
    for account in happened.people:
        yield draft("credentials.changed", happened, org=None, subject=account, at=happened.at)


def addresses(happened: Happened) -> Iterable[Draft]:
    """The address became another one: whoever has the old mailbox must not be let in by an older database."""
    for account in happened.people:
        yield draft("address.changed", happened, org=None, subject=account, at=happened.at)


def seen(happened: Happened) -> Iterable[Draft]:
    """Something about which a restored database can only be told: it is counted and shown to whoever restores."""
    yield draft("told.only", happened, org=happened.org, subject=happened.people[0] if happened.people else None, action=happened.action, row=happened.event)
