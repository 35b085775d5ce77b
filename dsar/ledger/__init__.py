"""The ledger: a file outside the database with a line for each privacy act, so that a restored backup brings nobody back (RIGHTS 6c)."""
from __future__ import annotations

from audit.outside import Unavailable
from dsar.ledger.writing import line, lines

__all__ = ["Unavailable", "line", "lines"]
