"""The end of an organization when its date has come: looked at under lock, in batches that may be taken up again, with an entry for each person (guard rail 23)."""
from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.domains import life as domain_life
from accounts.models import (
    Account,
    ApiToken,
    Claim,
    ClaimedAccount,
    Closing,
    Deletion,
    Domain,
    Group,
    GroupMembership,
    Management,
    Membership,
    OldSlug,
    Organization,
    Plan,
    SavedView,
    ServiceAccess,
    SignalStream,
    Suppression,
    Webhook,
)
from accounts.models.account import AccountStatus
from accounts.models.claim import CONTROLLED, ClaimState, Standing
from accounts.models.domain import OPEN, DomainState
from accounts.models.organization import OrganizationStatus
from accounts.models.plan import PlanState
from accounts.oauth import ending as programs
from accounts.organizations import slugs
from accounts.roles import OWNER_RANK
from accounts.tenancy import installation
from audit import holds, outside, recording
from audit.models import Stream
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.ending")
SIZE = 500
WARN_ON = (7, 3, 1)
"""Days before the end on which everybody is told once more."""
LEAST = 3
"""Nothing ends of which nobody was told so many days before."""
LATE = timedelta(hours=1)
_SCHEDULE = ActorRef(type="schedule")
_OVER = (PlanState.DONE, PlanState.CANCELLED, PlanState.DENIED, PlanState.EXPIRED, PlanState.VOID, PlanState.STOPPED, PlanState.FAILED, PlanState.SUPERSEDED)


def of(organization_id: UUID) -> Closing | None:
    """The end that was decided on, if one was."""
    return Closing.objects.filter(organization_id=organization_id).first()


def undecided(organization_id: UUID) -> QuerySet[Management]:
    """Managed accounts about which nobody has decided: neither released nor scheduled for deletion. Those of owners are released by the end itself."""
    rows = Management.objects.filter(organization_id=organization_id).exclude(account__status__in=(AccountStatus.PENDING_DELETION, AccountStatus.PURGED)).exclude(account__kind="service")
    return rows.exclude(account__in=_owners(organization_id).values("account_id"))


def managed_owners(organization_id: UUID) -> int:
    """How many owners have an account that the organization manages."""
    return Management.objects.filter(organization_id=organization_id, account__in=_owners(organization_id).values("account_id")).count()


def _owners(organization_id: UUID) -> QuerySet[Membership]:
    return Membership.objects.filter(organization_id=organization_id, role__rank__gte=OWNER_RANK).exclude(status="removed")


def blockers(organization_id: UUID) -> list[str]:
    """Why the organization cannot end, as reason codes."""
    found = ["accounts_undecided"] if undecided(organization_id).exists() else []
    found += ["on_hold"] if holds.covers(org=organization_id) else []
    return [*found, *(["domain_contested"] if Domain.objects.filter(organization_id=organization_id, state=DomainState.CONTESTED).exists() else [])]


def run(*, now: datetime) -> int:
    """Tell whose end is near; end what is due. One failure does not stop the rest. Returns how many organizations ended."""
    done = 0
    with installation("organizations end"):
        for organization_id in Closing.objects.filter(over_at=None).order_by("ends_at").values_list("organization_id", flat=True):
            try:
                warn(organization_id, now=now)
                done += end(organization_id, now=now)
            except Exception as error:
                logger.exception("the end of organization %s goes on later: %s", organization_id, type(error).__name__)
    return done


def _locked(organization_id: UUID) -> tuple[Organization, Closing | None]:
    organization = Organization.objects.select_for_update().get(id=organization_id)
    return organization, Closing.objects.select_for_update().filter(organization_id=organization_id, over_at=None).first()


def warn(organization_id: UUID, *, now: datetime) -> None:
    """Seven, three and one day before: of several that are due only the nearest, as after a clock that leapt. If nobody was told in time, the end moves: people have three days from then."""
    with transaction.atomic():
        organization, row = _locked(organization_id)
        if row is None or row.began_at is not None:
            return
        near, ends_at = [day for day in WARN_ON if row.ends_at - now <= timedelta(days=day) and row.told > day], row.ends_at
        if row.told > LEAST and row.ends_at - now < timedelta(days=LEAST) - LATE:
            near, ends_at = [LEAST], now + timedelta(days=LEAST)
        if not near or ends_at <= now:
            return
        with recording.opened(org=organization_id, now=now) as act:
            Closing.objects.filter(id=row.id).update(told=min(near), ends_at=ends_at, version=row.version + 1)
            if moved := ends_at != row.ends_at:
                Organization.objects.filter(id=organization_id).update(ends_at=ends_at)
            act.write([_draft(organization, "organization.ending_near", days=min(near), ends_at=ends_at.isoformat(), **({"postponed": True} if moved else {}))])


def end(organization_id: UUID, *, now: datetime) -> bool:
    """Everything that ends, as far as it is due. Whoever is killed in between goes on where they stopped. True when it is over by our doing."""
    if not _begin(organization_id, now):
        return False
    while _people(organization_id, now):
        pass
    return _over(organization_id, now)


