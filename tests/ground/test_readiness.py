"""What machines ask, and what `manage.py check` says before an installation meets people."""
from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connections
from django.test import Client, override_settings
from django.utils import timezone
from redis.exceptions import ConnectionError as NoValkey

from accounts import door, tenancy
from accounts.models import LogoutCall, Mail, SignalStream, Webhook
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import sequencer, subscribers
from audit.models import Stream
from audit.streams import runner
from portal import beats, checks, counting, database, metrics, probes
from tests.audit.logs import tampering
from tests.cast import World
from tests.ground.test_run import ROOT
from tests.ground.test_settings import PRODUCTION
from tests.situations import WHY, arrange

pytestmark = pytest.mark.usefixtures("alone")  # they look at the whole installation
TOKEN = "measure-" * 4
READY = {"STEWARD_DEMO": "0", "STEWARD_URL": "https://portal.example.org", "STEWARD_BEHIND_PROXY": "1", "STEWARD_PROXY_COUNT": "1", "EMAIL_HOST": "mail.example.org", "EMAIL_FROM": "Steward <steward@example.org>"}


def ready() -> tuple[int, str]:
    """The verdict; warnings about other processes, which are not at work here, have a test of their own."""
    answer = Client(HTTP_HOST="10.0.0.9").get("/readyz")
    return answer.status_code, answer.content.decode().splitlines(keepends=True)[0]


def test_ready_and_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ready() == (200, "ready\n")
    with monkeypatch.context() as patch:
        patch.setattr(probes, "_wanted", lambda: frozenset({("accounts", "9999_tomorrow"), ("accounts", "0001_initial")}))
        assert ready() == (503, "not ready: migrations are not applied: accounts.9999_tomorrow\n")
    with monkeypatch.context() as patch:
        patch.setattr("redis.connection.Connection.connect", lambda *_a, **_o: (_ for _ in ()).throw(NoValkey("away")))
        patch.setattr(probes.cache, "count", lambda *_a, **_k: (_ for _ in ()).throw(NoValkey("away")))
        assert ready() == (503, "not ready: Valkey does not answer\n")
        assert Client().get("/healthz").status_code == 200
    monkeypatch.setattr(probes, "_since", [1.0])
    assert ready() == (503, "not ready: this process is ending\n")


def warned() -> list[str]:
    answer = Client(HTTP_HOST="10.0.0.9").get("/readyz")
    assert answer.status_code == 200
    first, *others = answer.content.decode().splitlines()
    assert first == "ready"
    return [line.removeprefix("warning: ") for line in others]


