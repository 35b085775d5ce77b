"""A file that says which accounts are claimed: read strictly, judged line by line; only where every line is right somebody can be told."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts import reasons
from accounts.claims import candidates
from accounts.models import Domain
from portal import people_csv

COLUMN = "email"


@dataclass(frozen=True)
class Line:
    """One line of the file, by the number it has there, and what is wrong with it: a reason code, or ''."""

    number: int
    address: str
    code: str

    @property
    def why(self) -> str | Promise:
        return reasons.text(self.code)


@dataclass(frozen=True)
class Judged:
    lines: list[Line]

    @property
    def wrong(self) -> list[Line]:
        return [line for line in self.lines if line.code]

    @property
    def addresses(self) -> str:
        """The file as the form of the announcement takes it."""
        return "\n".join(line.address for line in self.lines)


def judge(*, domain: Domain, data: bytes, now: datetime) -> Judged:
    """A verdict for every line, in the order of the file. Other columns are not looked at. BadFile where the file as a whole cannot be read."""
    table = people_csv.table(data)
    if COLUMN not in table.header:
        raise people_csv.BadFile(_("One column must be the e-mail address."))
    place = table.header.index(COLUMN)
    addresses = [people_csv.unguarded(cells[place]).strip() for _number, cells in table.lines]
    codes = {verdict.number: verdict.code for verdict in candidates.judge(domain=domain, addresses=addresses, now=now)}
    return Judged([Line(number, address, codes.get(n, "no_address")) for n, ((number, _cells), address) in enumerate(zip(table.lines, addresses, strict=True), start=1)])
