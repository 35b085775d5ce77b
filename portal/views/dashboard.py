"""The overview: what needs attention, and how things went."""
from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import listing_query, overview
from accounts.actor import Actor
from accounts.models import Organization
from audit import counts
from portal.charts import Chart
from portal.organization import enter
from portal.templatetags.steward import STATUS


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Where administrators land. A role that is limited to groups has its people list instead: these numbers are of everybody."""
    actor = enter(request, slug, permission="view_people")
    if actor.scope_groups is not None:
        return redirect("people", slug)
    assert actor.organization_id is not None
    now, organization = timezone.now(), request.organization  # type: ignore[attr-defined]
    found = overview.numbers(actor=actor, now=now)
    return render(request, "dashboard/index.html", {
        "items": _attention(organization, actor, found), "people": found["people"], "charts": _charts(actor.organization_id, actor, found)})


def _attention(organization: Organization, actor: Actor, n: dict[str, int]) -> list[dict[str, Any]]:
    """The numbers that are not as they should be, most urgent first, each in words and with the way there."""
    slug = organization.slug
    people, administrators = reverse("people", args=[slug]), reverse("administrators", args=[slug])
    said = [
        ("bad", n["owners"] < 2, n["owners"], ngettext("Only %(n)d owner can sign in. With a second one nobody is locked out when something happens.",
                                                      "%(n)d owners can sign in. With two nobody is locked out when something happens.", n["owners"]), administrators),
        ("bad", n["paused"], n["paused"], ngettext("%(n)d administrator is paused, because of many harmful acts within a day. Look at what they did.",
                                                   "%(n)d administrators are paused, because of many harmful acts within a day. Look at what they did.", n["paused"]), administrators),
        *(_succession(slug, n) if actor.may("manage_settings") else ()),
        ("bad", n["failed_jobs"], n["failed_jobs"], ngettext("%(n)d job failed this week.", "%(n)d jobs failed this week.", n["failed_jobs"]), reverse("jobs", args=[slug])),
        ("warn", not organization.contact_email and not organization.contact_link and actor.may("manage_settings"), 0,
         _("No contact is published, so people do not know whom to ask about their access."), reverse("organization-power", args=[slug, "set-contact"])),
        ("warn", n["approvals"] if actor.may("approve_plans") else 0, n["approvals"], ngettext("%(n)d plan waits for a second person.", "%(n)d plans wait for a second person.", n["approvals"]),
         reverse("plans", args=[slug])),
        ("warn", n["administrators_without_factor"], n["administrators_without_factor"],
         ngettext("%(n)d administrator has no second factor and can do nothing until they set one up.", "%(n)d administrators have no second factor and can do nothing until they set one up.",
                  n["administrators_without_factor"]), administrators),
        ("warn", n["notices"], n["notices"], ngettext("A notice could not be delivered to %(n)d person.", "Notices could not be delivered to %(n)d people.", n["notices"]), f"{people}?due=notice"),
        ("warn", n["disputes"] if actor.may("update_profiles") else 0, n["disputes"],
         ngettext("%(n)d person says that a value of their profile is not right.", "%(n)d people say that a value of their profile is not right.", n["disputes"]), f"{people}?due=dispute"),
        ("warn", n["locked"], n["locked"], ngettext("%(n)d account is locked down.", "%(n)d accounts are locked down.", n["locked"]), f"{people}?status=locked"),
        ("info", n["unconfirmed"], n["unconfirmed"], ngettext("%(n)d plan of yours waits for your confirmation.", "%(n)d plans of yours wait for your confirmation.", n["unconfirmed"]),
         reverse("jobs", args=[slug])),
        ("info", n["returns"], n["returns"], ngettext("The access of %(n)d person comes back by itself within a week.", "The access of %(n)d people comes back by itself within a week.", n["returns"]),
         f"{people}?due=return"),
        ("info", n["contracts"], n["contracts"], ngettext("The contract of %(n)d person ends within 30 days.", "The contracts of %(n)d people end within 30 days.", n["contracts"]),
         f"{people}?due=contract"),
        ("info", n["inactive"], n["inactive"], ngettext("%(n)d person is suspended for inactivity within 14 days, unless they come back before.",
                                                        "%(n)d people are suspended for inactivity within 14 days, unless they come back before.", n["inactive"]), f"{people}?due=inactive"),
        ("info", n["invitations"], n["invitations"], ngettext("%(n)d invitation ends within three days.", "%(n)d invitations end within three days.", n["invitations"]), f"{people}?due=invitation"),
        ("info", n["tokens"], n["tokens"], ngettext("%(n)d person or service account has an API token that ends within two weeks.",
                                                    "%(n)d people or service accounts have API tokens that end within two weeks.", n["tokens"]), f"{people}?due=token"),
        ("info", n["no_factor"], n["no_factor"], ngettext("%(n)d active person signs in with a password only.", "%(n)d active people sign in with a password only.", n["no_factor"]),
         f"{people}?status=active&mfa=no"),
    ]
    return [{"tone": tone, "text": words % {"n": number}, "href": href} for tone, wanted, number, words, href in said if wanted]


def _succession(slug: str, n: dict[str, int]) -> list[tuple[str, Any, int, str, str]]:
    href = reverse("succession", args=[slug])
    return [
        ("bad", n["successions"], n["successions"], ngettext("%(n)d succession of the owners is under way.", "%(n)d successions of the owners are under way.", n["successions"]), href),
        ("warn", n["successors_unable"], n["successors_unable"], ngettext("%(n)d named successor could not follow now.", "%(n)d named successors could not follow now.", n["successors_unable"]), href),
        ("info", n["codes_old"], n["codes_old"], _("The recovery codes are more than a year old."), href)]


def _charts(organization_id: UUID, actor: Actor, n: dict[str, int]) -> list[Chart]:
    today = timezone.now()
    found = [Chart(id="statuses", title=_("People by status"), description=_("How many people have each status now."), head=_("Status"), series=[(_("People"), "bar")],
                   points=[(STATUS[status][2](), [n[f"status_{status}"]]) for status in listing_query.STATUSES if status != "removed"])]
    first = (today.replace(day=1) - timedelta(days=334)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    moves = {month: (joined, left) for month, joined, left in overview.moves(organization_id=organization_id, since=first)}
    found.append(Chart(id="moves", title=_("Joined and left"), description=_("How many people joined, and how many left or were removed, in each of the last twelve months."), head=_("Month"),
                       series=[(_("Joined"), "bar"), (_("Left"), "bar other")], points=[(month.strftime("%Y-%m"), moves.get(month, (0, 0))) for month in _months(first.date())]))
    if actor.may("view_audit"):
        since = today - timedelta(days=29)
        days = dict(counts.days(org=organization_id, since=since.date()))
        found.append(Chart(id="acts", title=_("Entries in the audit log"), description=_("How many entries were recorded on each of the last thirty days, in UTC."), head=_("Day"),
                           series=[(_("Entries"), "bar")], points=[((day := since.date() + timedelta(days=n)).strftime("%m-%d"), [days.get(day, 0)]) for n in range(30)]))
    return found


def _months(first: date) -> list[date]:
    months = [first]
    while len(months) < 12:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return months
