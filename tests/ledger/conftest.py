"""What a replay of the whole ledger brings back is the whole installation's: other tests sign in without it."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.audit.logs import tampering


@pytest.fixture(scope="module", autouse=True)
def _alone(alone: None) -> None:
    """A ledger is replayed whole."""


@pytest.fixture(autouse=True)
def no_notice_of_the_operator() -> Iterator[None]:
    """Lines of a privacy notice that another test published publish it again."""
    yield
    with tampering() as attacker:
        attacker.execute("DELETE FROM dsar_round WHERE kind LIKE 'privacy%'")
        attacker.execute("DELETE FROM dsar_privacynotice")
