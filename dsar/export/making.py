"""Making a copy: everything from one moment of the database, streamed into a package, and looked through for what must not leave."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Account, Management, Membership, SetAside
from accounts.tenancy import installation
from accounts.work import plain
from audit import INSTALLATION
from dsar import records
from dsar.cases.models import Case
from dsar.datamap import MAP
from dsar.datamap.kinds import PURPOSES, Unit
from dsar.export import acts, portable
from dsar.export.package import Bag, Sink
from dsar.export.people import People
from dsar.export.rows import KNOWN, Reader, line, schema
from dsar.holding import told
from dsar.registers import recipients
from dsar.relays import shown
from dsar.retention import outlook

SHOWN = 50
"""So many records of each kind stand in the page for reading; all of them in the files."""
_KNOWN = frozenset({f"data/notices/{KNOWN.removeprefix('accounts_')}.jsonl", "data/README.html"})
"""Not looked through: what was mailed to the person. The page for reading tells nothing that the files do not."""


class Leak(Exception):
    """Something about somebody else was about to leave; the copy is not given out."""


class Gone(Exception):
    """The person is not there any more."""


@dataclass
class Told:
    """One kind of data in the copy: its file, how many records, the first of them."""

    unit: Unit
    name: str
    count: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Whose copy, and how far it reaches. `only` is the organization that asks: it gets what is its own, and what belongs to the account itself only if it manages it."""

    copy: UUID
    account: UUID
    language: str
    asked_at: datetime
    only: UUID | None = None
    by: UUID | None = None
    """The account of the administrator who asked, where an organization did: the copy says so itself."""
    case: UUID | None = None
    """The request that the copy answers, if it was asked for as one."""


@dataclass(frozen=True)
class Made:
    """What came of it."""

    manifest: str
    counts: dict[str, int]
    people: int


def make(wanted: Wanted, sink: Sink, *, now: datetime) -> Made:
    """Write the package into `sink`. Nothing is written to the database. Raises Leak, Gone."""
    with transaction.atomic():
        one_moment()
        with installation("a copy of what is held about one person, in all of their organizations"), translation.override(wanted.language):
            account = Account.objects.filter(id=wanted.account).first()
            if account is None or account.status == "purged":
                raise Gone
            return _make(wanted, account, sink, now)


def one_moment() -> None:
    """All that is read from here on is as of one moment, and nothing can be written."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _make(wanted: Wanted, account: Account, sink: Sink, now: datetime) -> Made:
    rows = Membership.objects.filter(account=account).select_related("organization", "role").order_by("organization__name", "id")
    memberships = list(rows if wanted.only is None else rows.filter(organization_id=wanted.only))
    _whole(account, memberships)
    manager = Management.objects.filter(account=account).values_list("organization_id", flat=True).first()
    orgs: dict[UUID, str] = {m.organization_id: m.organization.name for m in memberships if m.status != "invited"} | ({INSTALLATION: _("this installation")} if wanted.only is None else {})
    people = People(me=account, organizations=orgs, published=[m.organization.contact_email for m in memberships])
    reader = Reader(people, orgs=list(orgs), only=wanted.only)
    units = [unit for unit in MAP.units if told(unit) and (wanted.only is None or unit.scope or wanted.only == manager)]
    bag = Bag(sink, name=f"steward-copy-{now:%Y-%m-%d}", at=now)
    found: list[str] = []
    bag.watch(lambda name, text: found.extend(people.leaks(text.decode("utf-8", "replace"))) if b"@" in text and name not in _KNOWN and not name.endswith(("/manifest.json", ".sig")) else None)
    kinds = [_kind(bag, reader, unit) for unit in units if not unit.table.startswith("audit_")]
    done = _acts(bag, account.id, orgs, people, now)
    _portable(bag, account, memberships, reader, orgs, units)
    programs = _programs(bag, wanted.case, people)
    withheld = _withheld(reader)
    bag.put("data/withheld.json", _pretty(withheld))
    summary = _summary(account, memberships, manager, now, people) | {"kept_by_rules": _kept(account, wanted.only, now, people)}
    bag.put("data/summary.json", _pretty(summary))
    bag.put("data/README.html", render_to_string("copy/README.html", {
        "account": account, "now": now, "purposes": _by_purpose(kinds), "acts": done, "withheld": withheld, "summary": summary, "programs": programs, "shown": SHOWN, "language": wanted.language}))
    if found:
        raise Leak
    given = {one["name"].removeprefix("data/"): 1 for one in programs if one["gave"]}
    counts = given | {one.name.removeprefix("data/"): one.count for one in kinds} | {one["name"].removeprefix("data/"): one["count"] for one in done}
    manifest = bag.finish(
        info={"Source-Organization": "Steward", "External-Description": "A copy of the personal data of one person", "Bagging-Date": f"{now:%Y-%m-%d}", "External-Identifier": str(wanted.copy)},
        manifest={"format": "steward-copy/1", "copy": str(wanted.copy), "subject": str(account.id), "asked_at": plain(wanted.asked_at), "as_of": plain(now),
                  "map": records.version(), "counts": counts, **({"for_organization": str(wanted.only), "asked_by": str(wanted.by or "")} if wanted.only else {}), **_answers(wanted.case)})
    return Made(manifest=manifest, counts=counts, people=len(people.numbers))


def _whole(account: Account, memberships: list[Membership]) -> None:
    """What an organization may only store is the person's all the same: their card says it."""
    stored = {(row.organization_id, row.field): row.value for row in SetAside.objects.filter(account=account)}
    for row in memberships:
        for of, name in ((account, "name"), (row, "title"), (row, "department")):
            setattr(of, name, getattr(of, name) or stored.get((row.organization_id, name), ""))


