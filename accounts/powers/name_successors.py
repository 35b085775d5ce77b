"""Name successors: who follows, and in which order, when no owner is there any more. And the decision of whoever was named."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Membership, SuccessionCase, Successor
from accounts.models.succession import CaseState, Way
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm, StrictForm
from accounts.powers.joining import names
from accounts.roles import OWNER_RANK
from accounts.succession import life
from accounts.targets import OrganizationTarget
from accounts.work import Work

MOST = 3


class SuccessorsForm(StrictForm):
    """The people, in the order in which they are asked."""

    successors = forms.CharField(label=gettext_lazy("Successors"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}), help_text=gettext_lazy(
        "E-mail addresses of up to three members, in the order in which they are asked. Each needs a second factor. Leave it empty to name nobody."))


def _named(target: OrganizationTarget, data: Data) -> list[Membership | None]:
    """The members with these addresses, in order; None for an address that nobody here has."""
    keys = list(dict.fromkeys(address_key(word) for word in names(str(data.get("successors") or "").replace("\n", ","))))
    found = {m.account.email_key: m for m in Membership.objects.filter(organization_id=target.id, account__email_key__in=keys).exclude(status="removed").select_related("account", "role")}
    return [found.get(key) for key in keys]


def rule(_actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if "successors" not in data:
        return
    named = _named(target, data)
    if len(named) > MOST:
        yield "too_many_successors"
    for person in named:
        if person is None:
            yield "unknown_person"
        elif person.account.kind != "person":
            yield "service_account"
        elif person.role.rank >= OWNER_RANK:
            yield "owner_already"
        elif person.status != "active" or person.account.status != "active" or person.account.email_verified_at is None:
            yield "wrong_status"
        elif not person.account.has_second_factor:
            yield "no_second_factor"
    if not named and not Successor.objects.filter(organization_id=target.id).exists():
        yield "nothing_to_change"


def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    named = [person for person in _named(target, data) if person is not None]
    found = [Effect("kept", f"successor:{person.id}", _("%(place)d. %(name)s") % {"place": place, "name": person.account.name or person.account.email}) for place, person in enumerate(named, start=1)]
    if not named:
        found.append(Effect("lost", "successors", _("Nobody is named: without an owner only recovery codes or whoever operates the installation can help.")))
    return [*found, Effect("later", "told", _("They and all owners are told. Nobody gets any power by being named, and each may decline."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    named = [person for person in _named(target, data) if person is not None]
    for row in Successor.objects.select_for_update().filter(organization_id=target.id):
        work.remove(row)
    for place, person in enumerate(named, start=1):
        work.add(Successor(organization_id=target.id, membership=person, place=place, named_by=work.actor_membership, named_at=work.now))
    work.note(target.id, successors=[str(person.id) for person in named])


POWER = Power(
    slug="name-successors", code="succession.name", event="succession.named", over="organization", permission="transfer_ownership", tier=2, form=SuccessorsForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Name successors"), button=gettext_lazy("Name them"),
    does=gettext_lazy("Says who is offered ownership, in which order, when no owner is active or able to sign in any more."),
    does_not=gettext_lazy("Gives nobody any power now. Before anything is offered, every owner is told several times and can stop it."),
    sentence=gettext_lazy("%(actor)s named who follows the owners"),
)


def decline_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if actor.kind != "user":
        yield "by_person_only"
    elif not Successor.objects.filter(organization_id=target.id, membership_id=actor.membership_id, declined_at=None).exists() and _proposed(actor, target) is None:
        yield "not_named"


def _proposed(actor: Actor, target: OrganizationTarget) -> SuccessionCase | None:
    """The operator's proposal that names this person, while it waits for them."""
    return SuccessionCase.objects.filter(organization_id=target.id, way=Way.OPERATOR, person=actor.membership_id, state__in=(CaseState.WAITING, CaseState.OFFERED)).first()


def decline(work: Work, target: OrganizationTarget, _data: Data) -> None:
    for row in Successor.objects.select_for_update().filter(organization_id=target.id, membership_id=work.actor_membership, declined_at=None):
        work.track(row)
        row.declined_at = work.now
    work.note(target.id, person=str(work.actor_membership))
    for case in SuccessionCase.objects.select_for_update().filter(organization_id=target.id, way=Way.OPERATOR, person=work.actor_membership, state__in=(CaseState.WAITING, CaseState.OFFERED)):
        work.track(case)
        life.end(case, CaseState.EXPIRED, how="declined", now=work.now)
        work.note(target.id, _also=[case], succession=str(case.id))


DECLINE = Power(
    slug="decline-succession", code="own.decline_succession", event="succession.declined", over="organization", permission=None, tier=1, form=NoForm,
    rule=decline_rule, apply=decline, notice=False,
    title=gettext_lazy("Decline to follow the owners"), button=gettext_lazy("Decline"),
    does=gettext_lazy("You are not asked to become an owner. If it was offered to you now, the next one is asked."),
    does_not=gettext_lazy("Changes nothing about your membership. An owner may name you again, and you are told if so."),
    sentence=gettext_lazy("%(actor)s declined to follow the owners"),
)
