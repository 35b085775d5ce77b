"""Ownership that nobody hands over: the offer is accepted, an owner stops it, and the schedule grants it after the waiting period."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Account, Role, SuccessionCase
from accounts.models.succession import OPEN, CaseState
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm, StrictForm
from accounts.powers.grants import set_role
from accounts.reasons import Stale
from accounts.roles import OWNER_RANK
from accounts.succession import life
from accounts.targets import OrganizationTarget
from accounts.work import Work


def offered(organization_id: UUID, membership_id: UUID | None, *, now: datetime) -> SuccessionCase | None:
    """The ownership that is offered to this member now."""
    return SuccessionCase.objects.filter(organization_id=organization_id, state=CaseState.OFFERED, person=membership_id, offer_until__gt=now).order_by("way").first()


def accept_rule(actor: Actor, target: OrganizationTarget, _data: Data, now: datetime) -> Iterable[str]:
    if actor.kind != "user":
        yield "by_person_only"
    elif offered(target.id, actor.membership_id, now=now) is None:
        yield "not_offered"
    elif not Account.objects.filter(id=actor.account_id, has_second_factor=True).exists():
        yield "no_second_factor"


def accept_effects(target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "owner", _("Within a minute you become an owner of %(organization)s, with every power.") % {"organization": target.label}),
            Effect("kept", "owners", _("Owners from before stay owners. They are told, and until it has happened they can still stop it."))]


def accept(work: Work, target: OrganizationTarget, _data: Data) -> None:
    case = offered(target.id, work.actor_membership, now=work.now)
    case = SuccessionCase.objects.select_for_update().filter(id=case.id, state=CaseState.OFFERED, person=work.actor_membership).first() if case else None
    if case is None:
        raise Stale
    work.track(case)
    life.accept(case, now=work.now)
    work.note(target.id, _also=[case], **life.facts(case))


ACCEPT = Power(
    slug="accept-ownership", code="own.accept_ownership", event="succession.accepted", over="organization", permission=None, tier=2, form=NoForm,
    rule=accept_rule, effects=accept_effects, apply=accept, notice=False,
    title=gettext_lazy("Accept ownership"), button=gettext_lazy("Become an owner"),
    does=gettext_lazy("Accepts the ownership that is offered to you because no owner is there any more."),
    does_not=gettext_lazy("Takes nothing from owners from before: nobody is demoted."),
    sentence=gettext_lazy("%(actor)s accepted ownership of the organization"),
)


def stop_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if actor.rank < OWNER_RANK:
        yield "rank"
    if not SuccessionCase.objects.filter(organization_id=target.id, state__in=OPEN).exists():
        yield "nothing_to_change"


def stop_effects(target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    number = SuccessionCase.objects.filter(organization_id=target.id, state__in=OPEN).count()
    return [Effect("lost", "succession", _("What is under way ends now; nobody becomes an owner by it."), number)]


def stop(work: Work, target: OrganizationTarget, _data: Data) -> None:
    cases = list(SuccessionCase.objects.select_for_update().filter(organization_id=target.id, state__in=OPEN).order_by("way"))
    if not cases:
        raise Stale  # the schedule was faster
    for case in cases:
        work.track(case)
        life.end(case, CaseState.STOPPED, how="button", now=work.now)
    work.note(target.id, _also=cases, how="button", succession=str(cases[0].id))


STOP = Power(
    slug="stop-succession", code="succession.stop", event="succession.stopped", over="organization", permission="transfer_ownership", tier=1, form=NoForm,
    rule=stop_rule, effects=stop_effects, apply=stop, notice=False,
    title=gettext_lazy("Stop the succession"), button=gettext_lazy("Stop it"),
    does=gettext_lazy("Ends every succession and recovery of ownership that is under way, in whatever state."),
    does_not=gettext_lazy("Undoes no ownership that was granted already, and leaves the named successors as they are."),
    sentence=gettext_lazy("%(actor)s stopped the succession"),
)


class GrantForm(StrictForm):
    """Which succession grants it."""

    succession = forms.CharField(label=gettext_lazy("Succession"), max_length=36)


def _accepted(organization_id: UUID, data: Data) -> SuccessionCase | None:
    try:
        wanted = UUID(str(data.get("succession", "")))
    except ValueError:
        return None
    return SuccessionCase.objects.filter(organization_id=organization_id, id=wanted, state=CaseState.ACCEPTED).first()


def grant_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if actor.kind != "schedule":
        yield "only_by_time"
        return
    assert person.membership is not None
    case = _accepted(person.membership.organization_id, data)
    if case is None or case.person != person.membership.id:
        yield "not_offered"
    elif not life.over(case, now=now):
        yield "only_by_time"
    if person.membership.status != "active" or person.account.status != "active" or person.account.email_verified_at is None:
        yield "wrong_status"
    elif person.membership.role.rank >= OWNER_RANK:
        yield "nothing_to_change"
    elif not person.account.has_second_factor:
        yield "no_second_factor"


def grant(work: Work, person: Person, data: Data) -> None:
    """What is open is held while it happens: an owner who stops it, or comes back, was either faster or is too late, never both."""
    assert person.membership is not None
    organization_id = person.membership.organization_id
    cases = list(SuccessionCase.objects.select_for_update().filter(organization_id=organization_id, state__in=OPEN).order_by("way"))
    mine = next((case for case in cases if str(case.id) == str(data["succession"]) and case.state == CaseState.ACCEPTED and case.person == person.membership.id), None)
    if mine is None:
        raise Stale
    for case in cases:
        work.track(case)
        life.end(case, CaseState.DONE if case is mine else CaseState.STOPPED, how="granted" if case is mine else "settled", now=work.now)
    work.note(person.id, **{**life.facts(mine), "role_before": person.membership.role.slug, "role_after": "owner"}, _also=cases)
    set_role(work, person, Role.objects.get(organization_id=organization_id, slug="owner", builtin=True))


GRANT = Power(
    slug="grant-ownership", code="ownership.grant", event="organization.ownership_granted", over="member", permission="transfer_ownership", tier=2, form=GrantForm,
    rule=grant_rule, apply=grant, notice=False, people_only=True, rank_rule=False, self_allowed=True,  # nobody acts on anybody here: protection and rank have nothing to say
    always=True,
    title=gettext_lazy("Grant ownership"), button=gettext_lazy("Grant ownership"),
    does=gettext_lazy("Makes somebody an owner whose succession has waited and was accepted. Only the schedule does it."),
    does_not=gettext_lazy("Demotes nobody, and cannot be done by hand."),
    sentence=gettext_lazy("%(target)s became an owner by succession"),
)
