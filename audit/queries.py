"""Reading the log: pages by number, filters, exact counts, and the openings a reader may see."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, connections

from audit.sealing import subject_keys, unseal

ERASED = object()
"""Stands for a value whose opening was erased."""
_COMMITTED = {"actor": ("name", "email"), "why": ("text", "private_note"), "context": ("ip", "user_agent")}
_COLUMNS = "l.seq, l.entry, l.recorded_at, l.occurred_at"
_COLUMN_FILTERS = ("actor", "acted_as", "action", "category", "outcome", "token", "plan", "ticket", "matter")


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What to look for. Dates are whole UTC days, both included."""

    actor: UUID | None = None
    not_actor: UUID | None = None
    """Acts of anybody but this one, those by nobody in particular among them, and those that a token of theirs was used for: a program may have done it."""
    acted_as: UUID | None = None
    target: UUID | None = None
    target_type: str = "person"
    action: str = ""
    category: str = ""
    outcome: str = ""
    token: UUID | None = None
    plan: UUID | None = None
    ticket: str = ""
    matter: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def columns(self) -> list[tuple[str, Any]]:
        """What a leaf has a column for, with the value asked for."""
        return [(name, value) for name in _COLUMN_FILTERS if (value := getattr(self, name))]

    @property
    def only(self) -> str:
        """`range`, `actor` or `target` when nothing else is asked for: then the exact number is known without counting."""
        if self.not_actor:
            return ""
        if not self.columns:
            return "target" if self.target else "range"
        return "actor" if [name for name, _value in self.columns] == ["actor"] and not self.target else ""


@dataclass
class Seen:
    """An entry as a reader sees it. `seq` is None until it is numbered. `open` has the values of its commitments by path."""

    seq: int | None
    id: UUID
    recorded_at: datetime | None
    occurred_at: datetime
    record: dict[str, Any]
    open: dict[str, Any] = field(default_factory=dict)


@dataclass
class Page:
    entries: list[Seen]
    newer: int | None
    older: int | None


@dataclass(frozen=True)
class Conditions:
    """Filters as SQL over leaves `l`, and over targets `t` where one is asked for. `number` is the column that has the order."""

    source: str
    number: str
    where: list[str]
    values: list[Any]
    open_ended: bool
    """Whether the newest entries belong to it."""


def conditions(org: UUID, filters: Filters) -> Conditions:
    """What a page shows and what is counted, from one place."""
    where, values, source, number = ["l.org = %s"], [org], "audit_leaf l", "l.seq"
    if filters.target:
        source, number = "audit_target t JOIN audit_leaf l ON l.org = t.org AND l.seq = t.seq", "t.seq"
        where += ["t.org = %s", "t.type = %s", "t.target = %s"]
        values += [org, filters.target_type, filters.target]
    low, high = numbers(org, filters)
    for condition, value in (*((f"l.{column} = %s", value) for column, value in filters.columns), ("(l.actor IS DISTINCT FROM %s OR l.token IS NOT NULL)", filters.not_actor),
                             (f"{number} >= %s", low), (f"{number} <= %s", high)):
        if value is not None:
            where.append(condition)
            values.append(value)
    return Conditions(source, number, where, values, high is None)


def page(*, org: UUID, filters: Filters, before: int | None = None, after: int | None = None, size: int = 50,
         paths: Sequence[str] | None = None) -> Page:
    """One page, newest first: entries below number `before`, or the ones just above `after`. Numbers are the cursor. `paths` limits which commitments are opened."""
    asked = conditions(org, filters)
    number = asked.number
    where, values = [*asked.where], [*asked.values]
    for condition, value in ((f"{number} < %s", before), (f"{number} > %s", after)):
        if value is not None:
            where.append(condition)
            values.append(value)
    order, past = ("ASC", ">") if after is not None else ("DESC", "<")
    select = f"SELECT {_COLUMNS} FROM {asked.source} WHERE {' AND '.join(where)}"
    rows, more = _leaves(f"{select} ORDER BY {number} {order} LIMIT %s", values, size)
    found = _seen(rows)
    for _hop in range(_HOPS):  # the records of a removed month go before their leaves: nobody shall stop at such a stretch
        if found or not more:
            break
        rows, more = _leaves(f"{select} AND {number} {past} %s ORDER BY {number} {order} LIMIT %s", [*values, rows[-1][0]], max(size, _HOP))
        found = _seen(rows)
        found, more = found[:size], more or len(found) > size
    if after is not None:
        found.reverse()
    first, last = (found[0].seq, found[-1].seq) if found else (None, None)
    newer = first if (before is not None and found) or (after is not None and more) else None
    older = last if (after is not None and found) or (after is None and more) else None
    if before is None and after is None and asked.open_ended:
        found = _waiting(org, filters) + found
    disclose(org=org, entries=found, paths=paths)
    return Page(entries=found, newer=newer, older=older)


_HOP, _HOPS = 5000, 200
"""How many leaves without records are passed over at a time, and how often: as many as one round of the sweep removes."""


def _leaves(statement: str, values: list[Any], size: int) -> tuple[list[tuple[Any, ...]], bool]:
    """At most `size` rows, and whether there are more."""
    with planned_anew(), connection.cursor() as cursor:
        cursor.execute(statement, [*values, size + 1])
        rows = cursor.fetchall()
    return rows[:size], len(rows) > size


def _seen(rows: list[tuple[Any, ...]]) -> list[Seen]:
    """Leaves with their records; a leaf whose record was removed is left out, until the sweep takes it too."""
    texts = records({r[1]: r[3] for r in rows})
    return [Seen(seq=r[0], id=r[1], recorded_at=r[2], occurred_at=r[3] or r[2], record=orjson.loads(texts[r[1]])) for r in rows if r[1] in texts]


