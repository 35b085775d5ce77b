"""What becomes of one record, and why: one pure function of its days and of the rules that reach it (RIGHTS 4d)."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from dsar.retention.periods import Period

LEVELS = {"label": 5, "person": 4, "service": 3, "group": 2, "organization": 1, "installation": 0}
"""The more specific of two delete rules wins. The highest number is the most specific."""
NEVER = date.max
_DAY = timedelta(days=1)
Code = Literal["in_use", "wins", "general", "longer", "no_moment", "no_rule", "ceiling", "erased", "keeps", "keeps_open", "capped", "yields", "floor", "held"]


@dataclass(frozen=True)
class Rule:
    """One rule, as far as it matters for a record that it reaches."""

    id: str
    kind: Literal["keep", "delete"]
    level: int
    period: Period
    trigger: str = "end"
    ground: str = ""
    """Why data is kept although somebody asked for its erasure. A keep rule without one does not resist an erasure."""
    action: Literal["delete", "deidentify", ""] = ""


@dataclass(frozen=True)
class Step:
    """One reason: which rule, and to which day it leads. The result follows from the steps alone."""

    code: Code
    day: date | None = None
    rule: str = ""


@dataclass(frozen=True)
class Decision:
    """The day on which the record goes; None while it stays for as long as nothing changes."""

    goes_on: date | None
    winner: Rule | None
    keeper: Rule | None
    why: tuple[Step, ...]


def decide(rules: Iterable[Rule], moments: Mapping[str, date | None], *, floor: Period | None = None, ceiling: Period | None = None, held: bool = False, erased: date | None = None) -> Decision:
    """Keeping beats deletion; the longest keep wins; of delete rules the most specific, and among equals the shortest; nothing passes the ceiling but floor and hold.

    `moments` are the days on which the record's times begin: `end` when it was over, and others where there are any. `erased` is the day on which the person it is about was erased.
    """
    rules, end = sorted(rules, key=lambda one: one.id), moments.get("end")
    if end is None:
        return Decision(None, None, None, (Step("in_use"),))
    steps: list[Step] = [Step("in_use", end)]
    top = ceiling.last(end) if ceiling else None
    goes, winner = _deletion(rules, moments, top, erased, steps)
    keeper = _keeping(rules, moments, top, erased is not None, steps)
    if floor is not None:
        steps.append(Step("floor", floor.last(end)))
    if held:
        steps.append(Step("held"))
    return Decision(replay(steps), winner if goes is not None else None, keeper, tuple(steps))


def _deletion(rules: list[Rule], moments: Mapping[str, date | None], top: date | None, erased: date | None, steps: list[Step]) -> tuple[date | None, Rule | None]:
    if erased is not None:
        steps.append(Step("erased", erased))
        return erased, None
    found = [(rule, _last(rule, moments)) for rule in rules if rule.kind == "delete"]
    level = max((rule.level for rule, _day in found), default=-1)
    same = [(rule, day) for rule, day in found if rule.level == level]
    winner, day = min(same, key=lambda one: (one[1] or NEVER, one[0].id), default=(None, None))
    if winner is None:
        steps.append(Step("no_rule"))
    elif day is None:
        steps.append(Step("no_moment", None, winner.id))
    else:
        steps.append(Step("wins", day, winner.id))
    steps += [Step("longer" if rule.level == level else "general", other, rule.id) for rule, other in found if rule is not winner]
    if top is not None and (day is None or top < day):
        steps.append(Step("ceiling", top))
        return top, winner
    return day, winner


def _keeping(rules: list[Rule], moments: Mapping[str, date | None], top: date | None, erased: bool, steps: list[Step]) -> Rule | None:
    keeper, longest = None, date.min
    for rule in rules:
        if rule.kind != "keep":
            continue
        if erased and not rule.ground:
            steps.append(Step("yields", None, rule.id))
            continue
        day = _last(rule, moments) or NEVER
        if top is not None and day > top:
            steps.append(Step("capped", top, rule.id))
            day = top
        else:
            steps.append(Step("keeps_open" if day == NEVER else "keeps", day, rule.id))
        if day > longest:
            keeper, longest = rule, day
    return keeper


def _last(rule: Rule, moments: Mapping[str, date | None]) -> date | None:
    moment = moments.get(rule.trigger)
    return rule.period.last(moment) if moment else None


def replay(steps: Iterable[Step]) -> date | None:
    """The day that these reasons lead to: the day after the last of the days that have to be over."""
    goes: date | None = None
    latest = date.min
    for step in steps:
        if step.code == "held" or (step.code == "in_use" and step.day is None):
            return None
        if step.code in {"wins", "ceiling", "erased"}:
            goes = step.day if goes is None else min(goes, step.day or NEVER)
        elif step.code in {"in_use", "keeps", "keeps_open", "capped", "floor"}:
            latest = max(latest, step.day or NEVER)
    if goes is None or max(goes, latest) >= NEVER:
        return None
    return max(goes, latest) + _DAY