def _answers(case_id: UUID | None) -> dict[str, Any]:
    """Which request the copy answers, and under which laws."""
    case = Case.objects.filter(id=case_id).first() if case_id else None
    return {"request": case.reference, "regimes": case.regimes} if case else {}


def _kind(bag: Bag, reader: Reader, unit: Unit) -> Told:
    told_ = Told(unit, f"data/{unit.purpose}/{unit.table.removeprefix('accounts_')}.jsonl")

    def lines() -> Iterator[bytes]:
        for row in reader.rows(unit):
            if len(told_.first) < SHOWN:
                told_.first.append(row)
            yield line(row)

    told_.count = bag.lines(told_.name, lines())
    bag.put(told_.name.replace(".jsonl", ".schema.json"), _pretty(schema(unit)))
    return told_


def _acts(bag: Bag, me: UUID, orgs: dict[UUID, str], people: People, now: datetime) -> list[dict[str, Any]]:
    """The two files of the audit log: what was done to the person, what they did."""
    found = []
    for name, title, walk in (("data/record/done-to-you.jsonl", _("What others did to you"), partial(acts.to, now=now)), ("data/record/done-by-you.jsonl", _("What you did"), acts.by)):
        first: list[dict[str, Any]] = []

        def lines(walk: Any = walk, first: list[dict[str, Any]] = first) -> Iterator[bytes]:
            for act in walk(me=me, orgs=orgs, people=people):
                if len(first) < SHOWN:
                    first.append({**act, "words": act.get("words", ""), "who": act.get("by") or ", ".join(act.get("about", ()))})
                yield line(act)

        found.append({"name": name, "title": title, "count": bag.lines(name, lines()), "first": first})
    return found


def _portable(bag: Bag, account: Account, memberships: list[Membership], reader: Reader, orgs: dict[UUID, str], units: list[Unit]) -> None:
    """Oneself and what is one's own, in forms that other programs take."""
    bag.put("data/portable/you.vcf", portable.vcard(account, [m for m in memberships if m.status not in {"invited", "removed"}]))
    for unit in units:
        if unit.sole or unit.table in {"accounts_membership", "accounts_serviceaccess", "accounts_groupmembership"}:
            bag.lines(f"data/portable/{unit.table.removeprefix('accounts_')}.csv", portable.table(reader.rows(unit), reader.names(unit)))
    bag.lines("data/portable/activities.jsonl", portable.activities(acts.by(me=account.id, orgs=orgs, people=reader.people)))


