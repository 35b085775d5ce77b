"""What the organization itself keeps of what a person wrote or was sent: letters, saved views, suggestions. By the data map, and no other column of it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from accounts import keyset
from dsar.content.readers import Head, Heads, Item, Kind, Whose, Words
from dsar.datamap import MAP
from dsar.holding import condition

LETTERS = """
add-to-group announcement change-role create-token deactivate end-contract inactivity-warning invite lockdown notice-changed profile-digest reactivate release-account remove remove-from-group
require-password-reset reset-second-factor restore restrict revoke-sessions revoke-token revoke-tokens scheduled-news set-contract-end set-group-role suggest-change suspend suspend-inactive tip
transfer-ownership update-role withdraw-password-reset
""".split()
"""Letters that follow from what the organization does. What is not named stays closed:
what people wrote or were told about their rights, addresses of their own, links, and what they read about others as administrators."""


@dataclass(frozen=True)
class Source:
    """One table: the column with the moment of a record, what is read of it, and which of its rows are meant."""

    table: str
    title: Words
    at: str
    fields: tuple[tuple[str, Words], ...]
    only: str = ""
    values: tuple[Any, ...] = ()

    @property
    def scope(self) -> str:
        return MAP.by_table[self.table].scope or "organization_id"


SOURCES: dict[str, Source] = {
    "letters": Source("accounts_mail", _("Letters that your organization sent to the person"), "created_at", (("subject", _("Subject")), ("body", _("Text"))),
                      only="state = 'sent' AND body <> '' AND template = ANY(%s)", values=(LETTERS,)),
    "views": Source("accounts_savedview", _("Views of lists that the person saved"), "created_at", (("name", _("Name")), ("page", _("List")), ("query", _("Filter")))),
    "suggestions": Source("accounts_profilesuggestion", _("Suggestions for the person’s profile that wait for them"), "suggested_at",
                          (("field", _("Field")), ("value", _("Value")), ("words", _("Words")))),
}


class Records:
    """The reader of these tables."""

    def kinds(self) -> tuple[Kind, ...]:
        return tuple(Kind(key, source.title) for key, source in SOURCES.items())

    def heads(self, kind: str, whose: Whose, *, words: str, cursor: str, size: int) -> Heads:
        source = SOURCES[kind]
        where, values = _where(source, whose)
        if words:
            where.append(f"strpos(lower(concat_ws(' ', {', '.join(name for name, _label in source.fields)})), lower(%s)) > 0")
            values.append(words)
        page = keyset.fetch(select=f"SELECT id, {source.at}", source=f'"{source.table}"', where=where, values=values, keys=((source.at, "timestamptz"), ("id", "uuid")),
                            binding=f"content:{whose.account}:{kind}:{words}", cursor=cursor, size=size)
        return Heads([Head(*row) for row in page.rows], page.next, page.previous)

    def item(self, kind: str, whose: Whose, item_id: UUID) -> Item | None:
        source = SOURCES[kind]
        where, values = _where(source, whose)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {source.at}, {', '.join(name for name, _label in source.fields)} FROM \"{source.table}\" WHERE id = %s AND {' AND '.join(where)}", [item_id, *values])
            row = cursor.fetchone()
        return Item(item_id, row[0], tuple((label, str(value or "")) for (_name, label), value in zip(source.fields, row[1:], strict=True))) if row else None


def _where(source: Source, whose: Whose) -> tuple[list[str], list[Any]]:
    """The rows of the person, in the organization, of the time that may be read."""
    ways = [condition(source.table, subject.path) for subject in MAP.by_table[source.table].about if subject.role in {"subject", "recipient"}]
    where, values = [f"{source.scope} = %s", f"({' OR '.join(ways)})", f"{source.at} >= %s"], [whose.organization, *[whose.account] * len(ways), whose.since]
    if whose.until is not None:
        where.append(f"{source.at} < %s")
        values.append(whose.until)
    if source.only:
        where.append(source.only)
        values += source.values
    return where, values


READER = Records()
