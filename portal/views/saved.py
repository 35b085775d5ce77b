"""Saved views on the pages: the links beside a list, saving the present state, and the page on which they are kept."""
from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import views_saved
from accounts.actor import Actor
from accounts.models import SavedView
from accounts.reasons import NotFound, Refused, text
from portal.organization import enter


def beside(request: HttpRequest, actor: Actor, page: str) -> dict[str, Any]:
    """What a list shows of its views: each with its address, which one is open, and whether the present state differs from it."""
    present, rows = views_saved.normalized(page, request.GET), views_saved.visible(actor=actor, page=page)
    opened = next((row for row in rows if str(row.id) == request.GET.get("view", "")), None)
    return {"views": [{"row": row, "href": address(row), "on": row is opened, "owner": "" if row.owner_id == actor.membership_id else row.owner.account.name or row.owner.account.email}
                      for row in rows],
            "opened": opened, "opened_mine": opened is not None and opened.owner_id == actor.membership_id, "changed": opened is not None and opened.query != present, "present": present,
            "page": page, "may_share": actor.may(views_saved.SHARING)}


def address(row: SavedView) -> str:
    """The query part that opens a view."""
    return f"?{row.query}{'&' if row.query else ''}view={row.id}"


def opening(request: HttpRequest, actor: Actor, page: str) -> HttpResponse | None:
    """A list that is opened without anything in its address goes on to the person's default view."""
    if request.GET or request.headers.get("HX-Request"):
        return None
    row = views_saved.default_of(actor=actor, page=page)
    return redirect(request.path + address(row)) if row is not None and row.query else None


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """One's own and shared views of one list, and every change of them."""
    page = request.POST.get("page") or request.GET.get("page") or "people"
    if page not in views_saved.KEYS:
        raise NotFound
    actor = enter(request, slug, permission=views_saved.PERMISSIONS[page])
    if request.method == "POST":
        return _change(request, slug, actor, page)
    return _show(request, actor, page)


def _show(request: HttpRequest, actor: Actor, page: str, *, problems: list[str] | None = None, status: int = 200) -> HttpResponse:
    return render(request, "people/views.html", {**beside(request, actor, page), "blockers": problems or [], "list": reverse(page, args=[request.organization.slug]),  # type: ignore[attr-defined]
                                                 "may_unshare": actor.rank >= views_saved.OWNER_RANK}, status=status)


def _change(request: HttpRequest, slug: str, actor: Actor, page: str) -> HttpResponse:
    post, do = request.POST, request.POST.get("do", "")
    try:
        if do == "save":
            row = views_saved.save(actor=actor, page=page, name=post.get("name", ""), query=post.get("query", ""), shared="shared" in post, default="default" in post, now=timezone.now())
            messages.success(request, _("The view is saved."))
            return redirect(reverse(page, args=[slug]) + address(row))
        chosen = _id(post.get("view", ""))
        if do == "delete":
            views_saved.drop(actor=actor, view_id=chosen)
            messages.success(request, _("The view is deleted."))
        elif do in {"rename", "update", "share", "unshare", "default", "no-default"}:
            row = views_saved.change(
                actor=actor, view_id=chosen, name=post.get("name", "") if do == "rename" else None, query=post.get("query", "") if do == "update" else None,
                shared={"share": True, "unshare": False}.get(do), default={"default": True, "no-default": False}.get(do))
            messages.success(request, _("The view is changed."))
            if do == "update":
                return redirect(reverse(page, args=[slug]) + address(row))
        else:
            raise NotFound
    except Refused as refusal:
        return _show(request, actor, page, problems=[text(code) for code in refusal.codes], status=422)
    return redirect(f"{reverse('views', args=[slug])}?page={page}")


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise NotFound from None
