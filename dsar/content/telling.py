"""What of an access is not told yet: until the delay that two people agreed on is over, its entries are not in the person's ledger (POWERS P3)."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

FACT = "tell_at"
"""The fact of an entry that says from when on the person finds it. It stands in the log from the first moment, so nobody can change it."""


def untold(record: Mapping[str, Any], now: datetime) -> bool:
    """Whether the person does not learn of this entry yet."""
    at = record.get("facts", {}).get(FACT)
    return bool(at) and datetime.fromisoformat(str(at)) > now
