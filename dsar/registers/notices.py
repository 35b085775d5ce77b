"""The installation's privacy notice in versions, who was shown which notice when, and the one reminder for whoever did not confirm it (policy D4)."""
from __future__ import annotations

import difflib
import hashlib
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from accounts import notice as powers_notice
from accounts.actor import Actor
from accounts.entries import actor_ref
from accounts.models import Account, Mail, Membership, NoticeVersion, Organization
from accounts.models.notice import NoticeState
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.registers.models import NoticeSeen, PrivacyNotice, Round

logger = logging.getLogger("steward.registers")
LONGEST = 60_000
AHEAD = timedelta(days=14)
"""For how long people know of a significant change before it holds."""
AGAIN = timedelta(days=14)
"""So long after they were asked, whoever did not confirm is asked once more, and never again."""
TOO_OLD = timedelta(days=60)


class NotPublished(ValueError):
    """The text cannot be published; the message says why."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def latest() -> PrivacyNotice | None:
    return PrivacyNotice.objects.order_by("-number").first()


def in_effect(now: datetime) -> PrivacyNotice | None:
    """The version that holds now: the last published of those whose day has come."""
    return PrivacyNotice.objects.filter(effective_at__lte=now).order_by("-number").first()


def archive() -> list[PrivacyNotice]:
    return list(PrivacyNotice.objects.order_by("-number"))


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """(sign, line): + came, - went, blank stayed; a few lines around each change."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return [(line[0], line[1:]) for line in lines if not line.startswith(("---", "+++", "@@"))]


def publish(*, text: str, significant: bool, now: datetime, by: Actor | None = None) -> PrivacyNotice:
    """The operator publishes a version: an act in the installation's log. A significant one holds in 14 days, and everybody is mailed; the first, and any other, holds at once."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise NotPublished("The text is empty.")
    if len(text) > LONGEST:
        raise NotPublished(f"The text has {len(text)} characters; at most {LONGEST} are possible.")
    if any((ord(c) < 32 and c not in "\n\t") or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise NotPublished("The text has control characters.")
    with installation("the installation's own notice"), transaction.atomic():
        with connection.cursor() as cursor:  # two operators at once: one after the other
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('steward.privacy_notice'))")
        last = latest()
        if last is not None and last.text == text:  # one whose text was lost with a database is published anew: the digest shows that it is the same
            raise NotPublished("This is what the last version says already.")
        if last is not None and last.digest == digest(text):
            significant = False  # people were told of it
        with recording.opened(org=INSTALLATION, now=now) as act:
            row = PrivacyNotice.objects.create(id=uuid.uuid4(), number=last.number + 1 if last else 1, text=text, digest=digest(text), significant=significant and last is not None, published_at=now,
                                               effective_at=now + AHEAD if significant and last is not None else now)
            facts: dict[str, str | int | bool] = {"number": row.number, "digest": row.digest, "significant": row.significant, "effective_at": row.effective_at.isoformat()}
            if row.significant:
                facts["round"] = str(Round.objects.create(id=uuid.uuid4(), kind="privacy", about=row.id, begun_at=now).id)
            act.write([EntryDraft(org=INSTALLATION, action="privacy_notice.published", category="privacy_notice", outcome="success", actor=actor_ref(by) if by else ActorRef(type="operator"),
                                  via=by.via if by else "cli", facts=facts)])
    return row


# Who was shown what


@dataclass(frozen=True)
class New:
    """A version that somebody has not been shown yet."""

    id: UUID
    number: int
    effective_at: datetime
    organization: Organization | None
    membership: UUID | None
    lines: tuple[tuple[str, str], ...]
    """What changed in the text."""
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    """Slugs of powers, of an organization's notice."""


