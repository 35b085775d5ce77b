"""What time alone brings about, through the same door as everything else, by an actor that is named `schedule`."""
from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import alone, approvals, brake, bulk, credentials, door, holding, lately, own_deletion, purposes
from accounts.emails import steps
from accounts.models import Account, Brake, Mail, MembershipSnapshot, Plan, PlanRow
from accounts.models.plan import IdempotencyKey, PlanState
from accounts.powers.reset_second_factor import WAIT
from accounts.profile import telling
from accounts.schedules import falling, warning
from accounts.tenancy import installation, scope
from accounts.transfers import running as transfers
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

schedule = falling.schedule
_LOOKED_LATE = timedelta(minutes=15)
"""Who comes so long after the hour was away, and so perhaps was the mail that had the link to stop it."""


def run(*, now: datetime) -> None:
    """Everything that is due; one failure does not stop the rest."""
    falling.run(now=now)
    warning.run(now=now)
    with installation("time passes in every organization"):
        factors = list(Account.objects.filter(mfa_stop_until__lte=now).values_list("id", flat=True))
        organizations = _organizations(now)
    for account_id in factors:
        remove_second_factors(account_id=account_id, now=now)
    for organization_id in organizations:
        with scope(org=organization_id, purpose=purposes.ACT):
            expire_plans(organization_id=organization_id, now=now)
            approvals.look_after(organization_id=organization_id, now=now)
            alone.go_on(organization_id=organization_id, now=now)
            brake.lift(organization_id=organization_id, now=now)
    steps.due(now=now)
    own_deletion.look_after(now=now)
    telling.run(now=now)
    transfers.run(now=now)
    IdempotencyKey.objects.filter(created_at__lt=now - door.KEY_LIFETIME).delete()


def _organizations(now: datetime) -> list[UUID]:
    """Those in which something waits for a time: most have nothing, and a visit to each would cost an installation of thousands more than all that is done."""
    waiting = (
        Plan.objects.filter(state__in=(*bulk.WAITING, PlanState.AWAITING_APPROVAL)), PlanRow.objects.filter(plan__finished_at__lte=now - bulk.KEPT),
        MembershipSnapshot.objects.filter(expires_at__lte=now), Brake.objects.filter(paused_at__isnull=False))
    return sorted({organization for rows in waiting for organization in rows.values_list("organization_id", flat=True).distinct()})


def remove_second_factors(*, account_id: UUID, now: datetime) -> None:
    """The hour after a second-factor reset is over and nobody stopped it: the factors go, the person enrols anew. Who was perhaps not told, so as to stop it, has an hour from now (decision 50)."""
    with installation("a second factor belongs to the account"), transaction.atomic():
        account = Account.objects.select_for_update().get(id=account_id)
        if account.mfa_stop_until is None or account.mfa_stop_until > now:
            return
        log = account.management.organization_id if hasattr(account, "management") else INSTALLATION
        with recording.opened(org=log, now=now) as act:
            if account.mfa_stop_until < now - _LOOKED_LATE or Mail.objects.filter(account=account, template="reset-second-factor", state="due").exists():
                Account.objects.filter(id=account_id).update(mfa_stop_until=now + WAIT, version=account.version + 1)
                act.write([EntryDraft(org=log, action="person.second_factor.reset_waits", category="credential", outcome="success", actor=ActorRef(type="schedule"),
                                      targets=[TargetRef(type="person", id=account_id, subject=account_id)], via="schedule")])
                return
            Authenticator.objects.filter(user=account).delete()
            Account.objects.filter(id=account_id).update(mfa_stop_until=None, version=account.version + 1)
            credentials.reconcile(account_id=account_id)
            lately.mark(account_id=account_id, now=now)
            act.write([EntryDraft(org=log, action="person.second_factor.removed", category="credential", outcome="success", actor=ActorRef(type="schedule"),
                                  targets=[TargetRef(type="person", id=account_id, subject=account_id)], via="schedule")])


def stop_second_factor_reset(*, account_id: UUID, now: datetime) -> bool:
    """The person stops the reset within the hour, by the link in the mail. False when it is too late."""
    with installation("a second factor belongs to the account"), transaction.atomic():
        account = Account.objects.select_for_update().get(id=account_id)
        if account.mfa_stop_until is None or account.mfa_stop_until <= now:
            return False
        log = account.management.organization_id if hasattr(account, "management") else INSTALLATION
        with recording.opened(org=log, now=now) as act:
            Account.objects.filter(id=account_id).update(mfa_stop_until=None, mfa_reset_at=None, version=account.version + 1)
            act.write([EntryDraft(org=log, action="person.second_factor.reset_stopped", category="credential", outcome="success",
                                  actor=ActorRef(type="user", id=account_id, auth_method="mail_link"),
                                  targets=[TargetRef(type="person", id=account_id, subject=account_id)], via="ui")])
    return True


def expire_plans(*, organization_id: UUID, now: datetime) -> None:
    """Plans that nobody decided in time, rows of plans that ended long ago, and snapshots of removed members that are over. What a hold keeps stays."""
    old = PlanRow.objects.filter(plan__in=Plan.objects.filter(organization_id=organization_id, finished_at__lte=now - bulk.KEPT))
    holding.free(old).delete()
    with transaction.atomic():
        plans = list(Plan.objects.select_for_update(skip_locked=True).filter(
            organization_id=organization_id, expires_at__lte=now, state__in=(*bulk.WAITING, PlanState.AWAITING_APPROVAL)))
        snapshots = list(holding.free(MembershipSnapshot.objects.filter(organization_id=organization_id, expires_at__lte=now)))
        if not plans and not snapshots:
            return
        with recording.opened(org=organization_id, now=now) as act:
            Plan.objects.filter(id__in=[p.id for p in plans]).update(state=PlanState.EXPIRED, finished_at=now)
            holding.free(PlanRow.objects.filter(plan__in=plans)).delete()
            MembershipSnapshot.objects.filter(id__in=[s.id for s in snapshots]).delete()
            act.write([EntryDraft(org=organization_id, action=action, category="plan", outcome="success", actor=ActorRef(type="schedule"),
                                  targets=[TargetRef(type=kind, id=row)], via="schedule")
                       for action, kind, rows in (("plan.expired", "plan", [p.id for p in plans]), ("membership.snapshot_expired", "membership", [s.membership_id for s in snapshots]))
                       for row in rows])
