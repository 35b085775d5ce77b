"""The one gate that everything which destroys rows asks: what a hold keeps stays (RIGHTS 3f)."""
from __future__ import annotations

from uuid import UUID

from dsar.datamap.kinds import Unit
from dsar.holding import condition


def kept(unit: Unit, *, org: UUID) -> tuple[str, list[object]]:
    """SQL that is true for the rows of this kind that a hold of the organization keeps now, and its parameters. Rows are decided one by one, when they are about to go.

    To be used inside `WHERE NOT (…)`, with the unit's own columns in reach.
    """
    held = "SELECT subject FROM audit_hold WHERE org = %s AND kind = 'subject' AND released_at IS NULL"
    ways = [condition(unit.table, subject.path, among=held) for subject in unit.about if subject.role in {"subject", "recipient"}]
    return (" OR ".join(f"({way})" for way in ways) or "false"), [org] * len(ways)
