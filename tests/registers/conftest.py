"""What is told to everybody is told to whoever has an account."""
from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _alone(alone: None) -> None:
    """What is told to everybody is told to whoever has an account."""
