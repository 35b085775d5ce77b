"""The person's own pages: profile, sessions, organizations, invitations, API tokens."""
from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access, deletions, door, due, purposes, tenancy
from accounts.mail import INVITATION, reset_link
from accounts.models import Account, ApiToken, Management, Membership, ProfileSuggestion, Session
from accounts.people import load_self
from accounts.powers import BY_SLUG, FALLS_DUE
from accounts.powers.joining import inviter_over
from accounts.profile import rules
from accounts.reasons import NotFound, Refused, text
from accounts.schedules import listing
from accounts.services import ways
from portal.organization import enter, myself
from portal.views import errors
from portal.views.stepup import proof_of


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Straight to the only organization, or the choice."""
    with tenancy.installation("a person's own organizations, with the names of their roles"):
        rows = list(Membership.objects.filter(account=request.user).exclude(status="removed").select_related("organization", "role").order_by("organization__name"))
    active = [row for row in rows if row.status != "invited"]
    if len(rows) == 1 and active and "choose" not in request.GET:
        return redirect("org-home", active[0].organization.slug)
    return render(request, "me/organizations.html", {"rows": rows, "operator": request.user.is_operator, "may_create": settings.PEOPLE_MAY_CREATE_ORGANIZATIONS})


def organization(request: HttpRequest, slug: str) -> HttpResponse:
    """A member's home in an organization: services and who manages what."""
    actor = enter(request, slug)
    if actor.may("view_people") and "services" not in request.GET:
        return redirect("overview", slug)
    membership = Membership.objects.select_related("role", "organization").get(id=actor.membership_id)
    return render(request, "me/services.html", {
        "membership": membership, "access": ways.of([membership.id]),
        "management": Management.objects.filter(account=request.user, organization=membership.organization).first(), "key": uuid4()})


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Name, language, time zone."""
    actor, power = myself(request), BY_SLUG["edit-own-profile"]
    person = load_self(account_id=request.user.id, lock=False)[0]
    initial = power.form.initial_for(person)  # type: ignore[attr-defined]
    form = power.form(request.POST) if request.method == "POST" else power.form(initial=initial)
    form.offer(actor, person)  # type: ignore[attr-defined]
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                door.perform(power=power, actor=actor, data=form.cleaned_data, now=timezone.now())
                messages.success(request, _("Saved."))
                return redirect("me")
            except Refused as refusal:
                messages.info(request, text(refusal.codes[0]))
                return redirect("me")
        status = 422
    rules.edit_limits([person])
    return render(request, "me/profile.html", {
        "scheduled": about_me(request.user.id), "form": form, "power": power,
        "limits": person.extra["edit_limits"] if person.managed else None, "suggested": ProfileSuggestion.objects.filter(account=request.user, expires_at__gt=timezone.now()).count(),
        "management": Management.objects.filter(account=request.user).select_related("organization").first()}, status=status)


def about_me(account_id: UUID) -> list[dict[str, Any]]:
    """What organizations have scheduled about the person, with whom to ask."""
    with tenancy.installation("what is scheduled about the person who looks, in every organization"):
        mine = {m.id: m for m in Membership.objects.filter(account_id=account_id).exclude(status="removed").select_related("organization")}
        rows = [row for row in listing.about(mine) if row.subject]
        held = any(row.power == listing.DELETES for row in rows) and bool(deletions.on_hold([account_id]))
        return [{"plan": row, "power": FALLS_DUE[row.power], "organization": mine[row.subject].organization, "waits": held and row.power == listing.DELETES} for row in rows]


@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in, and the way to end it."""
    actor = myself(request)
    if request.method == "POST":
        try:
            chosen = UUID(request.POST.get("session", ""))
        except ValueError:
            raise NotFound from None
        door.perform(power=BY_SLUG["end-own-session"], actor=actor, ids=[chosen], data={}, now=timezone.now())
        if chosen == request.steward_session.id:  # type: ignore[attr-defined]
            request.session.flush()
            return redirect("account_login")
        messages.success(request, _("The session has ended."))
        return redirect("me-sessions")
    rows = Session.objects.filter(account=request.user).order_by("ended_at", "-last_seen_at")
    return render(request, "me/sessions.html", {"open": [r for r in rows if r.ended_at is None], "ended": sorted((r for r in rows if r.ended_at), key=lambda r: r.ended_at, reverse=True)[:20],
                                                "current": request.steward_session.id})  # type: ignore[attr-defined]


