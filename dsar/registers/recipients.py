"""Recipients and transfers: who gets data, and what is missing where it leaves the country group of the organization."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.datamap.kinds import CATEGORIES, PURPOSES
from dsar.registers import countries
from dsar.registers.models import Controller, Derogation, Mechanism, Recipient, RecipientKind


def controller(organization_id: UUID) -> Controller:
    """What the organization said about itself; an empty one where it said nothing. Needs the scope."""
    return Controller.objects.filter(organization_id=organization_id).first() or Controller(organization_id=organization_id)


def home(organization_id: UUID) -> str:
    """The country group in which the organization sits: as it says, else as the installation says, else the European Economic Area."""
    country = Controller.objects.filter(organization_id=organization_id).values_list("country", flat=True).first() or settings.SEAT_COUNTRY[:2]
    return countries.group(country) if country else "EEA"


@dataclass(frozen=True)
class Listed:
    """One recipient with what is to be looked at."""

    row: Recipient
    home: str

    @property
    def country(self) -> str:
        return countries.name(self.row.country)

    @property
    def abroad(self) -> bool:
        return not countries.inside(self.row.country, home=self.home)

    @property
    def purposes(self) -> list[str]:
        return [str(PURPOSES[key].title) for key in self.row.purposes if key in PURPOSES]

    @property
    def categories(self) -> list[str]:
        return [str(CATEGORIES[key]) for key in self.row.categories if key in CATEGORIES]

    @property
    def mechanism(self) -> str:
        """What makes the transfer lawful, in words."""
        if not self.row.mechanism:
            return ""
        words = str(Mechanism(self.row.mechanism).label)
        return f"{words}: {Derogation(self.row.derogation).label}" if self.row.derogation else words

    @property
    def kind(self) -> str:
        return str(RecipientKind(self.row.kind).label)

    @property
    def findings(self) -> list[str]:
        return list(findings(self.row, home=self.home))


def findings(row: Recipient, *, home: str) -> Iterable[str]:
    """What is wrong or missing about where the data goes, in words."""
    if countries.inside(row.country, home=home):
        return
    if not row.mechanism:
        yield _("Nothing is stated that makes the transfer to this country lawful.")
    elif row.mechanism == Mechanism.ADEQUACY and not countries.adequate(row.country, home=home):
        yield _("No decision that data is safe in this country is known here. Check it, or state something else.")
    elif row.mechanism in {Mechanism.CLAUSES, Mechanism.RULES} and not row.document:
        yield _("It does not say where the clauses or rules can be found.")
    elif row.mechanism == Mechanism.DEROGATION:
        yield _("An exception carries single transfers, not a lasting one. Look for something better.")


def run(*, now: datetime) -> None:
    """Of an organization that has ended, nobody is named any more as its contact or officer; who answered for its data stays."""
    with installation("contacts of organizations that have ended go"):
        for row in Controller.objects.filter(organization__status="deleted").exclude(contact="", officer="", officer_contact=""):
            with transaction.atomic(), recording.opened(org=row.organization_id, now=now) as act:
                Controller.objects.filter(id=row.id).update(contact="", officer="", officer_contact="", version=row.version + 1)
                act.write([EntryDraft(org=row.organization_id, action="register.contacts_forgotten", category="register", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                                      targets=[TargetRef(type="organization", id=row.organization_id)])])


def listed(organization_id: UUID, *, ended: bool = False, base: str = "") -> list[Listed]:
    """The recipients of an organization by name; with `ended` those of the past. `base` is its country group, where it is known already."""
    base = base or home(organization_id)
    return [Listed(row, base) for row in Recipient.objects.filter(organization_id=organization_id, ended_at__isnull=not ended).order_by("name")]


def as_json(one: Listed) -> dict[str, object]:
    """A recipient as the record of processing and a copy tell it."""
    return {"name": one.row.name, "kind": one.kind, "purposes": one.purposes, "data": one.categories, "country": one.country, "transfer": one.mechanism,
            "since": one.row.mechanism_on.isoformat() if one.row.mechanism_on else "", "document": one.row.document}
