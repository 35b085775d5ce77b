"""Whom a service or an app knows: who has access to the service, who allowed the app. About nobody else is it told anything."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from accounts.models import AppGrant, Membership, MembershipSnapshot, ServiceAccess

_SAME = timedelta(seconds=5)


def known(accounts: Iterable[UUID], *, service_id: UUID | None, installation_id: UUID | None, at: datetime) -> frozenset[UUID]:
    """Those of the accounts that it knew when something happened, at `at`: what ended by this very act is told too, because it has to learn that."""
    wanted = list(accounts)
    if not wanted:
        return frozenset()
    if installation_id is not None:
        rows = AppGrant.objects.filter(Q(ended_at=None) | Q(ended_at__gte=at - _SAME), installation_id=installation_id, account_id__in=wanted)
        return frozenset(rows.values_list("account_id", flat=True))
    if service_id is None:
        return frozenset()
    found = set(ServiceAccess.objects.filter(service_id=service_id, membership__account_id__in=wanted).values_list("membership__account_id", flat=True))
    left = MembershipSnapshot.objects.filter(services__contains=[service_id], taken_at__gte=at - _SAME, membership__account_id__in=wanted)
    return frozenset(found | set(left.values_list("membership__account_id", flat=True)))


def everybody(*, service_id: UUID | None, installation_id: UUID | None) -> Iterator[UUID]:
    """Everybody whom it knows now."""
    if installation_id is not None:
        yield from AppGrant.objects.filter(ended_at=None, installation_id=installation_id).values_list("account_id", flat=True).iterator(chunk_size=2000)
    elif service_id is not None:
        yield from ServiceAccess.objects.filter(service_id=service_id).values_list("membership__account_id", flat=True).iterator(chunk_size=2000)


def persons(targets: Iterable[dict[str, str]]) -> list[UUID]:
    """The people an entry names. Where only a membership stands there, whose it is."""
    rows = list(targets)
    found = [UUID(t["id"]) for t in rows if t["type"] == "person"]
    if not found and (members := [UUID(t["id"]) for t in rows if t["type"] == "membership"]):
        found = list(Membership.objects.filter(id__in=members, account__kind="person").values_list("account_id", flat=True))
    return list(dict.fromkeys(found))
