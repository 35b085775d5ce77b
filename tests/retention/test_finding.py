"""What SQL finds is what the pure function decides, for every row and many sets of rules; counts of the time machine follow from it."""
from __future__ import annotations

import random
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts import tenancy
from accounts.models import ApiToken, Mail, Plan
from dsar.retention import finding, forecast, machine, rules, units
from dsar.retention.deciding import decide
from dsar.retention.models import RetentionRule
from tests.cast import Org, World
from tests.retention import stage

ZONE = "Pacific/Auckland"
TODAY = stage.NOW.date()


def test_sql_and_function_agree(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over scopes, triggers, ties, ceilings, floors and holds; and each kind of reason decides somewhere."""
    org, chance = world.north, random.Random(7)
    monkeypatch.setattr(units, "floors", lambda: {"token": 60})
    team, crew = stage.group(org, "Team", ["worker", "member"]), stage.group(org, "Crew", ["worker"])
    at = [stage.NOW - timedelta(hours=chance.randrange(1, 24 * 1300)) for _ in range(40)]
    names = ["worker", "member", "guest", "auditor"]
    stage.made(*(stage.mail(org, names[n % 4], moment, template=["suspend", "restore"][n % 2], state="due" if n % 7 == 0 else "sent") for n, moment in enumerate(at)),
               *(stage.token(org, names[n % 4], moment, moment + timedelta(days=9) if n % 3 else None, moment + timedelta(days=n) if n % 5 else None) for n, moment in enumerate(at[:20])),
               *(stage.plan(org, moment if n % 4 else None, data={} if n % 5 == 0 else {"note": "x"}) for n, moment in enumerate(at[:16])))
    stage.hold(org, "auditor")
    service = org.services[0].id
    seen: set[str] = set()
    with tenancy.installation("a test compares"):
        for _round in range(40):
            rows = [_random(org, chance, team.id, crew.id, service) for _ in range(chance.randrange(0, 10))]
            day = TODAY + timedelta(days=chance.choice([0, 0, 1, 200, -300]))
            for key, model in (("accounts_mail", Mail), ("accounts_apitoken", ApiToken), ("accounts_plan", Plan)):
                seen |= _compared(org, key, model, rows, day)
    assert seen == {"in_use", "wins", "general", "longer", "ceiling", "keeps", "capped", "floor", "held"}


def _random(org: Org, chance: random.Random, team: object, crew: object, service: object) -> RetentionRule:
    scope = chance.choice(["organization", "group", "group", "service", "person", "label"])
    return stage.rule(
        org, kind=chance.choice(["delete", "delete", "keep"]), scope=scope, about={"group": chance.choice([team, crew]), "service": service}.get(scope),
        account_id=org.person(chance.choice(["worker", "guest"])).account_id if scope == "person" else None, label=chance.choice(["suspend", "restore"]) if scope == "label" else "",
        what=chance.choice(["accounts_mail", "accounts_apitoken", "accounts_plan", "user.content.private"]), trigger=chance.choice(["end", "end", "made", "used"]),
        action=chance.choice(["delete", "deidentify"]), **dict(zip(("count", "measure"), chance.choice([(0, "days"), (29, "days"), (1, "months"), (7, "months"), (1, "years"), (4, "years")]), strict=True)))


def _compared(org: Org, key: str, model: type, rows: list[RetentionRule], day: object) -> set[str]:
    one = units.governed()[key]
    asked = finding.question(one, org=org.organization.id, day=day, zone=ZONE, rows=rows)
    (whose, a), (due, b), (winner, c), (held, d) = asked.whose(), asked.due(), asked.winner(), asked.held()
    clocks = {name: f"(({sql}) AT TIME ZONE '{ZONE}')::date" for name, sql in one.end.clocks.items()}
    reached = [rules.reaches(row, one) for row in asked.rows]
    dirty = asked.dirty() if asked.columns() else "true"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, COALESCE(({due}), false), {winner}, ({held}), {dirty}, ARRAY[{', '.join(clocks.values())}], ARRAY[{', '.join(f'({text})' for text, _v in reached)}]::bool[]"
                       f' FROM "{key}" WHERE {whose}', [*b, *c, *d, *(value for _text, values in reached for value in values), *a])
        found = cursor.fetchall()
    codes: set[str] = set()
    installation = rules.default(one)
    for _id, is_due, by, is_held, is_dirty, moments, reach in found:
        theirs = [rules.as_rule(row) for row, yes in zip(asked.rows, reach, strict=True) if yes]
        general = [installation] if installation and not any(rule.kind == "delete" for rule in theirs) else []
        expected = decide([*theirs, *general], dict(zip(clocks, moments, strict=True)), ceiling=one.ceiling, floor=one.floor, held=is_held)
        codes |= {step.code for step in expected.why}
        free = decide([*theirs, *general], dict(zip(clocks, moments, strict=True)), ceiling=one.ceiling, floor=one.floor)
        goes = free.goes_on is not None and free.goes_on <= day
        action = one.end.action if by in {finding.DEFAULT, finding.CEILING} or by is None else asked.rows[by - 1].action
        if action == "deidentify" and not is_dirty:
            continue  # there is nothing left to empty
        assert is_due == goes, (key, moments, [(r.kind, r.level, str(r.period), r.trigger) for r in theirs], day, free)
        if goes and not is_held and by not in {finding.DEFAULT, finding.CEILING}:
            assert free.winner is not None and str(asked.rows[by - 1].id) == free.winner.id
    if key == "accounts_mail" and found:
        row = machine.look([asked])[0]
        assert row.total == len(found) and row.held == sum(r[1] and r[3] for r in found) and row.goes == sum(r[1] and not r[3] for r in found)
    return codes


def test_every_kind_can_be_asked(world: World) -> None:
    """Each clock and each way to whoever a row is about is SQL that the database understands, in an organization and outside of all."""
    org = world.north
    rows = [stage.rule(org, what=key, scope=scope, about=org.services[0].id, account_id=org.person("worker").account_id, label="x", kind=kind, action=action, ground="legal_duty" if kind == "keep" else "")
            for key in units.offered() for scope in ("person", "group", "service", "label") for kind, action in (("delete", "delete"), ("delete", "deidentify"), ("keep", ""))]
    for where in (org.organization.id, None):
        asked = machine.questions(org=where, day=TODAY, zone="UTC", rows=rows if where else [])
        assert {q.one.key for q in asked} == set(units.offered() if where else units.governed())
        assert sum(row.total for row in machine.look(asked)) >= 0 and machine.samples(asked) is not None
    assert {"accounts_session", "accounts_mail", "accounts_plan", "dsar_case", "oauth2_provider_refreshtoken"} <= set(units.offered())


def test_a_day_is_the_organizations_own(world: World) -> None:
    """A mail of late evening in one zone is of the next day in another."""
    org, late = world.north, (stage.NOW - timedelta(days=31)).replace(hour=20)
    stage.made(stage.mail(org, "worker", late))
    found = {zone: machine.look([finding.question(units.governed()["accounts_mail"], org=org.organization.id, day=TODAY, zone=zone, rows=[stage.rule(org, count=30)])])[0].goes
             for zone in ("UTC", "Pacific/Auckland")}
    assert late.astimezone(ZoneInfo("Pacific/Auckland")).date() == late.date() + timedelta(days=1)
    assert found == {"UTC": 1, "Pacific/Auckland": 0}


def test_the_forecast_is_what_each_month_finds(world: World) -> None:
    """Each row counts in the first month on whose last day it is due, as the rules are and with a change; a hold keeps what it keeps; another organization has none of it."""
    org, chance = world.north, random.Random(11)
    at = [stage.NOW - timedelta(days=chance.randrange(1, 500)) for _ in range(60)]
    stage.made(*(stage.mail(org, ["worker", "guest", "auditor"][n % 3], moment, template=["suspend", "restore"][n % 2]) for n, moment in enumerate(at)))
    stage.hold(org, "auditor")
    year = [stage.rule(org, count=1, measure="years")]
    less = [*year, stage.rule(org, scope="label", label="suspend", count=5, measure="months"), stage.rule(org, kind="keep", scope="person", account_id=org.person("guest").account_id, count=14, measure="months")]
    for given in (year, less):
        found = forecast.look(org=org.organization.id, today=TODAY, zone=ZONE, rows=lambda _day, given=given: given, changed=lambda _day: less)
        assert len(found.months) == 12 and found.months[0].first == TODAY and all(a.last + timedelta(days=1) == b.first for a, b in zip(found.months, found.months[1:], strict=False))
        for name, rows in (("goes", given), ("changed", less)):
            sums = [sum(one.goes for one in machine.look(machine.questions(org=org.organization.id, day=month.last, zone=ZONE, rows=rows))) for month in found.months]
            assert [sum(getattr(one, name) for one in found.months[:n + 1]) for n in range(12)] == sums, name
        assert found.months[-1].last == date(2027, 10, 31) and sum(one.goes for one in found.months) > 0 and found.held > 0
    nobody = forecast.look(org=world.contoso.organization.id, today=TODAY, zone=ZONE, rows=lambda _day: year)
    assert not any(one.goes or one.changed for one in nobody.months)
