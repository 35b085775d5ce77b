"""A second PostgreSQL, to which the test's own connections are turned for a while: where a backup is restored."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from dsar.ledger import file, quarantine
from portal.services.postgres import Postgres


@contextmanager
def fresh_cluster() -> Iterator[Postgres]:
    """An empty cluster with roles and two empty databases, as whoever lost everything makes it."""
    folder = Path(tempfile.mkdtemp(prefix="steward-drill-"))
    folder.chmod(0o711)
    postgres = Postgres(folder, durable=False)
    postgres.start()
    try:
        with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE steward_owner LOGIN CREATEROLE CREATEDB")
            connection.execute("CREATE DATABASE steward OWNER steward_owner")
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def manage(*command: str) -> str:
    """What the command says."""
    out = StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


@contextmanager
def turned_to(postgres: Postgres) -> Iterator[None]:
    """The connections of this process lead to the other cluster."""
    before: dict[str, dict[str, Any]] = {}
    for alias in connections:
        connections[alias].close()
        given = connections[alias].settings_dict
        before[alias] = {name: given[name] for name in ("NAME", "HOST")}
        given |= {"HOST": str(postgres.sockets), "NAME": "steward_keys" if alias.startswith("keys") else "steward"}
        settings.DATABASES[alias] |= {name: given[name] for name in ("NAME", "HOST")}
    quarantine.forget()
    try:
        yield
    finally:
        for alias, values in before.items():
            connections[alias].close()
            connections[alias].settings_dict |= values
            settings.DATABASES[alias] |= values
        quarantine.forget()


def copy_of_ledger(to: Path) -> Path:
    """What the other cluster writes is not for this one."""
    to.mkdir()
    if file.path().exists():
        shutil.copy(file.path(), to / file.NAME)
    return to
