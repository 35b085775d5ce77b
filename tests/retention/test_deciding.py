"""What becomes of one record: the pure function, its dates, and laws over all of them."""
from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsar.retention import deciding, rules, units
from dsar.retention.deciding import LEVELS, Rule, decide
from dsar.retention.models import RetentionRule
from dsar.retention.periods import Period, begins, today

DAYS = st.dates(date(1999, 12, 20), date(2033, 3, 5))
PERIODS = st.builds(Period, st.integers(0, 40), st.sampled_from(["days", "months", "years"])) | st.builds(Period, st.just(1000), st.just("years"))
RULES = st.lists(st.builds(Rule, id=st.uuids().map(str), kind=st.sampled_from(["keep", "delete"]), level=st.sampled_from(sorted(LEVELS.values())), period=PERIODS,
                           trigger=st.sampled_from(["end", "made"]), ground=st.sampled_from(["", "legal_duty"])), max_size=7)
CASES = st.fixed_dictionaries({"moments": st.fixed_dictionaries({"end": st.none() | DAYS, "made": st.none() | DAYS}), "floor": st.none() | PERIODS, "ceiling": st.none() | PERIODS,
                               "held": st.booleans(), "erased": st.none() | DAYS})


def later(one: date | None, other: date | None) -> bool:
    return (one or date.max) >= (other or date.max)


@pytest.mark.parametrize(("period", "start", "last"), [
    (Period(0), date(2026, 3, 1), date(2026, 3, 1)), (Period(1, "months"), date(2026, 1, 31), date(2026, 2, 28)), (Period(1, "months"), date(2028, 1, 31), date(2028, 2, 29)),
    (Period(3, "months"), date(2026, 1, 31), date(2026, 4, 30)), (Period(1, "years"), date(2028, 2, 29), date(2029, 2, 28)), (Period(4, "years"), date(2028, 2, 29), date(2032, 2, 29)),
    (Period(1000, "years"), date(2026, 5, 4), date(3026, 5, 4)), (Period(9000, "years"), date(2026, 5, 4), date.max), (Period(9_999_999), date(2026, 5, 4), date.max)])
def test_the_last_day(period: Period, start: date, last: date) -> None:
    assert period.last(start) == last


def test_a_day_begins_where_the_organization_is() -> None:
    assert begins(date(2026, 3, 29), "Europe/Berlin").isoformat() == "2026-03-29T00:00:00+01:00"
    assert begins(date(2026, 3, 30), "Europe/Berlin").isoformat() == "2026-03-30T00:00:00+02:00"
    assert today(begins(date(2026, 3, 29), "Europe/Berlin"), "America/New_York") == date(2026, 3, 28)


@given(PERIODS, DAYS, st.integers(-3, 3))
def test_one_day_says_which_beginnings_are_over(period: Period, now: date, off: int) -> None:
    found = period.over(now)
    if found is None:
        assert period.last(date(1, 1, 1)) >= now or period.count >= 1000
        return
    other = found + timedelta(days=off)
    assert (period.last(other) < now) == (other <= found)
    assert period.least <= (period.last(now) - now).days <= period.most


@given(RULES, CASES, PERIODS, st.sampled_from(sorted(LEVELS.values())))
@settings(max_examples=200)
def test_laws_of_the_decision(rules: list[Rule], case: dict, period: Period, level: int) -> None:
    found = decide(rules, **case)
    assert decide(rules, **{**case, "held": True}).goes_on is None  # a hold never deletes more
    assert later(decide([*rules, Rule("new", "keep", level, period, ground="legal_duty")], **case).goes_on, found.goes_on)  # a keep never shortens
    assert decide(list(reversed(rules)), **case) == decide(sorted(rules, key=lambda r: r.period.count), **case) == found  # no order matters
    assert deciding.replay(found.why) == found.goes_on  # the reasons lead to the result
    assert {step.rule for step in found.why if step.rule} <= {rule.id for rule in rules}
    assert later(decide(rules, **{**case, "floor": period}).goes_on, decide(rules, **{**case, "floor": None}).goes_on)
    if found.goes_on and case["moments"]["end"]:
        assert found.goes_on > case["moments"]["end"]  # nothing goes while it is in use


END = {"end": date(2026, 1, 10)}
ORG = Rule("org", "delete", LEVELS["organization"], Period(30))
GROUP = Rule("group", "delete", LEVELS["group"], Period(90))


