"""The record of processing (policy D5): what is done with personal data here, why, on which ground and for how long; today, and on any day before."""
from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import Organization
from dsar import records
from dsar.registers import versions
from portal.organization import enter


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The record as a page."""
    actor = enter(request, slug, permission="view_people")
    organization: Organization = request.organization  # type: ignore[attr-defined]
    day, wrong = asked(request.GET.get("on", ""))
    found = of_day(organization, day)
    units = {one.key: one.units for one in records.activities()} if day == timezone.localdate() else {}
    return render(request, "processing/index.html", {
        "record": found, "activities": [(one, units.get(one["key"], ())) for one in found["activities"]] if found else [], "day": day, "today": timezone.localdate(), "wrong": wrong,
        "versions": versions.archive(organization.id), "may_register": actor.may("manage_registers"), "tab": "processing"}, status=422 if wrong else 200)


def asked(text: str) -> tuple[date, bool]:
    """The day that is asked for; today where it is none, and whether it was none although something was typed."""
    today = timezone.localdate()
    if not text:
        return today, False
    try:
        day = date.fromisoformat(text[:10]) if len(text) == 10 else None
    except ValueError:
        day = None
    return (day, False) if day is not None and date(1990, 1, 1) <= day <= today else (today, True)


def of_day(organization: Organization, day: date) -> dict[str, Any] | None:
    """The record as it was true on this day; today, as it is now; None where nothing was kept yet."""
    if day == timezone.localdate():
        return records.as_json(records.about(organization), on=day.isoformat())
    row = versions.on(organization, day)
    return {**row.document, "as_of": day.isoformat(), "version": row.number} if row else None


def file(request: HttpRequest, slug: str, form: str) -> HttpResponse:
    """The record as a file, CSV or JSON."""
    enter(request, slug, permission="view_people")
    organization: Organization = request.organization  # type: ignore[attr-defined]
    day, wrong = asked(request.GET.get("on", ""))
    record = of_day(organization, day)
    if form not in {"csv", "json"} or wrong or record is None:
        raise Http404
    answer: HttpResponse = (JsonResponse(record, json_dumps_params={"ensure_ascii": False, "indent": 2}) if form == "json"
                            else HttpResponse(records.as_csv(record), content_type="text/csv; charset=utf-8"))
    answer["Content-Disposition"] = f'attachment; filename="processing-{organization.slug}-{day}.{form}"'
    return answer
