"""The people file: how it is read, strictly, and how it is written. Export equals import (POWERS section 5)."""
from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

COLUMNS = ("person_id", "email", "display_name", "account_status", "membership_status", "role", "groups", "managed", "last_active_at", "mfa", "created_at", "suspended_until", "reason_code",
           "title", "department")
USED = {"email": "email", "display_name": "name", "role": "role", "groups": "groups", "title": "title", "department": "department"}
ROWS, BYTES, FIELD = 10_000, 5 * 1024 * 1024, 2_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class BadFile(Exception):
    """The file cannot be read; the message tells a person what to change."""


def read(data: bytes) -> list[dict[str, Any]]:
    """Rows as the import power takes them, or BadFile. Nothing is trimmed or guessed; columns we only write are ignored."""
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
        header = next(reader, None)
        columns = _columns(header)
        rows = []
        for cells in reader:
            if not cells:
                continue
            rows.append(_row(columns, cells, reader.line_num))
            if len(rows) > ROWS:
                raise BadFile(_("The file has more than 10,000 rows. Split it."))
    except csv.Error as error:
        raise BadFile(_("Line %(line)d: the quotation marks do not fit.") % {"line": reader.line_num}) from error
    if not rows:
        raise BadFile(_("The file has a header and no rows."))
    return rows


def _columns(header: list[str] | None) -> list[str]:
    if not header or not any(header):
        raise BadFile(_("The file is empty."))
    columns = [name.strip().lower() for name in header]
    if "email" not in columns:
        raise BadFile(_("The first line must name the columns, and one of them must be “email”."))
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise BadFile(_("There is no column “%(name)s”. The columns are: %(columns)s.") % {"name": unknown[0][:60], "columns": ", ".join(COLUMNS)})
    if len(set(columns)) != len(columns):
        raise BadFile(_("A column appears twice."))
    return columns


def _row(columns: list[str], cells: list[str], line: int) -> dict[str, Any]:
    if len(cells) != len(columns):
        raise BadFile(_("Line %(line)d has %(got)d cells, the header has %(want)d.") % {"line": line, "got": len(cells), "want": len(columns)})
    for cell in cells:
        if len(cell) > FIELD:
            raise BadFile(_("Line %(line)d has a cell of more than 2,000 characters.") % {"line": line})
        if any(unicodedata.category(c) == "Cc" and c not in "\r\n\t" for c in cell):
            raise BadFile(_("Line %(line)d has a control character.") % {"line": line})
    return {"line": line, **{USED[name]: unguarded(cell) for name, cell in zip(columns, cells, strict=True) if name in USED}}


def unguarded(cell: str) -> str:
    """A cell of the spreadsheet variant without the apostrophe that guarded it, so that it imports as it was exported."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


def guarded(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return "'" + cell if cell.startswith(_FORMULA) else cell


def write(rows: Iterator[tuple[Any, ...]], *, spreadsheet: bool) -> Iterator[bytes]:
    """The file, line by line: header, then rows in the order of COLUMNS."""
    yield _line(COLUMNS, spreadsheet=False)
    for row in rows:
        yield _line(row, spreadsheet=spreadsheet)


def _line(cells: tuple[Any, ...], *, spreadsheet: bool) -> bytes:
    buffer = io.StringIO()
    texts = ["" if c is None else str(c) for c in cells]
    csv.writer(buffer, lineterminator="\r\n").writerow([guarded(t) for t in texts] if spreadsheet else texts)
    return buffer.getvalue().encode()
