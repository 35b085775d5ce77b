"""Backups: whole or refused, sealed, registered, ended on their day; and the day that people are told follows from them."""
from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import door, purging, returning, tenancy
from accounts.models import Membership
from accounts.powers import BY_SLUG
from accounts.purposes import ACT
from accounts.reasons import Refused
from audit.models import Entry
from dsar.backups import archive, register
from dsar.backups.models import Backup
from portal import backups, metrics
from tests.browse import client_for
from tests.cast import Org, World
from tests.deletion.acts import act, warned
from tests.dsar.copies import numbered

NOW = datetime.now(UTC)


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.BACKUPS, settings.BACKUP_HORIZON = str(tmp_path / "backups"), "dsar.backups.register.horizon"
    yield tmp_path / "backups"
    Backup.objects.all().delete()


def said(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


def sealed(path: Path, text: bytes, **header: Any) -> Path:
    with path.open("wb") as sink:
        archive.write(io.BytesIO(text), sink, {"id": str(uuid4()), "holds": "main", "made_at": NOW.isoformat(), "expires_at": NOW.isoformat(), "version": "0.1.0", "ledger": 0, "migrations": [], **header})
    return path


def test_an_archive_is_whole_or_nothing(tmp_path: Path, settings: Any) -> None:
    for length in (0, 1, archive.CHUNK - 1, archive.CHUNK, archive.CHUNK + 1, 3 * archive.CHUNK):
        text = os.urandom(length)
        path = sealed(tmp_path / str(length), text)
        assert b"".join(archive.read(path)) == text and (length < 64 or text[:64] not in path.read_bytes())
    whole = path.read_bytes()
    start = len(archive.MAGIC) + 4 + int.from_bytes(whole[len(archive.MAGIC):][:4], "big")
    piece = 4 + archive.CHUNK + 16
    spoiled = {"cut at a piece": whole[:start + piece], "cut within one": whole[:-5], "a bit": whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:], "header": whole.replace(b'"main"', b'"keys"'),
               "two pieces changed places": whole[:start] + whole[start + piece:start + 2 * piece] + whole[start:start + piece] + whole[start + 2 * piece:], "more behind it": whole + whole[start:],
               "no archive": b"PGDMP" + whole, "nothing": b"", "a length": whole[:start] + b"\xff\xff\xff\xff" + whole[start + 4:]}
    for what, text in spoiled.items():
        (tmp_path / "spoiled").write_bytes(text)
        with pytest.raises(archive.Unreadable):
            print(what, archive.verify(tmp_path / "spoiled"))
        with pytest.raises(CommandError):
            call_command("restore", str(tmp_path / "spoiled"), "--over")
    settings.BACKUP_KEY = b"another key that is 32 bytes lon"
    with pytest.raises(CommandError, match="sealed with another key"):
        call_command("restore", str(path), "--over")


def test_made_registered_refused_and_ended(folder: Path, world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BACKUP_DAYS = 30
    assert "ends on" in said("backup")
    main, keys = register.entries()
    assert (main.holds, keys.holds) == ("main", "keys") and main.done and (folder / main.file).stat().st_mode & 0o777 == 0o600
    assert (main.over - datetime.fromisoformat(main.made_at)).days == 30 and (keys.over - datetime.fromisoformat(keys.made_at)).days == 7, "keys end sooner"
    assert world.north.slug.encode() not in (folder / main.file).read_bytes()
    assert main.file in said("backup", "--list") and "whole" in said("restore", str(folder / main.file), "--look")
    later = datetime.now(UTC)
    assert register.horizon(later) == main.over.date(), "the day on which the last backup ends that may have them"
    act(world.north, "suspend", world.north.person("member"))
    with pytest.raises(CommandError, match="is newer than the backup"):
        call_command("restore", str(folder / main.file))
    with pytest.raises(CommandError, match="newer than this one"):
        call_command("restore", str(sealed(folder / "newer", b"x", migrations=["dsar.9999_later"])), "--over")
    with pytest.raises(CommandError, match="is as it was"):
        call_command("restore", str(sealed(folder / "odd", b"no dump of pg_dump")), "--over")
    assert _there(world), "nothing was changed"
    with monkeypatch.context() as late:
        late.setattr(backups, "now", lambda: NOW + timedelta(days=8))
        assert keys.file in said("backup", "--expire") and not (folder / keys.file).exists() and (folder / main.file).exists()
    settings.PG_BIN = str(folder)
    with pytest.raises(CommandError, match="STEWARD_PG_BIN"):
        call_command("backup", "--main")
    assert len(register.entries()) == 2 and not list(folder.glob("*.part")), "what was not made is not in the register"
    settings.PG_BIN = ""
    (folder / register.NAME).write_text("{")
    with pytest.raises(CommandError, match=r"register.*damaged"):
        call_command("backup", "--main")


def _there(world: World) -> bool:
    with tenancy.installation("a test looks"):
        return Membership.objects.filter(id=world.north.person("owner").id).exists()


def test_a_backup_that_is_past_its_end_is_seen_and_certifies_nobody(folder: Path) -> None:
    Backup.objects.create(id=uuid4(), holds="main", made_at=NOW - timedelta(days=40), expires_at=NOW - timedelta(days=10), key_epoch="x")
    assert register.horizon(NOW) > NOW.date(), "it is still there"
    assert register.standing(now=NOW)[0] == 1 and b"steward_backups_late 1.0" in metrics.text() and b"past its end" in Client().get("/readyz").content
    Backup.objects.update(removed_at=NOW)
    assert register.horizon(NOW) == NOW.date() and b"steward_backup_age_seconds +Inf" in metrics.text()
    Backup.objects.all().delete()
    assert register.horizon(NOW) > NOW.date(), "without a register it is the number of days"


def test_nobody_who_was_deleted_comes_back_silently(world: World) -> None:
    """A file brings nobody back; by hand it takes a ground. Another organization learns nothing of it, and in time it is forgotten."""
    north, person = world.north, world.north.person("worker")
    address, later = person.account.email, datetime.now(UTC) + timedelta(days=91)
    act(north, "schedule-deletion", person)
    warned(person)
    numbered()
    with tenancy.installation("the schedule"):
        assert purging.purge(account_id=person.account_id, now=later)

    after = later + timedelta(days=31)  # until then the address is nobody’s

    def tried(slug: str, org: Org = north, **data: Any) -> list[str]:
        with tenancy.scope(org=org.organization.id, purpose=ACT):
            try:
                door.perform(power=BY_SLUG[slug], actor=org.actor("owner", now=after), data=data, now=after)
            except Refused as refusal:
                return refusal.codes
        return []

    assert tried("invite", rows=[{"email": address}]) == ["deleted_before"]
    assert tried("import-people", rows=[{"email": address.upper(), "name": "Worker"}]) == ["deleted_before"]
    assert "deleted_before" not in tried("invite", world.contoso, rows=[{"email": address}])
    assert returning.deleted(keys=[address], organization_id=north.organization.id, now=later + timedelta(days=729)) == {address}
    assert returning.deleted(keys=[address], organization_id=north.organization.id, now=later + timedelta(days=731)) == set()
    client = client_for(north.person("owner"))
    page = client.post(f"/o/{north.slug}/do/invite/", {"email": address, "role": "member", "anyway": "on"})
    assert "Say why somebody who was deleted" in page.content.decode()
    assert tried("invite", rows=[{"email": address}], anyway=True, private_note="She was hired again.") == []
    with tenancy.installation("a test looks"):
        entry = Entry.objects.get(org=north.organization.id, record__contains='"was_deleted":true')
    assert '"outcome":"success"' in entry.record and "hired" not in entry.record
