"""Making and bringing back backups: `pg_dump` and `pg_restore` around an encrypted archive. The main database and the keys' database go into archives of their own."""
from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import psycopg
from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from dsar.backups import archive, register
from dsar.backups.register import KEYS, MAIN, Entry
from portal.metrics import VERSION
from portal.services.postgres import binaries
from portal.services.process import ServiceError

OWNERS = {MAIN: "owner", KEYS: "keys_owner"}


class Failed(Exception):
    """It was not done; the words say why, and what to do."""


def program(name: str, given: Mapping[str, Any]) -> str:
    """One of PostgreSQL's own programs, of the version of this server, or else the next newer one: from STEWARD_PG_BIN, the path, the distribution's folders, or the embedded server's."""
    try:
        with login(given) as connection:
            server = connection.info.server_version // 10000
    except psycopg.OperationalError as error:
        raise Failed(f"PostgreSQL does not answer, or the database is not there: {str(error).splitlines()[0]}. Is it running, and was manage.py setup_database run?") from error
    found = {version: path for path in _candidates(name) if (version := _version(path)) >= server}
    if not found:
        raise Failed(f"there is no {name} of version {server} or newer{' in STEWARD_PG_BIN' if settings.PG_BIN else ''}. Install PostgreSQL's client programs, or set STEWARD_PG_BIN to their folder")
    return found[min(found)]


def _candidates(name: str) -> Iterator[str]:
    """Later ones win among the same version."""
    try:
        embedded = [binaries()]
    except ServiceError:
        embedded = []
    for folder in [settings.PG_BIN] if settings.PG_BIN else [*embedded, *Path("/usr/lib/postgresql").glob("*/bin"), None]:
        if found := shutil.which(name, path=str(folder) if folder else None):
            yield found


def _version(path: str) -> int:
    """The number before the first dot that the program says."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}).stdout
    return int(found[1]) if (found := re.search(r"\) ([0-9]+)", said)) else 0


def environment(given: Mapping[str, Any]) -> dict[str, str]:
    """How libpq finds a database. The password is in nobody's list of processes."""
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}
    found = {variable: str(given[name]) for name, variable in names.items() if given.get(name)}
    for option in ("sslmode", "sslrootcert", "sslcert", "sslkey"):
        if value := given.get("OPTIONS", {}).get(option):
            found[f"PG{option.upper()}"] = str(value)
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/"), **found}


def login(given: Mapping[str, Any]) -> psycopg.Connection[Any]:
    return psycopg.connect(host=given["HOST"] or None, port=given["PORT"] or None, user=given["USER"], password=given["PASSWORD"] or None, dbname=given["NAME"], connect_timeout=5)


# Making


def make(holds: str, *, ledger: int, now: datetime) -> Entry:
    """Dump one database into an archive of its own, which stands in the register before it is begun: whoever is deleted meanwhile is told its end."""
    given, number = settings.DATABASES[OWNERS[holds]], uuid4()
    name = f"{now:%Y%m%d-%H%M%S}-{holds}-{str(number)[:8]}.backup"
    row = Entry(id=str(number), holds=holds, file=name, made_at=now.isoformat(), expires_at=(now + timedelta(days=register.days(holds))).isoformat(), key_epoch=archive.epoch(),
                version=VERSION, ledger=ledger)
    with register.changed() as rows:
        rows.append(row)
    register.mirror()
    path = register.folder() / name
    try:
        _dump(given, path, {"id": row.id, "holds": holds, "made_at": row.made_at, "expires_at": row.expires_at, "version": VERSION, "ledger": ledger,
                            "migrations": _migrations() if holds == MAIN else []})
    except BaseException:
        path.with_suffix(".part").unlink(missing_ok=True)
        with register.changed() as rows:
            rows[:] = [one for one in rows if one.id != row.id]
        raise
    with register.changed() as rows:
        [found] = [one for one in rows if one.id == row.id]
        found.done, found.size, found.sha256 = True, path.stat().st_size, _sha256(path)
    return found


