"""Announce that the organization goes to another controller, and take it back (a business transfer); and whether everybody may read the report of disclosures."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import NoForm, StrictForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.powers.disclosure_forms import as_day, day_field
from dsar.powers.recipients import PERMISSION, controller_of
from dsar.registers import countries, disclosures, recipients, transfers
from dsar.registers.models import BusinessTransfer

OWNERS = "transfer_ownership"


class AnnounceForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Who takes over"), max_length=200, help_text=gettext_lazy("The legal name of the company or person who will answer for the data."))
    address = forms.CharField(label=gettext_lazy("Postal address"), max_length=300)
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=lambda: countries.choices(gettext_lazy("Choose one")))
    contact = forms.EmailField(label=gettext_lazy("Whom people can write to"), max_length=254, help_text=gettext_lazy("An e-mail address of the new controller. Everybody reads it."))
    goes_on = day_field(gettext_lazy("On which day"), help_text=gettext_lazy("At least 30 days ahead. It happens when the day begins where the organization works."))
    changes = forms.CharField(label=gettext_lazy("What changes for people"), max_length=5000, widget=forms.Textarea(attrs={"rows": 6}),
        help_text=gettext_lazy("Everybody gets it by mail. Say also what stays as it is."))

    def clean_goes_on(self) -> date | None:
        day: date | None = self.cleaned_data["goes_on"]
        if day is not None and day > timezone.localdate() + transfers.MOST * 5:
            raise ValidationError(_("Choose a day within the next ten years."), code="far")
        return day


def announce_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    there, day = transfers.announced(target.id), as_day(data.get("goes_on"))
    if there is not None and not transfers.lost(there):
        yield "transfer_announced"
    if day is not None and (there is None or day != there.goes_on) and day < disclosures.today(target.organization, now) + transfers.LEAST:
        yield "too_near"


def announce_effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "told", _("Everybody in the organization is told by mail now, seven days before, and on the day. Until then they can use every right they have, against you.")),
             Effect("kept", "data", _("No data moves. Accounts, memberships and rules stay as they are; somebody else answers for them."))]
    if day := as_day(data.get("goes_on")):
        found.append(Effect("later", f"on:{day}",
        _("On %(day)s the controller in the record of processing and beside the notice changes, and so does the published contact.") % {"day": date_format(day)}))
    return found


def announce(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = transfers.announced(target.id)
    if row is not None and not transfers.lost(row):
        raise Stale
    if row is None:
        row = BusinessTransfer(id=uuid.uuid4(), organization_id=target.id, announced_at=work.now)
        work.add(row)
    else:  # its words were lost with a database: it is the same one, and people are told again
        work.track(row)
    for name in ("name", "address", "country", "contact", "changes"):
        setattr(row, name, str(data[name]))
    row.reminded, row.goes_on = row.reminded and row.goes_on == as_day(data["goes_on"]), as_day(data["goes_on"])
    begun = transfers.round_of(row, "announced", work.now)
    work.add(begun)
    work.note(target.id, transfer=str(row.id), round=str(begun.id), to=row.name, country=row.country, goes_on=str(row.goes_on))


def withdraw_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if transfers.announced(target.id) is None:
        yield "no_business_transfer"


def withdraw_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "told", _("Everybody who was told is told that it does not happen."))]


def withdraw(work: Work, target: OrganizationTarget, _data: Data) -> None:
    row = BusinessTransfer.objects.select_for_update().filter(organization_id=target.id, state=transfers.State.ANNOUNCED).first()
    if row is None:
        raise Stale
    work.track(row)
    row.state, row.ended_at = transfers.State.WITHDRAWN, work.now
    begun = transfers.round_of(row, "withdrawn", work.now)
    work.add(begun)
    work.note(target.id, transfer=str(row.id), round=str(begun.id))


def _public(target: OrganizationTarget) -> bool:
    return recipients.controller(target.id).report_public


def publish_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if _public(target):
        yield "nothing_to_change"


def publish_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "public", _("Everybody can read it without signing in: for years that are over, and with every number as a range, so that nobody can be found out."))]


def publish(work: Work, target: OrganizationTarget, _data: Data) -> None:
    controller_of(work, target.id).report_public = True


def hide_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if not _public(target):
        yield "nothing_to_change"


def hide(work: Work, target: OrganizationTarget, _data: Data) -> None:
    controller_of(work, target.id).report_public = False


def _power(slug: str, code: str, event: str, form: Any, rule: Any, effects: Any, apply: Any, tier: int, permission: str, **more: Any) -> Power:
    return Power(slug=slug, code=code, event=event, over="organization", permission=permission, tier=tier, form=form, rule=rule, effects=effects, apply=apply, notice=False, **more)


def _hidden(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "public", _("Its public address is not there any more. What somebody has read, they have."))]


POWERS: tuple[Power, ...] = (
    _power("announce-business-transfer", "business_transfer.announce", "business_transfer.announced", AnnounceForm, announce_rule, announce_effects, announce, 3, OWNERS,
        undo="withdraw-business-transfer",
           title=gettext_lazy("Announce another controller"), button=gettext_lazy("Announce it"),
           does=gettext_lazy("Announces that somebody else will answer for the organization and its data, and tells everybody."),
           does_not=gettext_lazy("Changes nothing before the day, and moves no data."), sentence=gettext_lazy("%(actor)s announced that the organization goes to another controller")),
    _power("withdraw-business-transfer", "business_transfer.withdraw", "business_transfer.withdrawn", NoForm, withdraw_rule, withdraw_effects, withdraw, 2, OWNERS,
           title=gettext_lazy("Withdraw the change of the controller"), button=gettext_lazy("Withdraw it"),
           does=gettext_lazy("Takes back that somebody else will answer for the organization, and tells everybody."),
           does_not=gettext_lazy("Undoes nothing once the day has come."), sentence=gettext_lazy("%(actor)s withdrew the change of the controller")),
    _power("publish-transparency-report", "register.report_publish", "register.report_published", NoForm, publish_rule, publish_effects, publish, 2, PERMISSION, undo="hide-transparency-report",
           title=gettext_lazy("Publish the report of disclosures"), button=gettext_lazy("Publish it"),
           does=gettext_lazy("Lets everybody read how many authorities and others asked for data."),
           does_not=gettext_lazy("Shows no entry, no name, and no exact number."), sentence=gettext_lazy("%(actor)s published the report of disclosures")),
    _power("hide-transparency-report", "register.report_hide", "register.report_hidden", NoForm, hide_rule, _hidden, hide, 1, PERMISSION, undo="publish-transparency-report",
           title=gettext_lazy("Take the report of disclosures off"), button=gettext_lazy("Take it off"),
           does=gettext_lazy("Ends the public address of the report of disclosures."),
           does_not=gettext_lazy("Changes nothing in the register."), sentence=gettext_lazy("%(actor)s took the report of disclosures off its public address")),
)
