"""What of each table is in an export of an organization: a walk over the data map, which decides column by column; and whose rows are."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models.account import AccountStatus
from accounts.purposes import EXPORT
from dsar.content.records import LETTERS
from dsar.datamap import MAP
from dsar.datamap.kinds import ID, ORDER, REFERENCE, Column, Unit
from dsar.holding import condition
from dsar.wholesale.model import Level

PRIVATE = frozenset({"user.content.private", "user.device", "user.device.ip_address"})
"""What people wrote or were sent, their devices and their network addresses."""
OWN = frozenset({("accounts_account", "recovery_email")})
"""Private too: an address of somebody's own, beside the one at work."""
RIGHTS = "rights"
"""What people wrote when they used their rights is in no export, whatever its level: it is theirs and of whoever answers them."""
SCOPES = {"accounts_mail": "organization_id"}
"""Tables that belong to a person and say from which organization a row comes."""
ONLY: dict[str, tuple[str, list[str]]] = {"accounts_mail": ("template = ANY(%s)", LETTERS)}
"""Tables of which only these rows are the organization's: letters about rights, addresses and sign-in are between the person and the installation."""
NAMING = frozenset({("accounts_membership", "set_aside"), ("dsar_restriction", "what")})
"""Columns that say which parts may only be stored: a group that is named there would be told."""
PARTS = {"accounts_groupmembership": "accounts_groupmembership.use_restricted"}
"""Tables of which single rows may only be stored. Values of a profile that may only be stored are in a table that no organization takes along."""
ALSO = {"accounts_membership": ("list_name", "list_email"), "accounts_announcement": ("subject", "text"), "accounts_organization": ("slug", "name", "contact_name", "contact_email", "contact_link",
    "time_zone")}
"""Columns that the map tells nobody by themselves, and that administrators see in every list."""
OTHER: dict[str, tuple[str | Promise, tuple[str, ...]]] = {
    "accounts_role": (_("Roles"), ("id", "slug", "name", "rank", "permissions", "builtin")),
    "accounts_group": (_("Groups"), ("id", "name", "role_id")),
    "accounts_service": (_("Services"), ("id", "slug", "name")),
    "accounts_domain": (_("Mail domains"), ("id", "name", "state", "verified_at")),
}
"""Tables about nobody that say what the numbers in the others mean."""


@dataclass(frozen=True)
class Part:
    """One file of the export: how its rows are found, and what is left out of it and why."""

    table: str
    title: str | Promise
    name: str
    columns: tuple[tuple[str, str], ...]
    """(name, SQL)."""
    where: str
    values: tuple[Any, ...]
    held_back: str = ""
    """SQL for the rows of people whose data may only be stored."""
    held_values: tuple[Any, ...] = ()
    unit: Unit | None = None
    secrets: tuple[str, ...] = ()
    blanked: tuple[str, ...] = ()
    """Private columns that are left out, of everybody or of those who did not agree."""


def parts(*, organization: UUID, export: UUID, level: str) -> Iterator[Part]:
    """Every file, in the order of the map, then what is about nobody. Only tables of the organization, and accounts that it manages."""
    for unit in MAP.units:
        if found := _part(unit, organization, export, level):
            yield found
    for table, (title, columns) in OTHER.items():
        yield Part(table, title, f"data/organization/{table.removeprefix('accounts_')}.jsonl", tuple((name, f'"{name}"') for name in columns), "organization_id = %s", (organization,))


def _part(unit: Unit, organization: UUID, export: UUID, level: str) -> Part | None:
    if unit.table.startswith("audit_") or not {"administrators", "members"} & set(unit.recipients):
        return None  # the log has an export of its own, with proofs; and what only the person or the operator reads is not the organization's
    told = [name for name, column in unit.columns.items() if _told(unit, name, column)]
    if not any(unit.columns[name].category or name in ALSO.get(unit.table, ()) for name in told):
        return None
    private = [name for name in told if unit.columns[name].category in PRIVATE or (unit.table, name) in OWN]
    never = private if unit.purpose == RIGHTS or level == Level.PLAIN else []
    subjects = [subject.path for subject in unit.about if subject.role in {"subject", "recipient"}]
    if not subjects and not (SCOPES.get(unit.table) or unit.scope):
        return None  # of no organization, and about nobody
    if not subjects:  # words about several people, such as in plans, belong to none who could agree, and may be about somebody whose data may only be stored
        never = private
    columns = []
    for name in told:
        if name in never:
            continue
        if name in private and level == Level.AGREED:
            ways = " AND ".join(condition(unit.table, path, among=_agreed(export)) for path in subjects)
            columns.append((name, f'CASE WHEN {ways} THEN "{unit.table}"."{name}" END'))
        else:
            columns.append((name, f'"{unit.table}"."{name}"'))
    where, values = _rows(unit, subjects, organization)
    if unit.table in ONLY:
        where, values = f"{where} AND {ONLY[unit.table][0]}", [*values, ONLY[unit.table][1]]
    held = " OR ".join([*(f"({condition(unit.table, path, among=_restricted(organization))})" for path in subjects), *([PARTS[unit.table]] if unit.table in PARTS else [])])
    return Part(unit.table, unit.title, f"data/{unit.purpose}/{unit.table.removeprefix('accounts_').removeprefix('dsar_')}.jsonl", tuple(columns),
        f"{where}{f' AND NOT COALESCE({held}, false)' if held else ''}",
                tuple(values), held_back=f"{where} AND ({held})" if held else "", held_values=tuple(values), unit=unit,
                secrets=tuple(name for name, column in unit.columns.items() if column.export == "exists"), blanked=tuple(private if level != Level.ALL else never))


def _told(unit: Unit, name: str, column: Column) -> bool:
    return (unit.table, name) not in NAMING and (column.export in {"yes", "others"} or column in (ID, REFERENCE, ORDER) or name == unit.scope or name in ALSO.get(unit.table, ()))


def _rows(unit: Unit, subjects: list[str], organization: UUID) -> tuple[str, list[Any]]:
    """Rows of the organization; of what belongs to an account itself only those of accounts that it manages."""
    scope = SCOPES.get(unit.table) or unit.scope
    if scope:
        return f'"{unit.table}"."{scope}" = %s', [organization]
    managed = ("SELECT mg.account_id FROM accounts_management mg JOIN accounts_account ma ON ma.id = mg.account_id"
               f" WHERE mg.organization_id = '{organization}'::uuid AND ma.status <> '{AccountStatus.PURGED}'")
    return "(" + " OR ".join(f"({condition(unit.table, path, among=managed)})" for path in subjects) + ")", []


def _restricted(organization: UUID) -> str:
    return f"SELECT rm.account_id FROM accounts_membership rm WHERE rm.organization_id = '{organization}'::uuid AND rm.use_restricted AND NOT '{EXPORT}' = ANY(rm.use_freed)"


def _agreed(export: UUID) -> str:
    return f"SELECT ec.account_id FROM dsar_exportconsent ec WHERE ec.export_id = '{export}'::uuid AND ec.agreed"
