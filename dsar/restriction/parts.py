"""What of a person can be restricted by itself: the values of the profile and the groups, all of a kind or a single one (RIGHTS 3e, decision 78).

A part is a code: `profile` or `groups`, and with a dot a record of it, such as `profile.title` or `groups.` with the number of the group. '' is the whole person.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Group
from accounts.people import Person
from accounts.powers.forms import AnyChoiceField
from accounts.profile.aside import FIELDS, GROUPS, PROFILE
from accounts.profile.rules import LABELS
from dsar.restriction.model import Restriction

LONGEST = 50
WHOLE: Promise = gettext_lazy("Everything")
KINDS: dict[str, Promise] = {PROFILE: gettext_lazy("The values of the profile"), GROUPS: gettext_lazy("Memberships in groups")}


def field(text: Promise) -> AnyChoiceField:
    """Where somebody says what is meant; `choices` are offered, and the rule decides."""
    return AnyChoiceField(label=gettext_lazy("What"), required=False, max_length=LONGEST, choices=[("", WHOLE)], help_text=text)


def words(code: str, groups: Mapping[str, str] | None = None) -> str:
    """A part as people read it. The name of a group only where it is given."""
    kind, _dot, record = code.partition(".")
    if not record:
        return str(KINDS.get(kind, WHOLE))
    if kind == PROFILE:
        return str(LABELS.get(record, record))
    name = (groups or {}).get(record)
    return _("Membership in the group “%(group)s”") % {"group": name} if name else _("Membership in one group")


def names(rows: Iterable[Restriction]) -> dict[str, str]:
    """How the groups are called that these name, by their numbers. Needs the scope."""
    wanted = [UUID(row.what.partition(".")[2]) for row in rows if row.what.startswith(f"{GROUPS}.")]
    return {str(group): name for group, name in Group.objects.filter(id__in=wanted).values_list("id", "name")} if wanted else {}


def choices(person: Person) -> list[tuple[str, str]]:
    """What can be restricted of this person, the whole first. Needs extra["groups"]."""
    fields = [(f"{PROFILE}.{name}", words(f"{PROFILE}.{name}")) for name in FIELDS if name != "name" or person.managed]
    rows: Iterable[object] = person.extra["groups"]  # type: ignore[assignment]
    called = sorted(((str(row.group_id), row.group.name) for row in rows), key=lambda one: one[1].casefold())  # type: ignore[attr-defined]
    groups = [(f"{GROUPS}.{number}", words(f"{GROUPS}.{number}", {number: name})) for number, name in called]
    return [("", str(WHOLE)), (PROFILE, words(PROFILE)), *fields, (GROUPS, words(GROUPS)), *groups]


def offered(person: Person) -> list[tuple[str, str]]:
    """What can be restricted that is not yet. Needs extra["groups"], extra["restriction"] and extra["parts"]."""
    return [one for one in choices(person) if not any(stand_against(person, one[0]))]


def chosen(person: Person, code: str) -> Restriction | None:
    """The restriction in force of exactly this. Needs extra["restriction"]."""
    rows: Iterable[Restriction] = person.extra["parts"]  # type: ignore[assignment]
    return next((row for row in rows if row.what == code), None) if code else person.extra["restriction"]  # type: ignore[return-value]


def stand_against(person: Person, code: str) -> Iterable[str]:
    """Why this cannot be restricted: there is no such part, or its use is restricted already, alone or with more."""
    rows: Iterable[Restriction] = person.extra["parts"]  # type: ignore[assignment]
    if code not in dict(choices(person)):
        yield "unknown_part"
    elif person.extra["restriction"] is not None or any(code == row.what or code.startswith(f"{row.what}.") for row in rows):
        yield "restricted_already"
