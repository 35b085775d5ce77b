"""The record of processing (policy D5): what is done with personal data here, why, on which ground and for how long."""
from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from dsar import records
from dsar.retention import telling
from portal.organization import enter


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The record as a page."""
    actor = enter(request, slug, permission="view_people")
    assert actor.organization_id is not None
    own = telling.limits(actor.organization_id, now=timezone.now())
    return render(request, "processing/index.html", {"activities": records.activities(own), "map": records.version(), "day": timezone.localdate()})


def file(request: HttpRequest, slug: str, form: str) -> HttpResponse:
    """The record as a file, CSV or JSON."""
    enter(request, slug, permission="view_people")
    organization, day = request.organization, timezone.localdate().isoformat()  # type: ignore[attr-defined]
    about = {"organization": organization.name, "contact": organization.contact_email, "on": day, "own": telling.limits(organization.id, now=timezone.now())}
    if form not in {"csv", "json"}:
        raise Http404
    answer: HttpResponse = (JsonResponse(records.as_json(**about), json_dumps_params={"ensure_ascii": False, "indent": 2}) if form == "json"
                            else HttpResponse(records.as_csv(**about), content_type="text/csv; charset=utf-8"))
    answer["Content-Disposition"] = f'attachment; filename="processing-{organization.slug}-{day}.{form}"'
    return answer
