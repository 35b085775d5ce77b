"""The restriction as a machine: its states and steps in one table, the grounds, and the dates."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organization
from accounts.profile import aside
from accounts.purposes import FREED
from dsar.clock.days import Seat, add_business_days
from dsar.restriction.model import Restriction, RestrictionState

S = RestrictionState
STEPS: dict[str, dict[str, str]] = {
    S.PROPOSED: {"activate": S.PROVISIONAL, "settle": S.CONFIRMED},
    S.PROVISIONAL: {"confirm": S.CONFIRMED, "announce": S.NOTICE, "withdraw": S.LIFTED},
    S.CONFIRMED: {"announce": S.NOTICE, "withdraw": S.LIFTED},
    S.NOTICE: {"lift": S.LIFTED, "free": S.CONFIRMED, "withdraw": S.LIFTED},
    S.LIFTED: {},
}
"""What can happen in each state, and where it leads. What is not here cannot happen: nothing is lifted that was not announced, but by the person."""
OBJECTIONS = {
    "consent": _("The person agrees to this use"), "legal_claims": _("Needed for legal claims"), "others_rights": _("Needed to protect the rights of somebody else"),
    "public_interest": _("Important public interest"), "security": _("Needed for the security of the service"), "no_right": _("The right does not apply (say why in the private note)"),
}
"""Grounds on which the organization may object while it can (Art. 18(2) GDPR)."""
SETTLED = {"checked": _("What was disputed has been checked and settled"), "answered": _("The late request has been answered"), "decided": _("The objection has been decided")}
"""Grounds that end a restriction later: why it began is over."""
AFTER = frozenset({"consent", "legal_claims", *SETTLED})
"""Those that still count once it is confirmed."""
DAYS = 3
"""Working days in which the organization can object."""
NOTICE = timedelta(hours=72)
"""So long before anything is lifted the person is told."""


class Impossible(Exception):
    """The step does not exist in this state: a programming error, or somebody was faster."""


def may(row: Restriction | None, step: str) -> bool:
    """Whether this can happen now."""
    return row is not None and step in STEPS[row.state]


def go(row: Restriction, step: str, *, now: datetime) -> None:
    """Take the step, with the date that belongs to it. The membership follows by `mark`."""
    if not may(row, step):
        raise Impossible(f"{step} in {row.state}")
    row.state = STEPS[row.state][step]
    if step in {"confirm", "settle"}:
        row.confirmed_at = now
    elif step == "announce":
        row.lift_at = now + NOTICE
    elif step == "free":
        row.freed, row.freeing, row.lift_at, row.confirmed_at = [name for name in FREED if name in {*row.freed, *row.freeing}], [], None, row.confirmed_at or now
    if row.state == S.LIFTED:
        row.lifted_at = now


def ending(row: Restriction) -> str:
    """Whether what is announced lifts everything, or frees a part: the step it leads to."""
    return "lift" if set(FREED) <= {*row.freed, *row.freeing} else "free"


def mark(membership: Membership, row: Restriction, *, others: Iterable[Restriction] = ()) -> None:
    """Let the person's row in the organization say how it may be read: PostgreSQL keeps that (`portal/database.py`, `accounts/profile/aside.py`). `others` are restrictions of other parts."""
    if row.what:
        aside.close(membership, [one.what for one in (row, *(one for one in others if one.id != row.id)) if one.state not in {S.PROPOSED, S.LIFTED}])
        return
    membership.use_restricted = row.state not in {S.PROPOSED, S.LIFTED}
    membership.use_freed = list(row.freed) if membership.use_restricted else []


def object_by(organization: Organization, now: datetime) -> datetime:
    """The end of the third working day after today, where the organization is. Weekends do not count."""
    seat = Seat("", zone=organization.time_zone or "UTC")
    return seat.end_of(add_business_days(now.astimezone(ZoneInfo(seat.zone)).date(), DAYS, seat=None))
