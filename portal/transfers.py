"""Transfers as each side sees them: whoever offers sees no answer before there is one to see, whoever receives sees only people whom they know, and the person sees both."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts import notice, reasons
from accounts.gathering import needed
from accounts.models import Membership, NoticeVersion, Organization, Transfer
from accounts.models.transfer import OPEN, TransferState
from accounts.people import Person
from accounts.tenancy import installation
from accounts.transfers import life
from accounts.work import plain
from portal.claims import control

SHOWN = 100
_BADGES = {TransferState.OFFERED: ("info", "clock"), TransferState.ACCEPTED: ("warn", "clock"), TransferState.DONE: ("ok", "ok")}


@dataclass(frozen=True)
class Shown:
    """One transfer as one of the two organizations sees it."""

    row: Transfer
    mine: bool
    """Whether this organization offered it."""
    other: str
    """The name of the other organization; before it has accepted, the address that was typed."""
    member: UUID | None

    @property
    def state(self) -> TransferState:
        """Whoever offers does not learn that it was declined: that would tell that the person belongs there."""
        state = TransferState(self.row.state)
        return TransferState.OFFERED if self.mine and state == TransferState.DECLINED else state

    @property
    def state_name(self) -> str:
        return str(self.state.label)

    @property
    def badge(self) -> tuple[str, str]:
        return _BADGES.get(self.state, ("", "off"))

    @property
    def open(self) -> bool:
        return self.state in OPEN and not (not self.mine and self.state == TransferState.DECLINED)

    @property
    def problem(self) -> str:
        return reasons.text(self.row.problem) if self.row.problem and self.mine else ""


def offered(organization_id: UUID) -> list[Shown]:
    """What the organization offered, the newest first."""
    return _shown(life.offered(organization_id)[:SHOWN], organization_id, mine=True)


def received(organization_id: UUID) -> list[Shown]:
    """What the organization was offered, the newest first."""
    return _shown(life.received(organization_id)[:SHOWN], organization_id, mine=False)


def about(person: Person, organization_id: UUID) -> list[Shown]:
    """What is open about one person, on either side."""
    needed((life.transfers,), [person])
    outgoing, incoming = person.extra["transfer"], person.extra["offer"]
    return [*(_shown([outgoing], organization_id, mine=True) if isinstance(outgoing, Transfer) else []), *(_shown([incoming], organization_id, mine=False) if isinstance(incoming, Transfer) else [])]


def _shown(rows: Iterable[Transfer], organization_id: UUID, *, mine: bool) -> list[Shown]:
    rows = list(rows)
    members = dict(Membership.objects.filter(organization_id=organization_id, account_id__in=[row.account_id for row in rows]).exclude(status="removed").values_list("account_id", "id"))
    wanted = {row.to_organization_id if mine else row.organization_id for row in rows if not mine or row.accepted_at is not None}
    names = _names([i for i in wanted if i])
    return [Shown(row, mine, names.get(row.to_organization_id if mine else row.organization_id) or row.to_slug, members.get(row.account_id)) for row in rows]  # type: ignore[arg-type]


def _names(wanted: list[UUID]) -> dict[UUID, str]:
    if not wanted:
        return {}
    with installation("the two organizations of a transfer know each other's name"):
        return dict(Organization.objects.filter(id__in=wanted).values_list("id", "name"))


@dataclass(frozen=True)
class Own:
    """The newest transfer of a person's account, as they see it."""

    row: Transfer
    version: NoticeVersion | None
    membership: UUID | None
    """Of the person in the other organization, where its notice can be read."""

    @property
    def open(self) -> bool:
        return self.row.state in OPEN

    @property
    def accepted(self) -> bool:
        return self.row.state == TransferState.ACCEPTED

    @property
    def other(self) -> str:
        return self.row.to_organization.name if self.row.to_organization is not None and self.row.accepted_at is not None else self.row.to_slug

    @property
    def words(self) -> str:
        """What became of it, for the person."""
        return {TransferState.DONE: _("It took effect on its date."), TransferState.OBJECTED: _("You objected, so it did not happen."), TransferState.LEFT: _("You took your account yourself."),
                TransferState.MISSED: _("It did not happen, because something had changed.")}.get(TransferState(self.row.state), _("It ended without effect."))

    @property
    def powers(self) -> Any:
        return control(self.version)


def mine(account_id: UUID) -> Own | None:
    """The newest transfer of the person's account, whichever organization offered it."""
    if not Transfer.objects.filter(account_id=account_id).exists():
        return None
    with installation("a person's own account, with who offers it to whom"):
        row = Transfer.objects.filter(account_id=account_id).select_related("organization", "to_organization").order_by("-offered_at", "id")[0]
        there = Membership.objects.filter(account_id=account_id, organization_id=row.to_organization_id).exclude(status__in=("removed", "invited")).values_list("id", flat=True).first()
        return Own(row, notice.shown([row.notice_version]).get(row.notice_version), there if row.accepted_at else None)


def as_json(found: Shown) -> dict[str, Any]:
    """A transfer as the API shows it to one of the two organizations."""
    row = found.row
    return {"id": str(row.id), "person": str(found.member) if found.member else None, "direction": "offered" if found.mine else "received", "other": found.other, "state": found.state.value,
            "offered_at": plain(row.offered_at), "answer_until": plain(row.answer_until), "effective_at": plain(row.effective_at), "problem": row.problem if found.mine else ""}


def own_json(found: Own) -> dict[str, Any]:
    """A transfer as its person reads it."""
    row = found.row
    state = TransferState.OFFERED if row.state == TransferState.DECLINED else TransferState(row.state)
    return {"id": str(row.id), "from": row.organization.name, "to": found.other, "state": state.value, "offered_at": plain(row.offered_at), "answer_until": plain(row.answer_until),
            "effective_at": plain(row.effective_at), "notice_version": found.version.number if found.version else None, "powers": [one.slug for one in found.powers] if found.version else []}
