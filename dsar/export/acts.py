"""What the audit log has about the person: what was done to them, and what they did; others as "Person N"."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.work import plain
from audit import queries
from audit.queries import ERASED, Seen
from audit.record import through
from dsar.content.telling import untold
from dsar.export.people import People

_HIDDEN = frozenset({"plan", "hold"})
"""Steps of plans, and holds that the person may not learn of: they are not in their ledger either."""
_SIZE = 500
_NUMBER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def to(*, me: UUID, orgs: dict[UUID, str], people: People, now: datetime) -> Iterator[dict[str, Any]]:
    """Acts of others on the person: when, where, what, by whom, on which ground, in which words. What the person is told later comes later."""
    for org, name in orgs.items():
        for seen in _walk(org, queries.Filters(target=me, not_actor=me, outcome="success"), people):
            mine = seen.record["actor"].get("id") == str(me)
            if seen.record.get("category") not in _HIDDEN and not mine and not untold(seen.record, now) and len({t["id"] for t in seen.record.get("targets", []) if t["type"] == "person"}) <= 2:
                ground = seen.record.get("why", {}).get("reason_code", "")
                yield {**_head(seen, name), "by": _who(seen, people), **_through(seen), "ground": ground, "words": people.scrub(str(_open(seen, "why.text") or "")), "changes": _changes(seen, people)}


def by(*, me: UUID, orgs: dict[UUID, str], people: People) -> Iterator[dict[str, Any]]:
    """Acts of the person: what they did, to whom only as a number of this copy."""
    for org, name in orgs.items():
        for seen in _walk(org, queries.Filters(actor=me), people):
            about = [people.of(t["id"]) for t in seen.record.get("targets", []) if t["type"] == "person"]
            yield {**_head(seen, name), "outcome": seen.record["decision"]["outcome"], "about": about, **_through(seen)}


def _walk(org: UUID, filters: queries.Filters, people: People) -> Iterator[Seen]:
    """All entries, oldest first, a page at a time."""
    after: int | None = 0
    while after is not None:
        page = queries.page(org=org, filters=filters, after=after, size=_SIZE)
        people.learn([number for seen in page.entries for number in _numbers(seen)], [str(_open(seen, "why.text") or "") for seen in page.entries],
                     [value for seen in page.entries for value in seen.open.values() if isinstance(value, str)])
        yield from reversed(page.entries)
        after = page.newer


def _numbers(seen: Seen) -> Iterator[str]:
    """Everybody who may stand in an entry: who did it, to whom, and whoever is named in a change."""
    yield from (one["id"] for one in (seen.record["actor"], *(t for t in seen.record.get("targets", []) if t["type"] == "person")) if one.get("id"))
    for change in seen.record.get("change", []):
        if change["class"] not in {"secret", "pii"}:
            for value in (change.get("before"), change.get("after")):
                yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and _NUMBER.fullmatch(one))


def _through(seen: Seen) -> dict[str, str]:
    """With which app, where somebody let one act in their name."""
    found = through(seen.record)
    return {} if found is None else {"through": found}


def _head(seen: Seen, organization: str) -> dict[str, Any]:
    return {"at": plain(seen.recorded_at or seen.occurred_at), "organization": organization, "entry": seen.seq, "act": seen.record["action"]}


def _who(seen: Seen, people: People) -> str:
    actor = seen.record["actor"]
    return people.of(actor["id"]) if actor.get("id") else actor["type"]  # type: ignore[no-any-return]


def _open(seen: Seen, path: str) -> Any:
    value = seen.open.get(path, "")
    return None if value is ERASED else value


def _changes(seen: Seen, people: People) -> list[dict[str, Any]]:
    """The fields that changed, with the values that were theirs; ids of others as this copy says them."""
    found = []
    for number, change in enumerate(seen.record.get("change", [])):
        if change["class"] == "secret":
            found.append({"field": change["path"]})
        elif change["class"] == "pii":
            found.append({"field": change["path"], **{side: _theirs(_open(seen, f"change.{number}.{side}"), change["path"], people) for side in ("before", "after") if side in change}})
        else:
            found.append({"field": change["path"], **{side: _said(change[side], people) for side in ("before", "after") if side in change}})
    return found


def _theirs(value: Any, path: str, people: People) -> Any:
    """A value that was theirs: addresses they had, words without addresses of others."""
    if isinstance(value, str) and path.endswith((".email", ".address")):
        people.mine(value)
    elif isinstance(value, str):
        return people.without_addresses(value)
    return value


def _said(value: Any, people: People) -> Any:
    """A value in the clear; the number of a person becomes theirs in this copy, numbers of other things stay."""
    if isinstance(value, list):
        return [_said(one, people) for one in value]
    if isinstance(value, str) and _NUMBER.fullmatch(value) and people.is_somebody(value):
        return people.of(value)
    return value
