"""The inactivity rule of an organization, and the suspension that follows from it by the clock (accounts/inactivity)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import brake, listing_query, notice, policy
from accounts.actor import Actor
from accounts.inactivity import people, rules
from accounts.models import Organization, OrganizationPolicy
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import choosing, suspend
from accounts.powers.access import allowed_from
from accounts.powers.forms import NoForm, StrictForm
from accounts.schedules import words
from accounts.targets import OrganizationTarget
from accounts.work import Work

SLUG = "set-inactivity-rule"


class InactivityForm(StrictForm):
    """After how many days; none for no rule."""

    days = forms.IntegerField(label=gettext_lazy("Days without use"), min_value=rules.FEWEST, max_value=rules.MOST, required=False, help_text=gettext_lazy(
        "From 30 to 730. Leave it empty, and nobody is suspended for inactivity."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The rule as it is, unless another one was chosen on the page with the preview."""
        now = policy.of(organization.id).inactive_days
        if self.initial.setdefault("days", now) != now:
            self.fields["days"].initial = self.initial["days"]  # so that the page says at once what would follow

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The number whose preview was shown."""
        found = chosen(query.get("days", ""))
        return {"days": found} if found else {}


def chosen(text: str) -> int | None:
    """A number of days in an address, if a rule can have it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 and rules.FEWEST <= int(text) <= rules.MOST else None


def _days(data: Data) -> int | None:
    """The number of days; in an approved or repeated act it may be text."""
    return int(data["days"]) if data.get("days") else None


def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    days = _days(data)
    if days is not None and SLUG not in notice.on(notice.published(target.id), now):
        yield "policy_off"
    if "days" in data and days == policy.of(target.id).inactive_days:
        yield "nothing_to_change"


def effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    days, before = _days(data), policy.of(target.id).inactive_days
    if days is None:
        return [Effect("kept", "off", _("Nobody is suspended for inactivity any more. Whoever was suspended already stays so until they are restored."))] if before and "days" in data else []
    found = rules.Rule(days, now)
    n = len(people.idle(organization_id=target.id, before=now + rules.FIRST - timedelta(days=days)))
    most = brake.limit(listing_query.counts(organization_id=target.id)["all"])
    return [
        Effect("later", f"warned:{days}", ngettext("%(n)d person has not used anything here for so long, or will not have within 14 days, and is warned within the hour.",
                                                   "%(n)d people have not used anything here for so long, or will not have within 14 days, and are warned within the hour.", n) % {"n": n}, n),
        Effect("later", "begins", _("Nobody is suspended before %(when)s. Each person is warned 14 days and 3 days ahead, and stays by using anything here.") % {"when": words.at(found.begins)}),
        Effect("later", "most", ngettext("At most %(n)d person is suspended on a day; the others follow on the next days, and the administrators are told.",
                                         "At most %(n)d people are suspended on a day; the others follow on the next days, and the administrators are told.", most) % {"n": most}),
        Effect("kept", "left_out", _("Owners, protected people, people on hold, invited people and service accounts are left out.")),
        Effect("kept", "accounts", _("Accounts stay as they are: only the access here is suspended, and can be restored."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row, days = policy.of(target.id), _days(data)
    if row._state.adding:
        work.add(row)
    else:
        row = OrganizationPolicy.objects.select_for_update().get(id=row.id)
        work.track(row)
    work.note(target.id, days_before=row.inactive_days, days=days)
    row.inactive_days, row.inactive_since, row.inactive_looked_on = days, work.now if days else None, None


SET = Power(
    slug=SLUG, code="policy.inactivity.set", event="policy.inactivity_set", over="organization", permission="manage_settings", tier=2, form=InactivityForm,
    rule=rule, effects=effects, apply=apply, notice=False, standing=True,
    title=gettext_lazy("Set the inactivity rule"), button=gettext_lazy("Save"),
    does=gettext_lazy("Says after how many days without any use people are suspended here automatically. They are warned 14 days and 3 days before."),
    does_not=gettext_lazy("Suspends nobody in the first 14 days, deactivates and deletes no account, and touches neither owners nor protected people, people on hold or service accounts."),
    sentence=gettext_lazy("%(actor)s set the inactivity rule"),
)


def still_inactive(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    """Decided anew for each person, on locked rows: whoever came back in the last second stays."""
    yield from allowed_from("active", "restricted")(_actor, person, _data, now)
    found, stand = person.extra["idleness"]  # type: ignore[misc]
    if found is None or stand is None or rules.step(found, stand, now)[0] != "suspend":
        yield "not_inactive"


def suspended(work: Work, person: Person, data: Data) -> None:
    suspend.apply(work, person, data)
    work.note(person.id, days=person.extra["idleness"][0].days)  # type: ignore[index]


END = Power(
    slug="suspend-inactive", code="access.suspend_inactive", event="membership.suspended_inactive", over="member", permission="manage_access", tier=1, form=NoForm,
    rule=still_inactive, effects=suspend.effects, apply=suspended, ends_ownership=True, undo="restore", always=True, people_only=True, gather=(people.idleness,),
    title=gettext_lazy("Suspension for inactivity"), button=gettext_lazy("Suspend"),
    does=gettext_lazy("Suspends somebody who was warned twice and has not used anything here for as long as the inactivity rule says."),
    does_not=gettext_lazy("Deletes nothing, and does not touch the account. Reversible at any time."),
    sentence=gettext_lazy("%(target)s was suspended for inactivity"),
)
"""What the clock does. Nobody is offered it; whether the published notice names the rule is asked before anybody is looked at."""
