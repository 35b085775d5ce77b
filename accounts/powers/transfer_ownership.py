"""Transfer ownership: an owner hands their own ownership to another member and becomes an administrator."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Role
from accounts.people import Person, load_people
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.powers.grants import set_role
from accounts.roles import OWNER_RANK
from accounts.work import Work


def rule(actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status != "active" or person.account.status != "active" or person.account.email_verified_at is None:
        yield "wrong_status"
    elif person.rank >= OWNER_RANK:
        yield "nothing_to_change"
    elif not person.account.has_second_factor:
        yield "no_second_factor"
    if actor.rank < OWNER_RANK:
        yield "rank"


def effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "ownership", _("You become an administrator and can no longer act on owners.")),
            Effect("kept", "owner", _("%(name)s becomes an owner with every power.") % {"name": person.label})]


def apply(work: Work, person: Person, _data: Data) -> None:
    assert person.membership is not None and work.actor_membership is not None
    roles = {r.slug: r for r in Role.objects.filter(organization_id=person.membership.organization_id, slug__in=("owner", "administrator"))}
    giver = load_people(organization_id=person.membership.organization_id, ids=[work.actor_membership], lock=True)[0]
    work.track(giver.membership)
    set_role(work, person, roles["owner"])
    set_role(work, giver, roles["administrator"])
    work.note(person.id, from_membership=str(giver.id), role_after="owner")


POWER = Power(
    slug="transfer-ownership", code="ownership.transfer", event="organization.ownership_transferred", over="member", permission="transfer_ownership",
    tier=2, form=ReasonForm, rule=rule, effects=effects, apply=apply, ladder=2,
    people_only=True,
    always=True,
    title=gettext_lazy("Transfer ownership"), button=gettext_lazy("Transfer ownership"),
    does=gettext_lazy("Makes this person an owner in the place of whoever hands it over."),
    does_not=gettext_lazy("Does not remove you: you stay as an administrator."),
    sentence=gettext_lazy("%(actor)s transferred ownership to %(target)s"),
)
