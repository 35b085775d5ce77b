"""The person's copies of their data: ask for one, fetch it, remove it (policy B1, B2)."""
from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door, lately
from accounts.actor import Actor
from accounts.entries import actor_ref
from accounts.models import Account
from accounts.reasons import NotFound, Refused, text
from dsar.export import run, signing
from dsar.models import Copy, CopyState
from dsar.powers import export_person, request_copy
from portal.jobs import wake
from portal.organization import enter, myself
from portal.views.stepup import ask

TIER = 1
"""Whoever fetches a copy has just proved who they are: an open browser is not enough."""


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The copies there are and were, and the button that asks for one."""
    actor, now = myself(request), timezone.now()
    if request.method == "POST":
        try:
            door.perform(power=request_copy.POWER, actor=actor, data={}, now=now, key=request.POST.get("key", "")[:100] or None)
        except Refused as refusal:
            messages.info(request, text(refusal.codes[0]))
        else:
            wake("copies")
            messages.success(request, _("Your copy is being made. You get a mail when it is ready."))
        return redirect("me-copies")
    rows = Copy.objects.filter(account_id=request.user.id, organization=None).order_by("-asked_at")[:20]
    plan = door.plan(power=request_copy.POWER, actor=actor, data={}, now=now)
    return render(request, "me/copies.html", {
        "rows": [{"row": row, "state": _state(row, now), "left": max(run.DOWNLOADS - row.downloads, 0), "records": sum(row.counts.values())} for row in rows],
        "key": uuid4(), "blocked": plan.verdicts[0].reason_texts, "most": run.DOWNLOADS, "days": run.KEPT.days, "rests": lately.until(request.user, now)})


def _state(row: Copy, now: datetime) -> str:
    """What can be done with it now; what is over is over although nobody has removed it yet."""
    if row.state != CopyState.READY:
        return row.state
    return "ready" if row.expires_at is not None and row.expires_at > now and row.downloads < run.DOWNLOADS else "ended"


def of_organization(request: HttpRequest, slug: str) -> HttpResponse:
    """Copies that the organization asked for, of people who wanted theirs in another way than by themselves."""
    actor, now = enter(request, slug, permission=export_person.POWER.permission), timezone.now()
    rows = Copy.objects.filter(organization_id=actor.organization_id, for_case=None).select_related("account").order_by("-asked_at")[:100]
    who = dict(Account.objects.filter(id__in={row.requested_by for row in rows if row.requested_by}).values_list("id", "name"))
    return render(request, "copies/index.html", {
        "rows": [{"row": row, "state": _state(row, now), "left": max(run.DOWNLOADS - row.downloads, 0), "who": who.get(row.requested_by, "")} for row in rows],
        "most": run.DOWNLOADS, "days": run.KEPT.days, "may_export_all": actor.may("export_organization")})


def one_of_organization(request: HttpRequest, slug: str, copy_id: UUID) -> HttpResponseBase:
    """Fetch a copy that the organization asked for, or remove it. Only a POST does either."""
    actor, now = enter(request, slug, permission=export_person.POWER.permission), timezone.now()
    if request.method != "POST":
        return redirect("copies", slug)
    return _act(request, run.Holder(organization=actor.organization_id), copy_id, actor, now, tier=export_person.POWER.tier, back=redirect("copies", slug))


@login_required
def one(request: HttpRequest, copy_id: UUID) -> HttpResponseBase:
    """Fetch a copy (POST: a link alone fetches nothing), or remove it."""
    actor, now = myself(request), timezone.now()
    if request.method != "POST":
        return redirect("me-copies")
    return _act(request, run.Holder(account=request.user.id), copy_id, actor, now, tier=TIER, back=redirect("me-copies"))


def _act(request: HttpRequest, holder: run.Holder, copy_id: UUID, actor: Actor, now: datetime, *, tier: int, back: HttpResponse) -> HttpResponseBase:
    try:
        if request.POST.get("do") == "remove":
            run.end(holder=holder, copy_id=copy_id, now=now, actor=actor_ref(actor), via="ui")
            messages.success(request, _("The copy is removed."))
            return back
        if actor.tier(now) < tier:
            return ask(request, tier)
        return answer(*run.fetch(holder=holder, copy_id=copy_id, now=now, actor=actor_ref(actor), via="ui"))
    except run.NotThere:
        raise NotFound from None
    except Refused as refusal:
        messages.info(request, text(refusal.codes[0]))
        return back


def answer(row: Copy, blocks: object) -> StreamingHttpResponse:
    """The bytes, for this browser alone and not for its cache."""
    found = StreamingHttpResponse(blocks, content_type="application/zip")  # type: ignore[arg-type]
    for header, value in {"Content-Length": str(row.size), "Content-Disposition": f'attachment; filename="steward-copy-{row.snapshot_at:%Y-%m-%d}.zip"', "Cache-Control": "private, no-store",
                          "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}.items():
        found.headers[header] = value
    return found


def key(_request: HttpRequest) -> JsonResponse:
    """The public key of copies, for whoever is shown one."""
    return JsonResponse({"algorithm": "Ed25519", "public_key": signing.public_key()})
