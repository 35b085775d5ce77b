"""What of the registers is fetched: letters and orders one by one, the report as a file, and the report that everybody may read."""
from __future__ import annotations

from datetime import date
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts import tenancy
from accounts.entries import actor_ref
from accounts.models import Organization
from accounts.reasons import NotFound
from audit import recording
from audit.record import EntryDraft, TargetRef
from dsar.cases import evidence
from dsar.powers.disclosures import opened
from dsar.registers import disclosures as register
from dsar.registers import report as reporting
from dsar.registers.models import Controller, Disclosure, DisclosureFile
from portal.organization import enter
from portal.views.registers import PERMISSION, between
from portal.views.stepup import ask

TIER = 1
"""Whoever fetches a letter or an order has just proved who they are."""


def file(request: HttpRequest, slug: str, disclosure_id: UUID, file_id: UUID) -> HttpResponse:
    """Fetch one file (POST: a link alone fetches nothing). It is never shown in the browser, and lies in no cache."""
    actor, now = enter(request, slug, permission=PERMISSION), timezone.now()
    assert actor.organization_id is not None
    line = register.found(actor.organization_id, str(disclosure_id), reader=actor.account_id)
    row = DisclosureFile.objects.filter(id=file_id, entry=disclosure_id, organization_id=actor.organization_id).first()
    if line is None or row is None:
        raise NotFound
    if request.method != "POST":
        return redirect("register-disclosure", slug, disclosure_id)
    if actor.tier(now) < TIER:
        return ask(request, TIER)
    with transaction.atomic(), recording.opened(org=row.organization_id, now=now) as act:
        act.write([EntryDraft(org=row.organization_id, action="disclosure.evidence_read", category="disclosure", outcome="success", actor=actor_ref(actor), via=actor.via,
                              targets=[TargetRef(type="organization", id=row.organization_id)], facts={"disclosure": str(row.entry), "reference": line.reference, "file": str(row.id),
                                  "kind": row.kind})])
    kind, ending = evidence.TYPES[row.kind]  # type: ignore[index]
    found = HttpResponse(opened(row), content_type=kind)
    for header, value in {"Content-Disposition": f'attachment; filename="{line.reference}-{str(row.id)[:8]}.{ending}"', "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff",
                          "Content-Security-Policy": "sandbox; default-src 'none'"}.items():
        found.headers[header] = value
    return found


def report(request: HttpRequest, slug: str, form: str) -> HttpResponse:
    """The organization's own report as a file, with exact numbers."""
    actor = enter(request, slug, permission=PERMISSION)
    organization: Organization = request.organization  # type: ignore[attr-defined]
    first, last, wrong = between(request, register.today(organization, timezone.now()))
    if wrong:
        raise Http404
    rows = register.current(organization.id, reader=actor.account_id)
    return _file(reporting.make(rows, first=first, last=last, veiled=False), organization.name, form, f"disclosures-{organization.slug}-{first}-{last}")


def public(request: HttpRequest, slug: str, form: str = "") -> HttpResponse:
    """What everybody may read, if the organization says so: a year that is over, every number as a range. Otherwise the address is not there."""
    with tenancy.installation("a report that the organization published"):
        organization = Organization.objects.filter(slug=slug, status="active", id__in=Controller.objects.filter(report_public=True).values("organization_id")).first()
        if organization is None:
            raise Http404
        rows = register.current(organization.id, reader=None)
    return _of_year(request, rows, organization.name, form, f"disclosures-{slug}", {"organization": organization, "page": "transparency", "file": "transparency-file", "slug": slug},
                    register.today(organization, timezone.now()))


@login_required
def operator(request: HttpRequest, form: str = "") -> HttpResponse:
    """The same over all organizations, for whoever runs the installation: ranges only, because what an organization keeps is not the operator's to read."""
    if not request.user.is_operator:  # type: ignore[union-attr]
        raise NotFound
    with tenancy.installation("the operator's report over every organization"):
        rows = list(Disclosure.objects.order_by("entry", "-number").distinct("entry"))
    return _of_year(request, rows, "", form, "disclosures", {"page": "operator-transparency", "file": "operator-transparency-file"}, timezone.localdate())


def _of_year(request: HttpRequest, rows: list[Disclosure], name: str, form: str, title: str, more: dict[str, object], today: date) -> HttpResponse:
    years = reporting.years(rows, today=today)
    asked = request.GET.get("year", "")
    if asked and asked not in {str(one) for one in years}:
        raise Http404
    year = int(asked or years[0])
    first, last = reporting.whole(year)
    found = reporting.make(rows, first=first, last=last, veiled=True)
    if form:
        return _file(found, name, form, f"{title}-{year}")
    return render(request, "registers/public.html", {"report": found, "year": year, "years": years, **more})


def _file(found: reporting.Report, name: str, form: str, title: str) -> HttpResponse:
    if form not in {"csv", "json"}:
        raise Http404
    answer: HttpResponse = (JsonResponse(reporting.as_json(found, organization=name), json_dumps_params={"ensure_ascii": False, "indent": 2}) if form == "json"
                            else HttpResponse(reporting.as_csv(found, organization=name), content_type="text/csv; charset=utf-8"))
    answer["Content-Disposition"] = f'attachment; filename="{title}.{form}"'
    return answer
