"""What a scheduled act means: when it is due, what takes its place, what it closes, and what must still be so when it falls due."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_date, parse_datetime

from accounts.models.plan import PlanState
from audit.canonical import canonical

S = PlanState
TRANSITIONS: dict[PlanState, frozenset[PlanState]] = {S.SCHEDULED: frozenset({S.SCHEDULED, S.DONE, S.CANCELLED, S.SUPERSEDED, S.VOID})}
"""What may become of a scheduled act: moved, done, taken back, made pointless by another act, or not possible when its time came. All but the first are an end."""
_MEMBERSHIP = frozenset({"restrict", "suspend", "restore", "remove", "change-role", "end-contract"})
_ACCOUNT = frozenset({"deactivate", "reactivate", "schedule-deletion"})
ENDS: dict[str, frozenset[str]] = {
    "restrict": frozenset({"restrict"}), "suspend": frozenset({"suspend", "restrict"}), "restore": frozenset({"restore"}),
    "remove": _MEMBERSHIP, "leave": _MEMBERSHIP, "cancel-invitation": _MEMBERSHIP,
    "change-role": frozenset({"change-role"}), "transfer-ownership": frozenset({"change-role"}),
    "deactivate": frozenset({"deactivate"}), "reactivate": frozenset({"reactivate"}), "lockdown": frozenset({"deactivate", "reactivate"}),
    "schedule-deletion": _ACCOUNT, "grant-own-deletion": _ACCOUNT, "release-account": _ACCOUNT,
    "end-contract": _MEMBERSHIP | {"deactivate", "reactivate"}, "suspend-inactive": frozenset({"suspend", "restrict"}),
}
"""An act that is done now, and the scheduled acts about the same person that are pointless after it."""
CLOSES_HERE, CLOSES_ACCOUNT = frozenset({"suspend", "remove", "end-contract"}), frozenset({"deactivate", "schedule-deletion"})
"""Acts after which no credential works: in this organization, or anywhere. The end of a contract closes the account too, where the organization manages it."""
_DAILY = frozenset({"sessions", "organization_sessions", "tokens", "services", "invitations", "enrol", "not_before", "until", "outlived", "ends_scheduled"})
"""Consequences that come and go in daily life, or by the passing of time. Nobody can undo what was agreed by making a token."""
WARN_BEFORE = (timedelta(days=3), timedelta(hours=24))


class NotPossible(Exception):
    """A scheduled act cannot go from this state to that: a programming error, never an answer to people."""


def go(row: Any, state: PlanState) -> None:
    """Change the state of a loaded row, if the table allows it."""
    if state not in TRANSITIONS.get(PlanState(row.state), frozenset()):
        raise NotPossible(f"{row.state} -> {state}")
    row.state = state


def moment(value: Any) -> datetime | None:
    """A time from cleaned form data or from a stored plan, where it is text."""
    return parse_datetime(value) if isinstance(value, str) and value else (value or None)


def day(value: Any) -> date | None:
    """A day from cleaned form data or from a stored plan, where it is text."""
    return parse_date(value) if isinstance(value, str) and value else (value or None)


def over_after(last: date, zone: str) -> datetime:
    """The moment at which a day is over, in that time zone."""
    return datetime.combine(last + timedelta(days=1), time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def last_day(over: datetime, zone: str) -> date:
    """The last day that is not over yet a moment before this one, in that time zone."""
    return (over - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()


def due_at(data: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the act is to happen, if that is not now already."""
    when = moment(data.get("not_before"))
    return when if when is not None and when > now else None


def without_time(data: Mapping[str, Any]) -> dict[str, Any]:
    """The act as it is done when its time has come."""
    return {name: value for name, value in data.items() if name != "not_before"}


def substance(*, power: str, person: Any, effects: Iterable[Any]) -> str:
    """What people agreed to, as a fingerprint: the act, who the person is to the organization, and the consequences that are decisions.

    Time passing, activity, new sessions or tokens do not change it; another role, another manager of the account, or another outcome does.
    """
    codes = sorted({effect.code for effect in effects if effect.code.partition(":")[0] not in _DAILY})
    return hashlib.sha256(canonical({"power": power, "rank": person.rank, "managed": person.managed, "effects": codes})).hexdigest()


def warned_for(*, due: datetime, now: datetime, ahead: Iterable[timedelta] = WARN_BEFORE) -> int:
    """How many of the warnings the distance leaves no room for: they count as given."""
    return sum(1 for before in ahead if due - now <= before)
