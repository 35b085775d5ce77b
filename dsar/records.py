"""The record of processing activities (GDPR Art. 30): a walk over the data map, for one organization."""
from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Organization
from audit.canonical import canonical
from dsar.datamap import MAP
from dsar.datamap.kinds import CATEGORIES, KEEPING, PURPOSES, Purpose, Store, Unit
from dsar.registers import countries, recipients
from dsar.retention import telling

BASES = {"a": gettext_lazy("Consent (GDPR Art. 6(1)(a))"), "b": gettext_lazy("Contract (GDPR Art. 6(1)(b))"), "c": gettext_lazy("Legal duty (GDPR Art. 6(1)(c))"),
         "d": gettext_lazy("Vital interests (GDPR Art. 6(1)(d))"), "e": gettext_lazy("Public task (GDPR Art. 6(1)(e))"), "f": gettext_lazy("Legitimate interest (GDPR Art. 6(1)(f))")}
_TRANSFERS = gettext_lazy("None by this installation itself. Where mail is sent, and where the audit log is streamed or exported to, the organization chose.")
_SAID = {
    "person": gettext_lazy("the person"), "administrators": gettext_lazy("administrators of the organization"), "members": gettext_lazy("members of the organization"),
    "auditors": gettext_lazy("whoever may read the organization’s audit log"),
    "operator": gettext_lazy("the operator of this installation"), "apps": gettext_lazy("apps that the organization installed"),
    "everybody": gettext_lazy("everybody who can open the page"),
}
_CAME = {
    "person": gettext_lazy("from the person"), "administrator": gettext_lazy("from an administrator"), "directory": gettext_lazy("from the organization’s directory"),
    "observed": gettext_lazy("noticed while the portal is used"), "derived": gettext_lazy("worked out from other data"),
}
_PEOPLE = gettext_lazy("Members of the organization, people it invited, administrators, people who left")


@dataclass(frozen=True)
class Activity:
    """One purpose with everything that Art. 30(1) asks about it."""

    key: str
    purpose: Purpose
    units: tuple[Unit, ...]
    stores: tuple[Store, ...]
    own: Mapping[str, list[str]] = field(default_factory=dict)
    """By table, the time limits of the organization's own rules."""

    @property
    def basis(self) -> str:
        return str(BASES[self.purpose.basis])

    @property
    def people(self) -> str:
        return str(_PEOPLE)

    @property
    def categories(self) -> list[str]:
        """What kinds of data, from the columns themselves."""
        used = {column.category for unit in self.units for column in unit.columns.values()} | {key for store in self.stores for key in store.category}
        return [str(words) for key, words in CATEGORIES.items() if key in used]

    @property
    def recipients(self) -> list[str]:
        used = {word for unit in self.units for word in unit.recipients}
        return [str(words) for key, words in _SAID.items() if key in used]

    @property
    def sources(self) -> list[str]:
        used = {word for unit in self.units for word in unit.source}
        return [str(words) for key, words in _CAME.items() if key in used]

    @property
    def transfers(self) -> str:
        return str(_TRANSFERS)

    @property
    def limits(self) -> list[str]:
        """How long: first where the organization has rules of its own, then each time limit of the installation once, from when on and for how long."""
        used = dict.fromkeys([*(unit.keeping for unit in self.units), *(store.keeping for store in self.stores)])
        return [*(text for unit in self.units for text in self.own.get(unit.table, ())), *self._general(used)]

    @staticmethod
    def _general(used: Iterable[str]) -> list[str]:
        return [_("%(how_long)s, %(from_when)s") % {"how_long": KEEPING[key].title, "from_when": KEEPING[key].trigger} for key in used]


def activities(own: Mapping[str, list[str]] | None = None) -> list[Activity]:
    """Every purpose that something is kept for; `own` are the time limits of the organization's rules."""
    units, stores = [unit for unit in MAP.units if _personal(unit)], [store for store in MAP.stores if store.category]
    found = [Activity(key, purpose, tuple(u for u in units if u.purpose == key), tuple(s for s in stores if s.purpose == key), own or {}) for key, purpose in PURPOSES.items()]
    return [one for one in found if one.units or one.stores]


