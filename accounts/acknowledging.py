"""Notices that people are asked to confirm: "I have read this". It says that they read it, not that they agree, and stands in nobody's way."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection, transaction

from accounts import outbox
from accounts.actor import Actor
from accounts.entries import actor_ref
from accounts.models import Account, Mail
from accounts.reasons import NotFound
from audit import INSTALLATION, recording
from audit.record import EntryDraft, TargetRef

MOST_WAITING = 20
"""More that wait to be confirmed are not shown at once."""


def require(*, about: UUID, template: str, accounts: Iterable[Account], context: dict[str, Any], entry: UUID, organization_id: UUID | None, now: datetime,
            asks: Literal["read", "important"] = "read") -> None:
    """Owe everybody the mail `template`, and ask each to confirm that they read it. For subscribers, inside their transaction.

    `about` is the id of what was announced (a claim, a policy, a version of the notice): `summary` counts by it. An `important` one
    shows a banner on every page until it is confirmed. Whoever is told of something newer `about` the same is asked about that only.
    """
    for account in accounts:
        Mail.objects.filter(account=account, about=about, acknowledged_at=None).exclude(entry=entry).update(asks="", about=None)
        outbox.owe(template=template, account=account, context=context, entry=entry, organization_id=organization_id, now=now, asks=asks, about=about)


def waiting(account_id: UUID) -> list[Mail]:
    """What the person has not confirmed yet, newest first. Only what has its words."""
    rows = Mail.objects.filter(account_id=account_id, acknowledged_at=None, entry__isnull=False).exclude(asks="").exclude(subject="")
    return list(rows.order_by("-created_at", "-id").defer("context")[:MOST_WAITING])


def confirm(*, actor: Actor, mail_id: UUID, now: datetime) -> datetime:
    """The person has read it; the first time is what counts, and is an entry in the log of whoever told them."""
    with transaction.atomic():
        mail = Mail.objects.select_for_update().filter(id=mail_id, account_id=actor.account_id, entry__isnull=False).exclude(asks="").exclude(subject="").first()
        if mail is None or actor.account_id is None:
            raise NotFound
        if mail.acknowledged_at is not None:
            return mail.acknowledged_at
        log = mail.organization_id or INSTALLATION
        with recording.opened(org=log, now=now, subjects=[actor.account_id]) as act:
            Mail.objects.filter(id=mail.id).update(acknowledged_at=now, read_at=mail.read_at or now)
            act.write([EntryDraft(
                org=log, action="notice.acknowledged", category="notice", outcome="success", actor=actor_ref(actor), via=actor.via,
                targets=[TargetRef(type="person", id=actor.account_id, subject=actor.account_id), TargetRef(type="announcement", id=mail.about or mail.id)],
                facts={"template": mail.template, "told_by": str(mail.entry)})], close=True)
    return now


@dataclass(frozen=True)
class Summary:
    """How many were asked to confirm something, how many did, and some of those who have not."""

    asked: int
    confirmed: int
    missing: tuple[tuple[str, str], ...]
    """Name and address of at most twenty who have not."""

    @property
    def open(self) -> int:
        return self.asked - self.confirmed


_COUNTS = "SELECT count(*), count(acknowledged_at) FROM accounts_mail WHERE about = %s AND organization_id = %s"
_MISSING = """SELECT a.name, a.email FROM accounts_mail m JOIN accounts_account a ON a.id = m.account_id
  WHERE m.about = %s AND m.organization_id = %s AND m.acknowledged_at IS NULL ORDER BY m.created_at, m.id LIMIT 20"""


def summary(*, organization_id: UUID, about: UUID) -> Summary:
    """Who has confirmed what this organization announced."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [about, organization_id])
        asked, confirmed = cursor.fetchone()
        missing: list[tuple[str, str]] = []
        if confirmed < asked:
            cursor.execute(_MISSING, [about, organization_id])
            missing = cursor.fetchall()
    return Summary(asked=asked, confirmed=confirmed, missing=tuple(missing))
