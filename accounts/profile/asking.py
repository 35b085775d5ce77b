"""What people and administrators ask each other about profile values: suggestions of another value, and disputes about one (POWERS P8, policy B9)."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from accounts.actor import Actor
from accounts.models import Management, ProfileChange, ProfileSuggestion, ValueDispute
from accounts.models.profile import DisputeState
from accounts.people import Person
from accounts.profile import aside, rules
from accounts.tenancy import installation
from accounts.work import Work

SHOWN = timedelta(days=90)
"""How long after the person was told a change is shown beside the field; what a hold keeps longer is shown no longer."""
OPEN_FOR = timedelta(days=30)
"""How long a suggestion waits for an answer."""
CORRECTED = (DisputeState.CORRECTED, DisputeState.PARTLY)
DISPUTES_A_DAY = 5
"""More than so many disputes of one person within a day tell administrators nothing new."""


def value_of(person: Person, field: str) -> str:
    """The value as it is."""
    return str(getattr(person.account if field in rules.ACCOUNT_FIELDS else person.membership, field))


def put(person: Person, field: str, value: str) -> None:
    setattr(person.account if field in rules.ACCOUNT_FIELDS else person.membership, field, value)


CONTESTED = frozenset(aside.FIELDS)


def held(person: Person, field: str) -> str:
    """The value that the organization holds: on the profile, or set aside. For the person, and for whoever answers them."""
    if "aside" not in person.extra:
        aside.rows([person])
    rows: Any = person.extra["aside"]
    return value_of(person, field) or (rows[field].value if field in rows else "")


def take_away(person: Person, row: ValueDispute) -> None:
    """What is contested may be stored and nothing else: it leaves the profile (`accounts.profile.aside`)."""
    if row.field in CONTESTED and person.membership is not None:
        row.away = True
        aside.contest(person.membership, row.field, now=True)


def put_back(person: Person, row: ValueDispute) -> None:
    """The value stands on the profile again, if nobody has written another one there since."""
    if row.away and person.membership is not None:
        if not aside.contested(person.membership, row.field) and not value_of(person, row.field):  # a dispute of an earlier version, which kept the value itself
            put(person, row.field, row.value)
        aside.contest(person.membership, row.field, now=False)
    row.away, row.back_at = False, None


def put_right(work: Work, person: Person, row: ValueDispute, value: str) -> None:
    """The corrected value in the place of the contested one. Where its use is restricted besides, PostgreSQL sets it aside as it is written."""
    held(person, row.field)
    rows: Any = person.extra["aside"]
    if row.field in rows:
        work.remove(rows[row.field])
    put(person, row.field, value)
    if row.away and person.membership is not None:
        aside.contest(person.membership, row.field, now=False)
    row.away = False


def shown(field: str, value: str) -> str:
    """A value as people read it: the name of a language, and a dash for nothing."""
    return str(dict(settings.LANGUAGES).get(value, value)) if field == "language" and value else value or "—"


def themselves(actor: Actor, person: Person) -> bool:
    """Whether it is the person who acts, as a member; also one whose access is suspended: what is held about them is theirs to correct all the same."""
    return person.membership is not None and person.account.id == actor.account_id and person.membership.status in {"active", "restricted", "suspended"}


# What is fetched for powers


def suggestions(people: Sequence[Person]) -> None:
    """extra["suggestions"]: what this organization suggested to each person and waits for their answer, by field."""
    rows = ProfileSuggestion.objects.filter(organization_id__in=_organizations(people), account_id__in=[p.account.id for p in people])
    _by_field(people, "suggestions", rows)


def disputes(people: Sequence[Person]) -> None:
    """extra["disputes"]: what each person disputes in this organization and nobody has answered, by field. extra["away"]: the values that stand on no profile because they are contested, by field.
    extra["corrected"]: by field, the values that were corrected because the person said so: nothing brings them back unnoticed."""
    there = Q(state=DisputeState.OPEN) | Q(away=True) | Q(state__in=CORRECTED)
    rows = list(ValueDispute.objects.filter(there, organization_id__in=_organizations(people), account_id__in=[p.account.id for p in people]).order_by("opened_at"))
    _by_field(people, "disputes", [row for row in rows if row.state == DisputeState.OPEN])
    _by_field(people, "away", [row for row in rows if row.away])
    for person in people:
        here = person.membership.organization_id if person.membership is not None else None
        old: dict[str, set[str]] = {}
        for row in rows:
            if row.state in CORRECTED and (row.organization_id, row.account_id) == (here, person.account.id):
                old.setdefault(row.field, set()).add(row.value)
        person.extra["corrected"] = old


def disputed_often(people: Sequence[Person]) -> None:
    """extra["disputed_often"]: when each person opened disputes in this organization lately, the newest first."""
    rows = ValueDispute.objects.filter(organization_id__in=_organizations(people), account_id__in=[p.account.id for p in people]).order_by("-opened_at")
    found = list(rows.values_list("account_id", "opened_at")[:DISPUTES_A_DAY * len(people)])
    for person in people:
        person.extra["disputed_often"] = [at for account_id, at in found if account_id == person.account.id]


def alike(value: str) -> str:
    """What differs in capitals and blanks only is the same value."""
    return " ".join(value.split()).casefold()


def stands_against(person: Person, new: Mapping[str, str], *, anew: bool) -> Iterable[str]:
    """Why these values may not be set by somebody else: the field is contested, or the value was corrected and nobody says that it is meant."""
    gone: Any = person.extra["away"]
    if any(name in gone for name in new):
        yield "field_contested"
    if any(aside.restricted(person.membership, name) for name in new):
        yield "part_restricted"
    old: Any = person.extra["corrected"]
    if not anew and any(alike(value) in map(alike, old.get(name, ())) for name, value in new.items()):
        yield "corrected_before"


def changes(people: Sequence[Person]) -> None:
    """extra["changes"]: by field, the last change that somebody else made in this organization."""
    rows = ProfileChange.objects.filter(organization_id__in=_organizations(people), account_id__in=[p.account.id for p in people]).filter(
        Q(told_at=None) | Q(told_at__gt=Now() - SHOWN)).order_by("changed_at")
    _by_field(people, "changes", rows)


def _organizations(people: Sequence[Person]) -> set[Any]:
    return {p.membership.organization_id for p in people if p.membership is not None}


def _by_field(people: Sequence[Person], name: str, rows: Iterable[Any]) -> None:
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        found.setdefault((row.organization_id, row.account_id), {})[row.field] = row
    for person in people:
        person.extra[name] = found.get((person.membership.organization_id, person.account.id), {}) if person.membership is not None else {}


def own_side(people: Sequence[Person]) -> None:
    """extra["own_side"]: each person as they act on their own account, with the rules of whoever manages it, which may be another organization."""
    with installation("whoever manages the account says what its person may change"):
        managements = {row.account_id: row for row in Management.objects.filter(account_id__in=[p.account.id for p in people])}
    sides = [Person(account=p.account, management=managements.get(p.account.id)) for p in people]
    for side in sides:
        rules.field_rules([side])
        rules.edit_limits([side])
    for person, side in zip(people, sides, strict=True):
        person.extra["own_side"] = side


def stands_in_the_way(person: Person, field: str) -> Iterable[str]:
    """Why the person cannot change this field themselves."""
    side: Any = person if field in rules.LOCAL_FIELDS else person.extra["own_side"]
    yield from rules.limited(side, "profile")
    if rules.locked(side, [field]):
        yield "field_locked"
    if aside.restricted(person.membership, field):
        yield "own_restricted"


def disputable(person: Person, field: str) -> bool:
    """Whether somebody else answers for this value: the field is not the person's to change, or somebody else changed it last."""
    if field in rules.ACCOUNT_FIELDS and not person.managed:
        return False
    found: Any = person.extra["changes"]
    last = found.get(field)
    return bool(rules.locked(person, [field])) or any(rules.limited(person, "profile")) or (last is not None and last.after == value_of(person, field))


def often(person: Person, now: datetime) -> bool:
    """Whether the person disputed so much within a day that the next one waits."""
    found: Any = person.extra["disputed_often"]
    return sum(at > now - timedelta(days=1) for at in found) >= DISPUTES_A_DAY