def _personal(unit: Unit) -> bool:
    return any(column.category for column in unit.columns.values())


@cache
def version() -> str:
    """Names the map that a record was made from: any change of a declaration makes another one."""
    units = [{"table": u.table, "purpose": u.purpose, "keeping": u.keeping, "source": list(u.source), "recipients": list(u.recipients), "erase": u.erase,
              "columns": {name: [c.category, c.export, c.erase] for name, c in sorted(u.columns.items())}} for u in sorted(MAP.units, key=lambda u: u.table)]
    return hashlib.sha256(canonical({"units": units, "stores": [[s.name, list(s.category), s.keeping] for s in MAP.stores],
                                     "keeping": {key: [k.days, k.ceiling] for key, k in KEEPING.items()}, "purposes": {key: p.basis for key, p in PURPOSES.items()}})).hexdigest()[:16]


@dataclass(frozen=True)
class About:
    """Who answers for the record of one organization, and what only the organization knows: its recipients, its officer, how it keeps data safe."""

    organization: str
    contact: str
    address: str = ""
    country: str = ""
    officer: str = ""
    measures: str = ""
    recipients: tuple[recipients.Listed, ...] = ()
    own: Mapping[str, list[str]] = field(default_factory=dict)
    """By table, the time limits of the organization's own rules."""

    def named(self, purpose: str) -> list[str]:
        """Recipients of the register who get data for this purpose."""
        return [f"{one.row.name} ({one.kind}, {one.country})" for one in self.recipients if purpose in one.row.purposes]

    def transfers(self, purpose: str) -> list[str]:
        """Where data leaves the country group of the organization for this purpose, and what makes that lawful."""
        return [f"{one.row.name}, {one.country}: {one.mechanism or _('nothing is stated')}" for one in self.recipients if purpose in one.row.purposes and one.abroad]


def about(organization: Organization) -> About:
    """As it is now. Needs the scope."""
    row = recipients.controller(organization.id)
    officer = " · ".join(part for part in (row.officer, row.officer_contact) if part)
    return About(organization=row.name or organization.name, contact=row.contact or organization.contact_email, address=row.address, country=countries.name(row.country) if row.country else "",
                 officer=officer, measures=row.measures, recipients=tuple(recipients.listed(organization.id)), own=telling.limits(organization.id, now=timezone.now()))


def as_json(about: About, *, on: str) -> dict[str, Any]:
    """The record as data. `on` is the day on which it was true, as YYYY-MM-DD."""
    head = {"record": "processing-activities", "law": "GDPR Art. 30(1)", "controller": about.organization, "contact": about.contact, "address": about.address, "country": about.country,
            "data_protection_officer": about.officer, "security_measures": about.measures, "as_of": on, "map": version(), "recipients": [recipients.as_json(one) for one in about.recipients]}
    return head | {"activities": [
        {"key": one.key, "purpose": str(one.purpose.title), "description": str(one.purpose.text), "legal_basis": one.basis, "people": one.people, "data": one.categories,
         "recipients": [*one.recipients, *about.named(one.key)], "transfers": about.transfers(one.key) or [one.transfers], "time_limits": one.limits, "sources": one.sources}
        for one in activities(about.own)]}


def as_csv(record: dict[str, Any]) -> str:
    """The record as a table, one row for each purpose; texts that a spreadsheet could take for a formula are made harmless."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    heads, names = ("controller", "contact", "address", "country", "data_protection_officer", "security_measures", "as_of", "map"), (
        "purpose", "description", "legal_basis", "people", "data", "recipients", "transfers", "time_limits", "sources")
    writer.writerow([*heads, *names])
    for one in record["activities"]:
        said = ["; ".join(one[name]) if isinstance(one[name], list) else one[name] for name in names]
        writer.writerow([harmless(str(text)) for text in (*(record.get(name, "") for name in heads), *said)])
    return out.getvalue()


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text
