"""The rule of an organization about accounts that it manages and nobody uses (policy C1, C3; accounts/dormant)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import brake, notice, policy
from accounts.actor import Actor
from accounts.dormant import people, rules
from accounts.dormant.running import SLUG
from accounts.models import Management, Organization, OrganizationPolicy
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import StrictForm
from accounts.targets import OrganizationTarget
from accounts.tenancy import installation
from accounts.work import Work


class UnusedForm(StrictForm):
    """After how many days; none for no rule."""

    days = forms.IntegerField(label=gettext_lazy("Days without use"), min_value=rules.FEWEST, max_value=rules.MOST, required=False,
                              help_text=gettext_lazy("From 180 to 3650. Leave it empty, and no account is closed because nobody uses it."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The rule as it is, unless another one was chosen on the page with the preview."""
        now = policy.of(organization.id).unused_days
        if self.initial.setdefault("days", now) != now:
            self.fields["days"].initial = self.initial["days"]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The number whose preview was shown."""
        found = chosen(query.get("days", ""))
        return {"days": found} if found else {}


def chosen(text: str) -> int | None:
    """A number of days in an address, if a rule can have it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 and rules.FEWEST <= int(text) <= rules.MOST else None


def _days(data: Data) -> int | None:
    return int(data["days"]) if data.get("days") else None


def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    days = _days(data)
    if days is not None and SLUG not in notice.on(notice.published(target.id), now):
        yield "policy_off"
    if "days" in data and days == policy.of(target.id).unused_days:
        yield "nothing_to_change"


def effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    days, row = _days(data), policy.of(target.id)
    if days is None:
        off = _("No account is closed any more because nobody uses it. What was closed already can be taken back one by one.")
        return [Effect("kept", "off", off)] if row.unused_days and "days" in data else []
    found = rules.Rule(days, now)
    with installation("the accounts that an organization manages, wherever they are used"):
        n = len(people.unused(people.of_organization(target.id, found), before=now + found.warned[0] - timedelta(days=days)))
        most = brake.limit(Management.objects.filter(organization_id=target.id).count())
    return [
        Effect("later", f"warned:{days}", ngettext("%(n)d account has not been used for so long, or will not have been within 60 days. Its holder is warned within the hour.",
                                                   "%(n)d accounts have not been used for so long, or will not have been within 60 days. Their holders are warned within the hour.", n) % {"n": n}, n),
        Effect("later", "three", _("Each holder is warned 60, 30 and 7 days ahead, and keeps the account by signing in once.")),
        Effect("later", f"closed:{row.deletion_days}", ngettext("Then the account is closed, and deleted %(n)d day later. Until then its holder or an administrator can take that back.",
                                                                "Then the account is closed, and deleted %(n)d days later. Until then its holder or an administrator can take that back.",
                                                                    row.deletion_days)
               % {"n": row.deletion_days}),
        Effect("later", "most", ngettext("At most %(n)d account is closed on a day; the others follow on the next days, and the administrators are told.",
                                         "At most %(n)d accounts are closed on a day; the others follow on the next days, and the administrators are told.", most) % {"n": most}),
        Effect("kept", "left_out",
            _("Owners, protected people, accounts on hold or locked, accounts from a directory, people with an open request or dispute, and people whose data may only be stored are left out."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row, days = policy.of(target.id), _days(data)
    if row._state.adding:
        work.add(row)
    else:
        row = OrganizationPolicy.objects.select_for_update().get(id=row.id)
        work.track(row)
    work.note(target.id, days_before=row.unused_days, days=days)
    row.unused_days, row.unused_since, row.unused_reported_on = days, work.now if days else None, None


POWER = Power(
    slug=SLUG, code="policy.unused.set", event="policy.unused_set", over="organization", permission="manage_settings", tier=2, form=UnusedForm, rule=rule, effects=effects, apply=apply, notice=False,
    standing=True,
    title=gettext_lazy("Set the rule about unused accounts"), button=gettext_lazy("Save"),
    does=gettext_lazy("Says after how many days without any use an account that your organization manages is closed and then deleted. Its holder is warned 60, 30 and 7 days before."),
    does_not=gettext_lazy("Touches neither owners nor protected people, people on hold, open requests or accounts that a directory governs, and no account that your organization does not manage."),
    sentence=gettext_lazy("%(actor)s set the rule about unused accounts"),
)
