"""The dates of requests in an administrator's own calendar: a link that is shown once, and its end."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Account, Membership
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import NoForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.cases import calendar
from dsar.cases.models import CalendarLink


def make_rule(actor: Actor, _target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if actor.kind != "user" or actor.account_id is None:
        yield "by_person_only"


def make_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "shown_once", _("The link is shown once. Whoever has it sees references, rights and dates, and no person. An earlier link of yours ends.")),
            Effect("kept", "ends", _("It works as long as you may handle requests, until you end it, or until your password changes or your access ends."))]


def make(work: Work, target: OrganizationTarget, _data: Data) -> None:
    account = Account.objects.get(id=work.people[0])
    membership = Membership.objects.get(organization_id=target.id, account=account)
    secret, digest = calendar.mint()
    row = calendar.link_of(account, target.id)
    if row is None:
        row = CalendarLink(id=uuid4(), organization_id=target.id, account=account)
        work.add(row)
    else:
        work.track(row)
    row.secret_hash, row.auth_epoch, row.access_epoch, row.made_at = digest, account.auth_epoch, membership.access_epoch, work.now
    work.note(target.id, link=str(row.id), _secret=settings.STEWARD_URL + reverse("calendar", args=[secret]))


def end_rule(actor: Actor, target: OrganizationTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if actor.account_id is None or not CalendarLink.objects.filter(organization_id=target.id, account_id=actor.account_id).exists():
        yield "no_calendar_link"


def end(work: Work, target: OrganizationTarget, _data: Data) -> None:
    row = CalendarLink.objects.get(organization_id=target.id, account_id=work.people[0])
    work.remove(row)
    work.note(target.id, link=str(row.id))


MAKE = Power(
    slug="make-calendar-link", code="case.calendar", event="case.calendar_link_made", over="organization", permission="manage_requests", tier=1, form=NoForm, rule=make_rule, effects=make_effects,
    apply=make, notice=False, people_only=True,
    title=gettext_lazy("Have the dates of requests in your calendar"), button=gettext_lazy("Make the link"),
    does=gettext_lazy("Makes a link from which your calendar reads when requests are due."), does_not=gettext_lazy("Shows no names and no words of people, and opens nothing else."),
    sentence=gettext_lazy("%(actor)s made a calendar link to the dates of requests"),
)
END = Power(
    slug="end-calendar-link", code="case.calendar_end", event="case.calendar_link_ended", over="organization", permission="manage_requests", tier=0, form=NoForm, rule=end_rule, apply=end,
    notice=False, people_only=True,
    title=gettext_lazy("End your calendar link"), button=gettext_lazy("End it"),
    does=gettext_lazy("Ends the link from which your calendar reads when requests are due."), does_not=gettext_lazy("Removes nothing that your calendar has read already."),
    sentence=gettext_lazy("%(actor)s ended a calendar link to the dates of requests"),
)
POWERS: tuple[Power, ...] = (MAKE, END)
