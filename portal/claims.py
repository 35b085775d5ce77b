"""Claims as people and programs see them: counts by state, the accounts with filter, and what control means, from the powers themselves."""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import notice
from accounts.claims import candidates, life
from accounts.domains.names import shown
from accounts.models import Claim, ClaimedAccount, Domain, NoticeVersion
from accounts.models.claim import UNDECIDED, ClaimState, Standing
from accounts.models.domain import DomainState
from accounts.power import Power
from accounts.reasons import REASONS, NotFound
from accounts.tenancy import installation
from accounts.work import plain
from portal.notices_of import Named, named
from portal.powers import POWERS

SIZE = 50
KINDS: dict[str, str | Promise] = {
    "managed_here": _("Managed by your organization already"), "member": _("Members whom nobody manages"), "other": _("Accounts that are not members and that nobody manages"),
    "managed_elsewhere": _("Managed by another organization"), "unverified": _("Address never confirmed: cannot be claimed"), "objected": _("Objection open"), "announced": _("Told already"),
    "told_often": _("Told of claims twice within a month: left alone for now"), "not_now": _("Not active now: cannot be claimed")}
BADGES = {"announced": ("info", "clock"), "accepted": ("ok", "ok"), "objected": ("bad", "warn"), "rejected": ("info", "clock"), "left": ("warn", "off"), "exempted": ("warn", "off"),
          "missed": ("warn", "off"),
          "withdrawn": ("warn", "off"), "managed": ("ok", "ok"), "ending": ("warn", "clock"), "released": ("warn", "off"), "announcing": ("info", "clock"), "finished": ("ok", "ok"),
          "cancelled": ("warn", "off"), "ended": ("warn", "off")}
GROUNDS: dict[str, str | Promise] = {"work_account": _("The account was made for work in this organization"), "security": _("The security of the organization needs it"),
                                     "legal_duty": _("A legal duty needs it"),
                                     "other": _("Another ground"), "accepted": _("The objection was accepted"), "no_answer": _("Nobody answered in time")}


def over_account() -> list[Power]:
    """What control of an account means: the powers that only a managing organization has."""
    return [power for power in POWERS if power.over == "member" and power.account_power and power.permission is not None]


def control(version: NoticeVersion | None) -> list[Named]:
    """What control means by this version of the notice: the powers over accounts that it names, with their purposes; then those that no notice has to name, because they undo or protect."""
    powers = over_account()
    by_notice = [named(power.slug, version.words.get(power.slug, {})) for power in powers if power.governed and version is not None and power.slug in version.powers]
    return [*by_notice, *(named(power.slug, {}) for power in powers if not power.governed)]


@dataclass
class Shown:
    """One claim with its counts."""

    row: Claim
    counts: dict[str, int] = field(default_factory=dict)
    version: NoticeVersion | None = None
    """What people are shown of the organization's notice."""

    @property
    def name(self) -> str:
        return shown(self.row.domain.name)

    @property
    def badge(self) -> tuple[str, str]:
        return BADGES[self.row.state]

    @property
    def states(self) -> list[tuple[str, str, int]]:
        """The states that occur, with their words and numbers."""
        return [(state.value, str(state.label), self.counts[state]) for state in Standing if self.counts.get(state)]

    @property
    def open(self) -> bool:
        return self.row.state in (ClaimState.ANNOUNCING, ClaimState.ANNOUNCED)

    @property
    def undecided(self) -> int:
        return sum(self.counts.get(state, 0) for state in UNDECIDED)

    @property
    def rests(self) -> bool:
        """Whether nothing begins, because the domain is not proven and undisputed now."""
        return self.open and (self.row.domain.state != DomainState.VERIFIED or self.row.domain.releasing)


def all_of(organization_id: UUID) -> list[Shown]:
    """The claims of an organization, newest first."""
    rows = list(Claim.objects.filter(organization_id=organization_id).select_related("domain").order_by("-announced_at", "id")[:100])
    counts: dict[UUID, dict[str, int]] = {}
    for claim_id, state, number in ClaimedAccount.objects.filter(claim__in=rows).values_list("claim_id", "state").annotate(Count("id")):
        counts.setdefault(claim_id, {})[state] = number
    versions = notice.shown(row.notice_version for row in rows)
    return [Shown(row, counts.get(row.id, {}), versions.get(row.notice_version)) for row in rows]


def one(organization_id: UUID, claim_id: UUID) -> Shown:
    """One claim, or NotFound."""
    row = Claim.objects.filter(organization_id=organization_id, id=claim_id).select_related("domain").first()
    if row is None:
        raise NotFound
    return Shown(row, dict(ClaimedAccount.objects.filter(claim=row).values_list("state").annotate(Count("id"))), notice.shown([row.notice_version]).get(row.notice_version))


@dataclass
class Page:
    rows: list[ClaimedAccount]
    next: UUID | None = None


