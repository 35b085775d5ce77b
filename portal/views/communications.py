"""Optional communications: the person's own page, the page behind the link in a mail, the organization's announcements, and what we say of Global Privacy Control."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import door, tenancy
from accounts.communications import choices, links
from accounts.communications.kinds import KINDS, Kind
from accounts.models import Account, Announcement, Consent, Membership, Organization
from accounts.models.communication import How
from accounts.powers import choose_communications, send_announcement
from accounts.reasons import Refused, text
from portal.organization import enter, myself
from portal.views import errors

ONE_CLICK = {"List-Unsubscribe": ["One-Click"]}
"""What a mail program sends, and nothing else (RFC 8058)."""
LINES = 50


# Signed in


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Each organization, what of it is on, and what the person chose before."""
    if request.method == "POST":
        form = choose_communications.ChoiceForm(request.POST)
        if not form.is_valid():
            return _own_page(request, status=422, refused=_("Choose what to switch, and whether it is on or off."))
        try:
            door.perform(power=choose_communications.POWER, actor=myself(request), data=form.cleaned_data, now=timezone.now(), key=request.POST.get("key", "")[:100] or None)
        except Refused as refusal:
            if refusal.codes != ["nothing_to_change"]:
                return _own_page(request, status=422, refused=text(refusal.codes[0]))
        messages.success(request, _("Switched on. It is noted below.") if form.cleaned_data["wanted"] == "on" else _("Switched off. From now on nothing of this kind is sent to you."))
        return redirect("me-communications")
    return _own_page(request)


def _own_page(request: HttpRequest, *, status: int = 200, refused: str = "") -> HttpResponse:
    found = of_person(request.user)  # type: ignore[arg-type]
    return render(request, "me/communications.html", {
        "places": [{"organization": one, "kinds": _switches(on for on in found["places"] if on["organization"].id == one.id)} for one in found["organizations"]],
        "lines": found["lines"], "more": found["more"], "most": LINES, "any": any(one["on"] for one in found["places"]), "refused": refused, "key": uuid4(),
        "signal": request.headers.get("Sec-GPC") == "1"}, status=status)


def _switches(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"kind": KINDS[one["kind"]], "on": one["on"]} for one in found]


def of_person(account: Account) -> dict[str, Any]:
    """What is on now, and the ledger, newest first: for the page and the API."""
    with tenancy.installation("what the person chose to be written to about"):
        here = set(Membership.objects.filter(account=account).exclude(status__in=("removed", "invited")).values_list("organization_id", flat=True))
        rows = list(Organization.objects.filter(id__in=choices.organizations(account.id)).exclude(status="deleted").order_by("name"))
        on = choices.standing(account, [row.id for row in rows])
        rows = [row for row in rows if row.id in here or any(on[(row.id, kind)] for kind in KINDS)]
        lines = list(Consent.objects.filter(account=account).select_related("organization").order_by("-at", "-id")[:LINES + 1])
    return {"organizations": rows, "places": [{"organization": row, "kind": kind, "on": on[(row.id, kind)]} for row in rows for kind in KINDS],
            "lines": [{"row": line, "kind": KINDS[line.kind].title if line.kind in KINDS else line.kind} for line in lines[:LINES]], "more": len(lines) > LINES}


# By the link in a mail


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, word: str) -> HttpResponse:
    """Opening the link changes nothing. The one click of a mail program switches off at once: it has no session and no token of ours, only the secret in the address.

    Everything else that is posted here has to come from our own page.
    """
    link = links.read(word)
    if request.method == "POST" and dict(request.POST.lists()) == ONE_CLICK:
        if link is None:
            return HttpResponse(_("This link is not valid."), status=404, content_type="text/plain; charset=utf-8")
        choices.by_link(link, kinds=[link.kind], wanted=False, how=How.ONE_CLICK, now=timezone.now())
        return HttpResponse(_("Switched off."), content_type="text/plain; charset=utf-8")
    if link is None:
        return errors._page(request, 404, _("This link is not valid"), _("It is not complete, or was not made here. Copy all of it from the mail, or sign in and choose on your own page."))
    return _page(request, link)


@csrf_protect
def _page(request: HttpRequest, link: links.Link) -> HttpResponse:
    said, refused, asked = "", "", {}
    if request.method == "POST":
        kinds, wanted = [kind for kind in KINDS if request.POST.get("kind") in {"all", kind}], request.POST.get("wanted")
        if kinds and wanted in {"on", "off"}:
            choices.by_link(link, kinds=kinds, wanted=wanted == "on", how=How.LINK, now=timezone.now())
            said, asked = wanted, dict.fromkeys(kinds, wanted == "on")
        else:
            refused = _("Choose what to switch, and whether it is on or off.")
    with tenancy.installation("the name of the organization that wrote"):
        organization = Organization.objects.filter(id=link.organization_id).first()
    on = {**choices.seen(link), **asked}
    return render(request, "communications/link.html", {
        "organization": organization.name if organization else _("The organization"), "kinds": [{"kind": kind, "on": on[kind.name]} for kind in _first(link.kind)],
        "said": said, "refused": refused, "any": any(on.values())}, status=422 if refused else 200)


def _first(name: str) -> list[Kind]:
    """All kinds, that of the mail first."""
    return [KINDS[name], *(kind for kind in KINDS.values() if kind.name != name)]


# The organization


def announcements(request: HttpRequest, slug: str) -> HttpResponse:
    """What was written to all members, how far it has come, and the way to write."""
    actor = enter(request, slug, permission=send_announcement.POWER.permission)
    return render(request, "announcements/index.html", {"rows": listed(actor.organization_id), "most": send_announcement.MOST})


def listed(organization_id: UUID | None) -> list[dict[str, Any]]:
    """The last hundred announcements, with their authors."""
    rows = list(Announcement.objects.filter(organization_id=organization_id).order_by("-sent_at", "id")[:100])
    who = {member.id: member.account.name for member in Membership.objects.filter(id__in={row.sent_by for row in rows if row.sent_by}).select_related("account")}
    return [{"row": row, "kind": KINDS[row.kind].title if row.kind in KINDS else row.kind, "who": who.get(row.sent_by, "")} for row in rows]


# Global Privacy Control


@require_safe
def gpc(_request: HttpRequest) -> JsonResponse:
    """That we honour the signal, in the form that the specification gives."""
    return JsonResponse({"gpc": True, "lastUpdate": "2026-11-27"})
