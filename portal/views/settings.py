"""The settings of an organization: name and address, contact, numbers, and the notice with its versions."""
from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import acknowledging, policy, purposes, tenancy
from accounts import notice as notices
from accounts.dormant import people as accounts_unused
from accounts.dormant import rules as dormant
from accounts.inactivity import people
from accounts.inactivity import rules as inactive
from accounts.models import ClaimedAccount, Membership, OldSlug, Organization
from accounts.organizations import ending
from accounts.powers import inactivity as power
from accounts.powers import unused_accounts as unused_power
from accounts.profile import rules
from accounts.reasons import NotFound
from dsar.registers import countries, recipients, transfers
from portal import notices_of
from portal.organization import enter

PERMISSION = "manage_settings"


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that was decided for the organization as a whole, each with the way to change it."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    now = timezone.now()
    found = notices_of.overview(actor.organization_id, now=now)
    return render(request, "settings/index.html", {
        "policy": policy.of(actor.organization_id), "fields": list(rules.of(actor.organization_id).values()), "limits": rules.limits_of(actor.organization_id),
        "old": OldSlug.objects.filter(organization_id=actor.organization_id, leads_until__gt=now).order_by("-left_at"), "notice": found,
        "unnamed": notices_of.unnamed(found), "closing": ending.of(actor.organization_id), "undecided": ending.undecided(actor.organization_id).count(), "may_end": actor.may("transfer_ownership"),
        "may_apps": actor.may("manage_apps")})


def notice(request: HttpRequest, slug: str) -> HttpResponse:
    """The notice: what holds, the draft power by power, what publishing it would change, and every version there was."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    found = notices_of.overview(actor.organization_id, now=timezone.now())
    told = found.announced or found.current
    return render(request, "settings/notice.html", {
        "notice": found, "unnamed": notices_of.unnamed(found), "shown": found.draft or found.announced or found.current, "told": told,
        "confirmed": acknowledging.summary(organization_id=actor.organization_id, about=told.row.id) if told else None})


def inactivity(request: HttpRequest, slug: str) -> HttpResponse:
    """The inactivity rule as it is, and a preview: whom a rule of so many days would be about now."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    now, rule = timezone.now(), inactive.of(policy.of(actor.organization_id))
    asked = request.GET.get("days", "")
    days = power.chosen(asked)
    tried = inactive.Rule(days, now) if days and (rule is None or rule.days != days) else rule
    count, shown, page = people.preview(organization_id=actor.organization_id, rule=tried, now=now, cursor=request.GET.get("cursor", "")[:2000]) if tried else (0, [], None)
    return render(request, "settings/inactivity.html", {
        "rule": rule, "tried": tried, "count": count, "rows": shown if actor.may("view_people") else [], "page": page, "may_see": actor.may("view_people"), "wrong": bool(asked) and days is None,
        "asked": asked[:10], "fewest": inactive.FEWEST, "most": inactive.MOST, "named": power.SLUG in notices.on(notices.published(actor.organization_id), now)})


def unused(request: HttpRequest, slug: str) -> HttpResponse:
    """The rule about unused accounts as it is, and a preview: which accounts a rule of so many days would be about now."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    now, numbers = timezone.now(), policy.of(actor.organization_id)
    rule, asked = dormant.of(numbers), request.GET.get("days", "")
    days = unused_power.chosen(asked)
    tried = dormant.Rule(days, now) if days and (rule is None or rule.days != days) else rule
    count, shown, page = accounts_unused.preview(actor.organization_id, tried, now=now, cursor=request.GET.get("cursor", "")[:2000]) if tried else (0, [], None)
    return render(request, "settings/unused.html", {
        "rule": rule, "tried": tried, "count": count, "rows": shown if actor.may("view_people") else [], "page": page, "wrong": bool(asked) and days is None, "asked": asked[:10],
            "grace": numbers.deletion_days,
        "fewest": dormant.FEWEST, "most": dormant.MOST, "named": unused_power.SLUG in notices.on(notices.published(actor.organization_id), now)})


@login_required
def mine(request: HttpRequest, membership_id: str) -> HttpResponse:
    """The notice for whoever is or was in the organization, also while they are suspended: the version in effect, or any other by its number."""
    with tenancy.installation("the notice of an organization that the person is or was in"):
        membership = Membership.objects.filter(id=membership_id, account=request.user).exclude(status="invited").select_related("organization").first()
    if membership is None:
        raise NotFound
    return _notice_of(request, membership.organization)


@login_required
def of_claim(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """The notice of an organization that has claimed the person's account, whether or not they belong to it."""
    with tenancy.installation("the notice of an organization that claimed the person's account"):
        row = ClaimedAccount.objects.filter(id=row_id, account=request.user).select_related("organization").first()
    if row is None:
        raise NotFound
    return _notice_of(request, row.organization)


def _notice_of(request: HttpRequest, organization: Organization) -> HttpResponse:
    now, number = timezone.now(), request.GET.get("version", "")
    with tenancy.scope(org=organization.id, account=request.user.id, purpose=purposes.OWN):
        found = notices_of.overview(organization.id, now=now)
        if number and not (number.isascii() and number.isdigit() and len(number) < 9):
            raise NotFound
        chosen = notices_of.numbered(found, int(number)) if number else found.current or found.announced
        coming, controller = transfers.announced(organization.id), recipients.controller(organization.id)
    return render(request, "me/notice.html", {"organization": organization, "notice": found, "shown": chosen, "controller": controller, "coming": coming,
                                              "coming_from": countries.name(coming.country) if coming else ""})
