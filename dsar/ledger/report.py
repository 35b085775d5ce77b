"""What a replay did, or would do: counted by log and kind, with the rows that somebody has to complete. It survives an interruption."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from audit import INSTALLATION
from dsar.ledger.file import Line


@dataclass
class Report:
    """What was done, or would be."""

    lines: int = 0
    first: int = 0
    last: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By log and kind: people or things that were not as the ledger says."""
    told: Counter[str] = field(default_factory=Counter)
    """What happened since and is not in this database, by event: it can only be told."""
    again: list[str] = field(default_factory=list)
    """Rows that came back without their words, as `kind number day`: somebody has to enter those again."""
    mails: int = 0
    sessions: int = 0

    def resume(self, found: dict[str, dict[str, int]], *, first: int) -> None:
        """Whoever was interrupted goes on counting where they were."""
        so_far = found.get("", {})
        self.first, self.lines = so_far.get("first", first), so_far.get("lines", 0)
        self.changed.update({(log, kind): number for log, counts in found.items() if log not in {"", "again"} for kind, number in counts.items()})
        self.again += found.get("again", {})

    def so_far(self) -> dict[str, dict[str, int]]:
        kept: dict[str, dict[str, int]] = {"": {"first": self.first, "lines": self.lines}}
        for (log, kind), number in self.changed.items():
            kept.setdefault(log, {})[kind] = number
        return kept | ({"again": dict.fromkeys(self.again, 1)} if self.again else {})

    def count(self, line: Line) -> None:
        self.changed[str(line.org or INSTALLATION), line.kind] += 1

    def total(self, kind: str) -> int:
        return sum(number for (_log, one), number in self.changed.items() if one == kind)
