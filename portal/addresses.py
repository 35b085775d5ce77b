"""Changes of addresses as the pages and the API show them: the person's own, and the organization's queue."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.actor import Actor
from accounts.domains.names import mixed, shown
from accounts.emails import life
from accounts.models import Account, AddressChange, GroupMembership, Membership
from accounts.models.address import PENDING, ChangeKind, ChangeState
from accounts.work import plain

BADGES = {"requested": ("info", "clock"), "waiting": ("warn", "clock"), "done": ("ok", "ok"), "denied": ("bad", "off"), "expired": ("warn", "off"),
          "cancelled": ("warn", "off"), "reverted": ("bad", "warn")}
SHOWN = 50
"""Finished changes of an organization beyond this number are in the audit log only."""


class Shown:
    """One change, with everything a page says of it."""

    def __init__(self, row: AddressChange, membership: Membership | None = None) -> None:
        self.row, self.membership = row, membership

    @property
    def badge(self) -> tuple[str, str]:
        return BADGES[self.row.state]

    @property
    def waits(self) -> bool:
        return self.row.state == ChangeState.WAITING

    @property
    def under_way(self) -> bool:
        return self.row.state in PENDING

    @property
    def asked_by_person(self) -> bool:
        return self.row.requested_by is None

    @property
    def looks(self) -> str:
        """The domain in A-labels, where its letters mix scripts as no language does and may look like another one."""
        name = self.row.new_key.rpartition("@")[2]
        return name if mixed(name) and shown(name) != name else ""


def queue(actor: Actor) -> list[Shown]:
    """The changes that the organization decides about, of people whom the actor's role reaches: what waits first, the oldest on top; then what is finished."""
    members = {row.account_id: row for row in _reached(actor)}
    rows = AddressChange.objects.filter(organization_id=actor.organization_id, account_id__in=members).exclude(kind=ChangeKind.RECOVERY).select_related("account")
    waiting = list(rows.filter(state=ChangeState.WAITING).order_by("created_at", "id"))
    waiting += rows.filter(state=ChangeState.REQUESTED).order_by("created_at", "id")
    return [Shown(row, members[row.account_id]) for row in (*waiting, *rows.exclude(state__in=PENDING).filter(finished_at__gt=timezone.now() - life.KEPT).order_by("-finished_at", "id")[:SHOWN])]


def _reached(actor: Actor) -> list[Membership]:
    changed = AddressChange.objects.filter(organization_id=actor.organization_id).values("account_id")
    rows = Membership.objects.filter(organization_id=actor.organization_id, account_id__in=changed).exclude(status="removed")
    if actor.scope_groups is not None:
        rows = rows.filter(id__in=GroupMembership.objects.filter(group_id__in=actor.scope_groups).values("membership_id"))
    return list(rows)


def mine(account: Account) -> tuple[Shown | None, Shown | None, list[Shown]]:
    """The person's change under way, the recovery address that waits, and what became of earlier ones."""
    now, recovery = life.pending(account_id=account.id), life.pending(account_id=account.id, recovery=True)
    earlier = AddressChange.objects.filter(account=account, finished_at__gt=timezone.now() - life.KEPT).exclude(state__in=PENDING).exclude(kind=ChangeKind.RECOVERY)
    return (Shown(now) if now else None, Shown(recovery) if recovery else None, [Shown(row) for row in earlier.order_by("-finished_at", "id")[:10]])


def as_json(found: Shown, *, now: datetime) -> dict[str, Any]:
    """A change as the API shows it. Addresses that mix scripts are marked, because they may look like others."""
    row = found.row
    return {"id": str(row.id), "kind": row.kind, "state": row.state, "person_id": str(found.membership.id) if found.membership else None, "old_address": row.old_address,
            "new_address": row.new_address,
            "looks_like_another": bool(found.looks), "releases": row.outside, "created_at": plain(row.created_at), "expires_at": plain(row.expires_at), "confirmed_at": plain(row.confirmed_at),
            "finished_at": plain(row.finished_at), "undo_until": plain(row.undo_until if row.undo_until and row.undo_until > now else None), "reason_code": row.reason_code}