def _programs(bag: Bag, case_id: UUID | None, people: People) -> list[dict[str, Any]]:
    """What services and apps gave for the request, each in a folder of its own with where it comes from; who gave nothing is named too. Addresses of other people are covered in it."""
    found = []
    for name, origin, given in shown.for_copy(case_id) if case_id else []:
        bag.put(f"{name}/provenance.json", people.without_addresses(_pretty(origin)))
        if given is not None:
            bag.put(f"{name}/answer.json", people.without_addresses(shown.text_of(given)))
        found.append({**origin, "name": f"{name}/answer.json", "gave": given is not None})
    return found


def _withheld(reader: Reader) -> list[dict[str, Any]]:
    """What is not in the copy, how much of it, and why; nothing of what it is."""
    silent = _("Where a law or an order forbids to tell you of a disclosure, it is not in a copy, and nothing in a copy shows whether there is one. You are told as soon as it is allowed.")
    people, titles = reader.people, {unit.table: str(unit.title) for unit in MAP.units}
    why = _("Exists, and is not told to anybody: it would open your account.")
    found = [{"what": titles[table], "count": count, "ground": "security", "why": why} for table, count in reader.secrets.items() if count]
    if people.numbers or people.hidden:
        each = _("Each of them is the same “Person” with a number throughout this copy.")
        found.append({"what": _("Names and addresses of other people"), "count": len(people.numbers), "ground": "reveals_other_person", "why": each})
    found.append({"what": _("Disclosures of which the law forbids to tell"), "count": None, "ground": "law", "why": silent})
    return found


def _summary(account: Account, memberships: list[Membership], manager: UUID | None, now: datetime, people: People) -> dict[str, Any]:
    """What the law wants to be told with a copy (GDPR Art. 15(1) and (2))."""
    return {
        "as_of": plain(now), "name": account.name, "address": account.email,
        "organizations": [{"name": m.organization.name, "contact": m.organization.contact_email, "role": str(m.role.name), "status": m.status, "manages_your_account": manager == m.organization_id}
                          for m in memberships],
        "processing": records.as_json(records.About(organization="", contact=""), on=f"{now:%Y-%m-%d}")["activities"],
        "recipients": [_unnamed({"organization": m.organization.name, **recipients.as_json(one)},
        people) for m in memberships if m.status != "invited" for one in recipients.listed(m.organization_id)],
        "rights": [_("You can have wrong data corrected, data deleted, and its use restricted; you can object to its use, and take a consent back."),
                   _("You can complain to the data protection authority where you live or work.")],
        "automated_decisions": _("None."),
    }


def _kept(account: Account, only: UUID | None, now: datetime, people: People) -> list[dict[str, Any]]:
    """What the rules of organizations make of it for this person, with the reasons; what no rule is about follows the periods above."""
    found = outlook.of_person(account.id, now=now, only=only)
    return [_unnamed({"what": str(unit.title), "organization": one.organization, "goes_on": plain(one.goes_on), "text": one.text, "why": " ".join(one.why)}, people)
            for unit in MAP.units for one in found.get(unit.table, ())]


def _unnamed(recipient: dict[str, Any], people: People) -> dict[str, Any]:
    """What an organization wrote about a recipient, without addresses of other people in it."""
    return {name: people.without_addresses(value) if isinstance(value, str) else value for name, value in recipient.items()}


def _by_purpose(kinds: list[Told]) -> list[dict[str, Any]]:
    found = []
    for key, purpose in PURPOSES.items():
        some = [one for one in kinds if one.unit.purpose == key]
        if some:
            found.append({"title": purpose.title, "text": purpose.text, "kinds": [
                {"title": one.unit.title, "name": one.name.removeprefix("data/"), "count": one.count, "rows": [_readable(row) for row in one.first]} for one in some]})
    return found


def _readable(row: dict[str, Any]) -> list[tuple[str, str]]:
    """A record for people: what it says, without what is empty, and without numbers that only programs need."""
    return [(name.replace("_", " "), _said(value)) for name, value in row.items() if name != "id" and value not in (None, "", [], {}) and value != _("you")]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"