def tokens(request: HttpRequest, slug: str) -> HttpResponse:
    """The person's API tokens in this organization."""
    actor = enter(request, slug)
    if request.method == "POST":
        try:
            chosen = UUID(request.POST.get("token", ""))
        except ValueError:
            raise NotFound from None
        door.perform(power=BY_SLUG["revoke-token"], actor=actor, ids=[chosen], data={}, now=timezone.now())
        messages.success(request, _("The token is revoked."))
        return redirect("tokens", slug)
    rows = ApiToken.objects.filter(membership_id=actor.membership_id).order_by("state", "-created_at")
    return render(request, "me/tokens.html", {"rows": rows, "now": timezone.now(), "create": ["create-token", actor.membership_id], "me": actor.membership_id})


def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The invitation that a mail leads to. Opening it changes nothing; answering does."""
    membership = _invited(token)
    if membership is None:
        return errors._page(request, 404, _("This invitation is no longer valid"), _("It was answered, cancelled or has expired. Ask the organization for a new one."))
    account = membership.account
    if request.user.is_authenticated and request.user.id == account.id:
        return _answer(request, membership)
    new = not account.has_usable_password()
    if request.method == "POST" and new and not request.user.is_authenticated:
        return redirect(reset_link(account))  # the mailbox is proven by this link; a first password comes next
    return render(request, "me/invitation.html", {"membership": membership, "other": request.user.is_authenticated, "new": new, "sign_in": True})


def _invited(token: str) -> Membership | None:
    try:
        membership_id, epoch = INVITATION.unsign(token, max_age=timedelta(days=14)).split(":")
    except signing.BadSignature:
        return None
    with tenancy.installation("an invitation link names its membership"):
        found = Membership.objects.select_related("organization", "account", "role").filter(id=membership_id, status="invited", access_epoch=int(epoch)).first()
        if found is not None and inviter_over(found, timezone.now()):
            return None
    return found if found and (found.invitation_expires_at is None or found.invitation_expires_at > timezone.now()) else None


@login_required
def answer(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """An invitation of the signed-in person."""
    with tenancy.installation("an invitation of the signed-in person, with the name of its role"):
        membership = Membership.objects.select_related("organization", "account", "role").filter(id=membership_id, account=request.user, status="invited").first()
    if membership is None:
        raise NotFound
    return _answer(request, membership)


def _answer(request: HttpRequest, membership: Membership) -> HttpResponse:
    if request.method != "POST" or request.POST.get("answer") not in {"accept", "decline", "refuse"}:
        return render(request, "me/invitation.html", {"membership": membership, "sign_in": False})
    tenancy.set_request_scope(org=membership.organization_id, account=request.user.id, purpose=purposes.OWN)
    found = access.standing(account_id=request.user.id, organization_id=membership.organization_id)
    assert found is not None
    actor = access.actor_in(found, proof=proof_of(request), session_id=request.steward_session.id)  # type: ignore[attr-defined]
    door.perform(power=BY_SLUG["answer-invitation"], actor=actor, ids=[membership.id], data={"answer": request.POST["answer"]}, now=timezone.now())
    if request.POST["answer"] != "accept":
        messages.success(request, _("You declined."))
        return redirect("home")
    request.session["steward_epochs"] = {**request.session.get("steward_epochs", {}), str(membership.organization_id): membership.access_epoch}
    messages.success(request, _("Welcome to %(organization)s.") % {"organization": membership.organization.name})
    return redirect("org-home", membership.organization.slug)


def stop_reset(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the second-factor mail: the person stops the reset."""
    account = _stopping(token)
    if account is None:
        return errors._page(request, 404, _("This link is no longer valid"), _("The hour is over, or the reset was already stopped."))
    if request.method == "POST":
        done = due.stop_second_factor_reset(account_id=account.id, now=timezone.now())
        return errors._page(request, 200 if done else 410, _("The reset is stopped") if done else _("It is too late"),
                            _("Your second factors stay as they were. Tell your administrator if you did not expect this.") if done else _("The hour is over."))
    return render(request, "me/stop_reset.html", {})


def _stopping(token: str) -> Account | None:
    for account in Account.objects.filter(mfa_stop_until__gt=timezone.now()):
        try:
            if signing.loads(token, salt=f"stop:{account.mfa_reset_at}") == str(account.id):
                return account
        except signing.BadSignature:
            continue
    return None

