"""What the inactivity rule says of one person at one moment: a pure function of when they last used something, what they were told, and the clock."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from accounts.models import OrganizationPolicy

FEWEST, MOST = 30, 730
FIRST, LAST = timedelta(days=14), timedelta(days=3)
"""How long before the end people are warned for the first time, and for the last time. Nobody is suspended with less, however late somebody looked."""
REASON = "inactive"
"""The ground in the entry of the suspension, and beside the status."""
Step = Literal["", "warn", "remind", "suspend"]


@dataclass(frozen=True)
class Rule:
    """So many days without use, as decided at that moment."""

    days: int
    since: datetime

    @property
    def begins(self) -> datetime:
        """Before this nobody is suspended by it."""
        return self.since + FIRST

    def over(self, used: datetime) -> datetime:
        """When somebody who was last here then is to be suspended, if there was time enough to tell them."""
        return max(used + timedelta(days=self.days), self.begins)


def of(row: OrganizationPolicy) -> Rule | None:
    """The rule of an organization, or None where it has none."""
    return Rule(row.inactive_days, row.inactive_since) if row.inactive_days and row.inactive_since else None


@dataclass(frozen=True)
class Stand:
    """When somebody last used something here, and when they were told what follows from that."""

    used: datetime
    warned: datetime | None = None
    reminded: datetime | None = None


def step(rule: Rule, stand: Stand, now: datetime) -> tuple[Step, datetime]:
    """What is to be done now, and when the access ends if the person stays away.

    A warning counts only if it was given under this rule and the person was not here since. Whoever was told late is suspended later.
    """
    over = rule.over(stand.used)
    warned = stand.warned if stand.warned and stand.warned > stand.used and stand.warned >= rule.since else None
    if warned is None:
        return ("warn" if now >= over - FIRST else ""), max(over, now + FIRST)
    ends = max(over, warned + FIRST)
    if stand.reminded is None or stand.reminded <= warned:
        return ("remind", max(ends, now + LAST)) if now >= ends - LAST else ("", ends)
    ends = max(ends, stand.reminded + LAST)
    return ("suspend" if now >= ends else ""), ends
