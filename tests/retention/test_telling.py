"""Who hears of runs, what is measured, and where an organization's own periods are shown."""
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.formats import date_format

from accounts import tenancy
from accounts.models import Mail
from dsar.retention import outlook, running, units
from dsar.retention.models import RetentionRun
from portal import beats, jobs, metrics
from tests.browse import client_for
from tests.cast import World
from tests.dsar.copies import copy_of, numbered
from tests.retention import stage
from tests.retention.test_running import LONG, runs
from tests.situations import arrange


def test_officers_hear_what_the_next_run_will_remove_and_what_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org = world.north
    monkeypatch.setattr(running, "LEAST", 1)
    stage.made(stage.mail(org, "worker", LONG), stage.mail(org, "worker", LONG))
    runs(org, stage.NOW)
    stopped = runs(org, stage.NOW + timedelta(days=1))
    numbered()
    jobs.follow()
    with tenancy.installation("look"):
        told = list(Mail.objects.filter(organization_id=org.organization.id, template="retention-news").values_list("account_id", "subject", "body"))
    assert {account for account, _s, _b in told} == {org.person(name).account_id for name in ("owner", "second-owner", "administrator", "privacy-officer")} and len(told) == 8
    assert {subject for _a, subject, _b in told} == {f"What the next run will remove · {org.organization.name}", f"A run over old data stopped · {org.organization.name}"}
    assert all(f"/o/{org.slug}/retention/runs/" in body and "worker" not in body for _a, _s, body in told)
    assert stopped.state == "stopped" and "data is past its day and still here" in beats.warnings(now=datetime.now(UTC))
    [found] = [line for line in metrics.text().decode().splitlines() if line.startswith("steward_retention_overdue ")]
    assert float(found.split()[1]) >= 2


def test_an_organizations_own_periods_are_shown_to_people_and_in_the_record(world: World) -> None:
    org = world.north
    stage.stored(stage.rule(org, count=45), stage.rule(org, what="accounts_session", scope="person", account_id=org.person("guest").account_id, count=9))
    own = unescape(client_for(org.person("worker")).get("/me/data/").content.decode())
    said = "Deleted after 45 days, counted from when the mail was written."
    assert said in own and org.organization.name in own and "Other periods hold" not in own  # the rule about somebody else is not theirs to read
    officer = client_for(org.person("privacy-officer"))
    record = json.loads(officer.get(f"/o/{org.slug}/processing.json").content)
    limits = [limit for one in record["activities"] for limit in one["time_limits"]]
    assert any(said in limit for limit in limits) and said in unescape(officer.get(f"/o/{org.slug}/processing/").content.decode())
    assert said not in client_for(world.contoso.person("owner")).get("/me/data/").content.decode()


def test_a_person_reads_what_the_rules_make_of_their_data(world: World, tmp_path: Path) -> None:
    """The decision for them, with its reasons: of rules about groups only those of theirs, of people only their own, and no hold. On the page at a glance, and in the copy."""
    org, day = world.north, datetime.now(UTC).astimezone(ZoneInfo(world.north.organization.time_zone)).date()
    crew = stage.group(org, "Crew", ["worker"])
    stage.made(stage.mail(org, "worker", datetime.now(UTC)), stage.mail(org, "guest", datetime.now(UTC)))
    stage.stored(stage.rule(org, count=45), stage.rule(org, scope="group", about=crew.id, count=20), stage.rule(org, kind="keep", scope="person", account_id=org.person("guest").account_id, count=60))
    stage.hold(org, "worker")
    sentence = "A record that is over today would go on {}."
    for name, days, other, reason in (("worker", 20, 60, "A more general rule gives way"), ("guest", 60, 20, "It is kept until")):
        page = unescape(client_for(org.person(name)).get("/me/privacy/").content.decode())
        assert sentence.format(date_format(day + timedelta(days=days + 1))) in page and reason in page, name
        assert sentence.format(date_format(day + timedelta(days=other + 1))) not in page and "A hold keeps it" not in page
        assert ("the group Crew" in page) is (name == "worker")
    folder = copy_of(org.person("worker"), tmp_path)
    [kept] = [one for one in json.loads((folder / "data/summary.json").read_text())["kept_by_rules"] if "A more general rule" in one["why"]]
    assert kept["goes_on"] == (day + timedelta(days=21)).isoformat() and kept["organization"] == org.organization.name and kept["text"] in unescape((folder / "data/README.html").read_text())
    assert not [one for one in outlook.of_person(world.contoso.person("owner").account_id, now=datetime.now(UTC)).values()]


def test_the_operator_lets_the_installations_own_run_go_on(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs = uuid4(), uuid4()
    day = stage.NOW.date() + timedelta(days=4000)
    arrange(lambda: [RetentionRun.objects.create(id=number, organization_id=org, day=day, zone="UTC", dry=False, state="stopped", digest="0" * 64, started_at=stage.NOW, due=500)
                     for number, org in ((mine, None), (theirs, world.north.organization.id))])
    for given in (["--go-on", str(mine)], ["--go-on", str(theirs), "--ground", "x"], ["--go-on", str(uuid4()), "--ground", "x"]):
        with pytest.raises(CommandError):
            call_command("retention", *given)
    call_command("retention", "--go-on", str(mine), "--ground", "We imported ten years of mail")
    assert str(mine) in capsys.readouterr().out
    with tenancy.installation("look"):
        assert (RetentionRun.objects.get(id=mine).state, RetentionRun.objects.get(id=theirs).state) == ("running", "stopped")
    arrange(lambda: RetentionRun.objects.filter(id=mine).update(state="done", overdue=0))


def test_the_job_runs_what_is_due(world: World) -> None:
    """The worker's job, with the real clock, the real ledger and everybody's rows."""
    stage.made(stage.mail(world.north, "worker", datetime.now(UTC) - timedelta(days=400)))
    jobs.retention()
    with tenancy.installation("look"):
        assert RetentionRun.objects.get(organization_id=world.north.organization.id).dry
    arrange(lambda: RetentionRun.objects.filter(organization_id=world.north.organization.id).update(day=datetime.now(UTC).date() - timedelta(days=1), started_at=datetime.now(UTC) - timedelta(days=1)))
    jobs.retention()
    with tenancy.installation("look"):
        row = RetentionRun.objects.get(organization_id=world.north.organization.id, dry=False)
        assert (row.removed, row.state, row.overdue) == (1, "done", 0)


@pytest.mark.parametrize("text", ["[mail]\ndays = 9999\nwhy = 'x'\n", "[nothing]\ndays = 1\nwhy = 'x'\n", "[mail\n", "[mail]\ndays = 'x'\n"])
def test_a_wrong_file_of_shortest_times_is_said(tmp_path: object, settings: object, text: str) -> None:
    from dsar.checks import ends

    path = tmp_path / "floors.toml"  # type: ignore[operator]
    path.write_text(text)
    settings.RETENTION_FLOORS = str(path)  # type: ignore[attr-defined]
    units.floors.cache_clear()
    try:
        assert len(ends()) == 1
    finally:
        units.floors.cache_clear()