def _dump(given: Mapping[str, Any], path: Path, header: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    command = [program("pg_dump", given), "--format=custom", "--no-password"]
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment(given))
        assert running.stdout
        try:
            with part.open("xb") as sink:
                os.chmod(part, 0o600)
                archive.write(running.stdout, sink, header)
                sink.flush()
                os.fsync(sink.fileno())
        except OSError as error:
            raise Failed(f"the archive cannot be written to {path.parent}: {error.strerror}") from error
        finally:
            running.stdout.close()
            running.wait()
        if running.returncode:
            said.seek(0)
            raise Failed(f"pg_dump ended with an error: {_first(said.read())}")
    part.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _first(said: bytes) -> str:
    return next((line for line in said.decode(errors="replace").splitlines() if "error" in line.lower()), "it says nothing")[:300]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _migrations() -> list[str]:
    with login(settings.DATABASES["owner"]) as connection:
        return sorted(f"{app}.{name}" for app, name in connection.execute("SELECT app, name FROM django_migrations").fetchall())


# Bringing back


def look(path: Path) -> dict[str, Any]:
    """Read the whole archive, and say what it is. Refuses one that this version, or this key, cannot bring back."""
    found = archive.verify(path)
    known = {f"{app}.{name}" for app, name in MigrationLoader(None, ignore_no_migrations=True).disk_migrations}
    if newer := sorted(set(found["migrations"]) - known):
        raise Failed(f"{path} was made by version {found['version']}, which is newer than this one ({VERSION}): {newer[0]} is not known here. Start that version, or a newer one, and restore with it")
    return found


def there(holds: str) -> tuple[bool, datetime | None]:
    """Whether there is anything in the database that would be replaced, and how new it is."""
    try:
        with login(settings.DATABASES[OWNERS[holds]]) as connection:
            table = "audit_entry" if holds == MAIN else "steward_key"
            row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
            if not row or not row[0]:
                return False, None
            column = "occurred_at" if holds == MAIN else "made_at"
            row = connection.execute(f"SELECT max({column}) FROM {table}").fetchone()
            return bool(row and row[0]), row[0] if row else None
    except psycopg.OperationalError as error:
        raise Failed(f"PostgreSQL does not answer, or the database is not there: {str(error).splitlines()[0]}. Run: manage.py setup_database") from error


def restore(path: Path, holds: str) -> None:
    """Put what the archive holds in the place of what is there: all of it, or nothing is changed. The main database is closed from its first moment, until the ledger was replayed."""
    given = settings.DATABASES[OWNERS[holds]]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as said_too:
        reads = subprocess.Popen([program("pg_restore", given), "--file=-", "--no-owner", "--no-password"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment({}))
        assert reads.stdin and reads.stdout
        takes = subprocess.Popen([program("psql", given), "--no-psqlrc", "--quiet", "--no-password", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"],
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said_too, env=environment(given))
        assert takes.stdin
        with _fed(reads.stdin, path) as broken:
            try:
                takes.stdin.write(b"SET lock_timeout = '15s';\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\nALTER SCHEMA public OWNER TO pg_database_owner;\n")
                shutil.copyfileobj(reads.stdout, takes.stdin)
                if reads.wait() or broken:
                    takes.stdin.write(b"\\set ON_ERROR_STOP 1\nSELECT 1/0;\n")  # what came was not all: nothing of it stays
                elif holds == MAIN:
                    takes.stdin.write(_CLOSE)
                takes.stdin.close()
            except BrokenPipeError:
                pass
            reads.stdout.close()
        takes.wait()
        if broken:
            raise broken[0]
        if reads.wait() or takes.returncode:
            said.seek(0)
            said_too.seek(0)
            raise Failed(f"the database was not restored, and is as it was: {_first(said.read() + said_too.read())}")


_CLOSE = b"""
SET search_path = public;
DO $$ BEGIN
  IF to_regclass('public.dsar_ledgermark') IS NOT NULL THEN
    INSERT INTO public.dsar_ledgermark (id, seq, hash, closed_at, found) VALUES (1, 0, repeat('0', 64), now(), '{}') ON CONFLICT (id) DO UPDATE SET closed_at = now(), found = '{}';
  END IF;
END $$;
"""


@contextmanager
def _fed(pipe: IO[bytes], path: Path) -> Iterator[list[archive.Unreadable]]:
    """What is in the archive goes into the pipe, by a thread of its own. What went wrong with it stands in the list afterwards."""
    broken: list[archive.Unreadable] = []

    def feed() -> None:
        try:
            for piece in archive.read(path):
                pipe.write(piece)
        except archive.Unreadable as error:
            broken.append(error)
        except BrokenPipeError:
            pass
        finally:
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    yield broken
    thread.join()


def now() -> datetime:
    return datetime.now(UTC)
