"""The values of a profile with what is asked about them: on the person's own page, beside the fields on the person page, and in the API."""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts import tenancy
from accounts.models import Account, Management, Membership, Organization, ProfileChange, ProfileSuggestion, SetAside, ValueDispute
from accounts.models.profile import DisputeState
from accounts.people import Person
from accounts.profile import aside, asking, rules, telling
from dsar.cases.models import Evidence
from dsar.powers import value_disputes


@dataclass(frozen=True)
class Value:
    """One field, as it is, and what is asked about it."""

    field: str
    value: str
    locked: str = ""
    """Who locked it and why; '' if the person may change it."""
    change: ProfileChange | None = None
    """The last change by somebody else."""
    dispute: ValueDispute | None = None
    """What the person disputes, or disputed last."""
    suggestion: ProfileSuggestion | None = None
    disputable: bool = False
    restricted: bool = False
    """Whether the person restricted its use: it is stored and nothing else."""
    files: tuple[Evidence, ...] = ()
    """What the person added to the request in which they dispute it."""

    @property
    def label(self) -> str:
        return str(rules.LABELS[self.field])

    @property
    def shown(self) -> str:
        return asking.shown(self.field, self.value)

    @property
    def waits(self) -> bool:
        """Whether the person disputes it and nobody has answered."""
        return self.dispute is not None and self.dispute.state == DisputeState.OPEN

    @property
    def ground(self) -> str:
        return str(dict(value_disputes.GROUNDS).get(self.dispute.ground, "")) if self.dispute else ""


@dataclass(frozen=True)
class Here:
    """The values in one organization."""

    organization: Organization
    membership: Membership
    managed: bool
    values: list[Value] = field(default_factory=list)
    limits: rules.Limits = rules.NONE


def mine(account: Account, *, now: datetime, only: UUID | None = None) -> list[Here]:
    """The person's values in each organization that they are in, for the person; `only` in that one."""
    with tenancy.installation("a person's own profile, in every organization"):
        rows = Membership.objects.filter(account=account).exclude(status__in=("invited", "removed")).select_related("organization").order_by("organization__name", "id")
        members = list(rows if only is None else rows.filter(organization_id=only))
        management = Management.objects.filter(account=account).first()
        decided = rules.several([row.organization_id for row in members])
        limits = rules.limits_of(management.organization_id) if management else rules.NONE
        asked = _by_place(ProfileSuggestion.objects.filter(account=account, expires_at__gt=now))
        disputed = _by_place(ValueDispute.objects.filter(account=account).exclude(state=DisputeState.WITHDRAWN).order_by("opened_at"))
        stored = _by_place(SetAside.objects.filter(account=account))
        changed = _by_place(ProfileChange.objects.filter(Q(told_at=None) | Q(told_at__gt=now - telling.KEPT), account=account).order_by("changed_at"))
    found = []
    for row in members:
        person = Person(account=account, membership=row, management=management if management and management.organization_id == row.organization_id else None)
        here = {kind: {name: one for (org, name), one in rows.items() if org == row.organization_id} for kind, rows in (("suggestion", asked), ("dispute", disputed), ("change", changed))}
        person.extra |= {"field_rules": decided[row.organization_id], "edit_limits": limits if person.managed else None, "changes": here["change"],
                         "aside": {name: one for (org, name), one in stored.items() if org == row.organization_id}}
        names = [name for name in rules.LABELS if name in rules.LOCAL_FIELDS or person.managed or any(name in one for one in here.values())]
        found.append(Here(row.organization, row, person.managed, [_value(person, name, here) for name in names], limits if person.managed else rules.NONE))
    return found


def _by_place(rows: Any) -> dict[tuple[UUID, str], Any]:
    return {(row.organization_id, row.field): row for row in rows}


def _value(person: Person, name: str, here: dict[str, dict[str, Any]]) -> Value:
    assert person.membership is not None
    locked = next((rule.why_locked(person.membership.organization.name) for rule in rules.locked(person, [name])), "")
    return Value(name, asking.held(person, name), locked, here["change"].get(name), here["dispute"].get(name), here["suggestion"].get(name), asking.disputable(person, name), _restricted(person, name))


def _restricted(person: Person, name: str) -> bool:
    return aside.restricted(person.membership, name) and (name in rules.LOCAL_FIELDS or person.managed)


def beside(person: Person, *, now: datetime) -> list[Value]:
    """The fields of a member for whoever administers them, with what waits for an answer. Needs the scope."""
    for gather in (asking.suggestions, asking.disputes):
        if gather.__name__ not in person.extra:
            gather([person])
    asked, disputed = ({name: row for name, row in person.extra[kind].items()} for kind in ("suggestions", "disputes"))  # type: ignore[attr-defined]
    names = [name for name in rules.LABELS if name in {"name", *rules.LOCAL_FIELDS} or name in asked or name in disputed]
    files: dict[UUID, list[Evidence]] = {}
    for row in Evidence.objects.filter(case_id__in=[row.request for row in disputed.values() if row.request]).defer("sealed").order_by("added_at") if disputed else ():
        files.setdefault(row.case_id, []).append(row)
    return [Value(name, asking.value_of(person, name), dispute=(row := disputed.get(name)), restricted=_restricted(person, name),
                  suggestion=one if (one := asked.get(name)) and one.expires_at > now and not _restricted(person, name) else None,
                  files=tuple(files.get(row.request, ())) if row else ()) for name in names]
