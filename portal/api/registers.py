"""The registers: reading them. What is written into them are actions."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone

from accounts import tenancy
from accounts.models import Organization
from accounts.reasons import NotFound
from accounts.work import plain
from dsar.registers import disclosures, notices, recipients, report
from dsar.registers.models import Asker, BusinessTransfer, Derogation, Disclosure, LegalBasis, Mechanism, Outcome, Reach, RecipientKind, Step
from portal.api import shapes
from portal.api.operation import Call, Operation, Param
from portal.api.problems import Problem
from portal.api.schema import ANYTHING, choice, flag, many, nullable, number, text, thing
from portal.views import my_registers, processing

DAY = text(10, sample="2026-11-02")
MAYBE_DAY = nullable(DAY)
KEYS = many(text(60, sample="user.account"))
_ASKED = {
    "kind": choice(*Asker.values), "name": text(200, sample="Public Prosecutor"), "country": text(2, sample="DE"), "their_reference": text(100, sample="12 Js 34/26"), "received_on": DAY,
    "basis": choice(*LegalBasis.values), "categories": KEYS, "from_day": MAYBE_DAY, "to_day": MAYBE_DAY, "outcome": choice(*Outcome.values), "given": KEYS, "records": nullable(number(0)),
    "refusal": text(16, sample=""), "answered_on": MAYBE_DAY, "secret_until": MAYBE_DAY,
}
_LINE = {**_ASKED, "number": number(1), "step": choice(*Step.values), "at": shapes.STAMP, "reach": choice(*Reach.values), "people": many(shapes.ID), "concerned": number(0),
    "secret_basis": text(300, sample=""),
         "told_at": shapes.MAYBE_STAMP, "words": text(2000, sample="")}
ENTRY = thing({"id": shapes.ID, "reference": text(12, sample="D-7KQM-2XWP"), **_LINE})
ONE = thing({"id": shapes.ID, "reference": text(12, sample="D-7KQM-2XWP"), **_LINE, "lines": many(thing(_LINE))})
TOLD = thing({"id": shapes.ID, "organization": shapes.ID, "told_at": shapes.STAMP, **_ASKED})
RECIPIENT = thing({
    "id": shapes.ID, "name": text(200, sample="Postal Service"), "kind": choice(*RecipientKind.values), "purposes": KEYS, "categories": KEYS, "country": text(2, sample="DE"),
    "mechanism": choice(*Mechanism.values), "derogation": choice("", *Derogation.values), "mechanism_on": MAYBE_DAY, "document": text(200, sample="Contract 17"), "added_at": shapes.STAMP,
    "ended_at": shapes.MAYBE_STAMP, "findings": many(text(400, sample="It does not say where the clauses or rules can be found.")),
})
CHANGE = thing({"id": shapes.ID, "state": choice(*BusinessTransfer.State.values), "name": text(200, sample="North Holding"), "address": text(300, sample="1 Sample Street"), "country": text(2,
    sample="DE"),
                "contact": text(254, sample="privacy@example.com"), "goes_on": DAY, "changes": text(5000, sample="Nothing changes."), "announced_at": shapes.STAMP, "ended_at": shapes.MAYBE_STAMP})
_ON = Param(name="on", schema=DAY, about="The day on which it was true; without it, now.")


def _asked(row: Any) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value := getattr(row, name), date) else value for name in _ASKED}


def _line(row: Disclosure) -> dict[str, Any]:
    return {**_asked(row), "number": row.number, "step": row.step, "at": plain(row.at), "reach": row.reach, "people": [str(one) for one in row.people], "concerned": row.concerned,
            "secret_basis": row.secret_basis, "told_at": plain(row.told_at), "words": row.words}


def listed(call: Call) -> dict[str, Any]:
    """Every entry as it stands now, the newest first; at most 500. Not those about the caller that they may not be told of."""
    rows = disclosures.current(call.organization_id, reader=call.actor.account_id)
    if call.query.get("open"):
        rows = [row for row in rows if row.outcome == Outcome.OPEN]
    return {"disclosures": [{"id": str(row.entry), "reference": row.reference, **_line(row)} for row in rows[:500]]}


def one(call: Call) -> dict[str, Any]:
    """One entry, with every line of it."""
    row = disclosures.found(call.organization_id, str(call.ids["disclosure_id"]), reader=call.actor.account_id)
    if row is None:
        raise NotFound
    return {"id": str(row.entry), "reference": row.reference, **_line(row), "lines": [_line(line) for line in disclosures.lines(call.organization_id, row.entry)]}


def mine(call: Call) -> dict[str, Any]:
    """What the caller was told of."""
    assert call.actor.account_id is not None
    with tenancy.installation("disclosures of which the person was told"):
        return {"disclosures": [{"id": str(found["row"].disclosure), "organization": str(found["row"].organization_id), "told_at": plain(found["row"].told_at), **_asked(found["row"])}
                                for found in my_registers.told(call.actor.account_id)]}


def receiving(call: Call) -> dict[str, Any]:
    """Who gets data, with what is to be looked at."""
    rows = [*recipients.listed(call.organization_id), *(recipients.listed(call.organization_id, ended=True) if call.query.get("ended") else [])]
    names = ("name", "kind", "purposes", "categories", "country", "mechanism", "derogation", "document")
    return {"recipients": [{"id": str(found.row.id), **{name: getattr(found.row, name) for name in names}, "mechanism_on": found.row.mechanism_on.isoformat() if found.row.mechanism_on else None,
                            "added_at": plain(found.row.added_at), "ended_at": plain(found.row.ended_at), "findings": found.findings} for found in rows]}


def _organization(call: Call) -> Organization:
    found: Organization = call.request.organization  # type: ignore[attr-defined]
    return found


def record(call: Call) -> dict[str, Any]:
    """The record of processing."""
    day, wrong = processing.asked(call.query.get("on") or "")
    if wrong:
        raise Problem(422, "invalid", "Some fields are not valid.", errors={"on": ["Choose a day that is not in the future, and not before 1990."]})
    found = processing.of_day(_organization(call), day)
    if found is None:
        raise NotFound
    return found


def figures(call: Call) -> dict[str, Any]:
    """The report of a year, with exact numbers."""
    year = call.query.get("year") or timezone.localdate().year
    first, last = report.whole(year)
    rows = disclosures.current(call.organization_id, reader=call.actor.account_id)
    return report.as_json(report.make(rows, first=first, last=last, veiled=False), organization=_organization(call).name)


def changes(call: Call) -> dict[str, Any]:
    """What was announced, the newest first."""
    names = ("state", "name", "address", "country", "contact", "changes")
    return {"changes": [{"id": str(row.id), **{name: getattr(row, name) for name in names}, "goes_on": row.goes_on.isoformat(), "announced_at": plain(row.announced_at),
        "ended_at": plain(row.ended_at)}
                        for row in BusinessTransfer.objects.filter(organization_id=call.organization_id).order_by("-announced_at")]}


def privacy(_call: Call) -> dict[str, Any]:
    """Every version, the newest first."""
    return {"versions": [{"number": row.number, "text": row.text, "digest": row.digest, "significant": row.significant, "published_at": plain(row.published_at),
        "effective_at": plain(row.effective_at)}
                         for row in notices.archive()]}


_KEEPER: dict[str, Any] = {"method": "GET", "part": "Organization", "permission": disclosures.PERMISSION}
OPERATIONS = (
    Operation(name="disclosures", path="orgs/{slug}/disclosures/", summary="List the register of disclosures", run=listed, query=(Param(name="open", schema=flag(),
        about="Only those that are not decided."),),
              answers={200: thing({"disclosures": many(ENTRY)})}, **_KEEPER),
    Operation(name="disclosure", path="orgs/{slug}/disclosures/{disclosure_id}/", summary="Read one entry of the register of disclosures", run=one, answers={200: ONE}, **_KEEPER),
    Operation(name="transparency-report", path="orgs/{slug}/transparency-report/", summary="Count the disclosures of a year", run=figures,
              query=(Param(name="year", schema=number(1990, 2100, sample=2026), about="Without it, this year."),), answers={200: ANYTHING}, **_KEEPER),
    Operation(name="recipients", path="orgs/{slug}/recipients/", summary="List recipients and transfers", run=receiving, query=(Param(name="ended", schema=flag(), about="Also those of the past."),),
              answers={200: thing({"recipients": many(RECIPIENT)})}, **_KEEPER),
    Operation(name="business-transfer", path="orgs/{slug}/business-transfers/", summary="List announced changes of the controller", run=changes, answers={200: thing({"changes": many(CHANGE)})},
        **_KEEPER),
    Operation(name="processing", method="GET", path="orgs/{slug}/processing/", part="Organization", summary="Read the record of processing, of today or of a day before", permission="view_people",
        run=record,
              query=(_ON,), answers={200: ANYTHING}),
    Operation(name="me-disclosures", method="GET", path="me/disclosures/", part="Oneself", summary="Who was given data about oneself", who="session", run=mine,
        answers={200: thing({"disclosures": many(TOLD)})}),
    Operation(name="privacy-notice", method="GET", path="privacy-notice/", part="About", summary="The installation's privacy notice, in every version", who="anybody", run=privacy,
        answers={200: thing({"versions": many(
        thing({"number": number(1), "text": text(60_000, sample="What we do."), "digest": text(64, sample="0" * 64), "significant": flag(), "published_at": shapes.STAMP,
            "effective_at": shapes.STAMP}))})}),
)
