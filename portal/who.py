"""Who may do what to a person's account, and what was done: the same answer for the person's page and the API (policy B14)."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core import signing
from django.db.models import Q
from django.utils import timezone

from accounts import notice, purposes, tenancy
from accounts.access import USABLE
from accounts.models import Account, ClaimedAccount, GroupMembership, Management, Membership, NoticeVersion, Organization, Role
from accounts.models.claim import Standing
from accounts.people import Person
from accounts.power import Power
from accounts.profile import rules
from audit import queries
from dsar.content.telling import untold
from portal import sentences
from portal.powers import POWERS
from portal.sentences import Line

_SIGNER = signing.Signer(salt="steward.who")
_ACTORS = {"user", "api_token", "schedule", "operator", "organization"}
_NOT_THEIRS = {"plan", "hold"}
"""What is about a step of a plan, or about a hold that the person may not learn of, is not in their ledger."""


class LostPlace(Exception):
    """A cursor that is forged, or somebody else's."""


def memberships(account_id: UUID, *, only: UUID | None = None) -> list[Membership]:
    """The person's memberships by the organization's name, ended ones too; `only` that of one organization."""
    with tenancy.installation("a person's own organizations"):
        rows = Membership.objects.filter(account_id=account_id).select_related("organization", "role").order_by("organization__name", "id")
        return list(rows if only is None else rows.filter(organization_id=only))


def organizations(account_id: UUID, *, only: UUID | None = None) -> list[Organization]:
    """Every organization that may have acted on the person: where they are or were, and whoever claimed or manages their account. Whoever was only invited has nothing to look for there."""
    with tenancy.installation("who has, had or wants a hold on a person"):
        there = Q(id__in=Membership.objects.filter(account_id=account_id).exclude(status="invited").values("organization_id"))
        for model in (Management, ClaimedAccount):
            there |= Q(id__in=model.objects.filter(account_id=account_id).values("organization_id"))
        rows = Organization.objects.filter(there).order_by("name", "id")
        return list(rows if only is None else rows.filter(id=only))


@dataclass(frozen=True)
class Hold:
    """What one organization may do to the person: over the membership if there is one, over the account if it manages it."""

    organization: Organization
    membership: Membership | None
    management: Management | None
    group_roles: tuple[str, ...]
    """Names of roles that come by a group."""
    over_membership: tuple[Power, ...]
    over_account: tuple[Power, ...]
    notice: NoticeVersion | None = None
    """The version of its notice that the person was shown before it came to manage the account."""
    claimed: UUID | None = None
    """By which claim it came to manage the account."""
    locked: tuple[str, ...] = ()
    """Each profile field that the person may not change here: which, who locked it and why."""
    editable: bool = False
    """Whether the person may change their title or department here themselves."""
    limits: rules.Limits = rules.NONE
    """What the organization does not let the person do themselves, because it manages the account."""

    @property
    def id(self) -> UUID:
        return self.organization.id

    @property
    def since(self) -> datetime | None:
        return self.management.since if self.management else self.membership.joined_at if self.membership else None


def holds(account_id: UUID, *, only: UUID | None = None, known: list[Membership] | None = None) -> list[Hold]:
    """Every organization that has a hold on the person now, with what it may do; also one that manages the account of somebody who does not belong to it.

    `known` are the memberships, where they were read before."""
    rows = {row.organization_id: row for row in (memberships(account_id, only=only) if known is None else known) if row.status not in {"removed", "invited"}}
    with tenancy.installation("who manages a person, and which roles their groups give them"):
        managed = Management.objects.filter(account_id=account_id).select_related("organization")
        managements = {row.organization_id: row for row in (managed if only is None else managed.filter(organization_id=only))}
        claimed = {row.organization_id: row.id for row in ClaimedAccount.objects.filter(account_id=account_id, state=Standing.MANAGED)} if managements else {}
        versions = notice.shown(row.notice_version for row in managements.values())
        decided = rules.several([*rows, *managements])
        limits = {organization_id: rules.limits_of(organization_id) for organization_id in managements}
        roles: dict[UUID, list[str]] = {}
        for found in GroupMembership.objects.filter(membership__in=rows.values(), group__role__isnull=False).select_related("group__role").order_by("group__role__name"):
            roles.setdefault(found.membership_id, []).append(found.group.role.name)  # type: ignore[union-attr]
    over = [p for p in POWERS if p.over == "member" and p.permission is not None and p.slug != "cancel-invitation"]  # whoever is only invited has no hold on them yet
    theirs = {i: row.organization for i, row in (*rows.items(), *managements.items())}
    return [Hold(organization=organization, membership=rows.get(i), management=managements.get(i), group_roles=tuple(roles.get(rows[i].id, ())) if i in rows else (),
                 over_membership=tuple(p for p in over if not p.account_power) if i in rows else (), over_account=tuple(p for p in over if p.account_power) if i in managements else (),
                 notice=versions.get(managements[i].notice_version) if i in managements else None, claimed=claimed.get(i),
                 locked=_locked(organization, rows.get(i), managements.get(i), decided[i]), editable=i in rows and _editable(rows[i], decided[i]),
                 limits=limits.get(i, rules.NONE))
            for i, organization in sorted(theirs.items(), key=lambda one: (one[1].name, str(one[0])))]


