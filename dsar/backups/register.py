"""The register of backups, a file beside the archives: a database that is restored would remember an older one. What people are told about the last backup with them is answered from its mirror."""
from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
from django.conf import settings
from django.db.models import Max

from dsar.backups.models import Backup
from dsar.horizon import by_age

NAME = "register.json"
MAIN, KEYS = "main", "keys"


class Broken(Exception):
    """The register cannot be read or written; the words say where it lies."""


@dataclass
class Entry:
    """One archive. Times are in UTC."""

    id: str
    holds: str
    file: str
    made_at: str
    expires_at: str
    key_epoch: str
    version: str
    ledger: int = 0
    size: int = 0
    sha256: str = ""
    done: bool = False
    """Whether it was written to the end."""
    removed_at: str = ""

    @property
    def over(self) -> datetime:
        return datetime.fromisoformat(self.expires_at)


def folder() -> Path:
    return Path(settings.BACKUPS)


def days(holds: str) -> int:
    """How long an archive is kept: keys for a few days, because an erasure is final when the last copy of the key is gone."""
    return settings.BACKUP_DAYS if holds == MAIN else min(settings.KEYS_BACKUP_DAYS, settings.BACKUP_DAYS)


def entries() -> list[Entry]:
    try:
        text = (folder() / NAME).read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Broken(f"the register {folder() / NAME} cannot be read: {error.strerror}") from error
    try:
        return [Entry(**row) for row in orjson.loads(text)]
    except (ValueError, TypeError) as error:
        raise Broken(f"the register {folder() / NAME} is damaged: bring back its copy {NAME}.before, and compare it with the archives beside it") from error


@contextmanager
def changed() -> Iterator[list[Entry]]:
    """Change the register; one at a time, and either all of it or nothing. The one before is kept beside it."""
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder() / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows = entries()
            yield rows
            path, new = folder() / NAME, folder() / f"{NAME}.new"
            with new.open("wb") as file:
                file.write(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                path.with_name(f"{NAME}.before").write_bytes(path.read_bytes())
            new.replace(path)
    except OSError as error:
        raise Broken(f"the register in {folder()} cannot be written: {error.strerror}") from error


def expire(*, now: datetime) -> list[Entry]:
    """Remove archives whose time is over, and those that were never finished. Returns them."""
    gone = []
    with changed() as rows:
        for row in rows:
            abandoned = not row.done and datetime.fromisoformat(row.made_at) < now - timedelta(days=1)
            if not row.removed_at and (row.over <= now or abandoned):
                (folder() / row.file).unlink(missing_ok=True)
                row.removed_at = now.isoformat()
                gone.append(row)
    return gone


def mirror() -> None:
    """Tell the database what the register says. Where no register is used nothing happens."""
    if not settings.BACKUPS:
        return
    Backup.objects.bulk_create(
        [Backup(id=UUID(row.id), holds=row.holds, made_at=row.made_at, expires_at=row.expires_at, removed_at=row.removed_at or None, key_epoch=row.key_epoch) for row in entries()],
        update_conflicts=True, unique_fields=["id"], update_fields=["expires_at", "removed_at"])


def horizon(made_before: datetime) -> date:
    """The day on which the last backup ends that was made before this moment, by the register. One that is there past its end has not ended."""
    rows = Backup.objects.filter(removed_at=None, made_at__lte=made_before)
    if not Backup.objects.exists():
        return by_age(made_before)
    last = rows.aggregate(last=Max("expires_at"))["last"]
    if last is None:
        return made_before.astimezone(UTC).date()
    now = datetime.now(UTC)
    return (last if last > now else now + timedelta(days=1)).astimezone(UTC).date()


def standing(*, now: datetime) -> tuple[int, float]:
    """How many archives are there past their end, and how old the newest of the main database is, in seconds; infinite when there is none."""
    late = Backup.objects.filter(removed_at=None, expires_at__lt=now - timedelta(hours=1)).count()
    newest = Backup.objects.filter(removed_at=None, holds=MAIN).aggregate(newest=Max("made_at"))["newest"]
    return late, (now - newest).total_seconds() if newest else float("inf")


def backups() -> list[Backup]:
    """Those that are there, the newest first."""
    return list(Backup.objects.filter(removed_at=None).order_by("-made_at", "holds")[:100])
