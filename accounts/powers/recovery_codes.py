"""Sealed recovery codes: an owner makes three for three people to keep; a member who presents two begins a recovery of ownership."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Membership, RecoveryCode, SuccessionCase
from accounts.models.succession import OPEN, Way
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm, StrictForm
from accounts.reasons import Stale
from accounts.roles import OWNER_RANK
from accounts.succession import codes, life
from accounts.targets import OrganizationTarget
from accounts.work import Work


def make_rule(actor: Actor, _target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if actor.kind != "user":
        yield "by_person_only"


def make_effects(target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    old = RecoveryCode.objects.filter(organization_id=target.id).count()
    found = [Effect("lost", "old_codes", _("The codes that were made before open nothing any more."), old)] if old else []
    return [*found, Effect("later", "shown_once", _("Three codes are shown once. Give each to another person, who keeps it sealed and away from computers.")),
            Effect("later", "told", _("All owners are told that codes were made."))]


def make(work: Work, target: OrganizationTarget, _data: Data) -> None:
    for row in RecoveryCode.objects.select_for_update().filter(organization_id=target.id):
        work.remove(row)
    made = [codes.mint(number) for number in codes.NUMBERS]
    for number, text in zip(codes.NUMBERS, made, strict=True):
        work.add(RecoveryCode(organization_id=target.id, number=number, hash=codes.sealed(text), made_at=work.now, made_by=work.actor_membership))
    work.note(target.id, codes=len(made), _secret="\n".join(made))


MAKE = Power(
    slug="make-recovery-codes", code="succession.make_codes", event="succession.codes_made", over="organization", permission="transfer_ownership", tier=2, form=NoForm,
    rule=make_rule, effects=make_effects, apply=make, notice=False,
    title=gettext_lazy("Make recovery codes"), button=gettext_lazy("Make three codes"),
    does=gettext_lazy("Makes three sealed codes. Any two of them, presented together by a member, lead back to an owner after 72 hours."),
    does_not=gettext_lazy("Opens nothing by itself: one code alone does nothing, and every owner can stop a recovery while it waits."),
    sentence=gettext_lazy("%(actor)s made new recovery codes for ownership"),
)


class PresentForm(StrictForm):
    """Two of the three codes."""

    first = forms.CharField(label=gettext_lazy("One code"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}))
    second = forms.CharField(label=gettext_lazy("Another code"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}))


def present_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    """Nothing about the codes is looked at before the person has proved who they are: no session that was left open tries them."""
    me = Membership.objects.filter(id=actor.membership_id, organization_id=target.id).select_related("account", "role").first()
    if actor.kind != "user" or me is None:
        yield "by_person_only"
    elif me.status != "active" or me.account.email_verified_at is None:
        yield "wrong_status"
    elif me.role.rank >= OWNER_RANK:
        yield "owner_already"
    elif not me.account.has_second_factor:
        yield "no_second_factor"
    elif SuccessionCase.objects.filter(organization_id=target.id, way=Way.CODES, state__in=OPEN).exists():
        yield "recovery_open"
    elif data.get("first") and data.get("second") and actor.tier(now) >= 2:
        if not codes.allowed(organization_id=target.id, membership_id=me.id):
            yield "too_many_attempts"
        elif not codes.fit(organization_id=target.id, first=str(data["first"]), second=str(data["second"])):
            yield "codes_wrong"


def present_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "wait", _("All owners are told at once, after 24 and after 60 hours. If none of them stops it within 72 hours, you become an owner.")),
            Effect("lost", "codes", _("All three codes are used up, whatever comes of it."))]


def present(work: Work, target: OrganizationTarget, _data: Data) -> None:
    rows = list(RecoveryCode.objects.select_for_update().filter(organization_id=target.id))
    if len(rows) != len(codes.NUMBERS):
        raise Stale  # somebody else was faster, and used them up
    for row in rows:
        work.remove(row)
    case = SuccessionCase(id=uuid4(), organization_id=target.id, way=Way.CODES, opened_at=work.now, person=work.actor_membership)
    life.wait(case, now=work.now)
    work.add(case)
    work.note(target.id, _also=[case], **life.facts(case))


PRESENT = Power(
    slug="present-recovery-codes", code="own.present_recovery_codes", event="succession.codes_presented", over="organization", permission=None, tier=2, form=PresentForm,
    rule=present_rule, effects=present_effects, apply=present, notice=False,
    title=gettext_lazy("Recover ownership with codes"), button=gettext_lazy("Present the codes"),
    does=gettext_lazy("With two of the three recovery codes of the organization, makes you an owner after 72 hours."),
    does_not=gettext_lazy("Happens behind nobody’s back: every owner is told three times and can stop it."),
    sentence=gettext_lazy("%(actor)s presented recovery codes"),
)
