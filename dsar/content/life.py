"""The life of an access: whether it may be used now, an entry for each item, its end, and the moment in which the person is told."""
from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts import access as credentials
from accounts import door, purposes
from accounts.actor import Actor
from accounts.entries import actor_ref
from accounts.models.account import AccountStatus
from accounts.people import Person, load_people
from accounts.reasons import NotFound
from accounts.tenancy import installation, scope
from accounts.work import plain
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.content import readers
from dsar.content.model import ContentAccess
from dsar.content.telling import FACT

logger = logging.getLogger("steward.content")
OVER, WITHDRAWN, RESTORED = "over", "withdrawn", "restored"
"""How an access ended, where no reason code says it. What was open when everything was lost is over when it comes back."""
_SCHEDULE = ActorRef(type="schedule")


def facts(row: ContentAccess) -> dict[str, object]:
    """What every entry about an access says: which one, and from when on the person finds the entry."""
    return {"access": str(row.id), **({FACT: plain(row.tell_at)} if row.tell_at > row.granted_at else {})}


def person_of(row: ContentAccess) -> Person | None:
    """Whose records these are, as a member; None where the person is not there any more, or may not be read for this."""
    from accounts.models import Membership

    ids = list(Membership.objects.filter(organization_id=row.organization_id, account_id=row.account_id).values_list("id", flat=True))
    found = load_people(organization_id=row.organization_id, ids=ids, lock=False) if ids else []
    return found[0] if found else None


def why_not(row: ContentAccess, actor: Actor, person: Person | None, now: datetime) -> list[str]:
    """Why this actor cannot read by this access now; [] when they can. Everything that was asked when it was granted is asked each time."""
    from dsar.powers.content import VIEW

    if actor.kind != "user" or actor.account_id != row.viewer:
        return ["not_viewer"]
    if row.ended_at is not None or row.ends_at <= now:
        return ["view_over"]
    if person is None:
        return ["use_restricted"]
    return door.capability(power=VIEW, actor=actor, person=person, now=now)


def whose(row: ContentAccess, person: Person) -> readers.Whose:
    """What of the person's records the access reaches: of its days, and never anything from before the organization managed the account."""
    assert person.management is not None
    since = max(person.management.since, _midnight(row.since)) if row.since else person.management.since
    return readers.Whose(row.organization_id, row.account_id, since, _midnight(row.until + timedelta(days=1)) if row.until else None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def heads(row: ContentAccess, person: Person, actor: Actor, kind: str, *, words: str, cursor: str, size: int, now: datetime) -> readers.Heads:
    """A page of what there is of one kind. A search is an entry of its own, without the words: what is found by it says something too."""
    found = _reader(row, kind).heads(kind, whose(row, person), words=words, cursor=cursor, size=size)
    if words and not cursor:
        with transaction.atomic(), recording.opened(org=row.organization_id, now=now, subjects=[row.account_id]) as act:
            act.write([_viewed(row, actor, what="content_search", kind=kind, hits=len(found.rows))])
    return found


def item(row: ContentAccess, person: Person, actor: Actor, kind: str, item_id: UUID, *, now: datetime) -> readers.Item:
    """One item, written down before it is shown. Raises NotFound, also where the access ended in this moment."""
    found = _reader(row, kind).item(kind, whose(row, person), item_id)
    if found is None:
        raise NotFound
    with transaction.atomic():
        locked = ContentAccess.objects.select_for_update().filter(id=row.id, organization_id=row.organization_id, ended_at=None, ends_at__gt=now).first()
        if locked is None:
            raise NotFound
        with recording.opened(org=row.organization_id, now=now, subjects=[row.account_id]) as act:
            ContentAccess.objects.filter(id=row.id).update(opened=locked.opened + 1)
            act.write([_viewed(row, actor, what="content", kind=kind, item=str(item_id))])
    return found


def _reader(row: ContentAccess, kind: str) -> readers.Reader:
    reader = readers.of(kind) if kind in row.kinds else None
    if reader is None:
        raise NotFound
    return reader


def _viewed(row: ContentAccess, actor: Actor, **more: object) -> EntryDraft:
    return EntryDraft(org=row.organization_id, action="data.viewed", category="data", outcome="success", actor=actor_ref(actor), via=actor.via,
                      targets=[TargetRef(type="person", id=row.account_id, subject=row.account_id)], facts={**facts(row), **more})


# What time does


def run(*, now: datetime) -> None:
    """End what is over or cannot go on, and tell the person when the delay has passed. One failure does not stop the others."""
    with installation("accesses to records end, and people are told of them, in every organization"):
        ending = list(ContentAccess.objects.filter(ended_at=None).order_by("ends_at").values_list("id", "organization_id"))
        leaves = Q(account__status__in=(AccountStatus.PENDING_DELETION, AccountStatus.PURGED))  # no deletion is a way never to tell
        telling = list(ContentAccess.objects.filter(Q(tell_at__lte=now) | leaves, told_at=None).values_list("id", "organization_id"))
    for work, rows in ((_end_if_over, ending), (_tell, telling)):
        for row_id, organization_id in rows:
            try:
                with scope(org=organization_id, purpose=purposes.ACT), transaction.atomic():
                    work(row_id, now)
            except Exception as error:
                logger.exception("an access to records is looked at again later: %s", type(error).__name__)


def _end_if_over(row_id: UUID, now: datetime) -> None:
    row = ContentAccess.objects.select_for_update().filter(id=row_id, ended_at=None).first()
    if row is None:
        return
    codes = ["view_over"] if row.ends_at <= now else why_not(row, credentials.actor_for(account_id=row.viewer, organization_id=row.organization_id), person_of(row), now)
    if codes:
        end(row, how=OVER if row.ends_at <= now else codes[0], now=now)


def end(row: ContentAccess, *, how: str, now: datetime) -> None:
    """The end of an access that time or a change brings."""
    with recording.opened(org=row.organization_id, now=now) as act:
        ContentAccess.objects.filter(id=row.id).update(ended_at=now, ended_how=how[:40], version=row.version + 1)
        act.write([_by_time(row, "data.view_ended", how=how, opened=row.opened)])


def _tell(row_id: UUID, now: datetime) -> None:
    row = ContentAccess.objects.select_for_update().filter(id=row_id, told_at=None).first()
    if row is None:
        return
    with recording.opened(org=row.organization_id, now=now) as act:
        ContentAccess.objects.filter(id=row.id).update(told_at=now, version=row.version + 1)
        act.write([_by_time(row, "data.view_told", opened=row.opened)])


def _by_time(row: ContentAccess, event: str, **more: object) -> EntryDraft:
    return EntryDraft(org=row.organization_id, action=event, category="data", outcome="success", actor=_SCHEDULE, via="schedule",
                      targets=[TargetRef(type="person", id=row.account_id, subject=row.account_id)], facts={**facts(row), **more})
