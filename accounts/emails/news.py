"""Mails about addresses: both mailboxes are told of every change, with the links that confirm or undo it (POWERS P7)."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from accounts import audience, outbox
from accounts.addresses import address_key
from accounts.domains.names import mixed, shown
from accounts.emails import life, links
from accounts.models import Account, AddressChange, GroupMembership, Management, Membership, Organization
from accounts.models.address import ChangeKind, ChangeState
from audit.queries import Seen, disclose
from audit.subscribers import Sealed, Subscriber

PERMISSION = "change_email"
ASKED = frozenset({"account.email.change_requested", "account.email.change_asked", "account.recovery_email.asked"})
CHANGED = frozenset({"account.email.changed", "account.email.approved", "account.left_claim"})
STOPPED = {"account.email.change_expired": "expired", "account.email.change_withdrawn": "withdrawn"}
RECOVERY = {"account.recovery_email.changed": "changed", "account.recovery_email.dropped": "removed", "account.recovery_email.removed": "removed"}
EVENTS = frozenset({*ASKED, *CHANGED, *STOPPED, *RECOVERY, "account.email.mailbox_confirmed", "account.email.request_waiting", "account.email.reverted", "account.email.freed",
                    "account.identity_changed", "membership.identity_accepted"})


def handle(batch: list[Sealed]) -> None:
    """Owe the mails that follow from what happened; what was only tried is no news."""
    for sealed in batch:
        if sealed.outcome == "success":
            _tell(sealed)


def _tell(sealed: Sealed) -> None:
    account = Account.objects.filter(id=_target(sealed, "person")).first()
    row = AddressChange.objects.filter(id=_target(sealed, "address_change")).first()
    organization = Organization.objects.filter(id=sealed.org).first()
    if account is None:
        return
    post = _Post(sealed, account, organization, row)
    if sealed.action == "account.identity_changed" or sealed.action == "membership.identity_accepted":
        post.administrators("identity-changed", "manage_roles", accepted=sealed.action == "membership.identity_accepted", link=post.person_page())
    elif sealed.action in RECOVERY:
        post.to(account.email, "recovery-address", how=RECOVERY[sealed.action])
        post.to(_was(sealed, "account.recovery_email"), "recovery-address", how="removed")
    elif sealed.action == "account.email.freed":
        post.to(_was(sealed, "account.email"), "address-freed")
    elif row is not None:
        _about_change(sealed, post, row)


def _about_change(sealed: Sealed, post: _Post, row: AddressChange) -> None:
    if sealed.action in ASKED:
        if row.state == ChangeState.REQUESTED:
            post.to(row.new_address, "confirm-new-address", link=links.url(row, "confirm"), recovery=row.kind == ChangeKind.RECOVERY)
        if row.kind != ChangeKind.ADMINISTRATOR and sealed.action != "account.email.change_requested":  # of an administrator's act the notice of the power tells
            post.to(post.account.email, "address-change-asked", recovery=row.kind == ChangeKind.RECOVERY, mine=f"{settings.STEWARD_URL}{reverse('me-email')}")
    elif sealed.action == "account.email.mailbox_confirmed":
        post.to(post.account.email, "address-request-waits", mine=f"{settings.STEWARD_URL}{reverse('me-email')}")
        post.administrators("address-request", PERMISSION, link=post.queue(), days=0)
    elif sealed.action == "account.email.request_waiting":
        days = int(sealed.record.get("facts", {}).get("days", 0))
        post.administrators("address-request", PERMISSION, link=post.queue(), days=days, rank=dict(life.ESCALATES).get(days, 80))
    elif sealed.action in CHANGED:
        undo = links.url(row, "undo") if row.state == ChangeState.DONE and row.undo_until is not None else ""
        # Whoever leaves a claim leaves the mailbox to the organization: it need not learn where they went.
        post.to(row.old_address, "address-changed-old", link=undo, hidden=row.kind == ChangeKind.LEAVING)
        if sealed.action == "account.email.changed":  # of an agreement the notice of the power tells
            post.to(row.new_address, "address-changed-new", ended=bool(sealed.record.get("ended")))
        if post.account.recovery_email:
            post.to(post.account.recovery_email, "address-changed-old", link="")
    elif sealed.action == "account.email.reverted":
        post.to(row.old_address, "address-restored", old=True)
        post.to(row.new_address, "address-restored", old=False)
        post.administrators("address-undone", PERMISSION, link=post.person_page())
    elif sealed.action in STOPPED:
        post.to(post.account.email, "address-change-ended", how=STOPPED[sealed.action], recovery=row.kind == ChangeKind.RECOVERY)


class _Post:
    """One entry, the account it is about, and the ways to tell somebody of it."""

    def __init__(self, sealed: Sealed, account: Account, organization: Organization | None, row: AddressChange | None) -> None:
        self.sealed, self.account, self.organization, self.row = sealed, account, organization, row

    def to(self, address: str, template: str, **more: Any) -> None:
        """A mail to one mailbox of the person."""
        if address:
            outbox.owe(template=template, account=self.account, address=address, context={**self._context(), **more}, entry=self.sealed.entry,
                       organization_id=self.organization.id if self.organization else None, now=datetime.now(UTC))

    def administrators(self, template: str, permission: str, *, rank: int = 0, **more: Any) -> None:
        """A mail to everybody in the organization who may act on this, but the person; with `rank` only to those of at least this rank."""
        if self.organization is None:
            return
        for account in audience.holders(self.organization, permission):
            if account.id != self.account.id and (not rank or _ranks(self.organization, account, rank)):
                outbox.owe(template=template, account=account, context={**self._context(), **more}, entry=self.sealed.entry, organization_id=self.organization.id, now=datetime.now(UTC))

    def person_page(self) -> str:
        membership = Membership.objects.filter(organization=self.organization, account=self.account).first()
        return settings.STEWARD_URL + reverse("person", args=[self.organization.slug, membership.id]) if membership and self.organization else ""

    def queue(self) -> str:
        return settings.STEWARD_URL + reverse("email-changes", args=[self.organization.slug]) if self.organization else ""

    def _context(self) -> dict[str, Any]:
        row = self.row
        managed = self.organization is not None and Management.objects.filter(account=self.account, organization=self.organization).exists()
        return {"organization": self.organization.name if self.organization else "", "managed": managed, "who": self.account.name or self.account.email,
                "old": row.old_address if row else "", "new": row.new_address if row else "", "outside": bool(row and row.outside), "looks": _looks(row.new_address) if row else "",
                "when": self.sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{self.sealed.seq}",
                "contact": (self.organization.contact_email if self.organization else "") or ""}


def _looks(address: str) -> str:
    """The domain in A-labels where its letters mix scripts as no language does: it may look like another one."""
    name = address_key(address).rpartition("@")[2]
    return name if mixed(name) and shown(name) != name else ""


def _ranks(organization: Organization, account: Account, rank: int) -> bool:
    groups = GroupMembership.objects.filter(organization=organization, group__role__rank__gte=rank)
    return Membership.objects.filter(Q(role__rank__gte=rank) | Q(id__in=groups.values("membership_id")), organization=organization, account=account).exists()


def _target(sealed: Sealed, kind: str) -> UUID | None:
    return next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == kind), None)


def _was(sealed: Sealed, path: str) -> str:
    """What a personal field was before this entry, '' if it was nothing or is erased."""
    seen = Seen(seq=sealed.seq, id=sealed.entry, recorded_at=None, occurred_at=datetime.now(UTC), record=sealed.record)
    disclose(org=sealed.org, entries=[seen])
    return next((value for value in _befores(seen, path) if isinstance(value, str)), "")


def _befores(seen: Seen, path: str) -> Iterator[object]:
    for number, change in enumerate(seen.record.get("change", [])):
        if change["path"] == path:
            yield seen.open.get(f"change.{number}.before")


SUBSCRIBER = Subscriber(name="addresses", handle=handle, actions=EVENTS)
