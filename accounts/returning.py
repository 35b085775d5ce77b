"""Addresses of people who were deleted: nobody is brought back by a file, an invitation or a program without somebody knowing it and saying why (RIGHTS 6c)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.crypto import salted_hmac

from accounts.models import Membership, Tombstone
from accounts.tenancy import installation


def hashed(key: str) -> bytes:
    """An address in comparison form as a tombstone keeps it: without the installation's key it says nothing."""
    return salted_hmac("steward.tombstone", key, algorithm="sha256").digest()


def deleted(*, keys: Iterable[str], organization_id: UUID, now: datetime) -> set[str]:
    """Which of these addresses belonged to somebody who was deleted and was this organization's; of others it learns nothing. One query for all."""
    by_hash = {hashed(key): key for key in keys if key}
    if not by_hash:
        return set()
    with installation("who was deleted is asked for among the organization's own people"):
        here = Membership.objects.filter(organization_id=organization_id, account_id=OuterRef("account"))
        rows = Tombstone.objects.filter(Q(organization_id=organization_id) | Exists(here), address_hash__in=list(by_hash), purged_at__gt=now - timedelta(days=settings.DELETED_KNOWN_DAYS))
        return {by_hash[bytes(one)] for one in rows.values_list("address_hash", flat=True)}
