"""Whose access to services an act changes by way of a group, or of what everybody has: looked at before and after inside the act, so that whoever it reaches is told, and nobody else (decision 80)."""
from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection

from accounts.models import AccessRound
from accounts.services import ways
from accounts.tenancy import installation

if TYPE_CHECKING:
    from accounts.work import Work

_LEVELS = f"""SELECT m.account_id, array_agg({ways.LEVEL} ORDER BY s.id)
  FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id JOIN accounts_service s ON s.organization_id = m.organization_id {ways.OWN}
  WHERE m.organization_id = %(organization)s AND s.id = ANY(%(services)s) AND m.status IN ('active', 'restricted') AND a.kind = 'person' AND {{who}} GROUP BY m.account_id"""
_IN_GROUP = "m.id IN (SELECT membership_id FROM accounts_groupmembership WHERE group_id = %(group)s)"
_AMONG = "m.account_id = ANY(%(accounts)s)"
Levels = dict[UUID, tuple[str, ...]]
"""How far people reach, by account: one level for each service. Whoever gets in nowhere at present, as while suspended, is not there."""


@dataclass(frozen=True, kw_only=True)
class Many:
    """An act over a group, or over everybody where there is no group: where its entry says so, and which services it concerns."""

    target: UUID
    organization: UUID
    services: list[tuple[UUID, str]]
    group: UUID | None = None


@dataclass
class Joined:
    """People who join or leave one group: by account, the target of the entry about it."""

    organization: UUID
    people: dict[UUID, UUID] = field(default_factory=dict)


@dataclass(frozen=True)
class Before:
    many: list[tuple[Many, Levels]]
    joined: list[tuple[Joined, list[tuple[UUID, str]], Levels]]


def of_group(group_id: UUID) -> list[tuple[UUID, str]]:
    """What the group has access to, in the order in which levels are compared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT s.id, s.name FROM accounts_groupservice g JOIN accounts_service s ON s.id = g.service_id WHERE g.group_id = %s ORDER BY s.id", [group_id])
        return cursor.fetchall()


def before(work: Work) -> Before | None:
    """How far everybody reaches whom this act may concern. Also whose data may only be stored: they are told what happens to them like everybody else."""
    if not work.for_many and not work.joined:
        return None
    with installation("whoever an act reaches is told of it"):
        many = [(one, _levels(one.organization, one.services, "true" if one.group is None else _IN_GROUP, group=one.group)) for one in work.for_many if one.services]
        joined = [(one, services, _among(one.organization, services, one.people)) for group, one in work.joined.items() if (services := of_group(group))]
    return Before(many, joined)


def after(work: Work, was: Before | None) -> None:
    """Compare, once everything is written: the entry says what changed for a person, or for how many, and who they are is kept until they were told."""
    if was is None:
        return
    with installation("whoever an act reaches is told of it"):
        for one, levels in was.many:
            _put_down(work, one, levels, _among(one.organization, one.services, levels))
        for joined, services, levels in was.joined:
            now = _among(joined.organization, services, levels)
            for account, level in levels.items():
                if changes := _changes(services, level, now.get(account, level)):
                    work.note(joined.people[account], services=changes)


def _put_down(work: Work, one: Many, was: Levels, now: Levels) -> None:
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[UUID]] = defaultdict(list)
    nothing = ("",) * len(one.services)  # where the service itself is gone
    for account, level in was.items():
        if (new := now.get(account, nothing)) != level:
            alike[level, new].append(account)
    if not alike:
        return
    number, rows = uuid.uuid4(), []
    for (level, new), people in alike.items():
        differ = [n for n in range(len(one.services)) if level[n] != new[n]]
        rows.append(AccessRound(id=uuid.uuid4(), organization_id=one.organization, number=number, services=[one.services[n][1] for n in differ], before=[level[n] for n in differ],
                                after=[new[n] for n in differ], people=people, begun_at=work.now))
    AccessRound.objects.bulk_create(rows)
    work.note(one.target, round=str(number), changed=sum(len(row.people) for row in rows))


def _changes(services: list[tuple[UUID, str]], was: tuple[str, ...], now: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"service": name, "before": old or "none", "after": new or "none"} for (_id, name), old, new in zip(services, was, now, strict=True) if old != new]


def _among(organization: UUID, services: list[tuple[UUID, str]], accounts: Iterable[UUID]) -> Levels:
    return _levels(organization, services, _AMONG, accounts=list(accounts))


def _levels(organization: UUID, services: list[tuple[UUID, str]], who: str, **more: Any) -> Levels:
    with connection.cursor() as cursor:
        cursor.execute(_LEVELS.format(who=who), {"organization": organization, "services": [number for number, _name in services], **more})
        return {account: tuple(levels) for account, levels in cursor.fetchall()}
