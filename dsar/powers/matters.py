"""Open and close a legal matter: what holds are placed for (RIGHTS 3f)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.holds import people
from dsar.holds.models import LegalHold, Matter


def number(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


class OpenForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Matter"), max_length=200, help_text=gettext_lazy("The name or number under which your lawyers know it. Only people who manage holds see it."))
    note = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                           help_text=gettext_lazy("Optional. What it is about."))


class MatterForm(StrictForm):
    matter = AnyChoiceField(max_length=36, label=gettext_lazy("Matter"), choices=())

    @staticmethod
    def initial_from(query: QueryDict) -> dict[str, Any]:
        """The matter on whose page it was chosen."""
        return {"matter": query.get("matter", "")}

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The open matters that whoever asks may know of."""
        rows = people.matters(organization.id, actor.account_id).filter(closed_at=None).order_by("name")
        self.fields["matter"].choices = [("", _("Choose one")), *((str(row.id), row.name) for row in rows)]  # type: ignore[attr-defined]


class CloseForm(MatterForm):
    pass


def open_matter(organization: UUID, viewer: UUID | None, data: Data) -> Matter | None:
    wanted = number(data.get("matter"))
    return people.matters(organization, viewer).filter(id=wanted, closed_at=None).first() if wanted else None


def opened(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = Matter(id=uuid.uuid4(), organization_id=target.id, name=str(data["name"]), note=str(data.get("note") or ""), opened_at=work.now, opened_by=next(iter(work.people), None))
    work.add(row)
    work.note(target.id, matter=str(row.id))


def close_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if not data.get("matter"):
        return
    row = open_matter(target.id, actor.account_id, data)
    if row is None:
        yield "not_found"
    elif LegalHold.objects.filter(matter=row, released_at=None).exists():
        yield "holds_in_force"


def close(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = open_matter(target.id, next(iter(work.people), None), data)
    assert row is not None
    work.track(row)
    row.closed_at, row.closed_by = work.now, next(iter(work.people), None)
    work.note(target.id, matter=str(row.id))


def close_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "record", _("The matter and its holds stay recorded. No more holds can be placed for it."))]


OPEN = Power(
    slug="open-matter", code="hold.matter_open", event="data.matter.opened", over="organization", permission="manage_holds", tier=1, form=OpenForm, apply=opened, notice=False,
    title=gettext_lazy("Open a matter"), button=gettext_lazy("Open the matter"),
    does=gettext_lazy("Opens a legal matter, for which holds can be placed."), does_not=gettext_lazy("Holds nothing yet."),
    sentence=gettext_lazy("%(actor)s opened a legal matter"),
)
CLOSE = Power(
    slug="close-matter", code="hold.matter_close", event="data.matter.closed", over="organization", permission="manage_holds", tier=1, form=CloseForm, rule=close_rule, effects=close_effects,
    apply=close, notice=False,
    title=gettext_lazy("Close a matter"), button=gettext_lazy("Close the matter"),
    does=gettext_lazy("Closes a legal matter whose holds are all released."), does_not=gettext_lazy("Releases no hold."),
    sentence=gettext_lazy("%(actor)s closed a legal matter"),
)
POWERS: tuple[Power, ...] = (OPEN, CLOSE)
