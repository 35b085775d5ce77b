"""What the rule about unused accounts says of one account at one moment: a pure function of its last use, the warnings and the clock."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.conf import settings

from accounts import deletions
from accounts.models import OrganizationPolicy

FEWEST, MOST = 180, 3650
WARNED = (timedelta(days=60), timedelta(days=30), timedelta(days=7))
"""How long before the account is closed its holder is told: three times. Nobody is closed with less, however late somebody looked."""
ONCE = (timedelta(days=7),)
"""Of an account whose address nobody ever confirmed: one letter, because it may go to a stranger."""
UNCONFIRMED = 30
"""After so many days such an account goes, where nothing hangs on it."""
REASON = deletions.UNUSED
Step = Literal["", "warn", "close"]


@dataclass(frozen=True)
class Rule:
    """So many days without any use, as decided at that moment, with these warnings."""

    days: int
    since: datetime
    warned: tuple[timedelta, ...] = WARNED


BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def of_installation() -> Rule | None:
    """The rule for accounts that nobody manages, or None where whoever operates the installation wants none."""
    return Rule(settings.INACTIVE_ACCOUNT_DAYS, BEGINNING) if settings.INACTIVE_ACCOUNT_DAYS else None


def of_unconfirmed() -> Rule | None:
    """The same for addresses that were never confirmed."""
    return Rule(UNCONFIRMED, BEGINNING, ONCE) if settings.INACTIVE_ACCOUNT_DAYS else None


def of(row: OrganizationPolicy) -> Rule | None:
    """The rule of an organization for the accounts that it manages, or None where it has none."""
    return Rule(row.unused_days, row.unused_since) if row.unused_days and row.unused_since else None


def counting(rule: Rule, used: datetime, told: Iterable[datetime]) -> tuple[datetime, ...]:
    """The warnings that count: given under this rule, and after the last use."""
    return tuple(at for at in told if at > used and at >= rule.since)


def step(rule: Rule, used: datetime, told: Iterable[datetime], now: datetime) -> tuple[Step, datetime]:
    """What is to be done now, and when the account is closed if nobody uses it. Whoever was told late is closed later: each warning promises its days."""
    given = counting(rule, used, told)
    ends = used + timedelta(days=rule.days)
    for before, at in zip(rule.warned, given, strict=False):
        ends = max(ends, at + before)
    if len(given) < len(rule.warned):
        before = rule.warned[len(given)]
        return ("warn", max(ends, now + before)) if now >= ends - before else ("", ends if given else max(ends, rule.since + before))
    return ("close" if now >= ends else ""), ends
