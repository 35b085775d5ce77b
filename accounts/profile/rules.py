"""Who owns each profile field, and what people may not edit or delete themselves: the organization's decisions, or the defaults."""
from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import EditLimits, FieldPolicy
from accounts.models.profile import FieldOwner
from accounts.people import Person
from accounts.tenancy import installation

ACCOUNT_FIELDS = ("name", "language", "time_zone")
LOCAL_FIELDS = ("title", "department")
LABELS: dict[str, Promise] = {"name": gettext_lazy("Name"), "language": gettext_lazy("Language"), "time_zone": gettext_lazy("Time zone"), "title": gettext_lazy("Title in this organization"),
                              "department": gettext_lazy("Department")}
DEFAULTS = {"name": FieldOwner.BOTH, "language": FieldOwner.PERSON, "time_zone": FieldOwner.PERSON, "title": FieldOwner.ADMINISTRATOR, "department": FieldOwner.ADMINISTRATOR}
FOR_PERSON = frozenset({FieldOwner.PERSON, FieldOwner.BOTH})
FOR_ADMINISTRATORS = frozenset({FieldOwner.ADMINISTRATOR, FieldOwner.BOTH})

LIMITS: dict[str, Promise] = {
    "profile": gettext_lazy("Change their profile: name, language, time zone, and title and department here"),
    "email": gettext_lazy("Ask for another e-mail address"),
    "recovery_address": gettext_lazy("Set or remove a recovery address"),
}
"""What can be limited.

Seeing and copying one's own data, the app grants one gave, password, second factor and sessions, refusing invitations, and writing to the contact never can: they are not in this list."""


@dataclass(frozen=True)
class Rule:
    """Who may change a field, since when and why. `since` is None where nobody decided and the default holds."""

    field: str
    owner: FieldOwner
    ground: str = ""
    since: datetime | None = None

    @property
    def label(self) -> Promise:
        return LABELS[self.field]

    @property
    def owner_text(self) -> str:
        return str(self.owner.label)

    @property
    def for_person(self) -> bool:
        return self.owner in FOR_PERSON

    def why_locked(self, organization: str) -> str:
        """Who locked the field and why, for the person who finds it locked."""
        words = {"organization": organization, "ground": self.ground}
        if self.owner == FieldOwner.DIRECTORY:
            return _("Locked by %(organization)s: its directory fills this. Why: %(ground)s") % words if self.ground else _("Locked by %(organization)s: its directory fills this.") % words
        return _("Locked by %(organization)s: its administrators fill this. Why: %(ground)s") % words if self.ground else _("Locked by %(organization)s: its administrators fill this.") % words

    @property
    def for_administrators(self) -> bool:
        return self.owner in FOR_ADMINISTRATORS


@dataclass(frozen=True)
class Limits:
    """What people may not do themselves, since when and why."""

    limited: frozenset[str] = frozenset()
    ground: str = ""
    since: datetime | None = None

    @property
    def texts(self) -> list[str]:
        return [str(words) for name, words in LIMITS.items() if name in self.limited]


NONE = Limits()
"""Nothing is limited."""
Fields = dict[str, Rule]


def of(organization_id: UUID) -> Fields:
    """The rule of every field in the organization. Needs the scope."""
    return several([organization_id])[organization_id]


def several(organization_ids: Collection[UUID]) -> dict[UUID, Fields]:
    """The same for several organizations, in one query."""
    found = {organization_id: {name: Rule(name, owner) for name, owner in DEFAULTS.items()} for organization_id in organization_ids}
    for row in FieldPolicy.objects.filter(organization_id__in=found):
        found[row.organization_id][row.field] = Rule(row.field, FieldOwner(row.owner), row.ground, row.set_at)
    return found


def limits_of(organization_id: UUID) -> Limits:
    """What the people whose account the organization manages may not do themselves. Needs the scope."""
    row = EditLimits.objects.filter(organization_id=organization_id).first()
    return Limits(frozenset(row.limited), row.ground, row.set_at) if row else NONE


def _decider(person: Person) -> UUID | None:
    """The organization whose rules hold: where the person is acted on, or for people who act on their own account the one that manages it."""
    row = person.membership or person.management
    return row.organization_id if row else None


def _gathered(people: Sequence[Person], name: str, ask: Callable[[UUID], Any]) -> None:
    """One question for all of them: nobody is acted on together with people of another organization."""
    with ExitStack() as scope:
        if any(person.membership is None for person in people):
            scope.enter_context(installation("what the organization that manages a person's account decided"))
        found = {organization_id: ask(organization_id) for organization_id in {_decider(person) for person in people} if organization_id}
    for person in people:
        organization_id = _decider(person)
        person.extra[name] = found[organization_id] if organization_id else None


def field_rules(people: Sequence[Person]) -> None:
    """extra["field_rules"]: the rule of each profile field that holds for the person, or None where nobody but they decide."""
    _gathered(people, "field_rules", of)


def edit_limits(people: Sequence[Person]) -> None:
    """extra["edit_limits"]: what the person may not do themselves, or None."""
    _gathered(people, "edit_limits", limits_of)


def limited(person: Person, what: str) -> Iterable[str]:
    """Whether the organization that manages the account lets nobody do this themselves."""
    found: Any = person.extra["edit_limits"]
    if person.managed and found is not None and what in found.limited:
        yield "edit_limited"


def locked(person: Person, names: Iterable[str]) -> list[Rule]:
    """The rules of these fields that the person may not change. Of an unmanaged account only title and department are anybody else's."""
    found: Any = person.extra["field_rules"]
    if found is None:
        return []
    rules = [rule_for(person, found[name]) for name in names if name in found and (name in LOCAL_FIELDS or person.managed)]
    return [rule for rule in rules if not rule.for_person]


def rule_for(person: Person, rule: Rule) -> Rule:
    """The rule as it holds for this person: where a directory governs the account, it owns the name."""
    return Rule(rule.field, FieldOwner.DIRECTORY, rule.ground, rule.since) if person.governed and rule.field == "name" else rule


_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """A value of a profile: letters of every script, on one line; nothing that cannot be seen or turns other text around, because it is shown to others."""
    value = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} or c in _TURNING for c in value):
        raise ValidationError(_("Remove the invisible characters."), code="invisible")
    return value
