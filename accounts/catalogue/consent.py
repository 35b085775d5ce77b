"""Whether an installed app may act for a person now, and what the person allowed it. Asked at every use, so an end needs no clean-up to be one."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import AppGrant, Installation, Membership

_HERE = ("active", "restricted")


def refusal(*, account_id: UUID, installation_id: UUID, now: datetime) -> str:
    """Why not, or '': `app_unknown`, `app_ended`, `app_suspended`, `app_expired`, `not_member` (of its organization), `no_consent` (the person has not allowed anything yet, or took it back)."""
    member = Membership.objects.filter(organization_id=OuterRef("organization_id"), account_id=account_id, status__in=_HERE)
    agreed = AppGrant.objects.filter(installation_id=OuterRef("id"), account_id=account_id, ended_at=None)
    found = Installation.objects.filter(id=installation_id).values_list("state", "expires_at", Exists(member), Exists(agreed)).first()
    if found is None:
        return "app_unknown"
    state, expires_at, is_member, has_agreed = found
    if state != "active":
        return f"app_{state}"
    if expires_at is not None and expires_at <= now:
        return "app_expired"
    return "not_member" if not is_member else "" if has_agreed else "no_consent"


def granted(*, account_id: UUID, installation_id: UUID) -> frozenset[str]:
    """The scopes in force: what the person allowed, as far as the organization still approves it. Whether the app may be used at all is `refusal`."""
    row = AppGrant.objects.filter(installation_id=installation_id, account_id=account_id, ended_at=None).select_related("installation").first()
    return frozenset(row.scopes) & frozenset(row.installation.scopes) if row else frozenset()


def grant(*, account_id: UUID, installation_id: UUID, scopes: Iterable[str], now: datetime) -> AppGrant:
    """The person allows these scopes, all of them and no others. Needs an open act. What they allowed before ends with it, and stays as history.

    Raises ValueError for what the organization did not approve: nobody can allow more than that.
    """
    installation = Installation.objects.select_for_update().get(id=installation_id)
    wanted = sorted(set(scopes))
    if installation.state != "active" or not set(wanted) <= set(installation.scopes):
        raise ValueError("not approved")
    before = AppGrant.objects.select_for_update().filter(installation_id=installation_id, account_id=account_id, ended_at=None).first()
    if before is not None and before.scopes == wanted:
        return before
    if before is not None:
        before.ended_at, before.ended_why = now, "replaced"
        before.save(update_fields=["ended_at", "ended_why"])
    return AppGrant.objects.create(id=uuid.uuid4(), organization_id=installation.organization_id, installation_id=installation_id, account_id=account_id, scopes=wanted, granted_at=now)
