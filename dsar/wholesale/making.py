"""Making the package: everything from one moment of the database, streamed row by row into a bag, with what was left out and why."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.models import Membership
from accounts.tenancy import installation
from accounts.work import plain
from dsar import records
from dsar.export.making import one_moment
from dsar.export.package import Bag, Sink
from dsar.export.rows import as_json, line, schema
from dsar.wholesale import reach
from dsar.wholesale.model import ExportConsent, Level, OrganizationExport
from dsar.wholesale.reach import Part

_AT_ONCE = 2000


@dataclass(frozen=True)
class Made:
    """What came of it, and of whom it has private data: they find it in their ledger."""

    manifest: str
    counts: dict[str, int]
    withheld: list[dict[str, Any]]
    people: list[UUID]


def make(row: OrganizationExport, sink: Sink, *, now: datetime) -> Made:
    """Write the package into `sink`. Nothing is written to the database."""
    with transaction.atomic():
        one_moment()
        with installation("everything of one organization"):
            return _make(row, sink, now)


def _make(row: OrganizationExport, sink: Sink, now: datetime) -> Made:
    bag = Bag(sink, name=f"steward-organization-{now:%Y-%m-%d}", at=now)
    found, counts, withheld = list(reach.parts(organization=row.organization_id, export=row.id, level=row.level)), {}, []
    for part in found:
        counts[part.name.removeprefix("data/")] = bag.lines(part.name, _lines(part))
        if part.unit is not None:
            bag.put(part.name.replace(".jsonl", ".schema.json"), _pretty(schema(part.unit)))
        withheld += _held_back(part)
    withheld += _people(row)
    withheld.append({"what": _("The audit log"), "ground": "elsewhere", "why": _("It is exported by itself, with the proofs that it is whole."), "count": None})
    bag.put("data/withheld.json", _pretty(withheld))
    bag.put("data/README.html", render_to_string("organization_export/README.html", {
        "organization": row.organization, "row": row, "now": now,
            "parts": [{"title": part.title, "name": part.name.removeprefix("data/"), "count": counts[part.name.removeprefix("data/")]} for part in found],
        "withheld": withheld, "language": "en"}))
    manifest = bag.finish(
        info={"Source-Organization": "Steward", "External-Description": "Everything of one organization", "Bagging-Date": f"{now:%Y-%m-%d}", "External-Identifier": str(row.id)},
        manifest={"format": "steward-organization/1", "export": str(row.id), "organization": str(row.organization_id), "level": row.level, "asked_at": plain(row.asked_at), "as_of": plain(now),
                  "map": records.version(), "counts": counts})
    return Made(manifest, counts, withheld, _private(row))


def _lines(part: Part) -> Iterator[bytes]:
    """The rows, streamed: never more than some thousand at once, whatever there is."""
    names = [name for name, _sql in part.columns]
    order = next((name for name in ("id", "membership_id", "account_id") if name in names), names[0])
    with connection.chunked_cursor() as cursor:
        cursor.execute(f'SELECT {", ".join(sql for _name, sql in part.columns)} FROM "{part.table}" WHERE {part.where} ORDER BY "{part.table}"."{order}"', list(part.values))
        while some := cursor.fetchmany(_AT_ONCE):
            for values in some:
                yield line({name: as_json(value) for name, value in zip(names, values, strict=True)})


def _held_back(part: Part) -> Iterator[dict[str, Any]]:
    """What of this table is not in the package: rows of restricted people, secrets, what is private."""
    if part.held_back and (count := _count(part, part.held_back, part.held_values)):
        yield {"what": str(part.title), "ground": "use_restricted", "why": _("The use of what is held about these people is restricted, so it is stored and nothing else."), "count": count}
    if part.secrets and (count := _count(part, part.where, part.values)):
        yield {"what": str(part.title), "ground": "security", "why": _("Columns that would open something are never told."), "count": count, "columns": list(part.secrets)}
    if part.blanked and (count := _count(part, part.where, part.values)):
        rights = part.unit is not None and part.unit.purpose == reach.RIGHTS
        why = _("What people wrote to use their rights is in no export.") if rights else _("What is private is left out, of everybody or of those who did not agree.")
        yield {"what": str(part.title), "ground": "rights" if rights else "private", "why": why, "count": count, "columns": list(part.blanked)}


def _count(part: Part, where: str, values: tuple[Any, ...]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{part.table}" WHERE {where}', list(values))
        return int(cursor.fetchone()[0])


def _people(row: OrganizationExport) -> list[dict[str, Any]]:
    """How many people did not agree, where that was asked."""
    if row.level != Level.AGREED:
        return []
    agreed = len(_private(row))
    return [{"what": _("People who did not agree, or did not answer"), "ground": "no_consent", "why": _("Nothing private of them is in it."),
             "count": Membership.objects.filter(organization_id=row.organization_id, account__kind="person").exclude(status="invited").count() - agreed}]


def _private(row: OrganizationExport) -> list[UUID]:
    """Of whom private data is in it."""
    if row.level == Level.PLAIN:
        return []
    restricted = set(Membership.objects.filter(organization_id=row.organization_id, use_restricted=True).exclude(use_freed__contains=["export"]).values_list("account_id", flat=True))
    if row.level == Level.AGREED:
        found = ExportConsent.objects.filter(export=row, agreed=True).values_list("account_id", flat=True)
    else:
        found = Membership.objects.filter(organization_id=row.organization_id, account__kind="person").exclude(status="invited").exclude(account__status="purged").values_list("account_id", flat=True)
    return sorted(set(found) - restricted)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"
