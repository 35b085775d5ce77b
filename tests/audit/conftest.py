from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.audit.logs import Log


@pytest.fixture
def log() -> Iterator[Log]:
    """A fresh log, gone afterwards: some tests leave it broken on purpose."""
    made = Log()
    yield made
    made.forget()
