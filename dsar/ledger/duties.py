"""What an organization decided or did about data, as lines of the ledger carry it: rules of keeping, matters and holds, accesses to records, its registers, and what people were told by notices.

Everything but words: a ground or a name that somebody typed may be about a person, and stands in no line (RIGHTS 6c). What that leaves out, a replay names by number and day.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from accounts.models import NoticeVersion
from accounts.models.notice import NoticeState
from audit import INSTALLATION
from dsar.content.model import ContentAccess
from dsar.holds.models import HoldNotice, LegalHold, Matter
from dsar.ledger.file import Draft
from dsar.ledger.reading import Happened, draft
from dsar.registers.models import BusinessTransfer, Controller, Disclosure, NoticeSeen, PrivacyNotice, Recipient
from dsar.retention.models import RetentionRule

PART = 200
"""Numbers of people or groups in one line, at most: a line is short, so what has more is several lines. As many as a line of the register names, which is written once and never changed."""
_LABEL = re.compile(r"[a-z0-9][a-z0-9_.:-]*")
"""What labels of the data map look like. A rule about anything else reaches nothing, and may have been meant for somebody’s name."""


@dataclass(frozen=True)
class Record:
    """A table whose rows a line can bring back."""

    model: type[models.Model]
    columns: tuple[str, ...]
    changed: Callable[[datetime], Q]
    """Rows that were made or changed since, as far as their own days say."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Columns that no line carries, each with what stands there afterwards: empty where a row may be without."""
    person: str = ""
    """The column with the account that the row is about."""
    several: tuple[str, ...] = ()
    """Columns with so many numbers that they may need several lines."""
    named: str = ""
    """The fact of an entry that names the row."""
    wordy: bool = False
    """Lines say only that words of the row changed: where an older row is there, somebody has to look at its words."""
    everywhere: bool = False
    """Rows may be the installation's own, which has no organization."""
    also: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Facts that are in no column by themselves."""


def _since(*columns: str) -> Callable[[datetime], Q]:
    def query(at: datetime) -> Q:
        found = Q()
        for column in columns:
            found |= Q(**{f"{column}__gte": at})
        return found
    return query


def bases(row: NoticeVersion) -> list[str]:
    """On which legal basis each power of a notice is used, by codes: `suspend=contract`. For what, is words."""
    return [f"{slug}={said['basis']}" for slug, said in sorted(row.words.items()) if slug in row.powers]


RECORDS: dict[str, Record] = {
    "rule.state": Record(
        RetentionRule, ("kind", "scope", "about", "label", "what", "trigger", "count", "measure", "action", "ground", "set_by", "approved_by", "set_at", "effective_at", "ends_at"),
        lambda at: Q(ends_at=None) | Q(ends_at__gte=at), person="account_id"),
    "matter.state": Record(Matter, ("opened_at", "opened_by", "closed_at", "closed_by"), _since("opened_at", "closed_at"), words={"name": "lost", "note": ""}),
    "hold.legal": Record(
        LegalHold, ("matter_id", "categories", "first_day", "last_day", "disclosure", "placed_at", "placed_by", "confirm_by", "confirmed_at", "confirmed_by", "released_at", "released_by", "lapsed",
                    "groups", "services"),
        _since("placed_at", "confirmed_at", "released_at"), words={"ground": "lost", "end_ground": ""}, several=("groups", "services")),
    "hold.told": Record(HoldNotice, ("hold_id", "told_at", "reminded_at", "acknowledged_at", "ended_at"), _since("told_at", "reminded_at", "acknowledged_at", "ended_at"), person="account_id"),
    "access.state": Record(
        ContentAccess, ("viewer", "approved_by", "ground", "kinds", "since", "until", "granted_at", "ends_at", "tell_at", "told_at", "ended_at", "ended_how", "opened"),
        _since("granted_at", "told_at", "ended_at"), words={"words": "lost"}, person="account_id"),
    "disclosure.state": Record(
        Disclosure, ("entry", "number", "step", "reference", "at", "by", "kind", "country", "received_on", "basis", "categories", "from_day", "to_day", "reach", "concerned", "outcome", "given",
                     "records", "refusal", "answered_on", "secret_until", "told_at", "people"),
        _since("at"), words={"name": "lost", "their_reference": "", "secret_basis": "", "words": ""}, several=("people",)),
    "recipient.words": Record(Recipient, ("version",), _since("added_at"), named="recipient", wordy=True),
    "recipient.state": Record(
        Recipient, ("version", "kind", "purposes", "categories", "country", "mechanism", "derogation", "mechanism_on", "added_at", "ended_at"), _since("added_at", "ended_at"),
        words={"name": "lost", "document": ""}, named="recipient"),
    "controller.words": Record(Controller, ("version",), lambda _at: Q(), wordy=True),
    "controller.state": Record(Controller, ("version", "country", "report_public"), lambda _at: Q(),
                               words={"name": "lost", "address": "", "contact": "", "officer": "", "officer_contact": "", "measures": ""}),
    "transfer.state": Record(BusinessTransfer, ("version", "state", "country", "goes_on", "announced_at", "ended_at", "reminded"), _since("announced_at", "ended_at"),
                             words={"name": "lost", "address": "", "contact": "", "changes": "lost"}, named="transfer"),
    "notice.state": Record(
        NoticeVersion, ("number", "state", "powers", "meanwhile", "digest", "significant", "created_at", "published_at", "published_by", "effective_at"),
        lambda at: Q(published_at__gte=at) | Q(state=NoticeState.REPLACED, effective_at__gte=at), words={"text": "lost"}, also={"bases": bases}),
    "privacy.state": Record(PrivacyNotice, ("number", "digest", "significant", "published_at", "effective_at"), _since("published_at"), words={"text": "lost"}, everywhere=True),
    "notice.seen": Record(NoticeSeen, ("notice", "number", "shown_at", "confirmed_at"), _since("confirmed_at"), person="account_id", everywhere=True),
}


def reader(kind: str) -> Callable[[Happened], Iterable[Draft]]:
    """Lines of this kind about what an entry made or changed."""
    record = RECORDS[kind]

    def read(happened: Happened) -> Iterable[Draft]:
        found = record.model._default_manager.filter(id=happened.facts[record.named]) if record.named in happened.facts else record.model._default_manager.filter(record.changed(happened.at))
        rows: Iterable[Any] = found.order_by("id") if record.model is PrivacyNotice else found.filter(organization_id=None if happened.org == INSTALLATION else happened.org).order_by("id")
        for row in rows:
            if getattr(row, "label", "") and not _LABEL.fullmatch(row.label):
                yield draft("told.only", happened, org=happened.org, subject=None, action=happened.action, row=row.id)
                continue
            yield from _lines(kind, record, row, happened)
    return read


def _lines(kind: str, record: Record, row: Any, happened: Happened) -> Iterable[Draft]:
    subject: UUID | None = getattr(row, record.person) if record.person else None
    facts = {name: getattr(row, name) for name in record.columns if name not in record.several}
    long = {name: list(getattr(row, name)) for name in record.several}
    facts |= {name: read(row) for name, read in record.also.items()}
    step = PART // max(1, len(long))
    for start in range(0, max([1, *map(len, long.values())]), step):
        parts = {name: found[start:start + step] for name, found in long.items()}
        yield draft(kind, happened, org=getattr(row, "organization_id", None), subject=subject, row=row.id, part=start // step, **facts, **parts)


(rules, matters, legal_holds, notices, accesses, disclosures, recipient_words, recipients, controller_words, controllers, transfers, powers_notices, privacy_notices, seen_notices) = map(
    reader, RECORDS)
