"""Export a whole organization, stop that, and say as one of its people whether what is private of oneself may be in it (POWERS P4)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import notice
from accounts.actor import Actor
from accounts.models import Membership, Organization
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm, note_field
from accounts.roles import OWNER_RANK
from accounts.schedules import words
from accounts.targets import OrganizationTarget
from accounts.tenancy import installation
from accounts.work import Work
from dsar.wholesale import run
from dsar.wholesale.model import ExportConsent, ExportState, Level, OrganizationExport

SLUG = "export-organization"
HELD_FOR = timedelta(days=30)
"""So long somebody has to have owned the organization, unless it is younger itself: whoever takes an owner's place does not take everything with them the same day."""


class ExportForm(StrictForm):
    level = forms.ChoiceField(label=gettext_lazy("How far it reaches"), choices=Level.choices, widget=forms.RadioSelect, initial=Level.PLAIN,
                              help_text=gettext_lazy("Private is what people wrote or were sent, their devices and network addresses. For everything a second person has to agree."))
    purpose = forms.CharField(label=gettext_lazy("What it is for"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
                              help_text=gettext_lazy("The other owners read it, and everybody who is asked to agree."))
    private_note = note_field()


def open_export(organization_id: UUID) -> OrganizationExport | None:
    """The export that is under way or can be fetched; there is at most one."""
    return OrganizationExport.objects.filter(organization_id=organization_id, state__in=run.OPEN).first()


def long_enough(actor: Actor, organization: Organization, now: datetime) -> bool:
    """Whether the actor has owned the organization for thirty days, themselves and not by a group, or from its beginning."""
    mine = Membership.objects.select_related("role").filter(id=actor.membership_id).first()
    if mine is None or mine.role.rank < OWNER_RANK:
        return False
    since = max(mine.role_since, mine.joined_at or mine.created_at)
    return since <= now - HELD_FOR or organization.created_at > now - HELD_FOR


def rule(actor: Actor, target: OrganizationTarget, _data: Data, now: datetime) -> Iterable[str]:
    if actor.scope_groups is not None:
        yield "out_of_scope"
    if SLUG not in notice.on(notice.published(target.id), now):
        yield "policy_off"
    if not long_enough(actor, target.organization, now):
        yield "role_too_young"
    if open_export(target.id) is not None:
        yield "export_under_way"


def tier_for(_actor: Actor, _target: OrganizationTarget, data: Data) -> int:
    return 3 if data.get("level") == Level.ALL else 2


def effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    level = str(data.get("level") or Level.PLAIN)
    people = Membership.objects.filter(organization_id=target.id, account__kind="person").exclude(status__in=("invited", "removed"))
    n, restricted = people.count(), Membership.objects.filter(organization_id=target.id, use_restricted=True).exclude(use_freed__contains=["export"]).count()
    told = {Level.PLAIN: _("Nothing that people wrote or were sent is in it, no device and no network address."),
            Level.AGREED: ngettext("%(n)d person is asked now. What is private is in it only of whoever agrees before it is made.",
                                   "%(n)d people are asked now. What is private is in it only of whoever agrees before it is made.", n) % {"n": n},
            Level.ALL: ngettext("What is private of %(n)d person is in it, and they are told now. A second person has to agree.",
                                "What is private of %(n)d people is in it, and they are told now. A second person has to agree.", n) % {"n": n}}[Level(level)]
    found = [Effect("later", f"level:{level}", told, 0 if level == Level.PLAIN else n),
             Effect("later", "waits", _("All owners are told now. It is made on %(when)s at the earliest, and any owner can stop it, also afterwards.") % {"when": words.at(now + run.WAITS)}),
             Effect("later", "kept", _("You alone can fetch it, for seven days and three times. If you lose the role, it is destroyed.")),
             Effect("kept", "accounts",
                 _("Accounts that your organization does not manage are in it only as members. No password, no key, nothing of other organizations, nothing that people wrote about their rights."))]
    if restricted:
        found.append(Effect("kept", "restricted", ngettext("Of %(n)d person nothing is in it, because the use of their data is restricted.",
                                                           "Of %(n)d people nothing is in it, because the use of their data is restricted.", restricted) % {"n": restricted}, restricted))
    return found


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = OrganizationExport(id=uuid.uuid4(), organization_id=target.id, requested_by=work.people[0], approved_by=next(iter(work.people[1:]), None), level=str(data["level"]),
        purpose=str(data["purpose"]),
                             asked_at=work.now, begins_at=work.now + run.WAITS)
    work.add(row)
    work.note(target.id, **run.shown(row))


EXPORT = Power(
    slug=SLUG, code="data.export_organization", event="data.organization_export.requested", over="organization", permission=run.PERMISSION, tier=2, tier_for=tier_for, form=ExportForm, rule=rule,
    effects=effects, apply=apply, notice=False, standing=True,
    title=gettext_lazy("Export the whole organization"), button=gettext_lazy("Ask for the export"),
    does=gettext_lazy("Makes one package of everything that your organization has here, two days after all owners were told."),
    does_not=gettext_lazy("Has no password, no key, nothing of other organizations, and nothing of people whose data may only be stored."),
    sentence=gettext_lazy("%(actor)s asked for an export of the whole organization"),
)


class StopForm(StrictForm):
    private_note = note_field()


def stop_rule(_actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if open_export(target.id) is None:
        yield "no_export"


def stop_effects(target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    row = open_export(target.id)
    made = row is not None and row.state == ExportState.READY
    return [Effect("lost", f"export:{row.id if row else ''}", _("The package is destroyed at once. What was fetched of it already is not here any more.") if made else _("It is not made.")),
            Effect("kept", "told", _("All owners are told who stopped it."))]


def stop(work: Work, target: OrganizationTarget, _data: Data) -> None:
    row = OrganizationExport.objects.select_for_update().filter(organization_id=target.id, state__in=run.OPEN).first()
    assert row is not None
    work.track(row)
    work.note(target.id, **run.shown(row), before=row.state, downloads=row.downloads)
    row.state, row.ended_at, row.ended_how, row.key = ExportState.STOPPED, work.now, run.STOPPED, ""


STOP = Power(
    slug="stop-organization-export", code="data.export_organization_stop", event="data.organization_export.stopped", over="organization", permission=run.PERMISSION, tier=1, form=StopForm,
        rule=stop_rule,
    effects=stop_effects, apply=stop, notice=False, always=True,
    title=gettext_lazy("Stop the export of the organization"), button=gettext_lazy("Stop it"),
    does=gettext_lazy("Ends an export that waits, is being made or can be fetched, and destroys the package."), does_not=gettext_lazy("Brings nothing back that was fetched already."),
    sentence=gettext_lazy("%(actor)s stopped the export of the whole organization"),
)


class AnswerForm(StrictForm):
    export = forms.UUIDField(label=gettext_lazy("Which export"))
    answer = forms.ChoiceField(label=gettext_lazy("Your answer"), choices=[("agree", gettext_lazy("Yes, with what is private of me")), ("refuse", gettext_lazy("No, without it"))],
        widget=forms.RadioSelect)


def asked(people: Sequence[Person]) -> None:
    """extra["exports"]: the exports that wait for an answer of each person, by their number."""
    for person in people:
        with installation("exports of a person's own organizations that ask them"):
            there = Membership.objects.filter(account_id=person.account.id).exclude(status__in=("invited", "removed")).values("organization_id")
            rows = list(OrganizationExport.objects.select_related("organization").filter(organization_id__in=there, level=Level.AGREED, state=ExportState.WAITING))
        person.extra["exports"] = {str(row.id): row for row in rows}


def _asked(person: Person, data: Data) -> OrganizationExport | None:
    rows: dict[str, OrganizationExport] = person.extra["exports"]  # type: ignore[assignment]
    return rows.get(str(data.get("export") or ""))


def answer_rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if _asked(person, data) is None:
        yield "no_export"


def answer(work: Work, person: Person, data: Data) -> None:
    row = _asked(person, data)
    assert row is not None
    agreed = data.get("answer") == "agree"
    with installation("the answer of a person to an export"):
        known = ExportConsent.objects.select_for_update().filter(export=row, account=person.account).first()
        if known is None:
            ExportConsent.objects.create(id=uuid.uuid4(), organization_id=row.organization_id, export=row, account=person.account, agreed=agreed, at=work.now)
        elif known.agreed != agreed:
            ExportConsent.objects.filter(id=known.id).update(agreed=agreed, at=work.now)
    work.note(person.id, export=str(row.id), agreed=agreed)
    if person.management is None or person.management.organization_id != row.organization_id:
        work.across.append((row.organization_id, ANSWER.event, person, {"export": str(row.id), "agreed": agreed}))


ANSWER = Power(
    slug="answer-export", code="own.export_answer", event="data.organization_export.answered", over="own_account", permission=None, tier=0, form=AnswerForm, rule=answer_rule, apply=answer,
        gather=(asked,),
    notice=False, ladder=0, self_allowed=True, people_only=True, always=True,
    title=gettext_lazy("Answer about an export of your organization"), button=gettext_lazy("Answer"),
    does=gettext_lazy("Says whether what you wrote or were sent, your devices and network addresses are in an export of your organization."),
    does_not=gettext_lazy("Changes nothing here. Who says nothing did not agree, and you can change your answer until it is made."),
    sentence=gettext_lazy("%(actor)s answered whether private data of theirs is in an export of the organization"),
)
POWERS = (EXPORT, STOP, ANSWER)
