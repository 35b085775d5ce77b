"""A person deletes their own account: alone where nobody manages it or its organization lets them, by asking otherwise; and the link that takes it back (POWERS P6)."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import deletions, policy, rights
from accounts.models import Account, Deletion, Management, Organization, RightsRequest
from accounts.models.deletion import DeletionState
from accounts.models.rights import RightsKind
from accounts.people import Person
from accounts.reasons import NotFound
from accounts.tenancy import installation
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

ESCALATES = ((7, 80), (14, 100))
"""After how many days without an answer who is told: all administrators, then the owners."""
SIGNED_IN_FOR = timedelta(minutes=30)
_MAIL, _PASSWORD = signing.Signer(salt="steward.deletion.keep"), signing.TimestampSigner(salt="steward.deletion.keep.password")


# What is fetched for powers


def asked(people: Sequence[Person]) -> None:
    """extra["asked"]: the open request of each person that their account be deleted, or None. An organization sees those that went to it, the person all."""
    rows = {row.account_id: row for row in RightsRequest.objects.filter(account_id__in=[p.account.id for p in people], kind=RightsKind.ACCOUNT, state="open")}
    for person in people:
        person.extra["asked"] = rows.get(person.account.id)


def alone(people: Sequence[Person]) -> None:
    """extra["alone"]: whether each person decides about the deletion of their account without asking anybody."""
    with installation("what the organization that manages the account decided"):
        decided = policy.several({p.management.organization_id for p in people if p.management is not None})
    for person in people:
        person.extra["alone"] = person.management is None or decided[person.management.organization_id].own_deletion


def days(people: Sequence[Person]) -> None:
    """extra["days"]: how long a deletion waits that the person asked for."""
    with installation("what the organization that manages the account decided"):
        deletions.deletion_days(people)
    for person in people:
        person.extra["days"] = person.extra["deletion_days"] if person.management is not None else settings.OWN_DELETION_DAYS


def in_the_way(account_id: UUID) -> list[tuple[str, Organization | None]]:
    """What the person has to settle first, for the person themselves: in which of their organizations, if it is in one."""
    found = deletions.obstacles([account_id])
    with installation("a person's own organizations"):
        names = Organization.objects.in_bulk({organization for _account, organization, _code in found if organization})
    return sorted(((code, names.get(organization)) for _account, organization, code in found), key=lambda one: (one[0], one[1].name if one[1] else ""))


def waits(row: Deletion | None) -> str:
    """Why the deletion of an account waits, for the person themselves, in one sentence; '' while it does not. Of a hold no more than that there is a legal ground."""
    if row is None or not (row.state == DeletionState.BLOCKED or row.waits_for):
        return ""
    if deletions.on_hold([row.account_id]):
        return _("It waits, because something has to be kept for a legal reason. It goes on when that ends, and you are told before.")
    return _("It waits, because something stands in the way. It goes on when that is settled.")


# The way back


def link(row: Deletion) -> str:
    """What the mails carry: it takes back this one deletion, as long as it can be taken back."""
    return settings.STEWARD_URL + reverse("keep-account", args=[_MAIL.sign(str(row.id))])


def way_back(account: Account) -> str:
    """Where whoever signs in to an account of their own that is being deleted is led, '' if it is not theirs to take back. They have given the password, so the link lives for minutes."""
    row = rights.own_deletion(account)
    return reverse("keep-account", args=[_PASSWORD.sign(str(row.id))]) if row else ""


def behind(word: str) -> tuple[Deletion, str] | None:
    """The deletion that this link takes back, and how whoever has it proved themselves; None for a link that is used, old, or about what cannot be taken back."""
    row_id, method = _read(word)
    with installation("a link names the deletion"):
        row = Deletion.objects.filter(id=row_id, by_person=True).select_related("account").first() if row_id else None
    return (row, method) if row is not None and deletions.may(row, "cancel") else None


def _read(word: str) -> tuple[UUID | None, str]:
    for signer, method, limits in ((_MAIL, "mail_link", {}), (_PASSWORD, "password", {"max_age": SIGNED_IN_FOR})):
        try:
            return UUID(signer.unsign(word, **limits)), method
        except (signing.BadSignature, ValueError):
            continue
    return None, ""


def keep(word: str, *, now: datetime) -> Account:
    """Take the deletion back. Raises NotFound for a link that means nothing any more, Refused when the deletion has begun."""
    found = behind(word)
    if found is None:
        raise NotFound
    row, method = found
    rights.cancel_deletion(account_id=row.account_id, deletion_id=row.id, method=method, now=now)
    return row.account


# What time does


def look_after(*, now: datetime) -> None:
    """Requests that wait too long are told to more people; requests that mean nothing any more end."""
    with installation("requests of people wait in every organization"):
        rows = list(RightsRequest.objects.filter(kind=RightsKind.ACCOUNT, state="open").values_list("id", "account_id", "asked_at", "escalated"))
        for row_id, account_id, asked_at, escalated in rows:
            waits = [day for day, _rank in ESCALATES if escalated < day and now - asked_at >= timedelta(days=day)]
            _look_after(row_id, account_id, waits[-1] if waits else 0, now)


def _look_after(row_id: UUID, account_id: UUID, day: int, now: datetime) -> None:
    with transaction.atomic():
        account = Account.objects.select_for_update().get(id=account_id)
        row = RightsRequest.objects.select_for_update().get(id=row_id)
        moot = account.status in {"pending_deletion", "purged"} or not Management.objects.filter(account=account, organization_id=row.organization_id).exists()
        if row.state != "open" or not (moot or row.escalated < day):
            return
        work = Work(now=now)
        work.track(row)
        if moot:
            row.state = "ended"
        else:
            row.escalated = day
        with recording.opened(org=row.organization_id, now=now, subjects=[account.id]) as act:
            changes = work.changes_of(row, subject=account.id)
            work.flush()
            act.write([EntryDraft(org=row.organization_id, action="account.deletion_request_ended" if moot else "account.deletion_request_waiting", category="account", outcome="success",
                                  actor=ActorRef(type="schedule"), via="schedule", changes=changes, facts={} if moot else {"days": day},
                                  targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id), TargetRef(type="rights_request", id=row.id)])])
