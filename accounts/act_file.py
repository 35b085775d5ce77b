"""Acts by file: each line names a person and what is to be done with them, and is judged and done by that power itself (POWERS guard rails 12 and 13)."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Membership, PlanRow
from accounts.people import load_people
from accounts.power import Data, Power, Verdict, judge
from accounts.powers import BY_SLUG, POWERS
from accounts.powers.forms import NoForm
from accounts.work import Work

WHO, SAID = ("email", "person_id"), ("reason_code", "until", "message", "not_before", "ends_on")
COLUMNS = (*WHO, "action", *SAID)


def _nothing(_work: Work, _target: Any, _data: Data) -> None:
    """The file itself changes nothing: each line is done by its own power."""


FILE = Power(
    slug="act-by-file", code="people.act_by_file", event="plan.confirmed", over="member", permission="view_people", tier=0, form=NoForm, apply=_nothing, notice=False,
    title=gettext_lazy("Acts from a file"), button=gettext_lazy("Carry the file out"), does=gettext_lazy("Does for each person of a file what their line says."),
    does_not=gettext_lazy("Does nothing that you could not do one by one."), sentence=gettext_lazy("%(actor)s confirmed an act on many"))
"""What stands for the power on the pages of such a plan. It is in no list of powers: nobody can use it by itself."""


_SILENT = frozenset({"protect"})
"""What a line without further words would end: such a thing is said on a page."""


def _fits(power: Power) -> bool:
    """Whether the columns of a file can say everything that the power has to know."""
    return power.bulk and power.slug not in _SILENT and power.over == "member" and all(name in SAID or not f.required or f.initial is not None for name, f in power.form.base_fields.items())


ACTIONS: dict[str, Power] = {power.slug: power for power in POWERS if _fits(power)}
_NAMED = {**ACTIONS, **{power.code: power for power in ACTIONS.values()}}
PLANNED: dict[str, Power] = {**BY_SLUG, FILE.slug: FILE}
"""Every power that a stored plan can name."""


def offered(actor: Actor) -> list[Power]:
    """What this actor may write into a file."""
    return [power for power in ACTIONS.values() if actor.may(power.permission)]


def powers_of(plan: Any) -> list[Power]:
    """The powers that a stored plan uses: one, or those of a file."""
    return [ACTIONS[slug] for slug in plan.data["actions"]] if plan.power == FILE.slug else [PLANNED[plan.power]]


def checked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each line as a plan keeps it, with what is wrong with the line alone: an unknown action, the person of a line before."""
    seen: set[str] = set()
    found = []
    for row in rows:
        who = address_key(row["who"]) if row["by"] == "email" and row["who"] == row["who"].strip() else row["who"].casefold()
        power = _NAMED.get(row["action"])
        code = "duplicate_row" if who in seen else "" if power else "unknown_action"
        seen.add(who)
        found.append({"data": {**row, "action": power.slug if power else row["action"]}, **({"state": "skipped", "codes": [code], "verdict": "error"} if code else {})})
    return found


def data_of(power: Power, line: dict[str, Any]) -> dict[str, Any] | None:
    """What the power's own form makes of a line; None where it refuses, or has no place for what the line says. Times without a zone are UTC."""
    given = {name: line[name] for name in SAID if line.get(name)}
    if set(given) - set(power.form.base_fields):
        return None
    first = {name: f.initial for name, f in power.form.base_fields.items() if f.initial is not None}
    with timezone.override(UTC):
        form = power.form({**first, **given})
        return {n: v for n, v in form.cleaned_data.items() if n in given or n in first or v} if form.is_valid() else None


@dataclass
class Part:
    """Lines with the same action and the same data: what the door can judge and do together."""

    power: Power
    data: dict[str, Any] | None
    rows: list[PlanRow] = field(default_factory=list)


def parts(rows: Sequence[PlanRow]) -> list[Part]:
    """The lines, put together by what they say."""
    found: dict[tuple[str, ...], Part] = {}
    for row in rows:
        line: dict[str, Any] = row.data or {}
        key = (line["action"], *(line.get(name, "") for name in SAID))
        if key not in found:
            power = ACTIONS[line["action"]]
            found[key] = Part(power=power, data=data_of(power, line))
        found[key].rows.append(row)
    return list(found.values())


@dataclass(frozen=True)
class Judged:
    """What one line would do; without a verdict, why it cannot even be asked."""

    power: Power
    data: dict[str, Any]
    verdict: Verdict | None
    code: str = ""


def judged(*, actor: Actor, rows: Sequence[PlanRow], now: datetime) -> dict[int, Judged]:
    """Judge lines by their own powers. Whom the actor's organization or role does not reach is unknown, like somebody who does not exist."""
    assert actor.organization_id is not None
    _find(actor, rows)
    people = {p.id: p for p in load_people(organization_id=actor.organization_id, ids=[r.target for r in rows if r.target], lock=False)}
    found: dict[int, Judged] = {}
    for part in parts(rows):
        known = [r for r in part.rows if r.target in people]
        for row in part.rows:
            if row.target not in people:
                found[row.number] = Judged(part.power, {}, None, "unknown_person")
            elif part.data is None:
                found[row.number] = Judged(part.power, {}, None, "invalid_value")
        if part.data is not None and known:
            plan = judge(power=part.power, actor=actor, targets=[people[r.target] for r in known if r.target], data=part.data, now=now, remaining_owners=None)
            found |= {row.number: Judged(part.power, part.data, verdict) for row, verdict in zip(known, plan.verdicts, strict=True)}
    return found


def _find(actor: Actor, rows: Sequence[PlanRow]) -> None:
    """Whom the lines mean, for all of them at once. An address with a space before or behind it is nobody's."""
    wanted: dict[str, list[PlanRow]] = defaultdict(list)
    for row in rows:
        line = row.data or {}
        who = str(line.get("who", ""))
        if line.get("by") == "email" and who == who.strip():
            wanted[address_key(who)].append(row)
        elif line.get("by") == "person_id" and (known := _uuid(who)) is not None:
            wanted[str(known)].append(row)
    members = Membership.objects.filter(Q(account__email_key__in=list(wanted)) | Q(id__in=[i for key in wanted if (i := _uuid(key)) is not None]), organization_id=actor.organization_id)
    if actor.scope_groups is not None:
        members = members.filter(group_memberships__group_id__in=actor.scope_groups).distinct()
    for member, key in members.values_list("id", "account__email_key"):
        for row in (*wanted.get(key, ()), *wanted.get(str(member), ())):
            row.target = member


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
