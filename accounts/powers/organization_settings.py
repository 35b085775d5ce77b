"""The settings of the organization: what it is called and where it is found, whom people write to, the numbers it decided on."""
from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import policy
from accounts.actor import Actor
from accounts.models import Organization, OrganizationPolicy
from accounts.organizations import slugs
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, naming
from accounts.powers.forms import StrictForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work

NAMES = ("name", "time_zone", "slug")
CONTACT = ("contact_name", "contact_email", "contact_link")
NUMBERS = ("deletion_days", "closing_days", "contract_reminders")


class UpdateForm(StrictForm):
    """Name, time zone and address. What is left out, or empty, stays."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False)
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=64, required=False, help_text=gettext_lazy("For example Europe/Berlin. Shown to everybody who chose none of their own."))
    slug = forms.CharField(label=gettext_lazy("Address"), max_length=50, required=False,
                           help_text=gettext_lazy("The part of the web address that names your organization. Your people are led on from the old one for a year."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The organization as it is."""
        self.initial.update({name: getattr(organization, name) for name in NAMES})

    def clean_name(self) -> str:
        return naming.clean(self.cleaned_data["name"]) if self.cleaned_data["name"] else ""

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"])
        if name and name not in zoneinfo.available_timezones():
            raise ValidationError(_("“%(name)s” is not a time zone. Write it like Europe/Berlin.") % {"name": name}, code="zone")
        return name

    def clean_slug(self) -> str:
        return slugs.clean(self.cleaned_data["slug"]) if self.cleaned_data["slug"] else ""


def _new(organization: Organization, data: Data, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data and data[name] != getattr(organization, name)}


def _renamed(organization: Organization, data: Data) -> dict[str, Any]:
    return {name: value for name, value in _new(organization, data, NAMES).items() if value}


def update_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    new = _renamed(target.organization, data)
    if data and not new:
        yield "nothing_to_change"
    if "slug" in new and not slugs.free(str(new["slug"]), own=target.id, now=now):
        yield "address_taken"


def update_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    if "slug" not in _renamed(target.organization, data):
        return []
    return [Effect("lost", "old_address", _("Links with the old address lead on for a year, for your people only. For two years nobody else gets it.")),
            Effect("later", "programs", _("Programs that use the API should use the new address: those that do not follow redirects fail at once."))]


def update(work: Work, target: OrganizationTarget, data: Data) -> None:
    new = _renamed(target.organization, data)
    if "slug" in new:
        slugs.hold()
        if not slugs.free(str(new["slug"]), own=target.id, now=work.now):
            raise Stale
        slugs.leave(target.organization, now=work.now)
        slugs.take(target.organization, str(new.pop("slug")))
    for name, value in new.items():
        setattr(target.organization, name, value)


class ContactForm(StrictForm):
    """Whom people write to about their account and their access (policy A11)."""

    contact_name = forms.CharField(label=gettext_lazy("Who answers"), max_length=200, required=False, help_text=gettext_lazy("A team rather than a person, such as IT help desk."))
    contact_email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254, required=False, help_text=gettext_lazy("Shown to everybody who is or was in the organization."))
    contact_link = forms.URLField(label=gettext_lazy("Page about help"), max_length=300, required=False, assume_scheme="https", help_text=gettext_lazy("Optional, such as https://example.com/help"))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The contact as it is."""
        self.initial.update({name: getattr(organization, name) for name in CONTACT})

    def clean_contact_name(self) -> str:
        return naming.clean(self.cleaned_data["contact_name"]) if self.cleaned_data["contact_name"] else ""

    def clean_contact_link(self) -> str:
        link = str(self.cleaned_data["contact_link"])
        if link and not link.startswith(("https://", "http://")):
            raise ValidationError(_("Write an address that begins with https://"), code="scheme")
        return link


def contact_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data and not _new(target.organization, data, CONTACT):
        yield "nothing_to_change"


def contact_effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    if data.get("contact_email") or not data:
        return [Effect("kept", "shown", _("The contact stands on the page of everybody who is or was in the organization, in every notice, and where somebody's access is suspended."))]
    return [Effect("lost", "contact", _("Without an address, people are told to ask the owners, and have to find out how."))]


def set_contact(work: Work, target: OrganizationTarget, data: Data) -> None:
    for name, value in _new(target.organization, data, CONTACT).items():
        setattr(target.organization, name, value)


class NumbersForm(StrictForm):
    """The numbers that other powers go by."""

    deletion_days = forms.IntegerField(label=gettext_lazy("Days until an account is deleted"), min_value=1, max_value=90, required=False,
                                       help_text=gettext_lazy("From the decision to delete an account until it is deleted. Until then it can be taken back. From 1 to 90; usually 14."))
    closing_days = forms.IntegerField(label=gettext_lazy("Days until the organization ends"), min_value=14, max_value=90, required=False,
                                      help_text=gettext_lazy("From the decision to delete the organization until its end. Until then any owner can take it back. From 14 to 90."))
    contract_reminders = forms.CharField(label=gettext_lazy("Reminders before a contract ends"), max_length=40, required=False,
                                         help_text=gettext_lazy("How many days before, from 1 to 365, up to five of them with commas between; usually 30, 7, 1."))

    def clean_contract_reminders(self) -> str | None:
        """The days in falling order, each once."""
        written = str(self.cleaned_data["contract_reminders"] or "")
        parts = [part.strip() for part in written.split(",") if part.strip()]
        if not all(part.isascii() and part.isdigit() and len(part) <= 3 and 1 <= int(part) <= 365 for part in parts) or len(set(map(int, parts))) > 5:
            raise ValidationError(_("Write up to five numbers of days from 1 to 365, such as 30, 7, 1."), code="days")
        return ", ".join(str(day) for day in sorted({int(part) for part in parts}, reverse=True)) or None

    own_deletion = forms.ChoiceField(label=gettext_lazy("When people delete their own account"), required=False, choices=[
        ("", gettext_lazy("As it is")), ("ask", gettext_lazy("They ask, and an administrator decides")), ("free", gettext_lazy("They decide alone"))],
        help_text=gettext_lazy("For accounts that your organization manages. Whoever decides alone can still not pass by a hold or leave the organization without an owner."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The numbers as they are."""
        row = policy.of(organization.id)
        self.initial.update({name: getattr(row, name) for name in NUMBERS}, own_deletion="free" if row.own_deletion else "ask")


