"""The one gate that everything which destroys rows asks: what a hold keeps stays (RIGHTS 3f).

It is asked by name in `settings.KEPT` from packages that know nothing of legal holds (`accounts.holding.kept_in`). Whoever destroys asks inside the statement that destroys, after
`audit.holds.shut()`: so a hold that is being placed comes before it, or finds it done.
"""
from __future__ import annotations

from uuid import UUID

from dsar.datamap import MAP
from dsar.datamap.kinds import Unit
from dsar.holding import condition
from dsar.holds.models import LegalHold

DATED = {
    "accounts_mail": "created_at", "accounts_session": "started_at", "accounts_profilechange": "changed_at", "accounts_profilesuggestion": "suggested_at", "accounts_addresschange": "created_at",
    "accounts_rightsrequest": "asked_at", "dsar_happening": "at", "dsar_case": "received_at", "dsar_evidence": "added_at", "dsar_copy": "asked_at", "accounts_membershipsnapshot": "taken_at",
}
"""When what a row says was so. Rows of other kinds bear no date that says it, so days do not limit a hold on them."""


def kept(unit: Unit, *, org: UUID | None, hold: UUID | None = None) -> tuple[str, list[object]]:
    """SQL that is true for the rows of this kind that a hold keeps now, and its parameters: holds of `org`, or, with None, of the organization whose row each of them is.

    To be used inside `WHERE NOT (…)`, on the unit's table by its own name. Rows that belong to no organization are kept by the holds of all: to see them needs the installation's reach.
    `hold` asks for one legal hold alone.
    """
    given: list[object] = [org] if org is not None and unit.scope else []
    whose = "" if not unit.scope else " AND h.org = %s" if given else f' AND ("{unit.table}"."{unit.scope}" IS NULL OR h.org = "{unit.table}"."{unit.scope}")'
    held = ("SELECT h.subject FROM audit_hold h LEFT JOIN dsar_legalhold l ON l.id = h.within"
            f" WHERE h.kind = 'subject' AND h.released_at IS NULL{whose} AND (l.id IS NULL OR cardinality(l.categories) = 0 OR l.categories && %s::varchar[]){_days(unit)}")
    held, one = (f"{held} AND h.within = %s", [hold]) if hold else (held, [])
    kinds, ways, values = categories(unit), [], list(given)
    for subject in unit.about:
        if subject.role in {"subject", "recipient"}:
            ways.append(condition(unit.table, subject.path, among=held))
            values += [*given, kinds, *one]
    if not ways:
        return "false", []
    # Asked once, so that where nothing is held each row costs nothing.
    some = f"EXISTS (SELECT 1 FROM audit_hold h WHERE h.kind = 'subject' AND h.released_at IS NULL{' AND h.org = %s' if given else ''})"
    return f"({some} AND ({' OR '.join(ways)}))", values


def _days(unit: Unit) -> str:
    """What a hold on certain days asks of a row of this kind."""
    if unit.table not in DATED:
        return ""
    day = f"(\"{unit.table}\".\"{DATED[unit.table]}\" AT TIME ZONE 'UTC')::date"
    return f" AND {day} >= COALESCE(l.first_day, '-infinity') AND {day} <= COALESCE(l.last_day, 'infinity')"


def kept_in(table: str) -> tuple[str, list[object]]:
    """`kept` by the name of a table, each row by the holds of its own organization; what the map does not have is about nobody, and not kept."""
    unit = MAP.by_table.get(table)
    return kept(unit, org=None) if unit else ("false", [])


def categories(unit: Unit) -> list[str]:
    """What a unit is, as a hold names it."""
    return sorted({column.category for column in unit.columns.values() if column.category and column.category != "user.unique_id"})


def held_spaces(organization: UUID) -> set[UUID]:
    """Groups and services that a hold in force names: they stay."""
    rows = LegalHold.objects.filter(organization_id=organization, released_at=None).values_list("groups", "services")
    return {space for groups, services in rows for space in (*groups, *services)}
