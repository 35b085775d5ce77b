"""A signer of a test, with keys and a memory in a folder of its own, over the logs of that test only."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connections

from accounts import tenancy
from audit import epochs
from audit.signer import ALIAS, Signer
from tests.audit.logs import number_all, tampering


@contextmanager
def fresh_signing(settings: Any, folder: Path) -> Iterator[None]:
    """No statements, heads or keys are there before or afterwards: each test's signer begins on its first day."""
    settings.SIGNER_DIR = str(folder / "signer")
    _forget()
    try:
        yield
    finally:
        _forget()
        _bring_back()


def _forget() -> None:
    with tampering() as attacker:
        attacker.execute("TRUNCATE audit_epoch, audit_rootcheckpoint, audit_logkey, audit_signingrequest")
        attacker.execute("DELETE FROM audit_tile WHERE org = '00000000-0000-4000-8000-000000000002'")
        attacker.execute("UPDATE audit_signerstate SET refused = '', refused_at = NULL, seen_at = NULL")


_hidden: list[tuple[Any, ...]] = []


def only(*logs: UUID) -> None:
    """Other tests' logs are of no concern here: until the test is over the signer sees these only."""
    with tampering() as attacker:
        _hidden.extend(attacker.execute("DELETE FROM audit_tree WHERE NOT org = ANY(%s) RETURNING org, size, root, range, recorded_at", [list(logs)]).fetchall())


def _bring_back() -> None:
    with tampering() as attacker:
        while _hidden:
            attacker.execute("INSERT INTO audit_tree (org, size, root, range, recorded_at) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (org) DO NOTHING", _hidden.pop())


def step(signer: Signer | None = None, *, now: datetime | None = None) -> Signer:
    """One round of a signer."""
    number_all()
    signer = signer or Signer()
    signer.step(now=now or datetime.now(UTC))
    return signer


def state(org: UUID) -> epochs.Statement:
    """Ask for a statement and have it made."""
    with tenancy.scope(org=org):
        request = epochs.ask(kind="epoch", org=org, body={}, now=datetime.now(UTC))
    step()
    with tenancy.scope(org=org):
        return epochs.at(index=epochs.wait(request, seconds=1)["index"])


def release() -> None:
    """What a signer that was killed leaves behind: nothing, its connection is gone."""
    connections[ALIAS].close()
