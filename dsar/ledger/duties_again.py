"""Bringing back what organizations decided and did about data after the backup: rules, matters and holds, accesses to records, lines of the registers, what people were told by notices.

A row comes back with its own number, and without its words. Nobody may read anything by it: an access comes back as one that is over, so that the person is told of it on the day that was set.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext, gettext_noop

from accounts import notice as powers_notice
from accounts.models import Account, NoticeVersion, Organization
from accounts.models.notice import NoticeState
from dsar.content import life
from dsar.content.model import ContentAccess
from dsar.holds.models import LegalHold, Matter
from dsar.ledger.duties import RECORDS, Record
from dsar.ledger.file import Line
from dsar.registers.models import Disclosure, PrivacyNotice, Reach, Step, ToldDisclosure
from dsar.registers.telling import TOLD

LOST = gettext_noop("(lost with a database; to be entered again)")


class Change(NamedTuple):
    """What was not so yet: in which organization, about whom, and which row a person has to complete, as `kind number day`."""

    org: UUID | None
    subject: UUID | None
    again: str = ""


def restore(kind: str, lines: Sequence[Line], now: datetime) -> list[Change]:
    """Every row that these lines are about becomes what they say last."""
    record, found = RECORDS[kind], []
    known = set(Organization.objects.filter(id__in={line.org for line in lines}).values_list("id", flat=True))
    people = set(Account.objects.filter(id__in={line.subject for line in lines}).exclude(status="purged").values_list("id", flat=True)) if record.person else set()
    there = record.model._default_manager.in_bulk({UUID(line.facts["row"]) for line in lines})
    last = {(line.facts["row"], line.facts["part"]): line for line in lines}
    for line in sorted(last.values(), key=lambda one: int(one.facts.get("number") or 0)):  # lines of a register are made from the ones before them
        if (line.org not in known and not (record.everywhere and line.org is None)) or (line.subject is not None and line.subject not in people and kind != "rule.state"):
            continue  # neither is in this database, so nothing of theirs is
        if (one := _row(kind, record, line, there.get(UUID(line.facts["row"])), now)) is not None:
            found.append(one)
    if kind == "disclosure.state":
        _told(Disclosure.objects.filter(id__in={line.facts["row"] for line in lines}, step=Step.TOLD, reach=Reach.PEOPLE))
    return found


def _row(kind: str, record: Record, line: Line, row: Any, now: datetime) -> Change | None:
    values = {name: _read(record.model, name, line.facts[name]) for name in record.columns}
    if row is None and line.facts["part"]:
        row = record.model._default_manager.filter(id=line.facts["row"]).first()  # made by its first part
    if row is None:
        return None if record.wordy else _made(kind, record, line, values, now)
    if record.wordy:
        return _older(kind, record, line, row, values["version"])
    for name in record.several:
        values[name] = [*getattr(row, name), *(one for one in values[name] if one not in getattr(row, name))]
    if kind == "access.state":
        values = _further(row, values)
    changed = {name: value for name, value in values.items() if getattr(row, name) != value and name != "version"}
    if not changed:
        return None
    again = ""
    if kind == "notice.state" and row.digest != values["digest"]:
        words, lost = _published(line, row, values)
        changed, again = changed | words, _again(kind, line) if lost else ""
    if hasattr(row, "version"):
        changed["version"] = max(row.version, values["version"]) if "version" in values else row.version + 1
    record.model._default_manager.filter(id=row.id).update(**changed)
    return Change(line.org, line.subject, again)


def _again(kind: str, line: Line) -> str:
    return f"{kind} {line.facts['row']} {line.at.date().isoformat()}"


def _older(kind: str, record: Record, line: Line, row: Any, version: int) -> Change | None:
    """The words that are there may be from before a change: they stay, and somebody looks at them."""
    if row.version >= version:
        return None
    record.model._default_manager.filter(id=row.id).update(version=version)
    return Change(line.org, line.subject, _again(kind, line))


def _published(line: Line, row: NoticeVersion, values: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """What a published notice says, and whether that is lost: from the draft that is there or from the version before, where the digest proves it; otherwise for each power its legal basis."""
    before = NoticeVersion.objects.filter(organization_id=line.org, number__lt=values["number"]).exclude(state=NoticeState.DRAFT).order_by("-number").first()
    for words, text in ((row.words, row.text), (before.words, before.text) if before else ({}, "")):
        one = NoticeVersion(powers=values["powers"], words={slug: said for slug, said in words.items() if slug in values["powers"]}, text=text)
        if powers_notice.digest(one) == values["digest"]:
            return {"words": one.words, "text": one.text}, False
    lost = gettext(LOST)
    return {"words": {slug: {"purpose": lost, "basis": basis} for slug, _equals, basis in (pair.partition("=") for pair in line.facts["bases"].split())}, "text": lost}, True


def _made(kind: str, record: Record, line: Line, values: dict[str, Any], now: datetime) -> Change | None:
    words: dict[str, Any] = {name: gettext(LOST) if text else "" for name, text in record.words.items()}
    lost = any(record.words.values())
    if kind == "disclosure.state":
        before = Disclosure.objects.filter(organization_id=line.org, entry=values["entry"], number__lt=values["number"]).order_by("-number").first()
        if Disclosure.objects.filter(organization_id=line.org, entry=values["entry"], number=values["number"]).exists():
            return None  # another line stands there already
        if before is not None:
            words = {name: getattr(before, name) for name in ("name", "their_reference", "secret_basis")} | {"words": ""}
            lost = values["step"] in {Step.CORRECTED, Step.EXTENDED}
    elif kind == "access.state" and values["ended_at"] is None:
        values |= {"ended_at": now, "ended_how": life.RESTORED}
    elif kind == "hold.legal" and not Matter.objects.filter(id=values["matter_id"]).exists():
        Matter.objects.create(id=values["matter_id"], organization_id=line.org, name=words["ground"], opened_at=values["placed_at"], opened_by=values["placed_by"])
    elif kind == "notice.state":
        words, lost = _published(line, NoticeVersion(words={}), values)
        drafts = NoticeVersion.objects.filter(organization_id=line.org)
        last = drafts.order_by("-number").values_list("number", flat=True).first() or 0
        drafts.filter(state=NoticeState.DRAFT, number=values["number"]).update(number=max(last, values["number"]) + 1)
    elif kind == "recipient.state":
        words["name"] = f"{words['name']} {line.facts['row'][:8]}"  # two of them at a time have not the same name
    elif kind == "hold.told" and not LegalHold.objects.filter(id=values["hold_id"]).exists():
        return None
    if record.person:
        values[record.person] = line.subject
    whose = {} if record.model is PrivacyNotice else {"organization_id": line.org}
    record.model._default_manager.create(id=UUID(line.facts["row"]), **whose, **values, **words)
    return Change(line.org, line.subject, _again(kind, line) if lost else "")


def _read(model: type[models.Model], name: str, value: Any) -> Any:
    """A fact as its column has it: several stand in one text."""
    column = next(one for one in model._meta.concrete_fields if name in {one.name, one.attname})
    if isinstance(column, ArrayField):
        return [column.base_field.to_python(one) for one in str(value or "").split()]
    column = column.target_field if column.is_relation else column
    return column.to_python(value)


def _further(row: ContentAccess, values: dict[str, Any]) -> dict[str, Any]:
    """An access never goes back to an earlier state: what is over stays over, who was told stays told, and what was opened was opened."""
    if row.ended_at is not None and values["ended_at"] is None:
        values |= {"ended_at": row.ended_at, "ended_how": row.ended_how}
    return values | {"told_at": values["told_at"] or row.told_at, "opened": max(row.opened, values["opened"])}


def _told(lines: Iterable[Disclosure]) -> None:
    """Whoever these lines name finds on their page what they were told then. No second letter leaves."""
    for line in lines:
        people = Account.objects.filter(id__in=line.people).exclude(status="purged").values_list("id", flat=True)
        records = line.records if len(line.people) == 1 else None
        ToldDisclosure.objects.bulk_create([ToldDisclosure(id=uuid4(), account_id=one, organization_id=line.organization_id, disclosure=line.entry, told_at=line.told_at, records=records,
                                                           **{name: getattr(line, name) for name in TOLD}) for one in people], ignore_conflicts=True)
