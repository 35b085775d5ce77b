"""Making copies in tests: asked for through the door, made as the worker does, opened as the person would."""
from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accounts import access, door, tenancy
from accounts.actor import Proof
from accounts.entries import actor_ref
from accounts.models import Account, Membership
from audit import sequencer
from dsar.export import run
from dsar.models import Copy
from dsar.powers import request_copy


def numbered() -> None:
    with tenancy.installation("a test numbers every log"):
        while sequencer.run_once():
            pass


def asked(person: Membership) -> Copy:
    account = Account.objects.get(id=person.account_id)
    with tenancy.scope(account=account.id):
        actor = access.own_actor(account=account, proof=Proof(), session_id=None)
        door.perform(power=request_copy.POWER, actor=actor, data={}, now=datetime.now(UTC))
    with tenancy.scope(account=account.id):
        return Copy.objects.filter(account_id=account.id).latest("asked_at")


def made(person: Membership) -> Copy:
    row = asked(person)
    numbered()
    run.resume(now=datetime.now(UTC))
    return again(row)


def again(row: Copy) -> Copy:
    """The row as it is now."""
    with tenancy.installation("a test looks"):
        return Copy.objects.get(id=row.id)


def fetched(row: Copy) -> bytes:
    account = Account.objects.get(id=row.account_id)
    actor = actor_ref(access.own_actor(account=account, proof=Proof(), session_id=None))
    _row, blocks = run.fetch(holder=run.Holder(account=account.id), copy_id=row.id, now=datetime.now(UTC), actor=actor, via="ui")
    return b"".join(blocks)


def unpacked(data: bytes, to: Path) -> Path:
    """The folder of the bag."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        archive.extractall(to)
    (folder,) = to.iterdir()
    return folder


def copy_of(person: Membership, to: Path) -> Path:
    row = made(person)
    assert row.state == "ready", row.failure
    return unpacked(fetched(row), to)


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / "data" / name).read_text().splitlines()]


def everything(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())
