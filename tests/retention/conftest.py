"""Runs look at every organization."""
from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _alone(alone: None) -> None:
    """Runs look at every organization."""
