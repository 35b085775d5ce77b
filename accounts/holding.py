"""Whether something has to be kept: the one place that says who or what holds an account, so that nothing of it is deleted."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from accounts.models import GroupMembership, ServiceAccess


def held(accounts: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Of these accounts those that are held, with the organizations whose holds they are. Needs to see every organization."""
    accounts, found = list(accounts), defaultdict(set)
    for holder in settings.HOLDERS:
        for account, organization in import_string(holder)(accounts):
            found[account].add(organization)
    return dict(found)


def kept_in(table: str) -> tuple[str, list[object]]:
    """SQL that is true for the rows of a table that a hold keeps now, and its parameters: for whoever removes rows whose time is over. Needs to see every organization."""
    found: tuple[str, list[object]] = import_string(settings.KEPT)(table)
    return found


def free(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Of these rows those that no hold keeps at the moment of the statement: for whoever removes them."""
    kept, values = kept_in(rows.model._meta.db_table)
    return rows if kept == "false" else rows.extra(where=[f"NOT ({kept})"], params=values)  # noqa: S610  the gate wrote the text, and values stay apart from it


def keeps_group(*, organization: UUID, group: UUID) -> bool:
    """Whether a hold names this group, or somebody in it is held: then who was in it stays."""
    if group in spaces(organization):
        return True
    kept, values = kept_in(GroupMembership._meta.db_table)
    return GroupMembership.objects.filter(organization_id=organization, group_id=group).extra(where=[kept], params=values).exists()  # noqa: S610  the same


def keeps_service(*, organization: UUID, service: UUID) -> bool:
    """Whether a hold names this service, or somebody who has access of their own is held: then who had access stays."""
    if service in spaces(organization):
        return True
    kept, values = kept_in(ServiceAccess._meta.db_table)
    return ServiceAccess.objects.filter(organization_id=organization, service_id=service).extra(where=[kept], params=values).exists()  # noqa: S610  the same


def spaces(organization: UUID) -> set[UUID]:
    """Groups and services that a hold names, so that they stay."""
    found: set[UUID] = import_string(settings.KEPT_SPACES)(organization)
    return found
