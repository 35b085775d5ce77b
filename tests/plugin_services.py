"""Starts a real PostgreSQL and a real Valkey for the tests, before Django reads its settings, and ends them afterwards."""
from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from portal.services.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "steward_template"
_KEPT = ROOT / ".cache" / "migrated"
_SHAPE = ("*/migrations/*.py", "*/models.py", "*/models/*.py", "portal/database.py", "portal/env.py", "portal/settings.py", "portal/management/commands/*.py", "portal/services/postgres.py",
          "audit/*lock*.py", "audit/key_store.py", "accounts/listing.py", "accounts/profile/aside.py", "accounts/permissions.py", "accounts/roles.py", "requirements*.txt", "tests/plugin_services.py")
"""What a migrated database depends on."""
_running: list[object] = []
_folder: list[Path] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """The first process starts the services and makes the migrated template; xdist workers inherit the addresses."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if os.environ.get("STEWARD_TESTS_RUNNING"):
        return
    from portal.services.folders import held
    from portal.services.postgres import Postgres
    from portal.services.valkey import Valkey

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends a run that takes too long gets it cleaned up, as with Ctrl-C
    folder = held("steward-tests-")
    folder.chmod(0o711)
    place = held("stw-", within=Path("/var/tmp") if Path("/var/tmp").is_dir() else None)
    place.chmod(0o711)
    _folder.extend([folder, place])
    os.environ["STEWARD_PLACE"] = str(place)  # what installations that tests start keep outside of their folders goes with it
    postgres, valkey = Postgres(folder, durable=False), Valkey(folder, durable=False)
    kept = _KEPT / _shape()
    migrated = kept.is_dir()
    if migrated:
        shutil.rmtree(postgres.cluster, ignore_errors=True)
        subprocess.run(["cp", "-a", str(kept), str(postgres.cluster)], check=True)
    postgres.start()
    _running.append(postgres)
    valkey.start()
    _running.append(valkey)
    import psycopg

    if not migrated:
        with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE steward_owner LOGIN CREATEROLE CREATEDB")
            connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER steward_owner")
    os.environ |= {
        "STEWARD_TESTS_RUNNING": "1", "STEWARD_DATA": str(folder), "STEWARD_SECRET_KEY": "tests-" * 8, "STEWARD_DEMO": "1",
        "DATABASE_URL": postgres.dsn(TEMPLATE, user="steward_owner"), "REDIS_URL": valkey.url, "STEWARD_TESTS_SUPERUSER": postgres.dsn("postgres"),
        "STEWARD_URL": "http://localhost:8000", "STEWARD_EMBEDDED_STATIC": "1",
    }
    for command in () if migrated else (["setup_database"], ["migrate", "--no-input", "-v", "0"]):
        done = subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            stop()
            raise pytest.UsageError(f"manage.py {command[0]} failed:\n{done.stdout}{done.stderr}")
    if not migrated:
        _keep(postgres, kept)


def _shape() -> str:
    """Names a migrated cluster by all that it depends on, so that a later run can begin with a copy of it."""
    found = hashlib.sha256(f"{datetime.now(UTC):%Y-%m} {os.geteuid()}".encode())  # the log has a partition for each month
    for path in sorted({path for pattern in _SHAPE for path in ROOT.glob(pattern) if not path.relative_to(ROOT).parts[0].startswith(".")}):
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _keep(postgres: Postgres, kept: Path) -> None:
    """Put a copy of the migrated cluster aside; migrating takes longer than most runs of a few tests."""
    postgres.stop()
    shutil.rmtree(_KEPT, ignore_errors=True)
    aside = kept.with_name(f"{kept.name}.{os.getpid()}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(postgres.cluster), str(aside)], check=True)
    if not kept.exists():
        aside.rename(kept)
    postgres.start()


def stop() -> None:
    """End what this process started."""
    while _running:
        _running.pop().stop()  # type: ignore[attr-defined]
    while _folder:
        folder = _folder.pop()
        shutil.rmtree(folder, ignore_errors=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stop()
