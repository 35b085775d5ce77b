"""The link in every mail to an owner: with it and a sign-in, also one without a second factor, the owner stops what is under way."""
from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing
from django.db import transaction

from accounts.models import Account, Membership, Organization, SuccessionCase
from accounts.models.succession import OPEN, CaseState
from accounts.roles import OWNER_RANK
from accounts.succession import life
from accounts.tenancy import installation
from accounts.work import Work
from audit.record import ActorRef

_SALT = "steward.succession.stop"
VALID = timedelta(days=45)


def token(*, case_id: UUID, account_id: UUID) -> str:
    """What the link carries: for this succession and this owner only."""
    return signing.dumps([str(case_id), str(account_id)], salt=_SALT)


def found(text: str, *, account_id: UUID) -> SuccessionCase | None:
    """The succession that a link leads to, if it is this person's, they still hold ownership, and it is not over."""
    try:
        case_id, whose = signing.loads(text, salt=_SALT, max_age=VALID)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if whose != str(account_id):
        return None
    with installation("a link names the succession that it stops"):
        case = SuccessionCase.objects.filter(id=case_id, state__in=OPEN).select_related("organization").first()
        return case if case is not None and _holds(case.organization_id, account_id) else None


def _holds(organization_id: UUID, account_id: UUID) -> bool:
    return Membership.objects.filter(organization_id=organization_id, account_id=account_id, role__rank__gte=OWNER_RANK, account__status="active").exclude(status__in=("removed", "invited")).exists()


def stop(*, case_id: UUID, account: Account, now: datetime) -> bool:
    """End everything that is open where this succession is. False when it is too late, or the person holds no ownership any more."""
    with installation("a link names the succession that it stops"), transaction.atomic():
        organization_id = SuccessionCase.objects.filter(id=case_id).values_list("organization_id", flat=True).first()
        organization = Organization.objects.select_for_update(no_key=True).filter(id=organization_id).first()
        if organization is None or not _holds(organization.id, account.id):
            return False
        cases = list(SuccessionCase.objects.select_for_update().filter(organization=organization, state__in=OPEN).order_by("way"))
        if case_id not in {case.id for case in cases}:
            return False
        work = Work(now=now)
        for case in cases:
            work.track(case)
            life.end(case, CaseState.STOPPED, how="link", now=now)
        life.record(work, [(case, "succession.stopped") for case in cases], actor=ActorRef(type="user", id=account.id, auth_method="mail_link", name=account.name, email=account.email), via="ui")
    return True
