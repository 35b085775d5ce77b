"""The registers of an organization: disclosures, the report about them, recipients and transfers, a change of the controller (policy D3, D5)."""
from __future__ import annotations

import base64
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door
from accounts.actor import Actor
from accounts.models import Membership, Organization
from accounts.reasons import NotFound, Refused, StepUpNeeded, text
from dsar.cases import evidence
from dsar.datamap.kinds import CATEGORIES
from dsar.powers.disclosure_forms import EvidenceForm
from dsar.registers import countries
from dsar.registers import disclosures as register
from dsar.registers import recipients as receiving
from dsar.registers import report as reporting
from dsar.registers.models import BusinessTransfer, Disclosure, DisclosureFile, Outcome, Round
from portal.organization import enter
from portal.powers import BY_SLUG
from portal.views.stepup import ask

PERMISSION = register.PERMISSION
_ADD = BY_SLUG["add-disclosure-evidence"]


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The register of disclosures: what is open first, then by the day on which it came in."""
    actor = enter(request, slug, permission=PERMISSION)
    organization: Organization = request.organization  # type: ignore[attr-defined]
    rows = register.current(organization.id, reader=actor.account_id)
    years = sorted({row.received_on.year for row in rows}, reverse=True)
    year = int(request.GET["year"]) if request.GET.get("year", "") in {str(one) for one in years} else None
    shown = [row for row in rows if year is None or row.received_on.year == year]
    day = register.today(organization, timezone.now())
    return render(request, "registers/index.html", {
        "rows": sorted((said(row, day) for row in shown),
        key=lambda one: one["row"].outcome != Outcome.OPEN), "years": years, "year": year, "open": sum(row.outcome == Outcome.OPEN for row in rows), "tab": "disclosures"})


def said(row: Disclosure, day: Any) -> dict[str, Any]:
    """A line in words."""
    return {"row": row, "country": countries.name(row.country), "asked": [CATEGORIES[key] for key in row.categories if key in CATEGORIES],
        "given": [CATEGORIES[key] for key in row.given if key in CATEGORIES],
            "secret": row.secret_until is not None and row.told_at is None and row.secret_until >= day, "tellable": register.tellable(row)}


def disclosure(request: HttpRequest, slug: str, disclosure_id: UUID) -> HttpResponse:
    """One entry with every line of it, its files, and what can be done."""
    actor = enter(request, slug, permission=PERMISSION)
    organization: Organization = request.organization  # type: ignore[attr-defined]
    row = register.found(organization.id, str(disclosure_id), reader=actor.account_id)
    if row is None:
        raise NotFound
    form = EvidenceForm(_sent(request, row)) if request.method == "POST" else EvidenceForm()
    if request.method == "POST" and form.is_valid() and (done := _add(request, actor, form, row)) is not None:
        return done
    day, lines = register.today(organization, timezone.now()), register.lines(organization.id, row.entry)
    names = register.person_names({account for one in lines for account in one.people})
    by = dict(Membership.objects.filter(organization_id=organization.id, id__in={one.by for one in lines if one.by}).values_list("id", "account__name"))
    return render(request, "registers/disclosure.html", {
        **said(row, day), "people": [names.get(one, _("somebody whose account was deleted")) for one in row.people], "lines": [(one, by.get(one.by, "")) for one in reversed(lines)],
        "files": DisclosureFile.objects.filter(organization_id=organization.id,
        entry=row.entry).defer("sealed").order_by("added_at"), "form": form, "key": uuid4(), "tab": "disclosures", "acts": _acts(row, day)},
        status=422 if form.is_bound else 200)


disclosure.body_limit = evidence.BYTES + 64 * 1024  # type: ignore[attr-defined]


def _acts(row: Disclosure, day: Any) -> list[tuple[str, Any]]:
    """What can be done with the entry now, as it is called."""
    found = ["answer-disclosure"] if row.outcome == Outcome.OPEN else []
    if row.told_at is None and register.tellable(row):
        found += ["tell-of-disclosure", "extend-prohibition"] if row.secret_until is None or row.secret_until < day else ["extend-prohibition", "tell-of-disclosure"]
    words = {"answer-disclosure": _("Record the decision"), "tell-of-disclosure": _("Tell the people"), "extend-prohibition": _("Prohibition to tell"), "correct-disclosure": _("Correct it")}
    return [(slug, words[slug]) for slug in (*found, "correct-disclosure")]


def _sent(request: HttpRequest, row: Disclosure) -> dict[str, str]:
    """The file that was chosen, as the form takes it from everywhere."""
    file = request.FILES.get("file")
    too_large = file is not None and file.size > evidence.BYTES
    return {"disclosure": row.reference, "file": "-" * (evidence.TEXT + 1) if too_large else base64.b64encode(file.read()).decode() if file is not None else ""}


def _add(request: HttpRequest, actor: Actor, form: EvidenceForm, row: Disclosure) -> HttpResponse | None:
    try:
        door.perform(power=_ADD, actor=actor, data=form.cleaned_data, now=timezone.now(), key=request.POST.get("key", "")[:100] or None)
    except StepUpNeeded as needed:
        return ask(request, needed.tier)
    except Refused as refusal:
        form.add_error("file", text(refusal.codes[0]))
        return None
    messages.success(request, _("The file is kept with the entry."))
    return redirect("register-disclosure", request.organization.slug, row.entry)  # type: ignore[attr-defined]


def recipients(request: HttpRequest, slug: str) -> HttpResponse:
    """Who gets data, where they are, what makes that lawful, and what is missing."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    home = receiving.home(actor.organization_id)
    rows = receiving.listed(actor.organization_id, base=home)
    return render(request, "registers/recipients.html", {
        "rows": rows, "past": receiving.listed(actor.organization_id, ended=True, base=home), "home": _("the European Economic Area") if home == "EEA" else countries.name(home),
        "findings": sum(1 for one in rows if one.findings), "tab": "recipients"})


