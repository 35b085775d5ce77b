"""What rests for the person at this moment: access that an organization suspended or restricted, and data that it may only store. With what goes on all the same (POWERS P2, RIGHTS 3e)."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from accounts import purposes, tenancy
from accounts.models import Account, Membership, Organization
from accounts.models.membership import MembershipStatus
from dsar.restriction import parts, states
from dsar.restriction.model import Restriction, RestrictionState
from portal import sentences


@dataclass(frozen=True)
class Access:
    """Access to one organization that is suspended or restricted, with what the person was told, what stops and what goes on."""

    organization: Organization
    status: str
    since: datetime | None
    until: datetime | None
    ground: str
    words: str
    """What the organization wrote to the person."""
    stops: tuple[str, ...]
    goes: tuple[str, ...]


@dataclass(frozen=True)
class Use:
    """One organization that may only store what it holds about the person, or one part of it."""

    row: Restriction
    groups: Mapping[str, str] = field(default_factory=dict)
    """How groups are called that it may name, by their numbers, for whoever may read that."""

    @property
    def organization(self) -> Organization:
        return self.row.organization

    @property
    def what(self) -> str:
        """The part in words; '' for all of it."""
        return parts.words(self.row.what, self.groups) if self.row.what else ""

    @property
    def trigger(self) -> str:
        return self.row.get_trigger_display()

    @property
    def ground(self) -> str:
        return str({**states.OBJECTIONS, **states.SETTLED}.get(self.row.ground, ""))

    @property
    def freeing(self) -> list[str]:
        return [str(purposes.PURPOSES[name]) for name in self.row.freeing]

    @property
    def freed(self) -> list[str]:
        return [str(purposes.PURPOSES[name]) for name in self.row.freed]


@dataclass(frozen=True)
class Standing:
    """Everything that rests for one person, by organization."""

    access: tuple[Access, ...]
    use: tuple[Use, ...]

    @property
    def shortly(self) -> tuple[str, ...]:
        """Where use is restricted, one sentence for each organization, for the card of the right."""
        whole = {one.organization.id for one in self.use if not one.what}
        places = dict.fromkeys((one.organization.id, one.organization.name) for one in self.use)
        return tuple((_("Restricted at %(organization)s.") if number in whole else _("Restricted in part at %(organization)s.")) % {"organization": name} for number, name in places)


def of(account: Account, members: Iterable[Membership]) -> Standing:
    """What rests for this person now, in every organization of theirs; `members` are their memberships by the organization's name."""
    closed = [row for row in members if row.status in {MembershipStatus.SUSPENDED, MembershipStatus.RESTRICTED}]
    with tenancy.installation("what rests for a person, wherever it is"):
        on = list(Restriction.objects.filter(account_id=account.id).exclude(state__in=(RestrictionState.PROPOSED, RestrictionState.LIFTED)).select_related("organization")
                  .order_by("organization__name", "what"))
        called = parts.names(on)
        return Standing(tuple(_access(row) for row in closed), tuple(Use(row, called) for row in on))


def _access(row: Membership) -> Access:
    stops, goes = _suspended() if row.status == MembershipStatus.SUSPENDED else _narrowed(row)
    return Access(row.organization, row.status, row.status_changed_at, row.status_until, _ground(row.reason_code), row.reason_text, stops, goes)


def _ground(code: str) -> str:
    """The ground as the person reads it; "other" is explained in the organization's message or not at all."""
    return _("You asked for it") if code == "person_asked" else "" if code == "other" else sentences.ground_called(code)


def _suspended() -> tuple[tuple[str, ...], tuple[str, ...]]:
    return ((_("You get into none of its services, and your API tokens there do not work. They do not come back; you make new ones."),),
            (_("You sign in as before, and every right on this page is yours: get a copy, correct, restrict, object, withdraw, deactivate, delete, complain."),
             _("Nothing was deleted. Whoever gives the access back can give your groups and services back as they were; a role with powers over others has to be granted anew."),
             _("Other organizations are not affected, and do not learn of it.")))


def _narrowed(row: Membership) -> tuple[tuple[str, ...], tuple[str, ...]]:
    stops = _("You only read in its services.") if row.restricted_mode == "read_only" else _("You get into those of its services only that stand under what your account opens.")
    return ((stops,), (_("You sign in as before, and every right on this page is yours."), _("Nothing was deleted, and other organizations are not affected.")))
