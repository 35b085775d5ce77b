"""“Find or go”: one address for the page and for the palette; and the way from one organization to the same place in another."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from portal import palette
from portal.organization import enter
from portal.shell import organizations, sections


def find(request: HttpRequest, slug: str) -> HttpResponse:
    """The results as a page; for the palette only the options of its list."""
    actor = enter(request, slug)
    q = palette.clean(request.GET.get("q", ""))
    others = [place for place in organizations(request) if not place.current]
    kinds = palette.find(actor=actor, organization=request.organization, others=others, q=q)  # type: ignore[attr-defined]
    total = sum(len(kind.hits) for kind in kinds)
    return render(request, "find/_options.html" if request.headers.get("HX-Request") else "find/index.html", {"kinds": kinds, "q": q, "total": total})


def go(request: HttpRequest, slug: str, section: str) -> HttpResponse:
    """The same place in this organization, if it is there and the person may see it; else the organization's start."""
    actor = enter(request, slug)
    permission = sections().get(section, "")
    if section in sections() and actor.may(permission):
        return redirect(section, slug)
    return redirect("org-home", slug)