def records(entries: Mapping[UUID, datetime | None], *, alias: str = "default") -> dict[UUID, str]:
    """The records of these entries, each with the moment of its act: by that moment only the months that can hold them are asked."""
    if not entries:
        return {}
    moments = [at for at in entries.values() if at is not None]
    between = " AND occurred_at BETWEEN %s AND %s" if len(moments) == len(entries) else ""
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT id, record FROM audit_entry WHERE id = ANY(%s){between}", [list(entries), *([min(moments), max(moments)] if between else [])])
        return dict(cursor.fetchall())


@contextmanager
def planned_anew() -> Iterator[None]:
    """Statements in this block are planned with their values: for lists, where the right plan for one filter is a wrong one for another."""
    connection.ensure_connection()
    spoken = connection.connection
    before, spoken.prepare_threshold = spoken.prepare_threshold, None
    try:
        yield
    finally:
        spoken.prepare_threshold = before


def entry(*, org: UUID, entry_id: UUID, paths: Sequence[str] | None = None) -> Seen | None:
    """One entry of this log, or None."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COLUMNS} FROM audit_leaf l WHERE l.org = %(org)s AND l.entry = %(entry)s"
                       " UNION ALL SELECT NULL, p.entry, NULL, p.occurred_at FROM audit_pending p WHERE p.org = %(org)s AND p.entry = %(entry)s LIMIT 1", {"org": org, "entry": entry_id})
        row = cursor.fetchone()
    if row is None or not (seen := _seen([row])):
        return None
    found = seen[0]
    disclose(org=org, entries=[found], paths=paths)
    return found


def numbers(org: UUID, filters: Filters) -> tuple[int | None, int | None]:
    """Dates as numbers: an index look-up, because numbers only grow with time."""
    low = high = None
    with connection.cursor() as cursor:
        if filters.since:
            cursor.execute("SELECT min(first_seq) FROM audit_day WHERE org = %s AND day >= %s", [org, filters.since])
            low = cursor.fetchone()[0] or 2**62
        if filters.until:
            cursor.execute("SELECT max(last_seq) FROM audit_day WHERE org = %s AND day <= %s", [org, filters.until])
            high = cursor.fetchone()[0] or 0
    return low, high


def _waiting(org: UUID, filters: Filters) -> list[Seen]:
    """Entries that are committed and not numbered yet, newest first. There are few: the sequencer takes them each half second."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT NULL, entry, NULL, occurred_at FROM audit_pending WHERE org = %s ORDER BY ord DESC LIMIT 50", [org])
        rows = _seen(cursor.fetchall())
    return [row for row in rows if _matches(row.record, filters)]


def _matches(record: dict[str, Any], filters: Filters) -> bool:
    if filters.target and not any(t["type"] == filters.target_type and t["id"] == str(filters.target) for t in record.get("targets", [])):
        return False
    if filters.not_actor and record["actor"].get("id") == str(filters.not_actor) and "token_id" not in record["actor"]:
        return False
    said = {"actor": record["actor"].get("id"), "action": record["action"], "category": record["category"], "outcome": record["decision"]["outcome"], "token": record["actor"].get("token_id"),
            **{name: record.get("delegation", {}).get(name) for name in ("acted_as", "plan")}, **{name: record.get("why", {}).get(name) for name in ("ticket", "matter")}}
    return all(said[name] == str(value) for name, value in filters.columns)


def beside(*, org: UUID, seq: int) -> tuple[UUID | None, UUID | None]:
    """The entries before and after this number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, entry FROM audit_leaf WHERE org = %s AND seq IN (%s, %s)", [org, seq - 1, seq + 1])
        found = dict(cursor.fetchall())
    return found.get(seq - 1), found.get(seq + 1)


def envelope(*, org: UUID, seq: int) -> tuple[str, bytes]:
    """The envelope of a numbered entry and its leaf hash: what the tree is made of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT envelope, leaf_sha256 FROM audit_leaf WHERE org = %s AND seq = %s", [org, seq])
        text, leaf = cursor.fetchone()
    return text, bytes(leaf)


def disclose(*, org: UUID, entries: Iterable[Seen], paths: Sequence[str] | None = None) -> None:
    """Fill in the openings of these entries, or those at `paths`, two queries for any number. A commitment without one was erased."""
    by_id = {seen.id: seen for seen in entries}
    if not by_id:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT entry, subject, path, sealed FROM audit_disclosure WHERE org = %s AND entry = ANY(%s)" + ("" if paths is None else " AND path = ANY(%s)"),
                       [org, list(by_id), *([] if paths is None else [list(paths)])])
        rows = cursor.fetchall()
    keys = subject_keys(org=org, subjects=[r[1] for r in rows], alias="default", create=False) if rows else {}
    found: dict[UUID, dict[str, Any]] = defaultdict(dict)
    for entry_id, subject, path, sealed in rows:
        opening = unseal(key=keys[subject], org=org, entry=entry_id, path=path, sealed=bytes(sealed)) if subject in keys else None
        found[entry_id][path] = opening.value if opening else ERASED
    for entry_id, seen in by_id.items():
        seen.open = dict.fromkeys((path for path in committed(seen.record) if paths is None or path in paths), ERASED) | found.get(entry_id, {})


def committed(record: dict[str, Any]) -> list[str]:
    """The paths at which a record holds a commitment instead of a value."""
    paths = [f"{group}.{name}" for group, names in _COMMITTED.items() for name in names if name in record.get(group, {})]
    paths += [f"targets.{n}.label" for n, target in enumerate(record.get("targets", [])) if "label" in target]
    paths += [f"change.{n}.{side}" for n, change in enumerate(record.get("change", [])) if change.get("class") == "pii" for side in ("before", "after") if side in change]
    return paths