def accounts(found: Shown, *, state: str = "", after: UUID | None = None, size: int = SIZE) -> Page:
    """The accounts of a claim by address, after this one. Each is named by the address the organization knows; never by a name."""
    rows = ClaimedAccount.objects.filter(claim=found.row).order_by("address", "id")
    if state:
        rows = rows.filter(state=state)
    if after is not None and (last := ClaimedAccount.objects.filter(claim=found.row, id=after).first()):
        rows = rows.filter(Q(address__gt=last.address) | Q(address=last.address, id__gt=last.id))
    page = list(rows[: size + 1])
    return Page(page[:size], page[size - 1].id if len(page) > size else None)


@dataclass
class Own:
    """A claim as the person sees whose account it is about."""

    row: ClaimedAccount
    version: NoticeVersion | None = None
    """What they were shown of the organization's notice when it announced this."""

    @property
    def domain(self) -> str:
        return shown(self.row.claim.domain.name)

    @property
    def open(self) -> bool:
        return self.row.state in UNDECIDED

    @property
    def rests(self) -> str:
        """Why nothing begins now although the date may come: contested or unproven; '' where nothing rests."""
        domain = self.row.claim.domain
        if not self.open or (domain.state == DomainState.VERIFIED and not domain.releasing):
            return ""
        return "contested" if domain.state == DomainState.CONTESTED else "unproven"

    @property
    def badge(self) -> tuple[str, str]:
        return BADGES[self.row.state]

    @property
    def ground(self) -> str:
        return str(GROUNDS.get(self.row.answer_code, ""))

    @property
    def problem(self) -> str:
        return str(REASONS.get(self.row.problem, ""))

    def may(self, step: str) -> bool:
        return life.may(self.row, step)

    @property
    def may_accept(self) -> bool:
        return self.may("accept")

    @property
    def may_object(self) -> bool:
        return self.may("object")

    @property
    def may_exempt(self) -> bool:
        return self.may("exempt")

    @property
    def may_leave(self) -> bool:
        return self.may("leave")


def mine(account_id: UUID, row_id: UUID | None = None) -> list[Own]:
    """The claims of a person's account, newest first."""
    with installation("claims of a person's own account, with who announced them"):
        rows = ClaimedAccount.objects.filter(account_id=account_id).select_related("claim__domain", "organization").order_by("-announced_at", "id")
        return _with_notices(list(rows.filter(id=row_id) if row_id else rows[:50]))


def own(row: ClaimedAccount) -> Own:
    """One claim as its person sees it, for whoever has the link of its notice."""
    with installation("the notice that a link leads to"):
        return _with_notices([row])[0]


def _with_notices(rows: list[ClaimedAccount]) -> list[Own]:
    versions = notice.shown(row.claim.notice_version for row in rows)
    return [Own(row, versions.get(row.claim.notice_version)) for row in rows]


def preview(organization_id: UUID, domain_id: UUID, *, now: datetime, inactive_days: int = 0) -> tuple[Domain, candidates.Counted]:
    """The domain, and how many accounts of each kind it has; or NotFound."""
    domain = Domain.objects.filter(organization_id=organization_id, id=domain_id).first()
    if domain is None or domain.state not in (DomainState.VERIFIED, DomainState.FAILING):
        raise NotFound
    return domain, candidates.count(domain=domain, now=now, inactive_days=inactive_days)


def as_json(found: Shown) -> dict[str, Any]:
    """A claim as the API shows it."""
    row = found.row
    return {"id": str(row.id), "domain": row.domain.name, "state": row.state, "rests": found.rests, "choice": row.choice, "days": row.days, "announced_at": plain(row.announced_at),
            "effective_at": plain(row.effective_at), "ended_at": plain(row.ended_at), "told": row.told, "notice_version": found.version.number if found.version else None,
            "counts": {state.value: found.counts.get(state, 0) for state in Standing}}


def account_json(row: ClaimedAccount) -> dict[str, Any]:
    return {"id": str(row.id), "address": row.address, "state": row.state, "announced_at": plain(row.announced_at), "effective_at": plain(row.effective_at), "objected_at": plain(row.objected_at),
            "object_until": plain(row.object_until), "objection": row.objection, "answer_code": row.answer_code, "problem": row.problem}


def own_json(found: Own) -> dict[str, Any]:
    row = found.row
    return {"id": str(row.id), "organization": row.organization.name, "contact_email": row.organization.contact_email or "", "domain": row.claim.domain.name, "address": row.address,
            "state": row.state, "rests": bool(found.rests),
            "announced_at": plain(row.announced_at), "effective_at": plain(row.effective_at), "object_until": plain(row.object_until), "answer_code": row.answer_code, "answer": row.answer,
            "notice_version": found.version.number if found.version else None, "powers": [one.slug for one in control(found.version)]}
