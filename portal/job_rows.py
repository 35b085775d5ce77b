"""The rows of a plan of many, with names and in words: for its page, its files and the API."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import act_file, door, purposes
from accounts.actor import Actor
from accounts.models import Membership, Plan, PlanRow
from accounts.models.plan import PlanState
from accounts.power import Power
from accounts.reasons import text
from accounts.tenancy import scope

_CHUNK = 1000
ONLY = {"error": {"verdict": "error"}, "skip": {"verdict": "skip"}, "create": {"verdict": "create"}, "change": {"verdict": "change"},
        "waiting": {"state": "waiting"}, "skipped": {"state": "skipped"}, "failed": {"state": "failed"}, "done": {"state": "done"}}


def field_name(field: str) -> str:
    """What a field of the people file is called."""
    return {"email": _("E-mail"), "name": _("Name"), "role": _("Role"), "groups": _("Groups"), "title": _("Title"), "department": _("Department"),
            "contract_ends_on": _("Last day of the contract")}[field]


def outcome(row: PlanRow) -> str:
    """What became of a row, in a word."""
    return {"fresh": _("being checked"), "waiting": _("not done yet"), "skipped": _("left out"), "done": _("done"), "failed": _("not possible")}[row.state]


def effects(row: Plan, power: Power) -> list[dict[str, Any]]:
    """The consequences for all together: how many things end, and what is true for everybody."""
    words = {
        "sessions": lambda n: ngettext("%(n)d session ends at once.", "%(n)d sessions end at once.", n),
        "services": lambda n: ngettext("Access to a service stops %(n)d time.", "Access to services stops %(n)d times.", n),
        "tokens": lambda n: ngettext("%(n)d API token ends.", "%(n)d API tokens end.", n), "invitations": lambda n: ngettext("%(n)d invitation is withdrawn.", "%(n)d invitations are withdrawn.", n)}
    found = []
    for key, held in row.summary.get("effects", {}).items():
        kind, code = key.split(":", 1)
        said = words[code](held["count"]) % {"n": held["count"]} if held["count"] and code in words else held["text"] or _field(code, held["people"], row.data)
        found.append({"kind": kind, "text": said, "people": held["people"] if held["people"] != row.summary.get("doable") else 0})
    return sorted(found, key=lambda effect: ("lost", "later", "kept").index(effect["kind"]))


def _field(code: str, people: int, _data: dict[str, Any]) -> str:
    if code == "group":
        return ngettext("%(n)d person joins a group.", "%(n)d people join groups.", people) % {"n": people}
    return ngettext("A field changes for %(n)d person.", "Fields change for %(n)d people.", people) % {"n": people}


def page(*, row: Plan, power: Power, actor: Actor, only: str, after: int, size: int) -> dict[str, Any]:
    """One page of rows with names, verdicts and reasons."""
    rows = PlanRow.objects.filter(plan=row, number__gt=after, **ONLY.get(only, {})).order_by("number")
    found = list(rows[:size + 1])
    more, found = len(found) > size, found[:size]
    people = _people([r.target for r in found if r.target])
    words = _effects_of(row, power, actor, found)
    return {"rows": [{"row": r, **_who(r, people), "outcome": outcome(r), "action": _action(r) if power is act_file.FILE else "",
                      "words": [text(code) for code in r.codes] or words.get(r.number, [])} for r in found],
            "next": found[-1].number if more else 0, "after": after}


def _effects_of(row: Plan, power: Power, actor: Actor, rows: Sequence[PlanRow]) -> dict[int, list[str]]:
    """For a file that waits to be confirmed: what each line shown would change, worked out now."""
    good = [r for r in rows if r.state == "waiting"]
    if power is act_file.FILE and row.state == PlanState.PLANNED and good:
        found = act_file.judged(actor=actor, rows=good, now=timezone.now())
        return {number: [str(effect.text) for effect in one.verdict.effects] for number, one in found.items() if one.verdict is not None}
    if power.over != "row" or row.state != PlanState.PLANNED or not good or not actor.may(power.permission):
        return {}
    verdicts = door.plan(power=power, actor=actor, data={**row.data, "rows": [r.data for r in good]}, now=timezone.now()).verdicts
    return {r.number: [str(effect.text) for effect in v.effects] for r, v in zip(good, verdicts, strict=True)}


def _people(ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    return {i: (email, name) for i, email, name in Membership.objects.filter(id__in=ids).values_list("id", "account__email", "account__name")}


def _action(row: PlanRow) -> str:
    """What a line of a file of acts asks for, as the power is called; as it was written, where no power is called so."""
    named = str((row.data or {}).get("action", ""))
    return str(act_file.ACTIONS[named].title) if named in act_file.ACTIONS else named


def _who(row: PlanRow, people: dict[UUID, tuple[str, str]]) -> dict[str, Any]:
    data = row.data or {}
    if row.target:
        email, name = people.get(row.target, ("", ""))
        return {"email": email, "name": name, "line": data.get("line", row.number)}
    if "who" in data:
        return {"email": data["who"], "name": "", "line": data["line"]}
    return {"email": data.get("email", ""), "name": data.get("name", ""), "line": data.get("line", row.number)}


def header(power: Power) -> tuple[str, ...]:
    """The columns of the files."""
    if power is act_file.FILE:
        return ("line", "person_id", "email", "display_name", "action", "outcome", "codes", "reasons", "entry")
    return ("line", "email", "display_name", "outcome", "codes", "reasons", "entry") if power.over == "row" else \
        ("number", "person_id", "email", "display_name", "outcome", "codes", "reasons", "entry")


def lines(*, row: Plan, power: Power, failures: bool) -> Iterator[tuple[Any, ...]]:
    """The rows of a file in portions, each read in the organization's scope: the request's own is gone when the answer is written."""
    last = 0
    while True:
        with scope(org=row.organization_id, purpose=purposes.EXPORT):
            rows = PlanRow.objects.filter(plan=row, number__gt=last, **({"verdict": "error"} if failures and row.state in {PlanState.PLANNED, PlanState.PREPARING} else {})).order_by("number")
            if failures and row.state not in {PlanState.PLANNED, PlanState.PREPARING}:
                rows = rows.filter(state__in=("skipped", "failed")).exclude(verdict="skip")
            found = list(rows[:_CHUNK])
            people = _people([r.target for r in found if r.target])
        for one in found:
            who = _who(one, people)
            said = (outcome(one), " ".join(one.codes), " ".join(text(code) for code in one.codes), one.entry or "")
            if power is act_file.FILE:
                yield (who["line"], one.target or "", who["email"], who["name"], (one.data or {}).get("action", ""), *said)
                continue
            yield (who["line"], who["email"], who["name"], *said) if power.over == "row" else (one.number, one.target, who["email"], who["name"], *said)
        if len(found) < _CHUNK:
            return
        last = found[-1].number
