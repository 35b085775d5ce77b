"""What people do about addresses in these tests, each through the door as the pages do it."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts import access, door, tenancy
from accounts.actor import Proof
from accounts.addresses import address_key
from accounts.door import Receipt
from accounts.models import Account, AddressChange, Membership
from accounts.powers import BY_SLUG
from tests.cast import PASSWORD, Org

NAMED = {"reason_code": "name_changed", "message": "", "private_note": ""}


def own(person: Membership, slug: str, *, now: datetime | None = None, proof: str = "totp", **data: Any) -> Receipt:
    """The person acts on their own account."""
    now = now or datetime.now(UTC)
    with tenancy.scope(account=person.account_id):
        account = Account.objects.get(id=person.account_id)
        actor = access.own_actor(account=account, proof=Proof(method=proof, at=now) if proof else Proof(), session_id=None)
        return door.perform(power=BY_SLUG[slug], actor=actor, data=data, now=now)


def act(org: Org, slug: str, person: Membership, *, who: str = "owner", now: datetime | None = None, **data: Any) -> Receipt:
    """Somebody in the organization acts on the person."""
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor(who, now=now), ids=[person.id], data=data, now=now)


def address(person: Membership | UUID) -> str:
    return Account.objects.get(id=person if isinstance(person, UUID) else person.account_id).email


def latest(person: Membership) -> AddressChange:
    with tenancy.installation("look"):
        return AddressChange.objects.filter(account_id=person.account_id).order_by("-created_at", "-id").first()  # type: ignore[return-value]


def signs_in(typed: str) -> UUID | None:
    """Whose account it is that opens with this address and the cast's password."""
    from portal.signin.adapters import AddressBackend

    found = AddressBackend()._authenticate_by_email(typed, PASSWORD)
    assert found is None or found.email_key == address_key(typed)
    return found.id if found else None