def report(request: HttpRequest, slug: str) -> HttpResponse:
    """How many asked between two days, and what became of it; and whether everybody may read it."""
    actor = enter(request, slug, permission=PERMISSION)
    organization: Organization = request.organization  # type: ignore[attr-defined]
    rows, day = register.current(organization.id, reader=actor.account_id), register.today(organization, timezone.now())
    first, last, wrong = between(request, day)
    return render(request, "registers/report.html", {
        "report": reporting.make(rows, first=first, last=last,
        veiled=False), "first": first, "last": last, "wrong": wrong, "public": receiving.controller(organization.id).report_public, "tab": "report",
        "address": settings.STEWARD_URL + reverse("transparency", args=[slug])}, status=422 if wrong else 200)


def between(request: HttpRequest, day: date) -> tuple[date, date, bool]:
    """The days that are asked for; this year where they are none, and whether they were none although something was typed."""
    first, last = request.GET.get("first", ""), request.GET.get("last", "")
    try:
        found = date.fromisoformat(first[:10]) if first else date(day.year, 1, 1), date.fromisoformat(last[:10]) if last else date(day.year, 12, 31)
    except ValueError:
        found = date.max, date.min
    wrong = not date(1990, 1, 1) <= found[0] <= found[1] <= date(day.year + 1, 12, 31)
    return (date(day.year, 1, 1), date(day.year, 12, 31), True) if wrong else (*found, False)


def transfer(request: HttpRequest, slug: str) -> HttpResponse:
    """Whether the organization goes to another controller, and what was announced before."""
    actor = enter(request, slug, permission=PERMISSION)
    rows = list(BusinessTransfer.objects.filter(organization_id=actor.organization_id).order_by("-announced_at"))
    rounds = {(one.about, one.kind): one for one in Round.objects.filter(organization_id=actor.organization_id, about__in=[row.id for row in rows])}
    assert actor.organization_id is not None
    return render(request, "registers/transfer.html", {
        "open": next((row for row in rows if row.state == BusinessTransfer.State.ANNOUNCED), None), "may": actor.may(BY_SLUG["announce-business-transfer"].permission), "tab": "transfer",
        "rows": [(row, countries.name(row.country), rounds.get((row.id, "transfer-announced"))) for row in rows], "controller": receiving.controller(actor.organization_id)})
