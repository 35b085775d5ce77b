"""The same data in forms that other programs read: vCard, CSV, ActivityStreams (policy B2)."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from accounts.models import Account, Membership
from dsar.contentlines import text, written


def vcard(account: Account, memberships: Iterable[Membership]) -> str:
    """Oneself as a card for an address book (vCard 4.0, RFC 6350)."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{text(account.name or account.email)}", f"EMAIL;PREF=1:{text(account.email)}", f"UID:urn:uuid:{account.id}"]
    for row in memberships:
        lines.append(f"ORG:{text(row.organization.name)}{';' + text(row.department) if row.department else ''}")
        if row.title:
            lines.append(f"TITLE:{text(row.title)}")
    if account.language:
        lines.append(f"LANG:{text(account.language)}")
    if account.time_zone:
        lines.append(f"TZ:{text(account.time_zone)}")
    return written([*lines, "END:VCARD"])


def table(rows: Iterable[dict[str, Any]], names: list[str]) -> Iterator[bytes]:
    """Records as lines of CSV (RFC 4180) for spreadsheets: what could be taken for a formula is made harmless."""
    yield _csv(names)
    for row in rows:
        yield _csv([_cell(row.get(name)) for name in names])


def _csv(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    text = "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else str(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def activities(acts: Iterable[dict[str, Any]]) -> Iterable[bytes]:
    """What the person did, one activity of ActivityStreams 2.0 a line."""
    for act in acts:
        told = {"@context": "https://www.w3.org/ns/activitystreams", "type": "Activity", "name": act["act"], "published": act["at"], "context": act["organization"], "actor": "urn:steward:you"}
        yield json.dumps(told, ensure_ascii=False).encode() + b"\n"
