"""The people file: how it is read, strictly, and how it is written. Export equals import (POWERS section 5)."""
from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

COLUMNS = ("person_id", "email", "display_name", "account_status", "membership_status", "role", "groups", "managed", "last_active_at", "mfa", "created_at", "suspended_until", "reason_code",
           "title", "department", "contract_ends_on")
USED = {"email": "email", "display_name": "name", "role": "role", "groups": "groups", "title": "title", "department": "department", "contract_ends_on": "contract_ends_on"}
ROWS, BYTES, FIELD, COLUMN_LIMIT = 10_000, 5 * 1024 * 1024, 2_000, 100
TRIED = 3 * BYTES
"""What a page reads at all: that a file is somewhat too large it says beside the field, a huge one is refused before it is read."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class BadFile(Exception):
    """The file cannot be read; the message tells a person what to change."""


@dataclass(frozen=True)
class Table:
    """A file as it was read: the names of its columns, and its lines as (line number, cells)."""

    header: list[str]
    lines: list[tuple[int, list[str]]]

    def guess(self) -> tuple[dict[int, str], list[int]]:
        """What each column is, by its name: field names by position, and the positions that nobody can tell."""
        known = {n: USED[name] for n, name in enumerate(self.header) if name in USED}
        return known, [n for n, name in enumerate(self.header) if name not in COLUMNS]

    def rows(self, mapping: Mapping[int, str]) -> list[dict[str, Any]]:
        """The lines as the import power takes them; columns that are not in the mapping are left out."""
        if "email" not in mapping.values():
            raise BadFile(_("One column must be the e-mail address."))
        if len(set(mapping.values())) != len(mapping):
            raise BadFile(_("Two columns cannot be the same field."))
        return [{"line": line, **{field: unguarded(cells[n]) for n, field in mapping.items()}} for line, cells in self.lines]


def table(data: bytes) -> Table:
    """The file, or BadFile. Nothing is trimmed or guessed."""
    if len(data) > BYTES:
        raise BadFile(_("The file is larger than 5 MB. Split it."))
    if b"\x00" in data:
        raise BadFile(_("The file is not a text file. Save it as CSV, UTF-8."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(_("Line %(line)d is not UTF-8. Save the file as CSV, UTF-8.") % {"line": data[: error.start].count(b"\n") + 1}) from error
    csv.field_size_limit(BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = _header(next(reader, None))
        lines: list[tuple[int, list[str]]] = []
        for cells in reader:
            if not cells:
                continue
            _check(header, cells, reader.line_num)
            lines.append((reader.line_num, cells))
            if len(lines) > ROWS:
                raise BadFile(_("The file has more than 10,000 rows. Split it."))
    except csv.Error as error:
        raise BadFile(_("Line %(line)d: the quotation marks do not fit.") % {"line": reader.line_num}) from error
    if not lines:
        raise BadFile(_("The file has a header and no rows."))
    return Table(header=header, lines=lines)


def read(data: bytes) -> list[dict[str, Any]]:
    """Rows of a file whose columns are all ours, such as an export; BadFile names the first column that is not."""
    found = table(data)
    mapping, unknown = found.guess()
    if unknown:
        raise BadFile(_("There is no column “%(name)s”. The columns are: %(columns)s.") % {"name": found.header[unknown[0]][:60], "columns": ", ".join(COLUMNS)})
    return found.rows(mapping)


def _header(header: list[str] | None) -> list[str]:
    if not header or not any(name.strip() for name in header):
        raise BadFile(_("The file is empty."))
    if len(header) > COLUMN_LIMIT:
        raise BadFile(_("The file has more than 100 columns."))
    _check(header, header, 1)
    names = [name.strip().lower() for name in header]
    if len(set(names)) != len(names):
        raise BadFile(_("A column appears twice."))
    return names


def _check(header: list[str], cells: list[str], line: int) -> None:
    if len(cells) != len(header):
        raise BadFile(_("Line %(line)d has %(got)d cells, the header has %(want)d.") % {"line": line, "got": len(cells), "want": len(header)})
    for cell in cells:
        if len(cell) > FIELD:
            raise BadFile(_("Line %(line)d has a cell of more than 2,000 characters.") % {"line": line})
        if any(unicodedata.category(c) == "Cc" and c not in "\r\n\t" for c in cell):
            raise BadFile(_("Line %(line)d has a control character.") % {"line": line})


_GUARDED = re.compile(r"^'+[=+\-@\t\r]")
"""An apostrophe before what a spreadsheet would take for a formula. A cell that truly begins so gets one more."""


def unguarded(cell: str) -> str:
    """A cell without the apostrophe that guarded it, so that it imports as it was exported."""
    return cell[1:] if _GUARDED.match(cell) else cell


def guarded(cell: str, *, spreadsheet: bool) -> str:
    """A cell as the file holds it; for spreadsheets one that is not taken for a formula."""
    return "'" + cell if _GUARDED.match(cell) or (spreadsheet and cell.startswith(_FORMULA)) else cell


def write(rows: Iterable[Sequence[Any]], *, spreadsheet: bool, columns: Sequence[str] = COLUMNS) -> Iterator[bytes]:
    """The file, line by line: header, then rows in the order of the columns."""
    yield _line(columns, spreadsheet=False)
    for row in rows:
        yield _line(row, spreadsheet=spreadsheet)


def _line(cells: Sequence[Any], *, spreadsheet: bool) -> bytes:
    buffer = io.StringIO()
    texts = ["" if c is None else str(c) for c in cells]
    csv.writer(buffer, lineterminator="\r\n").writerow([guarded(t, spreadsheet=spreadsheet) for t in texts])
    return buffer.getvalue().encode()