def test_which_rule_wins_and_why() -> None:
    assert decide([ORG, GROUP], END).goes_on == date(2026, 4, 11)  # the more specific, although it is longer
    tie = decide([ORG, GROUP, Rule("other", "delete", LEVELS["group"], Period(60))], END)
    assert (tie.goes_on, tie.winner and tie.winner.id) == (date(2026, 3, 12), "other")
    assert {(s.code, s.rule) for s in tie.why} == {("in_use", ""), ("wins", "other"), ("longer", "group"), ("general", "org")}
    keeps = [Rule("short", "keep", 1, Period(40)), Rule("long", "keep", 5, Period(50))]
    kept = decide([ORG, *keeps], END)
    assert (kept.goes_on, kept.keeper and kept.keeper.id) == (date(2026, 3, 2), "long")
    assert decide([ORG], END, floor=Period(60)).goes_on == date(2026, 3, 12)
    assert decide([GROUP], END, ceiling=Period(40)).goes_on == date(2026, 2, 20)
    assert decide([ORG], {"end": None}).goes_on is None
    assert decide([], END).goes_on is None
    assert decide([replace(ORG, trigger="made")], {**END, "made": None}).goes_on is None  # its time has not begun
    assert decide([ORG, Rule("open", "keep", 1, Period(1), trigger="read")], {**END, "read": None}).goes_on is None
    assert decide([replace(ORG, period=Period(0), trigger="made")], {**END, "made": date(2020, 1, 1)}).goes_on == date(2026, 1, 11)


def test_an_erasure_waits_for_grounds_floors_and_holds_only() -> None:
    plain, grounded = Rule("plain", "keep", 1, Period(60)), Rule("grounded", "keep", 1, Period(40), ground="legal_claims")
    asked = date(2026, 1, 20)
    assert decide([ORG, plain], END, erased=asked).goes_on == date(2026, 1, 21)
    assert decide([ORG, plain, grounded], END, erased=asked).goes_on == date(2026, 2, 20)
    assert decide([ORG], END, erased=asked, floor=Period(20)).goes_on == date(2026, 1, 31)
    assert decide([ORG], END, erased=asked, held=True).goes_on is None


KINDS = ["accounts_mail", "accounts_apitoken", "accounts_session", "accounts_plan", "user.content.private"]
WRITTEN = st.builds(
    RetentionRule, kind=st.sampled_from(["keep", "delete", "delete"]), scope=st.sampled_from(["organization", "group"]), about=st.none(), label=st.just(""), what=st.sampled_from(KINDS), trigger=st.sampled_from(["end", "made"]),
    count=st.integers(0, 60), measure=st.sampled_from(["days", "months"]), action=st.just("delete"), ground=st.just(""))


@given(st.lists(WRITTEN, max_size=4), WRITTEN, st.integers(0, 60), st.sampled_from(["set", "replace", "end"]), st.lists(st.tuples(DAYS, DAYS), min_size=3, max_size=3), st.booleans())
@settings(max_examples=150)
def test_what_is_called_longer_lets_nothing_go_earlier(others: list[RetentionRule], row: RetentionRule, count: int, how: str, times: list[tuple[date, date]], inside: bool) -> None:
    """A change that holds at once never lets a record go earlier than before, whatever other rules there are and whenever its time began."""
    before = row if how != "set" else None
    after = None if how == "end" else RetentionRule(kind=row.kind, scope=row.scope, label="", what=row.what, trigger=row.trigger, count=count, measure=row.measure, action=row.action)
    others = [other for other in others if not rules.same_place(other, row)]
    if rules.shortens(before=before, after=after, others=others):
        return
    for one in units.offered().values():
        for end, made in times:
            there = [[rules.as_rule(r) for r in rules.over(one, [*others, *([changed] if changed else [])]) if inside or r.scope == "organization"] for changed in (before, after)]
            general = [rules.default(one)] if one.default else []
            was, will = (decide([*found, *(general if not any(r.kind == "delete" for r in found) else [])], {"end": end, "made": min(made, end)}, ceiling=one.ceiling).goes_on for found in there)
            assert later(will, was), (one.key, how, before, after)


def test_what_is_shorter_is_called_so() -> None:
    def written(**more: object) -> RetentionRule:
        return RetentionRule(**{"kind": "delete", "scope": "organization", "label": "", "what": "accounts_mail", "trigger": "end", "count": 30, "measure": "days", "action": "delete", **more})

    year = written(count=1, measure="years")
    for before, after, shorter in ((None, written(), True), (None, written(count=400), False), (written(), written(count=31), False), (written(), written(count=29), True), (written(), None, False),
                                   (written(count=500), None, True), (None, written(kind="keep", action=""), False), (written(kind="keep", action=""), None, True),
                                   (written(kind="keep", action=""), written(kind="keep", action="", count=2, measure="months"), False), (None, written(what="dsar_restriction"), True),
                                   (year, written(count=13, measure="months"), False), (written(what="accounts_gone", kind="keep"), None, False)):
        assert rules.shortens(before=before, after=after, others=[]) == shorter, (before, after)