def test_a_signer_and_a_streamer_that_are_silent_are_warnings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take no web process out of service: 200, and a line for each; the same in numbers."""
    def signer(refused: str = "", silent: timedelta | None = timedelta(0)) -> None:
        with tampering() as attacker:
            attacker.execute("UPDATE audit_signerstate SET refused = %s, seen_at = now() - %s::interval", [refused, silent])

    def called(*, due: bool) -> None:
        """A program that was to be told of a sign-out ten minutes ago; or none, also of those that tests before this one left."""
        LogoutCall.objects.filter(state="due").update(state="failed", finished_at=timezone.now())
        if due:
            at = timezone.now() - timedelta(minutes=10)
            LogoutCall.objects.create(organization=world.north.organization, session_id=UUID(int=5), url="https://program.example.com/out", audience="c", subject="s", made_at=at, next_at=at)

    def streams(state: str) -> None:
        arrange(lambda: (Stream.objects.all().update(state="paused"), Webhook.objects.all().update(state="paused"), SignalStream.objects.all().update(status="paused"), called(due=False)))
        arrange(lambda: Stream.objects.update_or_create(id=UUID(int=5), defaults={"org": world.north.organization.id, "name": "SIEM", "kind": "file", "format": "native", "ocsf": "1.8.0", "seq": 0,
                                                                                 "state": state, "created_at": timezone.now() - timedelta(hours=1)}))

    silent, refuses, nobody = "no signer was seen for five minutes", "the signer refuses to sign", "no streamer was seen for five minutes"
    monkeypatch.setattr(beats, "_said", [])
    monkeypatch.setattr(beats, "_overdue", lambda: False)  # it looks at every organization; tests/retention has its warning
    try:
        signer()
        streams("paused")
        assert warned() == []
        assert numbers()["steward_signer_refuses"] == 0 and numbers()["steward_signer_silent_seconds"] < 60 and numbers()["steward_streamer_silent_seconds"] == float("inf")
        signer(refused="log 4c1f0a: it has 3 entries and had 5")
        assert warned() == [refuses] and numbers()["steward_signer_refuses"] == 1, "and not of which log"
        signer(silent=timedelta(minutes=4, seconds=50))
        assert warned() == []
        signer(silent=timedelta(minutes=5, seconds=10))
        assert warned() == [silent] and 300 < numbers()["steward_signer_silent_seconds"] < 400
        signer(silent=None)
        monkeypatch.setattr(beats, "_waiting_long", lambda _now: True)
        assert warned() == [silent] and numbers()["steward_signer_silent_seconds"] == float("inf")
        monkeypatch.setattr(beats, "_waiting_long", lambda _now: False)
        assert warned() == [], "the first five minutes of an installation"
        arrange(lambda: called(due=True))
        assert warned() == [nobody], "somebody is still signed in there"
        arrange(lambda: called(due=False))
        streams("active")
        assert warned() == [nobody]
        stop = threading.Event()
        runner.loop(stop=stop, tick=0, lives=lambda: (beats.streamer_lives(), stop.set())[0])
        assert warned() == [] and numbers()["steward_streamer_silent_seconds"] < 60
        cache.set("streamer-seen", timezone.now().timestamp() - 310, None)
        beats.streamer_lives()  # said moments ago: not written again
        assert warned() == [nobody] and 300 < numbers()["steward_streamer_silent_seconds"] < 400
        monkeypatch.setattr(beats, "_said", [0.0])
        beats.streamer_lives()
        assert warned() == []
    finally:
        signer(silent=None)
        with tampering() as attacker:
            attacker.execute("DELETE FROM audit_stream WHERE id = %s", [UUID(int=5)])


def test_since_when_a_signer_is_missed(world: World) -> None:
    follow()
    with tampering() as attacker:
        first = attacker.execute("SELECT recorded_at FROM audit_leaf ORDER BY pos LIMIT 1").fetchone()[0]  # type: ignore[index]
    assert not beats._waiting_long(first + timedelta(minutes=4)) and beats._waiting_long(first + timedelta(minutes=6))


def test_what_cannot_be_asked_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (OperationalError("away"), NoValkey("away")):
        monkeypatch.setattr(beats, "signer_refuses", lambda error=error: (_ for _ in ()).throw(error))
        assert warned() == []


def test_an_older_version_stays_ready_when_the_database_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_wanted", lambda: frozenset({("accounts", "0001_initial")}))
    assert ready() == (200, "ready\n")


def numbers() -> dict[str, float]:
    with override_settings(METRICS_TOKEN=TOKEN):
        answer = Client(HTTP_AUTHORIZATION=f"Bearer {TOKEN}").get("/metrics")
    assert answer.status_code == 200
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in answer.content.decode().splitlines() if not line.startswith("#")}


def follow() -> None:
    while sequencer.run_once():
        pass
    subscribers.drain()


def test_acts_are_counted_as_the_log_has_them(world: World) -> None:
    follow()
    before, power = numbers(), BY_SLUG["suspend"]
    member = world.north.person("member")
    now = timezone.now()
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=power, actor=world.north.actor("owner"), ids=[member.id], data=dict(WHY), now=now)
        with pytest.raises(Refused):
            door.perform(power=power, actor=world.north.actor("auditor"), ids=[member.id], data=dict(WHY), now=now)
    waiting = numbers()
    assert waiting["steward_audit_pending"] >= 2 and waiting["steward_audit_oldest_pending_seconds"] >= 0
    while sequencer.run_once():
        pass
    lagging = numbers()
    assert lagging['steward_subscriber_lag{subscriber="metrics"}'] >= 2 and lagging["steward_audit_pending"] == 0
    follow()
    after = numbers()
    grown = {name: after[name] - before.get(name, 0) for name in after if name.startswith('steward_acts_total{') and 'power="suspend"' in name}
    assert sorted(grown.values()) == [1, 1] and len(grown) == 2, grown
    assert after['steward_subscriber_lag{subscriber="metrics"}'] == after['steward_subscriber_lag{subscriber="mailer"}'] == 0


def test_mail_and_jobs_are_counted(world: World) -> None:
    before = numbers()
    account = world.north.person("member").account_id
    for state in ("due", "failed", "failed"):
        Mail.objects.create(account_id=account, template="x", address="x@example.org", state=state, created_at=timezone.now(), next_attempt_at=timezone.now() + timedelta(days=1))
    after = numbers()
    assert (after["steward_mail_due"] - before["steward_mail_due"], after["steward_mail_failed"] - before["steward_mail_failed"]) == (1, 2)
    assert {name for name in after if name.startswith("steward_jobs{")} == {f'steward_jobs{{state="{state}"}}' for state in metrics.JOB_STATES}
    Mail.objects.filter(template="x").delete()


def test_every_measurement_is_documented_and_names_nobody(world: World, settings: object, tmp_path: Path) -> None:
    settings.BACKUPS = str(tmp_path)  # type: ignore[attr-defined]  # some are there only with the register of backups
    Client().get("/sign-in/")
    follow()
    shown = numbers()
    names = {re.sub(r"_(bucket|count|sum|created)$", "", name.split("{")[0]) for name in shown if not name.startswith("steward_requests_created")}
    part = (ROOT / "docs" / "operating.md").read_text().split("\n## Measurements\n", 1)[1].split("\n## ", 1)[0]
    assert names == set(re.findall(r"^\| `(steward_\w+)`", part, re.MULTILINE))
    labels = {label for name in shown for label in re.findall(r'(\w+)="', name)}
    assert labels <= {"route", "status", "power", "outcome", "subscriber", "state", "version", "le"}
    powers = {value for name in shown for value in re.findall(r'power="([^"]*)"', name)}
    assert powers <= {*BY_SLUG, "other"}
    assert world.north.slug not in str(shown)


def test_measurements_are_for_whoever_holds_the_token() -> None:
    unknown = Client().get("/nothing-here")
    assert Client(HTTP_AUTHORIZATION="Bearer ").get("/metrics").status_code == 404, "no token is set: nobody may"
    with override_settings(METRICS_TOKEN=TOKEN):
        for given in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff", f"Bearer {TOKEN[:-1]}"):
            answer = Client(HTTP_AUTHORIZATION=given).get("/metrics")
            assert (answer.status_code, len(answer.content)) == (404, len(unknown.content)), given
        assert Client(HTTP_AUTHORIZATION=f"Bearer {TOKEN}").post("/metrics").status_code in {403, 404}
        assert Client(HTTP_AUTHORIZATION=f"Bearer {TOKEN}").get("/metrics").status_code == 200


def test_valkey_that_was_emptied_only_begins_the_counters_anew() -> None:
    counting._valkey().delete(counting._key())
    assert not [name for name in numbers() if name.startswith("steward_acts_total")]


def check(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("STEWARD_", "EMAIL_", "DJANGO_"))}
    return subprocess.run([sys.executable, "manage.py", "check", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
                          env={**kept, "STEWARD_DATA": str(tmp_path), "STEWARD_SECRET_KEY": PRODUCTION["STEWARD_SECRET_KEY"], **READY, **variables})


def test_production_settings_pass_every_check(tmp_path: Path) -> None:
    done = check(tmp_path, "--deploy", "--fail-level", "WARNING", "--database", "default", DATABASE_APP_URL=str(os.environ["DATABASE_URL"]).replace("steward_owner@", "steward_app@"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("variables", "id_"), [
    ({"STEWARD_SECRET_KEY": "change-me-" * 6}, "steward.W001"), ({"STEWARD_SECRET_KEY": "a" * 64}, "steward.W001"), ({"STEWARD_URL": "http://portal.example.org"}, "steward.W002"), ({"STEWARD_BEHIND_PROXY": "0"}, "steward.W003"),
    ({"STEWARD_PROXY_COUNT": "0"}, "steward.W004"), ({"STEWARD_DEMO": "1"}, "steward.W005"), ({"EMAIL_HOST": ""}, "steward.W006"), ({"EMAIL_FROM": ""}, "steward.W007"), ({"REDIS_URL": ""}, "steward.W008")], ids=str)
def test_what_is_not_fit_for_people_is_said(tmp_path: Path, variables: dict[str, str], id_: str) -> None:
    done = check(tmp_path, "--deploy", "--fail-level", "WARNING", **variables)
    assert done.returncode == 1 and id_ in done.stderr and "HINT" in done.stderr, done.stderr


def test_missing_time_zones_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.time_zones() == []
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    assert [message.id for message in checks.time_zones()] == ["steward.E001"]


def test_a_database_that_somebody_changed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.database(databases=["default"]) == [] == checks.database(databases=None)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_service DISABLE ROW LEVEL SECURITY")
        try:
            assert [(m.id, "row-level security is off" in m.msg) for m in checks.database(databases=["default"])] == [("steward.E003", True)]
        finally:
            cursor.execute("ALTER TABLE accounts_service ENABLE ROW LEVEL SECURITY")
    monkeypatch.setattr(probes, "_wanted", lambda: frozenset({("accounts", "9999_tomorrow")}))
    assert [m.id for m in checks.database(databases=["default"])] == ["steward.E002"]


def test_every_silenced_check_has_its_reason() -> None:
    lines = (ROOT / "portal" / "settings.py").read_text().splitlines()
    found = [line for line in lines if line.startswith("SILENCED_SYSTEM_CHECKS")]
    assert len(settings.SILENCED_SYSTEM_CHECKS) == 1 and "# " in found[0]


def test_the_list_is_applied_without_a_gap_for_those_who_serve(world: World) -> None:
    """`migrate` applies grants and policies anew while the version before serves: nobody sees a table without them."""
    faults: list[str] = []
    over = threading.Event()

    def serve() -> None:
        login = connections["default"].settings_dict
        with psycopg.connect(host=login["HOST"], user=login["USER"], password=login["PASSWORD"] or None, dbname=login["NAME"], autocommit=True) as serving:
            serving.execute("SELECT set_config('steward.org', %s, false)", [str(world.north.organization.id)])
            while not over.is_set():
                try:
                    if serving.execute("SELECT count(*) FROM accounts_membership").fetchone()[0] < len(world.north.people):  # type: ignore[index]
                        faults.append("rows were missing")
                except psycopg.Error as error:
                    faults.append(type(error).__name__)

    tenancy.clear()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        for _ in range(3):
            database.apply(using="owner")
    finally:
        over.set()
        thread.join(20)
    assert faults == []
