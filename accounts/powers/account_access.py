"""What deactivation and lockdown have in common: the account loses every way in, everywhere."""
from __future__ import annotations

from accounts.models import Membership
from accounts.people import Person
from accounts.tenancy import installation
from accounts.work import Work


def close_account(work: Work, person: Person, *, reason: str) -> None:
    """End every session and token of the account in all organizations; tell the other ones neutrally (guard rail 8)."""
    person.account.auth_epoch += 1
    work.end_sessions(person.account.id, reason)
    with installation("the account's memberships elsewhere lose access too"):
        everywhere = list(Membership.objects.filter(account=person.account).exclude(status="removed").values("id", "organization_id", "role__rank"))
    for row in everywhere:
        work.end_tokens(row["id"], state="disabled", reason=reason)
        if person.membership is not None and row["organization_id"] != person.membership.organization_id:
            event = "organization.owner_unavailable" if row["role__rank"] >= 100 else "member.unavailable"
            work.elsewhere.append((row["organization_id"], event, person.account.id))


def tell_elsewhere(work: Work, person: Person, event: str) -> None:
    """An entry in every other organization where this person holds an administrator role (guard rail 8)."""
    with installation("organizations where the person is an administrator hear that the identity changed"):
        rows = list(Membership.objects.filter(account=person.account, role__rank__gt=0).exclude(status="removed").values_list("organization_id", flat=True))
    for organization_id in rows:
        if person.membership is None or organization_id != person.membership.organization_id:
            work.elsewhere.append((organization_id, event, person.account.id))