def _begin(organization_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        organization, row = _locked(organization_id)
        holds.shut()
        if row is None or row.ends_at > now:
            return False
        if row.began_at is not None:
            return not holds.covers(org=organization_id)  # one that came while it was ending stops it where it is
        if row.told > LEAST:
            return False  # nobody was told that it is near
        codes = blockers(organization_id)
        if codes and codes == row.waits_for:
            return False
        if not codes:  # no line outside the database, no end: it is tried again
            outside.before("organization.end", org=organization_id, subject=None, facts={"ends_at": row.ends_at.isoformat()}, now=now)
        with recording.opened(org=organization_id, now=now) as act:
            row.waits_for, row.began_at, row.version = codes, None if codes else now, row.version + 1
            row.save(update_fields=["waits_for", "began_at", "version"])
            act.write([_draft(organization, "organization.end_waits", waits_for=codes) if codes else _draft(organization, "organization.end_began")])
        return not codes


def _people(organization_id: UUID, now: datetime) -> int:
    """One batch of memberships: access, tokens, groups and what the organization managed of the account end together, with an entry each."""
    with transaction.atomic():
        _organization, row = _locked(organization_id)
        holds.shut()
        if row is None or row.began_at is None or holds.covers(org=organization_id):
            return 0
        rows = list(Membership.objects.select_for_update().filter(organization_id=organization_id).exclude(status="removed").order_by("account_id", "id")[:SIZE])
        if not rows:
            return 0
        ids, accounts = [r.id for r in rows], [r.account_id for r in rows]
        with recording.opened(org=organization_id, now=now, subjects=accounts) as act:
            ApiToken.objects.filter(membership_id__in=ids).exclude(state="revoked").update(state="revoked", ended_at=now, ended_reason="organization_ended")
            for model in (GroupMembership, ServiceAccess):
                model.objects.filter(membership_id__in=ids).delete()
            SavedView.objects.filter(owner_id__in=ids).delete()
            # A deletion that the organization decided on goes on under its name. One that the person asked for is theirs to take back, and then nobody may be left who manages the account.
            theirs = Deletion.objects.filter(organization_id=organization_id, by_person=False)
            managed = Management.objects.filter(organization_id=organization_id, account_id__in=accounts).exclude(account__in=theirs.values("account_id"))
            released = set(managed.values_list("account_id", flat=True))
            Management.objects.filter(organization_id=organization_id, account_id__in=released).delete()
            Account.objects.filter(id__in=released, access_ends_at__isnull=False).update(access_ends_at=None)
            ClaimedAccount.objects.filter(organization_id=organization_id, account_id__in=released, state__in=CONTROLLED).update(state=Standing.RELEASED, problem="released", changed_at=now)
            Account.objects.filter(id__in=accounts, kind="service").update(status=AccountStatus.DEACTIVATED, reason_code="organization_ended", status_changed_at=now)
            Plan.objects.filter(subject__in=ids, state=PlanState.SCHEDULED).update(state=PlanState.VOID, finished_at=now)
            for one in rows:
                Membership.objects.filter(id=one.id).update(status="removed", reason_code="organization_ended", reason_text="", status_until=None, status_changed_at=now, protected=False,
                                                            access_epoch=one.access_epoch + 1, version=one.version + 1)
            programs.end(accounts=accounts, organization=organization_id, now=now, why="organization_ended")
            act.write([EntryDraft(org=organization_id, action="membership.ended_with_organization", category="membership", outcome="success", actor=_SCHEDULE, via="schedule",
                                  targets=[TargetRef(type="person", id=one.account_id, subject=one.account_id), TargetRef(type="membership", id=one.id)],
                                  facts={"released": one.account_id in released}) for one in rows])
        return len(rows)


def _over(organization_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        slugs.hold()
        organization, row = _locked(organization_id)
        holds.shut()
        if row is None or row.began_at is None or holds.covers(org=organization_id):
            return False
        with recording.opened(org=organization_id, now=now) as act:
            for domain in Domain.objects.select_for_update().filter(organization_id=organization_id, state__in=OPEN):
                domain_life.end(domain, DomainState.RELEASED, now=now)
                domain.save()
            Claim.objects.filter(organization_id=organization_id, state__in=(ClaimState.ANNOUNCING, ClaimState.ANNOUNCED)).update(state=ClaimState.CANCELLED, ended_at=now)
            Plan.objects.filter(organization_id=organization_id).exclude(state__in=_OVER).update(state=PlanState.VOID, finished_at=now)
            Stream.objects.filter(org=organization_id).delete()
            Webhook.objects.filter(organization_id=organization_id).delete()
            SignalStream.objects.filter(organization_id=organization_id).delete()
            Suppression.objects.filter(organization_id=organization_id).delete()  # nobody is written to any more
            Group.objects.filter(organization_id=organization_id).update(role=None)
            Closing.objects.filter(id=row.id).update(over_at=now, version=row.version + 1)
            OldSlug.objects.filter(slug=organization.slug).delete()
            OldSlug.objects.create(organization=organization, slug=organization.slug, left_at=now, leads_until=now, kept_until=now + slugs.KEPT)
            Organization.objects.filter(id=organization_id).update(status=OrganizationStatus.DELETED, ends_at=now, slug=f"gone-{secrets.token_hex(8)}", contact_name="", contact_email="",
                                                                    contact_link="", version=organization.version + 1)
            act.write([_draft(organization, "organization.deleted")])
    return True


def _draft(organization: Organization, event: str, **facts: object) -> EntryDraft:
    return EntryDraft(org=organization.id, action=event, category="organization", outcome="success", actor=_SCHEDULE, via="schedule",
                      targets=[TargetRef(type="organization", id=organization.id)], facts=dict(facts))
