"""What the powers over groups have in common: which group is meant, who may be in it, and what joining it gives."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Group, Organization
from accounts.people import Person
from accounts.power import Data
from accounts.powers import naming
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.powers.grants import grantable
from accounts.powers.roles import shielded
from accounts.roles import SCOPED_RANK, SECOND_FACTOR_RANK

LONGEST = 100


class NameForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=LONGEST)

    def clean_name(self) -> str:
        return naming.clean(self.cleaned_data["name"])


class GroupForm(StrictForm):
    group = AnyChoiceField(label=gettext_lazy("Group"), max_length=LONGEST)

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The groups that the actor's role reaches."""
        rows = Group.objects.filter(organization=organization).order_by("name")
        self.fields["group"].choices = [("", gettext_lazy("Choose one")), *((str(row.id), row.name) for row in rows if reaches(actor, row.id))]  # type: ignore[attr-defined]


def name_taken(*, organization_id: UUID, name: str, but: UUID | None = None) -> bool:
    """Whether another group is called so."""
    wanted = naming.key(name)
    return any(naming.key(other) == wanted for other in Group.objects.filter(organization_id=organization_id).exclude(id=but).values_list("name", flat=True))


def reaches(actor: Actor, group_id: UUID) -> bool:
    """Whether the actor's role reaches the group: a role limited to groups reaches only those."""
    return actor.scope_groups is None or group_id in actor.scope_groups


def organization_groups(people: Sequence[Person]) -> None:
    """extra["organization_groups"]: the organization's groups by id and by name, the same dictionary for everybody."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    rows = Group.objects.filter(organization_id=organization_id).select_related("role") if organization_id else []
    found = {word: row for row in rows for word in (str(row.id), naming.key(row.name))}
    for person in people:
        person.extra["organization_groups"] = found


def chosen(person: Person, data: Data) -> Group | None:
    """The group that is meant, by its id or its name."""
    found = person.extra["organization_groups"]
    word = str(data.get("group") or "").strip()
    return found.get(word.lower()) or found.get(naming.key(word))  # type: ignore[attr-defined, no-any-return]


def problems(actor: Actor, person: Person, data: Data) -> Iterable[str]:
    """Why this actor may not bring this person into, or out of, the group.

    A group without a role is a list of people: oneself and everybody who does not rank above may be in it. A group that
    carries a role gives or takes that role, so the rule of granting holds: below one's own rank, and never oneself.
    """
    if person.membership is None or person.membership.status == "removed":
        yield "wrong_status"
        return
    own = person.account.id == actor.account_id
    if shielded(actor, person) and not own:
        yield "protected"
    if person.rank > actor.rank:
        yield "rank"
    if not data:
        return
    group = chosen(person, data)
    if group is None or not reaches(actor, group.id):
        yield "unknown_group"
        return
    if group.role is not None:
        yield from grantable(actor, group.role)
        if own:
            yield "self"
        elif person.rank == actor.rank:
            yield "rank"


def unfit(person: Person, role_rank: int) -> Iterable[str]:
    """Why this person cannot hold a role of this rank."""
    if role_rank >= SECOND_FACTOR_RANK and person.account.kind == "service":
        yield "service_rank"
    if role_rank > SCOPED_RANK and person.membership is not None and person.membership.role_scope is not None:
        yield "scope_rank"
