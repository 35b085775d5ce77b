"""Change a role: acting and granting only below one's own rank; owners by two owners (POWERS section 1, guard rail 3)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Role
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.powers.grants import set_role
from accounts.roles import BUILTIN, OWNER_RANK, SECOND_FACTOR_RANK
from accounts.work import Work


class RoleForm(StrictForm):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=[(r.slug, gettext_lazy(r.name)) for r in BUILTIN], widget=forms.RadioSelect)
    private_note = forms.CharField(label=gettext_lazy("Private note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
                                   help_text=gettext_lazy("Optional. Only administrators and the audit log see it."))

    @staticmethod
    def initial_for(person: Person) -> dict[str, str]:
        """The role the person holds now."""
        return {"role": person.membership.role.slug if person.membership else ""}


def wanted(person: Person, data: Data) -> Role | None:
    """The role asked for, in the person's organization."""
    assert person.membership is not None
    return Role.objects.filter(organization_id=person.membership.organization_id, slug=str(data.get("role", ""))).first()


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status not in {"active", "restricted", "invited"}:
        yield "wrong_status"
        return
    if not data:
        return
    role = wanted(person, data)
    if role is None:
        yield "unknown_role"
        return
    if role.id == person.membership.role_id:
        yield "nothing_to_change"
    if role.rank >= actor.rank and not (actor.rank >= OWNER_RANK and role.rank == OWNER_RANK):
        yield "rank"
    if role.rank >= OWNER_RANK and not person.account.has_second_factor:
        yield "no_second_factor"


def tier_for(_actor: Actor, person: Person, data: Data) -> int:
    """Making somebody an owner needs a second owner; any administrator role needs T2."""
    role = wanted(person, data) if data else None
    if role is None:
        return 1
    return 3 if role.rank >= OWNER_RANK else 2 if role.rank >= SECOND_FACTOR_RANK else 1


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    role = wanted(person, data) if data and person.membership else None
    if role is None or person.membership is None:
        return []
    found = [Effect("lost", f"role:{role.slug}", _("The role changes from “%(before)s” to “%(after)s”, at the next click.") % {"before": _(person.membership.role.name), "after": _(role.name)})]
    if role.rank >= SECOND_FACTOR_RANK and not person.account.has_second_factor:
        found.append(Effect("later", "enrol", _("They must set up a second factor before they can use the role.")))
    if role.rank < person.membership.role.rank and person.tokens:
        found.append(Effect("lost", "tokens", _("Their API tokens can do no more than the new role allows."), person.tokens))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    role = wanted(person, data)
    assert role is not None and person.membership is not None
    work.note(person.id, role_before=person.membership.role.slug, role_after=role.slug)
    set_role(work, person, role)


POWER = Power(
    slug="change-role", code="role.change", event="membership.role_changed", over="member", permission="manage_roles", tier=1, tier_for=tier_for,
    form=RoleForm, rule=rule, effects=effects, apply=apply, ends_ownership=True,
    title=gettext_lazy("Change the role"), button=gettext_lazy("Change role"),
    does=gettext_lazy("Gives another role below your own rank. Making or unmaking an owner needs a second owner."),
    does_not=gettext_lazy("Does not change service access."),
    sentence=gettext_lazy("%(actor)s changed the role of %(target)s"),
)