def unseen(account: Account) -> list[New]:
    """Significant versions that came since the person is here and that they were not shown yet: the last one of each notice. Needs a reach that sees every organization."""
    found = []
    last = PrivacyNotice.objects.filter(significant=True, published_at__gt=account.created_at).order_by("-number").first()
    rows = Membership.objects.filter(account_id=account.id, status__in=("active", "restricted")).select_related("organization")
    members = {row.organization_id: row for row in rows}
    versions = {row.organization_id: row for row in NoticeVersion.objects.filter(organization_id__in=list(members), state=NoticeState.PUBLISHED, significant=True).order_by("organization_id",
        "number")}
    wanted = [row.id for row in versions.values()] + ([last.id] if last else [])
    if not wanted:
        return []
    known = {*NoticeSeen.objects.filter(account_id=account.id, notice__in=wanted).values_list("notice", flat=True),
             *Mail.objects.filter(account_id=account.id, about__in=wanted, acknowledged_at__isnull=False).values_list("about", flat=True)}
    if last is not None and last.id not in known:
        before = PrivacyNotice.objects.filter(number__lt=last.number).order_by("-number").first()
        found.append(New(last.id, last.number, last.effective_at, None, None, tuple(difference(before.text if before else "", last.text))))
    for organization_id, row in versions.items():
        since = members[organization_id].joined_at or members[organization_id].created_at
        if row.id not in known and row.published_at is not None and row.published_at > since and row.effective_at is not None:
            earlier = NoticeVersion.objects.filter(organization_id=organization_id, number__lt=row.number).exclude(state=NoticeState.DRAFT).order_by("-number").first()
            said = powers_notice.difference(earlier, row)
            found.append(New(row.id, row.number, row.effective_at, members[organization_id].organization, members[organization_id].id, said.lines, said.came, said.went))
    return found


def shown(account: Account, versions: Iterable[New], *, now: datetime) -> None:
    """That they were shown to the person, once."""
    NoticeSeen.objects.bulk_create([NoticeSeen(id=uuid.uuid4(), account=account, organization=one.organization, notice=one.id, number=one.number, shown_at=now) for one in versions],
    ignore_conflicts=True)


def confirm(*, actor: Actor, notices: Iterable[UUID], now: datetime) -> int:
    """The person has read these versions; the first time is what counts, and is an entry in the log of whose notice it is. Needs a reach that sees every organization."""
    done = 0
    with transaction.atomic():
        for row in NoticeSeen.objects.select_for_update().filter(account_id=actor.account_id, notice__in=list(notices), confirmed_at=None).order_by("id"):
            log = row.organization_id or INSTALLATION
            with recording.opened(org=log, now=now, subjects=[row.account_id]) as act:
                NoticeSeen.objects.filter(id=row.id).update(confirmed_at=now)
                Mail.objects.filter(account_id=row.account_id, about=row.notice, acknowledged_at=None).exclude(asks="").update(acknowledged_at=now, read_at=now)
                act.write([EntryDraft(org=log, action="notice.acknowledged", category="notice", outcome="success", actor=actor_ref(actor), via=actor.via,
                                      targets=[TargetRef(type="person", id=row.account_id, subject=row.account_id), TargetRef(type="announcement",
                                          id=row.notice)], facts={"number": row.number})], close=True)
            done += 1
    return done


def counts(version: PrivacyNotice) -> tuple[int, int]:
    """How many were asked to confirm a version of the privacy notice, and how many did."""
    asked = Mail.objects.filter(about=version.id, template="privacy-notice").exclude(asks="").values("account").distinct().count()
    return asked, Mail.objects.filter(about=version.id, template="privacy-notice", acknowledged_at__isnull=False).values("account").distinct().count()


# By time


def run(*, now: datetime) -> None:
    """Ask once more whoever has not confirmed a significant version. One failure does not stop the rest."""
    with installation("people who have not confirmed a notice are asked once more"):
        for row in NoticeVersion.objects.filter(state=NoticeState.PUBLISHED, significant=True, published_at__gt=now - TOO_OLD, published_at__lte=now - AGAIN).exclude(
                id__in=Round.objects.filter(kind="powers-again").values("about")).defer("text", "words"):
            newer = NoticeVersion.objects.filter(organization_id=row.organization_id, state=NoticeState.PUBLISHED, number__gt=row.number).exists()
            if not newer:
                _again(row.organization_id, "powers-again", "notice.reminded", row.id, row.number, now)
        last = latest()
        if last is not None and last.significant and now - TOO_OLD < last.published_at <= now - AGAIN and not Round.objects.filter(kind="privacy-again", about=last.id).exists():
            _again(None, "privacy-again", "privacy_notice.reminded", last.id, last.number, now)


def _again(organization_id: UUID | None, kind: str, event: str, about: UUID, number: int, now: datetime) -> None:
    log = organization_id or INSTALLATION
    try:
        with transaction.atomic(), recording.opened(org=log, now=now) as act:
            begun = Round.objects.create(id=uuid.uuid4(), organization_id=organization_id, kind=kind, about=about, begun_at=now)
            act.write([EntryDraft(org=log, action=event, category=event.partition(".")[0], outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                                  targets=[TargetRef(type="organization", id=organization_id)] if organization_id else [], facts={"number": number, "round": str(begun.id)})])
    except IntegrityError:
        return  # somebody was faster
    except Exception:
        logger.exception("people could not be asked once more")
