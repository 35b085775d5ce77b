"""Erasure as a walk over the data map: what `accounts.purging` calls as its last parts, so that nothing is forgotten that is declared (RIGHTS section 4)."""
from __future__ import annotations

from django.db import connection

from accounts.models import Account
from dsar.datamap import MAP
from dsar.datamap.kinds import COUNT, Unit
from dsar.export import run
from dsar.holding import condition
from dsar.holds import gate
from dsar.models import Copy

ELSEWHERE = frozenset({"accounts_account", "accounts_management", "accounts_deletion", "accounts_searchtoken"})
"""What the deletion itself changes at its very end, and what follows from other tables by a trigger."""


def copies(account: Account, _address: str) -> dict[str, int]:
    """Copies of the person's data: the rows, and the sealed files with them."""
    ids = list(Copy.objects.filter(account=account).values_list("id", flat=True))
    Copy.objects.filter(id__in=ids).delete()
    run.forget(ids)
    return {"copies": len(ids)}


def by_map(account: Account, _address: str) -> dict[str, int]:
    """Every row that is about the person and goes, and every column that is emptied, as the map declares them. Once more is once."""
    removed = changed = 0
    with connection.cursor() as cursor:
        for unit in MAP.units:
            if unit.table in ELSEWHERE or unit.table.startswith("audit_"):
                continue
            where, values = theirs(unit, account)
            if not where:
                continue
            kept, more = gate.kept(unit, org=None)
            if kept != "false":  # nobody comes here whom a hold keeps; whoever else stands in the same row may be kept
                where, values = f"({where}) AND NOT ({kept})", [*values, *more]
            if unit.erase == "delete":
                cursor.execute(f'DELETE FROM "{unit.table}" WHERE {where}', values)
                removed += cursor.rowcount
            elif unit.erase == "change" and (sets := emptied(unit)):
                dirty = " OR ".join(f"{column} IS DISTINCT FROM {empty}" for column, empty in sets)
                bump = ', "version" = "version" + 1' if unit.columns.get("version") is COUNT else ""
                cursor.execute(f'UPDATE "{unit.table}" SET {", ".join(f"{column} = {empty}" for column, empty in sets)}{bump} WHERE ({where}) AND ({dirty})', values)
                changed += cursor.rowcount
    return {"rows": removed, "changed": changed}


def theirs(unit: Unit, account: Account) -> tuple[str, list[object]]:
    """SQL for the rows of a table that are about the person; '' where they only acted in them."""
    conditions = [condition(unit.table, subject.path) for subject in unit.about if subject.role in {"subject", "recipient"}]
    return " OR ".join(f"({one})" for one in conditions), [account.id] * len(conditions)


def emptied(unit: Unit) -> list[tuple[str, str]]:
    """The columns that are emptied in rows that stay, each with what an empty one is. Pseudonyms are given by the deletion itself."""
    empty = {"null": "NULL", "blank": "''"}
    return [(f'"{name}"', empty[column.erase]) for name, column in unit.columns.items() if column.erase in empty]