def _editable(membership: Membership, decided: rules.Fields) -> bool:
    """Title and department are changed inside the organization, so not by whoever does not get in."""
    return membership.status in USABLE and any(decided[name].for_person for name in rules.LOCAL_FIELDS)


def _locked(organization: Organization, membership: Membership | None, management: Management | None, decided: rules.Fields) -> tuple[str, ...]:
    person = Person(account=Account(), membership=membership, management=management, extra={"field_rules": decided})
    names = rules.LABELS if membership is not None else rules.ACCOUNT_FIELDS
    return tuple(f"{rule.label}: {rule.why_locked(organization.name)}" for rule in rules.locked(person, names))


def past(known: list[Membership]) -> list[Membership]:
    """Of a person's memberships those in the organizations that the person was in: nothing can be done to them there any more, and they may still have questions (policy A11)."""
    return [row for row in known if row.status == "removed" and row.joined_at is not None]


@dataclass(frozen=True)
class Act:
    """Something that was done to the person, in words, with the organization in whose log it stands."""

    line: Line
    organization: Organization
    role: str = ""
    """As what they did it: the name of the role they held, '' for whoever is no member."""
    ground: str = ""
    """On which ground, in words."""


def acts(account_id: UUID, *, only: UUID | None = None, cursor: str = "", size: int = 25) -> tuple[list[Act], str]:
    """What others did to the person, newest first, over all their organizations; never who else was concerned. And the cursor of what is older, or ''."""
    marks = _place(account_id, cursor) if cursor else {}
    found: list[tuple[queries.Seen, Organization]] = []
    for row in organizations(account_id, only=only):
        if marks.get(str(row.id)) != 0:
            found += [(seen, row) for seen in _page(account_id, row.id, marks.get(str(row.id)), size)]
    found.sort(key=lambda one: (one[0].recorded_at or one[0].occurred_at, one[0].seq or 0), reverse=True)
    shown = found[:size]
    for seen, row in shown:
        marks[str(row.id)] = seen.seq or 0
    roles = _roles({row.id for _seen, row in shown})
    return [Act(line := sentences.line(seen), row, roles.get((row.id, seen.record["actor"].get("role", "")), seen.record["actor"].get("role", "")), sentences.ground(line))
            for seen, row in shown], _SIGNER.sign_object(["acts", str(account_id), marks]) if len(found) > size else ""


def _roles(organizations: set[UUID]) -> dict[tuple[UUID, str], str]:
    """What the roles of these organizations are called. One that is gone is called as it was written down."""
    if not organizations:
        return {}
    with tenancy.installation("as what others acted on a person"):
        return {(organization, slug): name for organization, slug, name in Role.objects.filter(organization_id__in=organizations).values_list("organization_id", "slug", "name")}


def _place(account_id: UUID, cursor: str) -> dict[str, int]:
    try:
        what, whose, marks = _SIGNER.unsign_object(cursor)
    except (signing.BadSignature, ValueError, TypeError):
        raise LostPlace from None
    if (what, whose) != ("acts", str(account_id)):
        raise LostPlace
    return dict(marks)


def _page(account_id: UUID, organization_id: UUID, before: int | None, size: int) -> list[queries.Seen]:
    """Acts of others on the person in one organization's log, and of apps in the person's own name: successful ones that concern nobody else. Reads on until there are enough."""
    mine, found, now = str(account_id), [], timezone.now()
    with tenancy.scope(org=organization_id, account=account_id, purpose=purposes.OWN):
        while len(found) <= size:
            page = queries.page(org=organization_id, filters=queries.Filters(target=account_id, not_actor=account_id, outcome="success"),
                                before=before or 2**62, size=100, paths=(*sentences.NAMES, "why.text"))
            found += [seen for seen in page.entries if _about_me(seen.record, mine) and not untold(seen.record, now)]
            if page.older is None:
                break
            before = page.older
    return found[:size + 1]


def _about_me(record: dict[str, object], mine: str) -> bool:
    people = {t["id"] for t in record.get("targets", []) if t["type"] == "person"}  # type: ignore[attr-defined]
    if record["actor"].get("id") == mine and not sentences.through(record):  # type: ignore[attr-defined]
        return False
    return record.get("category") not in _NOT_THEIRS and record["actor"]["type"] in _ACTORS and len(people) <= 2 and mine in people  # type: ignore[index]
