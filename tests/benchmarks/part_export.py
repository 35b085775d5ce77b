"""The export for legal: writing a bundle with its proofs, and checking it without us."""
from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import psycopg

from accounts.models import Account
from audit.recording import uuid7
from portal.env import APP_ROLE
from tests.benchmarks import measure, seed
from tests.benchmarks.report import Goal, Part
from tests.benchmarks.services import ROOT, background, bare

_WRITERS, _SECONDS = 8, 4.0


def run(orgs: list[seed.Org], _scale: seed.Scale, folder: Path) -> Part:
    """One program writes the whole log of the big organization; the baseline copies the same columns as JSON lines."""
    with background("manage.py", "sequencer"), background("manage.py", "signer"):
        return _measured(orgs[0], folder)


def _measured(org: seed.Org, folder: Path) -> Part:
    part, out = Part(name="export"), folder / "export"
    ratios, seconds, memory = [], [], 0
    for _round in range(2):
        plain = measure.once(lambda: _copy(org, folder / "plain.jsonl"))
        shutil.rmtree(out, ignore_errors=True)
        took, peak = _program([sys.executable, "manage.py", "export_audit", "--org", org.slug, "--as", _owner(org), "--out", str(out), "--purpose", "benchmark", "--no-disclosures", "--no-reading-copies"])
        ratios.append(plain / took)
        seconds.append(took)
        memory = max(memory, peak)
    entries = _entries(org)
    checked, peak = _program([sys.executable, str(out / "verify.py")])
    part.goals = [Goal("export with proofs, speed relative to copying the same columns as JSON lines", max(ratios), 0.5, at_least=True), Goal("export with proofs, megabytes of memory", memory, 150),
                  Goal("verify.py, entries a second on one core", entries / checked, 150_000, at_least=True), Goal("writers of one organization: time with the log against a plain insert", _writing(org), 1.15)]
    part.facts = {"entries": f"{entries:,}", "seconds for the export": f"{min(seconds):.0f}", "megabytes of memory of verify.py": str(peak)}
    shutil.rmtree(out, ignore_errors=True)
    return part


def _owner(org: seed.Org) -> str:
    return Account.objects.values_list("email", flat=True).get(id=seed.account_of(org.first))


def _entries(org: seed.Org) -> int:
    with bare() as connection:
        return int(connection.execute("SELECT size FROM audit_tree WHERE org = %s", [org.id]).fetchone()[0])  # type: ignore[index]


def _copy(org: seed.Org, path: Path) -> None:
    """What psql's `\\copy` does."""
    with bare() as connection, path.open("wb") as file, connection.cursor().copy(
            "COPY (SELECT row_to_json(x) FROM (SELECT l.seq, l.envelope, e.record FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry AND e.occurred_at = l.occurred_at WHERE l.org = %s ORDER BY l.seq) x) TO STDOUT",
            [org.id]) as stream:
        for block in stream:
            file.write(block)
    path.unlink()


def _program(arguments: list[str]) -> tuple[float, int]:
    """Seconds and peak memory in megabytes of a program that must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    said = process.stdout.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"bench: {arguments[1]} failed: {said.decode()[-500:]}")
    assert isinstance(usage, resource.struct_rusage)
    return time.perf_counter() - start, usage.ru_maxrss // 1024


def _writing(org: seed.Org) -> float:
    """Median of rounds: the same rows by the same eight connections, into the log and into a table without triggers."""
    with bare() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.entry; CREATE TABLE bench.entry (LIKE public.audit_entry INCLUDING DEFAULTS); CREATE INDEX ON bench.entry (id)")
        connection.execute(f"GRANT USAGE ON SCHEMA bench TO {APP_ROLE}; GRANT ALL ON bench.entry TO {APP_ROLE}")
    ratios = []
    for _round in range(3):
        plain = _throughput(org, "bench.entry", opened=False)
        ratios.append(plain / _throughput(org, "audit_entry", opened=True))
    with bare() as connection:
        seed.forget_waiting(connection)
        connection.execute("DROP SCHEMA bench CASCADE")
    return sorted(ratios)[1]


def _throughput(org: seed.Org, table: str, *, opened: bool) -> float:
    """Transactions a second of eight writers, each with two milliseconds of the application's own time before and after."""
    from django.conf import settings

    given, done, end = settings.DATABASES["default"], [0] * _WRITERS, time.perf_counter() + _SECONDS
    record = "{" + "x" * 800 + "}"

    def write(number: int) -> None:
        with psycopg.connect(host=given["HOST"], user=given["USER"], password=given["PASSWORD"] or None, dbname=given["NAME"]) as connection:
            while time.perf_counter() < end:
                act = uuid4()
                time.sleep(0.002)
                if opened:
                    connection.execute("SELECT audit_open(%s)", [act])
                connection.execute(f"INSERT INTO {table} (id, org, act, occurred_at, record, record_sha256) VALUES (%s, %s, %s, now(), %s, %s)", [uuid7(), org.id, act, record, b"x" * 32])
                time.sleep(0.002)
                connection.commit()
                done[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(_WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / _SECONDS
