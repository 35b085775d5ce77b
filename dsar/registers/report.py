"""The report about disclosures: how many asked, who, where, and what became of it (policy D3). For the public only in bands, and only of years that are over."""
from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from dsar.records import harmless
from dsar.registers import countries, disclosures
from dsar.registers.models import Asker, Disclosure, Outcome

BANDS = (1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 50_000, 100_000)


def band(number: int) -> str:
    """A number as everybody may see it. Every number of a report is veiled alike: what is left out of one could be worked out from the others."""
    if number == 0:
        return "0"
    least = max(one for one in BANDS if one <= number)
    more = next((one for one in BANDS if one > least), None)
    return f"{least}–{more - 1}" if more else _("%(n)d or more") % {"n": least}


@dataclass(frozen=True)
class Line:
    """One number of the report."""

    part: str
    key: str
    words: str
    count: int

    def shown(self, veiled: bool) -> str:
        return band(self.count) if veiled else str(self.count)


@dataclass(frozen=True)
class Report:
    """What came in between two days, both included."""

    first: date
    last: date
    veiled: bool
    lines: tuple[Line, ...]

    @property
    def parts(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The report as tables."""
        titles = {"requests": _("Requests"), "kind": _("By who asked"), "country": _("By country"), "outcome": _("By decision"), "people": _("People concerned"), "told": _("Whether they know")}
        return [(title, [(line.words, line.shown(self.veiled)) for line in self.lines if line.part == part]) for part, title in titles.items()]


def make(rows: Iterable[Disclosure], *, first: date, last: date, veiled: bool) -> Report:
    """The report of the entries that were received within these days."""
    found = [row for row in rows if first <= row.received_on <= last]
    kinds, where, outcomes = Counter(row.kind for row in found), Counter(row.country for row in found), Counter(row.outcome for row in found)
    told = sum(row.told_at is not None for row in found)
    lines = [Line("requests", "all", _("All"), len(found)), *(Line("kind", one.value, str(one.label), kinds[one.value]) for one in Asker)]
    lines += [Line("country", code, countries.name(code), count) for code, count in sorted(where.items(), key=lambda one: countries.name(one[0]))]
    lines += [Line("outcome", one.value or "open", str(one.label), outcomes[one.value]) for one in Outcome]
    lines += [Line("people", "all", _("All"), sum(row.concerned for row in found)), Line("told", "told", _("Requests of which the people concerned know"), told)]
    if veiled:  # whether anything is kept from anybody is nobody's to read here
        lines.append(Line("told", "other", _("Requests that name nobody, or of which they do not know or not yet know"), len(found) - told))
    else:
        nobody = sum(not disclosures.tellable(row) for row in found)
        silent = sum(row.told_at is None and row.secret_until is not None and disclosures.tellable(row) for row in found)
        lines += [Line("told", "nobody", _("Requests that name nobody"), nobody), Line("told", "forbidden", _("Requests of which they may not be told yet"), silent),
                  Line("told", "not_yet", _("Requests of which they are told when they are decided"), len(found) - told - nobody - silent)]
    return Report(first=first, last=last, veiled=veiled, lines=tuple(lines))


def as_json(report: Report, *, organization: str) -> dict[str, Any]:
    """The report as data. Numbers are text where they are bands."""
    found: dict[str, Any] = {"report": "disclosures", "organization": organization, "from": report.first.isoformat(), "to": report.last.isoformat(), "in_bands": report.veiled}
    return found | {"numbers": [{"part": line.part, "key": line.key, "words": line.words, "number": line.shown(report.veiled)} for line in report.lines]}


def as_csv(report: Report, *, organization: str) -> str:
    """The report as a table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["organization", "from", "to", "part", "key", "words", "number"])
    for line in report.lines:
        writer.writerow([harmless(text) for text in (organization, report.first.isoformat(), report.last.isoformat(), line.part, line.key, line.words, line.shown(report.veiled))])
    return out.getvalue()


def years(rows: Iterable[Disclosure], *, today: date) -> list[int]:
    """The years of which everybody may read: those that are over, from the first on of which there is something. A year that goes on would show on which day something came in."""
    first = min((row.received_on.year for row in rows), default=today.year - 1)
    return list(range(today.year - 1, min(first, today.year - 1) - 1, -1))


def whole(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)
