"""Exports in tests: asked for through the door, numbered, signed and carried out in this process."""
from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accounts import door, exporting, tenancy
from accounts.models import Membership
from accounts.powers import BY_SLUG
from audit import INSTALLATION, ROOT, recording
from audit.export import files
from audit.models import Export
from audit.record import ActorRef, Change, EntryDraft, TargetRef, Why
from tests.audit.logs import number_all
from tests.audit.signing import fresh_signing, only, release, step
from tests.cast import Org

FORM = {"purpose": "A lawsuit", "disclosures": "all", "csv": True, "ocsf": True, "loadfile": True, "ocsf_version": "1.8.0"}


@contextmanager
def kept_apart(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Files of exports and the signer's keys in a folder of this test, and a root log that begins with it and knows no other test's logs."""
    settings.DATA = tmp_path
    with fresh_signing(settings, tmp_path):
        number_all()
        only(INSTALLATION, ROOT)
        yield
        release()


def history(org: Org, count: int = 5, *, actor: str = "owner", about: str = "worker", **given: Any) -> None:
    """Acts with personal values, by one member about another."""
    from django.db import transaction

    now, by, person = datetime.now(UTC), org.person(actor), org.person(about)
    with tenancy.scope(org=org.organization.id), transaction.atomic(), recording.opened(org=org.organization.id, now=now) as act:
        act.write([EntryDraft(**{
            "org": org.organization.id, "action": "membership.suspended", "category": "access", "outcome": "success",
            "actor": ActorRef(type="user", id=by.account_id, name="Ada Example", email="ada@log.example"),
            "targets": [TargetRef(type="person", id=person.account_id, label="Bob Example", subject=person.account_id)],
            "changes": [Change(path="membership.title", op="replace", before="Analyst", after="Engineer", klass="pii", subject=person.account_id)],
            "why": Why(text="asked on the phone", private_note="counsel says yes", subject=person.account_id), **given}) for _ in range(count)])


def ask(org: Org, who: str = "legal", **data: Any) -> Export:
    """Ask for an export."""
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["export-audit"], actor=org.actor(who), ids=[], data={**FORM, **data}, now=datetime.now(UTC))
        return Export.objects.filter(org=org.organization.id).order_by("-asked_at")[0]


def sign() -> None:
    """One round of sequencer and signer."""
    number_all()
    step()


def carry_out(row: Export, rounds: int = 60) -> Export:
    """Sequencer, signer and worker in turns, until it is over."""
    for _ in range(rounds):
        sign()
        if exporting.turn(row.id, row.org) == "done":
            break
    return again(row)


def again(row: Export) -> Export:
    with tenancy.scope(org=row.org):
        return Export.objects.get(id=row.id)


def exported(org: Org, who: str = "legal", **data: Any) -> Export:
    """A sealed export."""
    row = carry_out(ask(org, who, **data))
    assert row.state == "sealed", (row.state, row.error, row.error_seq)
    return row


def verified(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the bundle's own verifier says, as an outsider runs it."""
    return subprocess.run([sys.executable, "-I", str(folder / "verify.py"), *arguments], capture_output=True, text=True, check=False, timeout=120)


def bundle(row: Export) -> Path:
    return files.bundle(row.id)


def member(org: Org, name: str) -> Membership:
    return org.person(name)


def entries(org: uuid.UUID, action: str) -> list[dict[str, Any]]:
    """The records of one action in a log."""
    import json

    from django.db import connection

    with tenancy.scope(org=org), connection.cursor() as cursor:
        cursor.execute("SELECT record FROM audit_entry WHERE org = %s AND record::jsonb ->> 'action' = %s ORDER BY id", [org, action])
        return [json.loads(row[0]) for row in cursor.fetchall()]
