"""Runs: dry after a change, whole or interrupted, stopped when it is unusually much, held rows left, nothing without a line outside of the database."""
from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from django.db import connection

from accounts import tenancy
from accounts.models import ApiToken, Mail, Plan, PlanRow, Session
from audit import outside
from audit.models import Entry, Hold
from dsar.cases.models import Action, Case, Happening
from dsar.retention import finding, removing, running, units
from dsar.retention.models import RetentionRun, RunState
from tests.cast import Org, World
from tests.retention import stage
from tests.situations import arrange, case_for

DAY = timedelta(days=1)
LONG = stage.NOW - timedelta(days=500)


@pytest.fixture(autouse=True)
def _alone() -> None:
    """Rows of other tests are not ours to remove."""


def runs(org: Org, now: Any) -> RetentionRun:
    """One day's run of this organization, to its end."""
    with tenancy.installation("a test runs"):
        running.begin(org=org.organization.id, now=now)
        row = RetentionRun.objects.filter(organization_id=org.organization.id).latest("started_at")
        if row.state == RunState.RUNNING:
            running._carry(row.id, now + timedelta(days=9999))
        row.refresh_from_db()
        return row


def there(model: type, **match: Any) -> int:
    with tenancy.installation("a test counts"):
        return model.objects.filter(**match).count()


def told(org: Org, action: str) -> list[dict[str, Any]]:
    with tenancy.installation("a test reads"):
        rows = [orjson.loads(row.record) for row in Entry.objects.filter(org=org.organization.id).order_by("id")]
    return [row for row in rows if row["action"] == action]


