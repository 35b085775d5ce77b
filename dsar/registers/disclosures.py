"""The register of disclosures: its lines, who may see which, and when the people concerned are told (policy D3)."""
from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from accounts import audience
from accounts.models import Account, Membership, Organization
from accounts.tenancy import installation
from accounts.work import snapshot
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases.intake import LETTERS
from dsar.registers.models import Disclosure, Outcome, Reach, Round, Step

logger = logging.getLogger("steward.registers")
PERMISSION = "manage_registers"
MOST_PEOPLE = 200
AHEAD = timedelta(days=14)
"""So long before a prohibition ends, those who keep the register are reminded."""
_CLOCK = ActorRef(type="schedule")


def today(organization: Organization, now: datetime) -> date:
    """The day it is where the organization works."""
    return now.astimezone(ZoneInfo(organization.time_zone)).date()


def reference() -> str:
    """Random: it says nothing about how many there are."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"D-{letters[:4]}-{letters[4:]}"


def current(organization_id: UUID, *, reader: UUID | None) -> list[Disclosure]:
    """How every entry stands now, the newest request first: but for those about the reader that they may not be told of."""
    rows = Disclosure.objects.filter(organization_id=organization_id).order_by("entry", "-number").distinct("entry")
    found = [row for row in rows if not hidden(row, reader)]
    return sorted(found, key=lambda row: (row.received_on, row.at), reverse=True)


def hidden(row: Disclosure, reader: UUID | None) -> bool:
    """Whether the reader is somebody whom it names and who may not be told: what they may not know, they do not find in the register either. Of one about everybody, somebody has to keep the line."""
    return reader is not None and row.told_at is None and row.secret_until is not None and reader in row.people


def found(organization_id: UUID, word: str, *, reader: UUID | None) -> Disclosure | None:
    """The entry with this id or reference, as it stands now."""
    rows = Disclosure.objects.filter(organization_id=organization_id).order_by("-number")
    try:
        row = rows.filter(entry=UUID(word.strip())).first()
    except ValueError:
        row = rows.filter(reference=word.strip().upper()[:12]).first()
    return None if row is None or hidden(row, reader) else row


def lines(organization_id: UUID, entry: UUID) -> list[Disclosure]:
    """Every line of an entry, the first first."""
    return list(Disclosure.objects.filter(organization_id=organization_id, entry=entry).order_by("number"))


def further(row: Disclosure, step: Step, *, now: datetime, by: UUID | None, **changes: object) -> Disclosure:
    """The next line of an entry: as the last one, but for what this step changes. Not written yet."""
    values = {**snapshot(row), "id": uuid.uuid4(), "number": row.number + 1, "step": step, "at": now, "by": by, "words": "", **changes}
    return Disclosure(**values)


def may_be_told(row: Disclosure, day: date) -> bool:
    return row.secret_until is None or row.secret_until < day


def tellable(row: Disclosure) -> bool:
    """Whether there is anybody to tell: people whom it names, or everybody."""
    return row.reach in {Reach.PEOPLE, Reach.EVERYONE}


def to_be_told(row: Disclosure, day: date) -> bool:
    """Whether telling is due: it was decided, or a prohibition has ended, and nothing forbids it now."""
    return row.told_at is None and tellable(row) and may_be_told(row, day) and (row.outcome != Outcome.OPEN or row.secret_until is not None)


def round_of(row: Disclosure, now: datetime) -> Round:
    """Telling the people of a line. Not written yet."""
    people = list(row.people) if row.reach == Reach.PEOPLE else None
    return Round(id=uuid.uuid4(), organization_id=row.organization_id, kind="disclosure", about=row.entry, number=row.number, people=people, begun_at=now)


def accounts(organization_id: UUID, addresses: Iterable[str]) -> tuple[list[UUID], list[str]]:
    """The accounts with these addresses among those who are or were in the organization; and the addresses that belong to none of them."""
    wanted = list(dict.fromkeys(addresses))
    there = Membership.objects.filter(organization_id=organization_id, account__email_key__in=wanted, account__kind="person")
    known = dict(there.values_list("account__email_key", "account_id"))
    return [known[one] for one in wanted if one in known], [one for one in wanted if one not in known]


# What time alone brings about


def run(*, now: datetime) -> None:
    """Tell whoever may be told now, and remind of prohibitions that end. One failure does not stop the rest."""
    with installation("prohibitions to tell end in every organization, also in one that is no more"):
        for row in Disclosure.objects.filter(told_at=None).order_by("entry", "-number").distinct("entry").select_related("organization"):
            try:
                _look(row, now)
            except IntegrityError:
                continue  # somebody was faster
            except Exception:
                logger.exception("a disclosure could not be looked at")


def _look(row: Disclosure, now: datetime) -> None:
    if Disclosure.objects.filter(organization_id=row.organization_id, entry=row.entry, number__gt=row.number).exists():
        return  # the last line says that they were told
    day = today(row.organization, now)
    if to_be_told(row, day):
        tell(row, now)
    elif row.secret_until is not None and day <= row.secret_until <= day + AHEAD and tellable(row):
        remind(row, now)


def tell(row: Disclosure, now: datetime) -> None:
    """The line that says so, and the round."""
    with transaction.atomic():
        Organization.objects.select_for_update().get(id=row.organization_id)
        with recording.opened(org=row.organization_id, now=now) as act:
            line = further(row, Step.TOLD, now=now, by=None, told_at=now)
            line.save(force_insert=True)
            begun = round_of(line, now)
            begun.save(force_insert=True)
            act.write([_draft(row, "disclosure.told", round=str(begun.id))])


def remind(row: Disclosure, now: datetime) -> None:
    """Once for each date: those who keep the register hear that the prohibition ends, but for whom it is about."""
    assert row.secret_until is not None
    number = row.secret_until.toordinal()
    if Round.objects.filter(about=row.entry, kind="prohibition", number=number).exists():
        return
    people = [one.id for one in audience.holders(row.organization, PERMISSION) if not hidden(row, one.id)]
    with transaction.atomic(), recording.opened(org=row.organization_id, now=now) as act:
        begun = Round.objects.create(id=uuid.uuid4(), organization_id=row.organization_id, kind="prohibition", about=row.entry, number=number, people=people, begun_at=now)
        act.write([_draft(row, "disclosure.prohibition_ends", round=str(begun.id), until=row.secret_until.isoformat())])


def _draft(row: Disclosure, event: str, **facts: str) -> EntryDraft:
    return EntryDraft(org=row.organization_id, action=event, category="disclosure", outcome="success", actor=_CLOCK, via="schedule",
                      targets=[TargetRef(type="organization", id=row.organization_id)], facts={"disclosure": str(row.entry), "reference": row.reference, **facts})


def person_names(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Who these accounts are, for the page of an entry."""
    return {one.id: one.name or one.email for one in Account.objects.filter(id__in=list(ids)).only("id", "name", "email")}
