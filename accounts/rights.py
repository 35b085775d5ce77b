"""The rights door: who cannot use the portal reaches one page by their mailbox, and nothing else (RIGHTS, POWERS P6)."""
from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts import deletions, outbox
from accounts.addresses import address_key
from accounts.models import Account, Deletion, Mail, Management, Membership, Organization, ReleasedAddress, RightsAsk, RightsVisit
from accounts.people import Person
from accounts.reasons import NotFound, Refused
from accounts.tenancy import installation
from accounts.work import Work, plain
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

LINK_LIVES, VISIT_LIVES, NOT_AGAIN = timedelta(minutes=30), timedelta(minutes=30), timedelta(minutes=10)
CLOSED = ("suspended", "restricted")


# The way in


def ask(*, address: str, now: datetime) -> None:
    """Somebody typed this address. Whoever it is, the same happens and takes as long."""
    RightsAsk.objects.create(id=uuid.uuid4(), address=outbox.seal_text(address[:320]).encode(), asked_at=now)


def asked() -> bool:
    return RightsAsk.objects.exists()


def answer_asked(*, now: datetime, limit: int = 200) -> int:
    """Owe the links to the mailboxes. Needs to see every organization. Returns how many were owed."""
    owed = 0
    for row in RightsAsk.objects.order_by("asked_at")[:limit]:
        with transaction.atomic():
            if not RightsAsk.objects.filter(id=row.id).delete()[0]:
                continue
            if row.asked_at > now - timedelta(days=1):
                owed += _owe(outbox.open_text(bytes(row.address).decode()), now)
    RightsVisit.objects.filter(link_until__lt=now - timedelta(days=1), until=None).delete()
    RightsVisit.objects.filter(until__lt=now - timedelta(days=1)).delete()
    return owed


