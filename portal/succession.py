"""Succession as people and programs see it: who would follow, whether they could, how old the codes are, what is under way and what happened."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import Membership, Organization, RecoveryCode, SuccessionCase, Successor
from accounts.models.succession import OPEN
from accounts.roles import OWNER_RANK
from accounts.succession import life, owners
from accounts.work import plain

BADGES = {"opened": ("info", "clock"), "waiting": ("bad", "clock"), "offered": ("bad", "warn"), "accepted": ("bad", "warn"),
          "operator": ("bad", "warn"), "done": ("ok", "ok"), "stopped": ("ok", "ok"), "expired": ("warn", "off")}
ENDED = 20
"""So many that ended are shown."""
CODES_AGE = timedelta(days=365)


@dataclass
class Follower:
    """A named successor who is no owner yet, and what stands in their way."""

    row: Successor
    able: bool

    @property
    def name(self) -> str:
        return self.row.membership.account.name or self.row.membership.account.email

    @property
    def trouble(self) -> str:
        member, account = self.row.membership, self.row.membership.account
        if self.row.declined_at is not None:
            return _("Declined")
        if self.able:
            return ""
        if member.status != "active" or account.status != "active" or account.email_verified_at is None:
            return _("Is no active member now")
        return _("Has no second factor")


@dataclass
class Case:
    """One succession, with the name of whoever would become owner."""

    row: SuccessionCase
    name: str

    @property
    def badge(self) -> tuple[str, str]:
        return BADGES[self.row.state]

    @property
    def open(self) -> bool:
        return self.row.state in OPEN

    @property
    def steps(self) -> list[tuple[str, datetime | None, bool]]:
        """The way through the waiting period: what, when, and whether it lies behind."""
        row = self.row
        found: list[tuple[str, datetime | None, bool]] = [(_("Opened"), row.opened_at, True)]
        if row.waiting_since is not None:
            found += [(_("Owners are told (%(n)d)") % {"n": number}, row.waiting_since + after, row.told >= number) for number, after in enumerate(life.pace(row).notices, start=1)
                      if self.open or row.told >= number]
            if self.open or row.state == "done":
                found.append((_("The waiting period ends"), row.waits_until, row.state != "waiting"))
        if row.offer_until is not None:
            found.append((_("The offer to %(name)s ends") % {"name": self.name}, row.offer_until, False))
        if row.accepted_at is not None:
            found.append((_("%(name)s accepted") % {"name": self.name}, row.accepted_at, True))
        if row.ended_at is not None:
            found.append((str(row.get_state_display()), row.ended_at, True))
        return found


@dataclass
class Overview:
    """Everything that the page of succession shows."""

    followers: list[Follower]
    open: list[Case]
    ended: list[Case]
    codes_made_at: datetime | None
    codes_old: bool
    owners: int
    usable: int
    days: int

    @property
    def able(self) -> int:
        return sum(follower.able for follower in self.followers)


def of(organization: Organization, *, now: datetime) -> Overview:
    """How the organization is prepared, and what is under way."""
    followers = _followers(organization.id)
    rows = list(SuccessionCase.objects.filter(organization=organization).order_by("-opened_at")[:ENDED + len(OPEN)])
    names = {m.id: m.account.name or m.account.email for m in Membership.objects.filter(organization=organization, id__in=[row.person for row in rows if row.person]).select_related("account")}
    cases = [Case(row, names.get(row.person, "") if row.person else "") for row in rows]
    made = RecoveryCode.objects.filter(organization=organization).values_list("made_at", flat=True).first()
    holders = owners.of(organization.id)
    return Overview(followers=followers, open=[case for case in cases if case.open], ended=[case for case in cases if not case.open][:ENDED],
                    codes_made_at=made, codes_old=made is not None and made <= now - CODES_AGE,
                    owners=len(holders), usable=sum(owner.usable for owner in holders), days=organization.owner_silent_days)


def _followers(organization_id: UUID) -> list[Follower]:
    rows = list(Successor.objects.filter(organization_id=organization_id, membership__role__rank__lt=OWNER_RANK).select_related("membership__account").order_by("place"))
    able = owners.eligible(organization_id, [row.membership_id for row in rows])
    return [Follower(row, row.declined_at is None and row.membership_id in able) for row in rows]


def as_json(found: Overview) -> dict[str, Any]:
    """The same for programs."""
    return {
        "owners": found.owners, "usable_owners": found.usable, "silent_after_days": found.days, "codes_made_at": plain(found.codes_made_at),
        "successors": [{"person_id": str(f.row.membership_id), "name": f.name, "place": f.row.place, "declined": f.row.declined_at is not None, "able": f.able} for f in found.followers],
        "cases": [_case(c.row) for c in [*found.open, *found.ended]]}


def _case(row: SuccessionCase) -> dict[str, Any]:
    return {"id": str(row.id), "way": row.way, "cause": row.cause, "state": row.state, "opened_at": plain(row.opened_at), "waits_until": plain(row.waits_until), "notices": row.told,
            "person_id": str(row.person) if row.person else None, "offer_until": plain(row.offer_until), "reference": row.reference, "ground": row.words, "ended_at": plain(row.ended_at),
            "ended_how": row.ended_how}