def test_dry_first_then_every_promised_period(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions, mail, tokens, plans and requests, which nothing else removes; what is younger, in use, held or another's stays."""
    org, other = world.north, world.contoso
    one = stage.plan(org, LONG)
    held = stage.mail(org, "auditor", LONG)
    stage.made(*(stage.mail(org, "worker", LONG) for _ in range(3)), stage.mail(org, "worker", stage.NOW - 300 * DAY), stage.mail(org, "worker", LONG, state="due"), held, stage.mail(other, "owner", LONG),
               stage.session(org, "worker", LONG, LONG), stage.session(org, "worker", None, stage.NOW), stage.session(org, "guest", LONG, LONG),
               stage.token(org, "worker", LONG, LONG + DAY, None), stage.token(org, "worker", LONG, None, None), one, PlanRow(organization=org.organization, plan=one, number=1, target=uuid4()))
    arrange(lambda: _closed(org, "R-2222-7777"))
    stage.hold(org, "auditor")

    dry = runs(org, stage.NOW)
    assert (dry.dry, dry.state, dry.removed) == (True, "done", 0) and dry.due == 3 + 1 + 1 + 1 + 1 and dry.held == 1
    assert there(Mail, organization_id=org.organization.id) == 6 and told(org, "retention.tried")[0]["facts"]["due"] == dry.due

    lines: list[str] = []
    monkeypatch.setattr(outside, "before", lambda kind, **more: lines.append(more["facts"]["kind"]) or 1)
    real = runs(org, stage.NOW + DAY)
    assert (real.dry, real.state, real.removed, real.overdue) == (False, "done", 7, 0)
    assert there(Mail, organization_id=org.organization.id) == 3 and there(Mail, id=held.id) == 1 and there(Mail, organization_id=other.organization.id) == 1
    assert (there(Session, account_id=org.person("worker").account_id), there(Session, account_id=org.person("guest").account_id)) == (1, 1)  # nobody manages the guest's account: the installation's own run has it
    assert there(ApiToken, organization_id=org.organization.id) == 1
    with tenancy.installation("look"):
        assert Plan.objects.filter(id=one.id).values_list("data", "summary", "decision_note").get() == ({}, {}, "") and not PlanRow.objects.filter(plan_id=one.id).exists()
    assert (there(Case, organization=org.organization), there(Happening, organization=org.organization), there(Action, organization=org.organization)) == (0, 0, 0)
    assert sorted(lines) == sorted(step["kind"] for step in real.steps if step["due"])
    steps = {step["kind"]: step for step in real.steps}
    assert steps["dsar_case"]["counted"] == {"object/granted/": 1} and steps["dsar_case"]["parts"] >= 1 and steps["accounts_plan"]["emptied"] == 1
    assert {(e["facts"]["kind"], e["targets"][0]["id"], e["facts"]["count"]) for e in told(org, "retention.removed_about")} == {("accounts_mail", str(org.person("worker").account_id), 3)}
    assert sum(e["facts"]["removed"] + e["facts"]["emptied"] for e in told(org, "retention.removed")) == 7
    assert runs(org, stage.NOW + 2 * DAY).id == real.id  # nothing is left, so nothing begins

    arrange(lambda: Hold.objects.filter(org=org.organization.id).update(released_at=stage.NOW))
    assert runs(org, stage.NOW + 3 * DAY).removed == 1 and there(Mail, id=held.id) == 0  # what waited goes


def _closed(org: Org, reference: str) -> None:
    case = case_for(org.person("worker"), reference, "fulfilled")
    Case.objects.filter(id=case.id).update(closed_at=stage.NOW - timedelta(days=1200), received_at=stage.NOW - timedelta(days=1210))
    Action.objects.filter(case_id=case.id).update(outcome="granted", decided_at=stage.NOW)


def test_the_installation_keeps_its_promise_to_whom_nobody_manages(world: World) -> None:
    def long_ago() -> None:  # the runs of other tests: there is one of a day for all of them
        for n, row in enumerate(RetentionRun.objects.filter(organization_id=None)):
            RetentionRun.objects.filter(id=row.id).update(day=date(1990, 1, 1) + n * DAY, started_at=stage.NOW - 9999 * DAY, state="failed", digest="0" * 64)

    arrange(long_ago)
    stage.made(stage.session(world.north, "guest", LONG, LONG))
    with tenancy.installation("a test runs"):
        for n in range(2):
            if (row := running.begin(org=None, now=stage.NOW + n * DAY)) and row.state == RunState.STOPPED:
                arrange(lambda row=row: RetentionRun.objects.filter(id=row.id).update(state="running"))
            if row:
                running._carry(row.id, stage.NOW + timedelta(days=9999))
    assert there(Session, account_id=world.north.person("guest").account_id) == 0


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_interrupted_anywhere_and_taken_up_again_is_one_run(world: World, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    """A batch happens whole or not at all, and the next goes on behind it; doing it once more does nothing."""
    org = world.north
    rule = stage.rule(org, count=10, label="suspend", scope="label")
    stage.stored(rule)
    stage.made(*(stage.mail(org, "worker", stage.NOW - n * DAY, template=["suspend", "restore"][n % 2]) for n in range(1, 25)))
    monkeypatch.setattr(removing, "FEW", 2)
    runs(org, stage.NOW)
    calls, delete = [0], removing._delete

    def dies(*given: Any) -> None:
        calls[0] += 1
        delete(*given)
        if calls[0] == cut:
            raise ConnectionError("the worker was killed")

    monkeypatch.setattr(removing, "_delete", dies)
    first = runs(org, stage.NOW + DAY)
    assert first.state == "running" and there(Mail, organization_id=org.organization.id) == 24 - 2 * (cut - 1)
    with tenancy.installation("a test runs"):
        running._carry(first.id, stage.NOW + timedelta(days=9999))
        first.refresh_from_db()
    expected = sum(1 for n in range(1, 25) if n % 2 == 0 and n >= 10)
    assert (first.state, first.removed, first.overdue) == ("done", expected, 0)
    assert first.steps[0]["by"] == {str(rule.id): first.due} and sum(e["facts"]["removed"] for e in told(org, "retention.removed")) == expected


def test_a_run_that_is_unusually_much_stops(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org = world.north
    monkeypatch.setattr(running, "LEAST", 3)
    stage.made(*(stage.mail(org, "worker", LONG) for _ in range(5)))
    runs(org, stage.NOW)
    stopped = runs(org, stage.NOW + DAY)
    assert (stopped.state, stopped.removed, there(Mail, organization_id=org.organization.id)) == ("stopped", 0, 5)
    assert told(org, "retention.stopped")
    with tenancy.installation("look"):
        assert running.overdue() >= 5
    assert runs(org, stage.NOW + 2 * DAY).id == stopped.id  # it waits for two people
    stage.stored(stage.rule(org, count=700))
    assert runs(org, stage.NOW + 3 * DAY).dry  # other rules begin anew
    with tenancy.installation("look"):
        stopped.refresh_from_db()
    assert (stopped.state, stopped.failure) == ("failed", "superseded")


def test_what_is_usual_follows_from_history(world: World) -> None:
    org = world.north.organization.id
    assert (running.limit(org, 0), running.limit(org, 50_000)) == (running.LEAST, 500)
    arrange(lambda: RetentionRun.objects.bulk_create([RetentionRun(
        id=uuid4(), organization_id=org, day=stage.NOW.date() - n * DAY, zone="UTC", dry=False, state="done", digest="0" * 64, started_at=stage.NOW - n * DAY, removed=1000 + 100 * (n % 2)) for n in range(10)]))
    with tenancy.installation("look"):
        assert running.limit(org, 0) == 1050 + 3 * 50


def test_without_a_line_outside_of_the_database_nothing_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org = world.north
    stage.made(stage.mail(org, "worker", LONG))
    runs(org, stage.NOW)

    def full(*_given: Any, **_more: Any) -> int:
        raise outside.Unavailable("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(outside, "before", full)
        waits = runs(org, stage.NOW + DAY)
        assert (waits.state, waits.removed, there(Mail, organization_id=org.organization.id)) == ("running", 0, 1)
    with tenancy.installation("a test runs"):
        running._carry(waits.id, stage.NOW + timedelta(days=9999))
    assert there(Mail, organization_id=org.organization.id) == 0


def test_who_is_looked_at(world: World) -> None:
    """One look at each kind of data finds every organization with something over, and nobody else."""
    org, other = world.north, world.contoso
    stage.made(stage.mail(org, "worker", LONG), stage.mail(other, "owner", stage.NOW - 20 * DAY))
    with tenancy.installation("look"):
        found: set[UUID | None] = set(running.due(now=stage.NOW))
        assert org.organization.id in found and other.organization.id not in found
    stage.stored(stage.rule(other, count=10))
    with tenancy.installation("look"):
        assert other.organization.id in set(running.due(now=stage.NOW))
    runs(org, stage.NOW)
    with tenancy.installation("look"), connection.cursor():
        assert org.organization.id not in set(running.due(now=stage.NOW))


def test_a_run_comes_round_to_the_beginning_of_the_table(world: World) -> None:
    """Each batch begins where the table was left; what lies before that place goes too, and a place means nothing to the way that goes by keys."""
    org = world.north
    stage.made(*(stage.session(org, "worker", LONG, LONG) for _n in range(5)))
    asked = finding.question(units.governed()["accounts_session"], org=org.organization.id, day=stage.NOW.date(), zone="UTC", rows=[])
    done: list[removing.Done] = []

    def all_of_it(after: str) -> None:
        while not done or not done[-1].over:
            done.append(removing.batch(asked, after=done[-1].after if done else after, before=lambda: None, size=2))
    arrange(lambda: all_of_it("(99999,1)"))
    assert sum(one.removed for one in done) == 5 and len(done) <= 4 and done[0].removed == 2 and done[0].after.startswith("(")
