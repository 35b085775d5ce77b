"""Change a role: acting and granting only below one's own rank; owners by two owners (POWERS section 1, guard rail 3)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Group, Organization, Role
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import naming
from accounts.powers.forms import AnyChoiceField, AnyChoicesField, StrictForm, ahead, later, note_field, time_field
from accounts.powers.grants import grantable, set_role, still
from accounts.roles import BUILTIN, OWNER_RANK, SCOPED_RANK, SECOND_FACTOR_RANK
from accounts.schedules import acts
from accounts.schedules.rules import moment
from accounts.schedules.words import at
from accounts.work import Work


class RoleForm(StrictForm):
    role = AnyChoiceField(label=gettext_lazy("Role"), max_length=80, widget=forms.RadioSelect, choices=[(r.slug, gettext_lazy(r.name)) for r in BUILTIN])
    scope = AnyChoicesField(label=gettext_lazy("Only for these groups"), required=False, widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy(
        "Optional, for roles of rank 50 or below. The person then sees, and acts on, only people in these groups. Choose none for the whole organization."))
    until = time_field(label=gettext_lazy("Until"), required=False, help_text=gettext_lazy("Optional. The role that the person has now then comes back by itself."))
    private_note = note_field()

    def clean_until(self) -> datetime | None:
        return ahead(self.cleaned_data["until"])

    @staticmethod
    def initial_for(person: Person) -> dict[str, Any]:
        """The role the person holds now, and the groups that it is limited to."""
        return {"role": person.membership.role.slug, "scope": [str(i) for i in person.membership.role_scope or ()]} if person.membership else {}

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The organization's own roles too, as far as the actor could give them; and the groups that the actor reaches."""
        roles = Role.objects.filter(organization=organization, rank__lte=actor.rank).order_by("-rank", "name")
        self.fields["role"].choices = [(r.slug, _("%(role)s (rank %(rank)d)") % {"role": _(r.name), "rank": r.rank}) for r in roles if not list(grantable(actor, r))]  # type: ignore[attr-defined]
        groups = Group.objects.filter(organization=organization).order_by("name")
        self.fields["scope"].choices = [(str(g.id), g.name) for g in groups if actor.scope_groups is None or g.id in actor.scope_groups]  # type: ignore[attr-defined]
        if not self.fields["scope"].choices:  # type: ignore[attr-defined]
            del self.fields["scope"]


def wanted(person: Person, data: Data) -> Role | None:
    """The role asked for, in the person's organization."""
    assert person.membership is not None
    return Role.objects.filter(organization_id=person.membership.organization_id, slug=str(data.get("role", ""))).first()


def wanted_scope(person: Person, data: Data) -> list[Group] | None:
    """The groups that the role is to be limited to; [] for the whole organization, None if one of them does not exist."""
    words = [str(word).strip() for word in data.get("scope") or ()]
    if not words:
        return []
    assert person.membership is not None
    by_word = {word: group for group in Group.objects.filter(organization_id=person.membership.organization_id) for word in (str(group.id), naming.key(group.name))}
    found = [by_word.get(word.lower()) or by_word.get(naming.key(word)) for word in words]
    return None if None in found else sorted({g.id: g for g in found if g}.values(), key=lambda g: g.name)


def _same(person: Person, role: Role, scope: list[Group], data: Data) -> bool:
    """Whether the person holds just that already. Who does not mention groups does not change them."""
    assert person.membership is not None
    return role.id == person.membership.role_id and ("scope" not in data or {g.id for g in scope} == set(person.membership.role_scope or ()))


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status not in {"active", "restricted", "invited"}:
        yield "wrong_status"
        return
    if not data:
        return
    role, scope = wanted(person, data), wanted_scope(person, data)
    if role is None or scope is None:
        yield "unknown_role" if role is None else "unknown_group"
        return
    if _same(person, role, scope, data):
        yield "nothing_to_change"
    yield from grantable(actor, role)
    if role.rank >= OWNER_RANK and not person.account.has_second_factor:
        yield "no_second_factor"
    if role.rank >= SECOND_FACTOR_RANK and person.account.kind == "service":
        yield "service_rank"
    if scope and not 0 < role.rank <= SCOPED_RANK:
        yield "scope_rank"
    if actor.scope_groups is not None and role.rank and (not scope or not {g.id for g in scope} <= actor.scope_groups):
        yield "out_of_scope"


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
    found, scope = [], wanted_scope(person, data) or []
    if role.id != person.membership.role_id:
        words = _("The role changes from “%(before)s” to “%(after)s”, at the next click.")
        found.append(Effect("lost", f"role:{role.slug}", words % {"before": _(person.membership.role.name), "after": _(role.name)}))
    if scope:
        found.append(Effect("kept", "scope:" + ",".join(str(g.id) for g in scope), _("The role reaches only people in: %(groups)s.") % {"groups": ", ".join(g.name for g in scope)}, len(scope)))
    elif person.membership.role_scope is not None and role.rank and not _same(person, role, scope, data):
        found.append(Effect("kept", "scope:", _("The role reaches the whole organization.")))
    if until := moment(data.get("until")):
        found.append(Effect("later", "until", _("On %(when)s the role “%(role)s” comes back by itself.") % {"when": at(until), "role": _(person.membership.role.name)}))
    if role.rank >= SECOND_FACTOR_RANK and not person.account.has_second_factor:
        found.append(Effect("later", "enrol", _("They must set up a second factor before they can use the role.")))
    if role.rank < person.membership.role.rank and person.tokens:
        found.append(Effect("lost", "tokens", _("Their API tokens can do no more than the new role allows."), person.tokens))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    role, scope, membership = wanted(person, data), wanted_scope(person, data), person.membership
    assert role is not None and scope is not None and membership is not None
    for held in [*scope, *([] if role.builtin else [role])]:
        still(held)
    work.note(person.id, role_before=membership.role.slug, role_after=role.slug, groups=[g.name for g in scope])
    former = {"role": membership.role.slug, "scope": [str(i) for i in membership.role_scope or ()], "private_note": str(data.get("private_note") or "")}
    set_role(work, person, role)
    membership.role_scope = [g.id for g in scope] or None
    if until := moment(data.get("until")):
        acts.put_back(work, person, data=former, due=until)


POWER = Power(
    slug="change-role", code="role.change", event="membership.role_changed", over="member", permission="manage_roles", tier=1, tier_for=tier_for,
    form=later(RoleForm), rule=rule, effects=effects, apply=apply, ends_ownership=True,
    always=True,
    title=gettext_lazy("Change the role"), button=gettext_lazy("Change role"),
    does=gettext_lazy("Gives another role below the rank of whoever gives it, for everybody or for some groups only. Making or unmaking an owner needs a second owner."),
    does_not=gettext_lazy("Does not change service access."),
    sentence=gettext_lazy("%(actor)s changed the role of %(target)s"),
)
