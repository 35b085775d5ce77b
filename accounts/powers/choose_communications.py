"""The person decides which optional communications they get, for one organization or all (policy B7). Nobody can refuse it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.communications import choices, links
from accounts.communications.kinds import KINDS
from accounts.models.communication import How
from accounts.people import Person
from accounts.power import Data, Power
from accounts.powers.forms import StrictForm
from accounts.tenancy import installation
from accounts.work import Work


class ChoiceForm(StrictForm):
    """What, of which organization, on or off. Left empty: of all organizations, and all kinds."""

    organization = forms.UUIDField(label=gettext_lazy("Organization"), required=False, help_text=gettext_lazy("Its id. Empty: all of them."))
    kind = forms.ChoiceField(label=gettext_lazy("What"), required=False, choices=[("", gettext_lazy("Everything optional")), *((kind.name, kind.title) for kind in KINDS.values())])
    wanted = forms.ChoiceField(label=gettext_lazy("On or off"), choices=[("on", gettext_lazy("On")), ("off", gettext_lazy("Off"))])


def _change(person: Person, data: Data, now: datetime) -> choices.Change | None:
    """What follows from the choice; None where it names an organization that is not the person's."""
    with installation("the choices of the person who acts"):
        places = choices.organizations(person.account.id)
        named: UUID | None = data.get("organization") or None
        if named is not None and named not in places:
            return None
        places = [named] if named else places
        pairs = [(one, kind) for one in places for kind in KINDS if data.get("kind") in {None, "", kind}]
        return choices.change(account=person.account, macs={one: links.mac(one, person.account.email_key) for one in places}, pairs=pairs, wanted=data["wanted"] == "on", how=How.PAGE, now=now)


def rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if data.get("wanted"):
        found = _change(person, data, now)
        if found is None:
            yield "not_yours"
        elif not found:
            yield "nothing_to_change"


def apply(work: Work, person: Person, data: Data) -> None:
    found = _change(person, data, work.now)
    assert found is not None
    for row in (*found.lines, *found.shut):
        work.add(row)
    for row in found.opened:
        work.remove(row)
    work.note(person.id, **choices.facts(found, How.PAGE))


POWER = Power(
    slug="choose-communications", code="own.communications", event="communications.chosen", over="own_account", permission=None, tier=0, form=ChoiceForm, rule=rule, apply=apply, ladder=0,
    self_allowed=True, people_only=True, notice=False,
    title=gettext_lazy("Choose what you are written to about"), button=gettext_lazy("Save"),
    does=gettext_lazy("Switches news or tips of your organizations on or off. It holds at once."),
    does_not=gettext_lazy("Never stops mails about your account, its security, your rights, or what was done about you."),
    sentence=gettext_lazy("%(actor)s chose which optional mails they get"),
)
