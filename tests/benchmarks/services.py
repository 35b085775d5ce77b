"""The database of the benchmarks: a durable PostgreSQL and a Valkey of their own, on a folder that is kept between runs."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psycopg

from portal.services.postgres import Postgres
from portal.services.process import ServiceError, dies_with_parent
from portal.services.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
NAME = "steward"
SEEDED = "seeded.json"
"""The file that says the data is complete, and which."""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start both, bring the schema up to date, set the environment; gives the superuser's address. Ends both afterwards."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    postgres, valkey = Postgres(folder), Valkey(folder)
    try:
        postgres.start()
        valkey.start()
        superuser = postgres.dsn(NAME)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings", "STEWARD_DATA": str(folder), "STEWARD_SECRET_KEY": "benchmarks-" * 4, "STEWARD_DEMO": "0",
            "DATABASE_URL": postgres.dsn(NAME, user="steward_owner"), "REDIS_URL": valkey.url, "STEWARD_URL": "http://localhost:8000", "STEWARD_EMBEDDED_STATIC": "1",
            "BENCH_SUPERUSER": superuser, "PYTHONUNBUFFERED": "1"}
        _prepare(postgres.dsn("postgres"), anew=not (folder / SEEDED).exists())
        yield superuser
    finally:
        valkey.stop()
        postgres.stop()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(1)


def _prepare(address: str, *, anew: bool) -> None:
    """Owner, database, migrations; PostgreSQL with room for its log. A seed that was interrupted is thrown away."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
        connection.execute("SELECT pg_reload_conf()")
        if anew:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME}")
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'steward_owner'").fetchone():
            connection.execute("CREATE ROLE steward_owner LOGIN CREATEROLE CREATEDB")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
            connection.execute(f"CREATE DATABASE {NAME} OWNER steward_owner")
    for command in (["setup_database"], ["migrate", "--no-input", "-v", "0"]):
        run_python("manage.py", *command, settings="portal.settings")


def run_python(*arguments: str, settings: str = "tests.benchmarks.settings") -> str:
    """Run a program of ours to its end, in this environment; its output, or ServiceError with its last line."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": settings}, capture_output=True, text=True,
                          check=False, preexec_fn=dies_with_parent(signal.SIGTERM))
    if done.returncode:
        raise ServiceError(f"{' '.join(arguments)} failed: {((done.stderr or done.stdout).strip().splitlines() or ['no output'])[-1]}")
    return done.stdout


@contextmanager
def background(*arguments: str, settings: str = "portal.settings") -> Iterator[subprocess.Popen[bytes]]:
    """A program of ours that runs beside; it is ended when the block is left, and by the system if we die."""
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": settings}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=dies_with_parent(signal.SIGTERM))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def bare(*, replica: bool = True) -> Iterator[psycopg.Connection]:
    """A superuser's connection; with `replica`, triggers rest. Only to arrange what is measured."""
    with psycopg.connect(os.environ["BENCH_SUPERUSER"], autocommit=True) as connection:
        if replica:
            connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        yield connection
