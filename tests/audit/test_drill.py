"""The self-check and the tamper drill: what they find is recorded and told, what is well is recorded once, and the log itself is never touched."""
from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts import tenancy
from accounts.audience import holders
from accounts.models import Mail
from audit import INSTALLATION, drill, selfcheck, subscribers
from audit.export import verify
from audit.verify import verify as verify_log
from portal import database, metrics
from tests.audit.logs import Log, number_all, tampering
from tests.cast import World

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def written(log: Log, count: int = 300) -> Log:
    log.write(count)
    number_all()
    return log


def drilled(log: Log, seed: int = 1) -> drill.Drill:
    with tenancy.installation("a test of the drill"):
        found = drill.drill(org=log.org, now=datetime.now(UTC), chance=random.Random(seed))
    assert found is not None
    number_all()
    return found


def records(log: Log, action: str) -> list[tuple[str, int]]:
    return log.rows("SELECT outcome, seq FROM audit_leaf WHERE org = %s AND action = %s ORDER BY seq", [log.org, action])


@pytest.mark.parametrize("seed", range(12))
def test_all_nine_are_caught(log: Log, seed: int) -> None:
    written(log, 8 + seed * 25)
    done = drilled(log, seed)
    assert done.sound
    assert {name: bool(by) for name, by in done.ways.items()} == {way.name: True for way in drill.WAYS}
    assert (done.caught, len(drill.WAYS), done.passed) == (9, 9, True)
    assert done.last - done.first + 1 >= drill.LEAST