def _owe(address: str, now: datetime) -> bool:
    account = behind(address)
    if account is None or Mail.objects.filter(account=account, template="rights-link", created_at__gt=now - NOT_AGAIN).exists():
        return False
    closed, link = bool(places(account)) or account.status != "active", ""
    if closed:
        token = secrets.token_urlsafe(32)
        RightsVisit.objects.create(id=uuid.uuid4(), account=account, link_hash=_hash(token), address_hash=_of(account), made_at=now, link_until=now + LINK_LIVES)
        link = settings.STEWARD_URL + reverse("rights-link", args=[token])
    outbox.owe(template="rights-link", account=account, context={"link": link, "minutes": int(LINK_LIVES.total_seconds() // 60)}, entry=None, organization_id=None, now=now,
                address=stored(account, address))
    return True


def behind(address: str) -> Account | None:
    """Whose proven mailbox this is; of an address that was given free before a deletion, whoever had it, while nobody else has it."""
    found = Account.objects.filter(email_key=address_key(address)).first()
    if found is not None:
        return found if found.kind == "person" and found.email_verified_at is not None and found.status != "purged" else None
    from accounts.emails.collisions import hashed

    had = ReleasedAddress.objects.filter(key_hash=hashed(address_key(address))).order_by("-released_at").first()
    row = Deletion.objects.filter(account_id=had.account_id, address_released=True).select_related("account").first() if had else None
    return row.account if row and address_key(outbox.open_text(row.last_address)) == address_key(address) else None


def stored(account: Account, address: str) -> str:
    """The mailbox as we know it, never as somebody typed it: letters that look or compare alike can belong to another mailbox."""
    if account.email_key == address_key(address):
        return account.email
    return outbox.open_text(Deletion.objects.get(account=account, address_released=True).last_address)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _of(account: Account) -> bytes:
    """The address that a link is bound to: with another one it opens nothing."""
    return salted_hmac("steward.rights", account.email_key, algorithm="sha256").digest()


def behind_link(*, token: str, now: datetime) -> RightsVisit | None:
    """The visit that this link would begin, if it still can."""
    row = RightsVisit.objects.filter(link_hash=_hash(token), link_until__gt=now).select_related("account").first()
    return row if row and _valid(row) else None


def _valid(row: RightsVisit) -> bool:
    return row.account.status != "purged" and bytes(row.address_hash) == _of(row.account)


def begin(*, token: str, now: datetime) -> str:
    """Use the link, once: the secret of the visit. Raises NotFound when it is used up, too old, or for another address."""
    with installation("a person's own page"), transaction.atomic():
        row = RightsVisit.objects.select_for_update(of=("self",)).filter(link_hash=_hash(token), link_until__gt=now).select_related("account").first()
        if row is None or not _valid(row):
            raise NotFound
        secret = secrets.token_urlsafe(32)
        with recording.opened(org=log_of(row.account), now=now) as act:
            RightsVisit.objects.filter(id=row.id).update(link_hash=None, session_hash=_hash(secret), opened_at=now, until=now + VISIT_LIVES)
            act.write([draft(log_of(row.account), "rights.page_opened", row.account)])
    return secret


def visitor(*, secret: str, now: datetime) -> Account | None:
    """Whose visit this is, while it lasts."""
    row = RightsVisit.objects.filter(session_hash=_hash(secret), until__gt=now).select_related("account").first() if secret else None
    return row.account if row and _valid(row) else None


def end(*, secret: str) -> None:
    RightsVisit.objects.filter(session_hash=_hash(secret)).delete()


# What the page shows


@dataclass(frozen=True)
class Place:
    """One organization that closed something to the person, and what they are told about it."""

    organization: Organization
    manages: bool
    status: str
    reason: str
    words: str
    until: datetime | None


def places(account: Account) -> list[Place]:
    """The organization that manages the account, and those in which the access is suspended or restricted. Nobody reads the ground of another."""
    with installation("a person's own standing, wherever it is"):
        manager = Management.objects.filter(account=account).select_related("organization").first()
        members = {m.organization_id: m for m in Membership.objects.filter(account=account).exclude(status__in=("invited",)).select_related("organization")}
        found = []
        if manager is not None and (account.status != "active" or account.reset_required_at):
            found.append(_place(manager.organization, True, account.status, account.reason_code, account.reason_text, account.status_until))
        for member in sorted(members.values(), key=lambda m: m.organization.name):
            if member.status in CLOSED or member.reset_required_at:
                found.append(_place(member.organization, False, member.status, member.reason_code, member.reason_text, member.status_until))
    return found


def _place(organization: Organization, manages: bool, status: str, reason: str, words: str, until: datetime | None) -> Place:
    return Place(organization, manages, status, reason, words, until)


def own_deletion(account: Account) -> Deletion | None:
    """The scheduled deletion that the person asked for and may cancel."""
    with installation("a person's own account"):
        row = deletions.shown(account_id=account.id)
    return row if row and row.by_person and deletions.may(row, "cancel") else None


# What the person can do there


def cancel_deletion(*, account_id: UUID, now: datetime, deletion_id: UUID | None = None, method: str = "mail_link") -> None:
    """The person takes back the deletion that they asked for; `deletion_id` only that one. `method` is how they proved themselves."""
    with installation("a person's own account"), transaction.atomic():
        list(Membership.objects.select_for_update().filter(account_id=account_id).order_by("id").values_list("id"))
        account = Account.objects.select_for_update().get(id=account_id)
        row = Deletion.objects.select_for_update().filter(account=account).first()
        if row is None or not row.by_person or deletion_id not in {None, row.id}:
            raise NotFound
        if not deletions.may(row, "cancel"):
            raise Refused({"": ["purge_began"]})
        log, work = row.organization_id or INSTALLATION, Work(now=now)
        work.track(account)
        with recording.opened(org=log, now=now) as act:
            deletions.restore(work, Person(account=account), row)
            changes = work.changes_of(account, subject=account.id)
            work.flush()
            act.write([draft(log, "account.deletion_cancelled", account, method=method, changes=changes, purge_at=plain(row.purge_at), restored=row.was_status)])


def log_of(account: Account) -> UUID:
    return Management.objects.filter(account=account).values_list("organization_id", flat=True).first() or INSTALLATION


def draft(log: UUID, event: str, account: Account, *, changes: Iterable[object] = (), method: str = "mail_link", **facts: object) -> EntryDraft:
    who = ActorRef(type="user", id=account.id, auth_method=method, name=account.name, email=account.email)
    return EntryDraft(org=log, action=event, category="rights", outcome="success", actor=who, via="ui",
                      targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)],
                      changes=list(changes), facts=dict(facts))  # type: ignore[arg-type]
