"""Starts a real PostgreSQL and a real Valkey for the tests, before Django reads its settings, and ends them afterwards."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "steward_template"
_running: list[object] = []
_folder: list[Path] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """The first process starts the services and makes the migrated template; xdist workers inherit the addresses."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if os.environ.get("STEWARD_TESTS_RUNNING"):
        return
    from portal.services.postgres import Postgres
    from portal.services.valkey import Valkey

    folder = Path(tempfile.mkdtemp(prefix="steward-tests-"))
    folder.chmod(0o711)
    place = Path(tempfile.mkdtemp(prefix="stw-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None))
    place.chmod(0o711)
    _folder.extend([folder, place])
    os.environ["STEWARD_PLACE"] = str(place)  # what installations that tests start keep outside of their folders goes with it
    postgres, valkey = Postgres(folder, durable=False), Valkey(folder, durable=False)
    postgres.start()
    _running.append(postgres)
    valkey.start()
    _running.append(valkey)
    import psycopg

    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE steward_owner LOGIN CREATEROLE CREATEDB")
        connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER steward_owner")
    os.environ |= {
        "STEWARD_TESTS_RUNNING": "1", "STEWARD_DATA": str(folder), "STEWARD_SECRET_KEY": "tests-" * 8, "STEWARD_DEMO": "1",
        "DATABASE_URL": postgres.dsn(TEMPLATE, user="steward_owner"), "REDIS_URL": valkey.url, "STEWARD_TESTS_SUPERUSER": postgres.dsn("postgres"),
        "STEWARD_URL": "http://localhost:8000", "STEWARD_EMBEDDED_STATIC": "1",
    }
    for command in (["setup_database"], ["migrate", "--no-input", "-v", "0"]):
        done = subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            stop()
            raise pytest.UsageError(f"manage.py {command[0]} failed:\n{done.stdout}{done.stderr}")


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