def test_what_happened_is_in_the_log(log: Log) -> None:
    before = written(log, 40).rows("SELECT seq, envelope FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])
    done = drilled(log)
    with tenancy.scope(org=log.org):
        [past] = drill.history(org=log.org)
    assert (past.first, past.last, past.sound, past.caught, past.of) == (done.first, done.last, True, 9, 9)
    assert [way["way"] for way in past.ways] == [way.name for way in drill.WAYS]
    assert all(way["caught"] and way["by"] for way in past.ways)
    assert records(log, drill.ACTION) == [("success", 41)]
    assert log.rows("SELECT seq, envelope FROM audit_leaf WHERE org = %s AND seq <= 40 ORDER BY seq", [log.org]) == before
    assert log.findings() == []
    drilled(log)
    with tenancy.scope(org=log.org):
        assert [p.seq for p in drill.history(org=log.org)] == [42, 41]
        assert [p.seq for p in drill.history(org=log.org, limit=1)] == [42]


def test_a_short_log_is_not_drilled(log: Log) -> None:
    written(log, drill.LEAST - 1)
    with tenancy.installation("a test of the drill"):
        assert drill.drill(org=log.org, now=NOW) is None
        assert log.org not in drill.due(now=NOW)
    assert records(log, drill.ACTION) == []


@pytest.mark.parametrize("check", ["entries", "tree", "complete", "consistency"])
def test_a_verifier_that_overlooks_something_is_found_out(log: Log, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drill tests the verifier: without one of its checks, ways are missed, and that is an alarm."""
    monkeypatch.setattr(verify.Report, "failed", lambda self, name: name != check and any(mark == "FAIL" for mark, _text in self.found[name]))
    done = drilled(written(log))
    assert done.sound
    missed = [way.name for way in drill.WAYS if not done.ways[way.name]]
    assert missed
    assert missed == [way.name for way in drill.WAYS if way.checks == {check}] or check in {"entries", "tree"}
    assert not done.passed
    assert records(log, drill.ACTION)[-1][0] == "failure"


def test_a_log_that_was_tampered_with_does_not_pass(log: Log) -> None:
    written(log, 8)
    with tampering() as attacker:
        attacker.execute("UPDATE audit_entry SET record = replace(record, 'success', 'failure') WHERE id = (SELECT entry FROM audit_leaf WHERE org = %s AND seq = 4)", [log.org])
    done = drilled(log)
    assert (done.sound, done.passed) == (False, False)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_entry WHERE id = (SELECT entry FROM audit_leaf WHERE org = %s AND seq = 4)", [log.org])
    assert not drilled(log).sound


def test_the_copy_is_gone_afterwards(log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(drill.tempfile, "tempdir", str(tmp_path))
    drilled(written(log, 20))
    assert list(tmp_path.iterdir()) == []


def checked(log: Log, now: datetime) -> int:
    with tenancy.installation("a test of the self-check"):
        done = [org for org in selfcheck.due(now=now) if org == log.org]
        for org in done:
            selfcheck.check(org=org, now=now)
    number_all()
    return len(done)


def test_each_log_is_checked_once_a_day(log: Log) -> None:
    written(log, 5)
    now = datetime.now(UTC)
    assert [checked(log, now + timedelta(hours=hours)) for hours in (0, 1, 12, 23)] == [1, 0, 0, 0]
    assert checked(log, now + timedelta(hours=25)) == 1
    assert records(log, selfcheck.ACTION) == [("success", 6), ("success", 7)]
    [(record,)] = log.rows("SELECT e.record FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry WHERE l.org = %s AND l.seq = 6", [log.org])
    assert '"facts":{"entries":5,"findings":0,"root":"' in record


def test_a_finding_alarms(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A projection was edited: an error, a measurement, an entry that says so, and a mail to whoever may read the log."""
    log = Log(org=world.north.organization.id)
    written(log, 3)
    try:
        with tampering() as attacker:
            attacker.execute("UPDATE audit_leaf SET action = 'test.harmless' WHERE org = %s AND seq = 3", [log.org])
        assert checked(log, datetime.now(UTC)) == 1
        assert records(log, selfcheck.ACTION)[0][0] == "failure"
        assert "does not verify: 1 findings, the first: what searches see differs from the record" in caplog.text
        assert float(next(line for line in metrics.text().decode().splitlines() if line.startswith("steward_audit_findings ")).split()[1]) >= 1
        with tenancy.installation("a test of alarms"):
            subscribers.drain()
            told = set(Mail.objects.filter(template="audit-alarm", organization_id=log.org).values_list("account_id", flat=True))
            wanted = {account.id for account in holders(world.north.organization, "view_audit")}
        assert told == wanted
        assert world.north.person("owner").account_id in told
        assert world.north.person("worker").account_id not in told
    finally:
        log.forget()


def test_a_database_that_was_changed_alarms(caplog: pytest.LogCaptureFixture) -> None:
    """A trigger was switched off by DDL: the daily check compares the database with what is declared."""
    log = Log(org=INSTALLATION)
    log.write()
    number_all()
    with tampering() as attacker:
        attacker.execute("ALTER TABLE audit_leaf DISABLE TRIGGER audit_never")
    try:
        with tenancy.installation("a test of the self-check"):
            found = selfcheck.check(org=INSTALLATION, now=datetime.now(UTC), differences=database.differences(using="default")).findings
        assert any(f.what.startswith("the database is not as declared: audit_leaf") for f in found)
    finally:
        with tampering() as attacker:
            attacker.execute("ALTER TABLE audit_leaf ENABLE TRIGGER audit_never")
        number_all()
    with tenancy.installation("a test of the self-check"):
        assert not [f for f in selfcheck.check(org=INSTALLATION, now=datetime.now(UTC), differences=database.differences(using="default")).findings if "declared" in f.what]
    number_all()


def test_a_clean_check_tells_nobody(world: World) -> None:
    log = Log(org=world.north.organization.id)
    written(log, 3)
    checked(log, datetime.now(UTC))
    with tenancy.installation("a test of alarms"):
        subscribers.drain()
        assert not Mail.objects.filter(template="audit-alarm", organization_id=log.org).exists()
    assert verify_log(org=log.org).findings == []


def run(name: str, *arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as end:
        call_command(name, *arguments, stdout=out, stderr=err)
    return int(end.value.code or 0), out.getvalue(), err.getvalue()


def test_the_commands(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(org=world.north.organization.id)
    everything = selfcheck.last
    monkeypatch.setattr(selfcheck, "last", lambda **given: [row for row in everything(**given) if row.org == log.org])
    assert run("audit_drill", "--org", world.contoso.slug) == (0, f"{world.contoso.slug}: fewer than 8 entries, no drill yet\n", "")
    written(log, 20)
    code, out, err = run("audit_drill", "--org", world.north.slug)
    assert (code, err, out.count("    caught  "), out.count("MISSED")) == (0, "", 9, 0)
    assert "9 of 9 ways caught, the untouched copy passed" in out.splitlines()[0]
    assert run("audit_drill", "--org", "nobody") == (2, "", "steward: there is no organization 'nobody'\n")
    assert run("check_audit")[0] == 0
    number_all()
    assert len(records(log, selfcheck.ACTION)) == 1
    assert run("check_audit")[0] == 0
    number_all()
    assert len(records(log, selfcheck.ACTION)) == 1
