"""What the tests of transfers do over and over."""
from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts import audience, mail, outbox, tenancy
from accounts.models import Account, Mail, Management, Membership, Transfer
from accounts.transfers import news
from audit import subscribers
from tests.audit.logs import number_all
from tests.cast import Org
from tests.situations import arrange


def joins(org: Org, person: Membership, **more: object) -> Membership:
    """The person belongs to this organization too."""
    made: list[Membership] = []
    values = {"role": org.roles["member"], "status": "active", "joined_at": person.created_at, "created_at": person.created_at, **more}
    arrange(lambda: made.append(Membership.objects.create(organization=org.organization, account_id=person.account_id, **values)))
    return made[0]


def row(person: Membership) -> Transfer:
    with tenancy.installation("a test looks"):
        return Transfer.objects.filter(account_id=person.account_id).order_by("-offered_at", "id")[0]


def manager(person: Membership) -> UUID | None:
    with tenancy.installation("a test looks"):
        found = list(Management.objects.filter(account_id=person.account_id).values_list("organization_id", flat=True))
    assert len(found) <= 1
    return found[0] if found else None


def post(*people: Membership) -> list[tuple[str, str]]:
    """(template, text) of the mails about transfers to these people, oldest first."""
    with tenancy.installation("a test reads the post"):
        number_all()
        subscribers.drain([mail.SUBSCRIBER, news.SUBSCRIBER])
        rows = Mail.objects.filter(account_id__in=[person.account_id for person in people], template__contains="transfer").order_by("created_at", "id")
        return [(one.template, outbox.render(one)[1] if one.context else one.body) for one in rows]


def administrators(org: Org) -> list[Membership]:
    """Whoever may decide about transfers there."""
    with tenancy.scope(org=org.organization.id):
        ids = {account.id for account in audience.holders(org.organization, "manage_domains")}
    return [person for person in org.people.values() if person.account_id in ids]


def address(person: Membership) -> str:
    return Account.objects.get(id=person.account_id).email


def at(when: datetime | None) -> datetime:
    assert when is not None
    return when
