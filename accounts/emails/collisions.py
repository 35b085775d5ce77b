"""Whether an account may have an address, and if not, how much of the reason may be told: the six cases of guard rail 16."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection
from django.utils.crypto import salted_hmac

from accounts.addresses import address_key
from accounts.models import Account, Domain, Management, Membership, ReleasedAddress
from accounts.models.domain import HELD
from accounts.tenancy import installation

QUARANTINE = timedelta(days=30)
"""For how long an address that somebody gave up is closed to everybody else."""
RELEASED_DOMAIN = "released.invalid"
"""Where the addresses of accounts that have none any more seem to be: nothing is ever mailed there."""


@dataclass(frozen=True)
class Collision:
    """What stands in the way. `code` is '' when nothing does.

    `person` is the membership that may be named to administrators of the organization; `displaced` the account that loses the address to us, because it never proved it.
    """

    code: str = ""
    person: UUID | None = None
    name: str = ""
    displaced: UUID | None = None


def find(*, address: str, account_id: UUID | None, organization_id: UUID | None, now: datetime) -> Collision:
    """May this account (None: a new one) have this address? Addresses are compared in the form of `address_key`.

    `organization_id` is the organization whose administrator asks, None when a person asks for themselves: who has an address is told to administrators about their own people only.
    """
    key = address_key(address)
    with installation("who has an address is known to the installation only"):
        holder = Account.objects.filter(email_key=key).exclude(id=account_id).first()
        if holder is None:
            until = closed_until(keys=[key], account_id=account_id, organization_id=organization_id).get(key)
            return Collision("address_unavailable") if until is not None and until > now else Collision()
        if holder.kind == "service" or key.endswith("@" + RELEASED_DOMAIN):
            return Collision("address_unavailable")
        if holder.email_verified_at is None:
            return Collision(displaced=holder.id)  # an unverified registration never blocks
        return _held(holder, key, organization_id)


def _held(holder: Account, key: str, organization_id: UUID | None) -> Collision:
    manager = Management.objects.filter(account=holder).values_list("organization_id", flat=True).first()
    here = Membership.objects.filter(account=holder, organization_id=organization_id).exclude(status="removed").first() if organization_id else None
    if organization_id is None or (here is None and manager is not None):
        return Collision("address_unavailable")
    if here is None:  # whoever owns the domain may know that somebody uses it
        ours = Domain.objects.filter(organization_id=organization_id, name=key.rpartition("@")[2], state__in=HELD).exists()
        return Collision("address_unmanaged" if ours else "address_unavailable")
    if holder.status in {"deactivated", "pending_deletion"}:
        return Collision("address_to_free", person=here.id, name=holder.name or holder.email) if manager == organization_id else Collision("address_unavailable")
    return Collision("address_taken_here", person=here.id, name=holder.name or holder.email)


def hashed(key: str) -> bytes:
    """An address in comparison form as the list of given-up addresses holds it: without the installation's key it says nothing."""
    return salted_hmac("steward.released_address", key, algorithm="sha256").digest()


def closed_until(*, keys: Iterable[str], account_id: UUID | None = None, organization_id: UUID | None = None) -> dict[str, datetime]:
    """Which of these addresses, in comparison form, somebody else gave up, and until when each is closed. One query for all."""
    by_hash = {hashed(key): key for key in keys}
    rows = ReleasedAddress.objects.filter(key_hash__in=list(by_hash)).order_by("until") if by_hash else []
    return {by_hash[bytes(row.key_hash)]: row.until for row in rows
            if (account_id is None or row.account_id != account_id) and (organization_id is None or row.organization_id != organization_id)}


def given_up(*, key: str, account_id: UUID, now: datetime, open_to: UUID | None = None) -> ReleasedAddress:
    """The row that closes an address to strangers, to be added to the act. `open_to` is an organization that freed it for its own people."""
    return ReleasedAddress(id=uuid4(), key_hash=hashed(key), account_id=account_id, organization_id=open_to, released_at=now, until=now + QUARANTINE)


def hold(address: str) -> None:
    """Until the transaction ends, nobody else decides about this address: of two who want it at once, the second sees what the first did."""
    number = int.from_bytes(hashlib.sha256(b"steward.address:" + address_key(address).encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