def _numbers(row: OrganizationPolicy, data: Data) -> dict[str, Any]:
    """What would change. Numbers of an approved plan may be text."""
    sent: dict[str, Any] = {name: data[name] if name == "contract_reminders" else int(data[name]) for name in NUMBERS if data.get(name) is not None}
    if data.get("own_deletion"):
        sent["own_deletion"] = data["own_deletion"] == "free"
    return {name: value for name, value in sent.items() if value != getattr(row, name)}


def numbers_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data and not _numbers(policy.of(target.id), data):
        yield "nothing_to_change"


def numbers_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    new, found = _numbers(policy.of(target.id), data), []
    if n := new.get("deletion_days"):
        found.append(Effect("kept", f"deletion:{n}", ngettext("Accounts are deleted %(n)d day after the decision. What is scheduled already keeps its date.",
                                                              "Accounts are deleted %(n)d days after the decision. What is scheduled already keeps its date.", n) % {"n": n}))
    if n := new.get("closing_days"):
        found.append(Effect("kept", f"closing:{n}", ngettext("The organization would end %(n)d day after the decision.", "The organization would end %(n)d days after the decision.", n) % {"n": n}))
    if days := new.get("contract_reminders"):
        found.append(Effect("kept", f"contract:{days}", _("The person and the administrators are reminded of the end of a contract so many days before: %(days)s.") % {"days": days}))
    if "own_deletion" in new:
        found.append(Effect("later", "own_deletion", _("People can delete managed accounts without asking anybody. They are told when that happens, and so are administrators."))
                     if new["own_deletion"] else Effect("kept", "own_deletion", _("People ask an administrator before a managed account is deleted.")))
    return found


def set_numbers(work: Work, target: OrganizationTarget, data: Data) -> None:
    row, new = policy.of(target.id), {}
    if row._state.adding:
        new = _numbers(row, data)
        work.add(row)
    else:
        row = OrganizationPolicy.objects.select_for_update().get(id=row.id)
        new = _numbers(row, data)
        work.track(row)
    work.note(target.id, **{f"{name}_before": getattr(row, name) for name in new}, **new)
    for name, value in new.items():
        setattr(row, name, value)


UPDATE = Power(
    slug="update-organization", code="organization.update", event="organization.updated", over="organization", permission="manage_settings", tier=1,
    form=UpdateForm, rule=update_rule, effects=update_effects, apply=update, notice=False,
    title=gettext_lazy("Change name, time zone or address"), button=gettext_lazy("Save"),
    does=gettext_lazy("Changes what the organization is called, in which time zone its times are shown, and its part of the web address."),
    does_not=gettext_lazy("Changes no account, no mail address and no membership."),
    sentence=gettext_lazy("%(actor)s changed the name, time zone or address of the organization"),
)
CONTACT_POWER = Power(
    slug="set-contact", code="organization.set_contact", event="organization.contact_set", over="organization", permission="manage_settings", tier=1,
    form=ContactForm, rule=contact_rule, effects=contact_effects, apply=set_contact, notice=False,
    title=gettext_lazy("Set the published contact"), button=gettext_lazy("Save"),
    does=gettext_lazy("Says whom people write to about their account and their access."),
    does_not=gettext_lazy("Gives nobody any rights: it is only an address."),
    sentence=gettext_lazy("%(actor)s changed the published contact"),
)
NUMBERS_POWER = Power(
    slug="set-limits", code="organization.set_limits", event="organization.limits_set", over="organization", permission="manage_settings", tier=2,
    form=NumbersForm, rule=numbers_rule, effects=numbers_effects, apply=set_numbers, notice=False,
    title=gettext_lazy("Set the organization's limits"), button=gettext_lazy("Save"),
    does=gettext_lazy("Sets the numbers of days that deletions in this organization take, whether people delete managed accounts alone, and when people are reminded of the end of a contract."),
    does_not=gettext_lazy("Changes nothing that is under way already."),
    sentence=gettext_lazy("%(actor)s changed the limits of the organization"),
)
