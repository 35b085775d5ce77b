from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.domains.dns_server import Zone, serving


@pytest.fixture
def zone(settings: Any) -> Iterator[Zone]:
    """A name server of the test, asked for every proof."""
    with serving() as made:
        settings.DNS_RESOLVERS = [made.address]
        yield made
