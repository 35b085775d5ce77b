"""Claims: reading how they stand, their accounts, and the caller's own. They are announced, changed and answered by their actions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models.claim import Choice, ClaimState, Standing
from accounts.reasons import NotFound
from portal import claims
from portal.api import parameters, shapes
from portal.api.operation import Call, Operation, Param
from portal.api.people import lost_place
from portal.api.schema import choice, flag, many, nullable, number, text, thing

CLAIM = thing(
    {
        "id": shapes.ID,
        "domain": text(253, sample="example.com", about="In A-labels (IDNA), lower case."),
        "state": choice(*ClaimState.values),
        "rests": flag(),
        "choice": choice(*Choice.values),
        "days": number(0, 90),
        "announced_at": shapes.STAMP,
        "effective_at": shapes.STAMP,
        "ended_at": shapes.MAYBE_STAMP,
        "told": number(0),
        "notice_version": nullable(number(1, about="The version of the organization's notice that people are shown.")),
        "counts": thing({state: number(0) for state in Standing.values}),
    }
)
ACCOUNT = thing(
    {
        "id": shapes.ID,
        "address": text(254, sample="sam@example.com"),
        "state": choice(*Standing.values),
        "announced_at": shapes.STAMP,
        "effective_at": shapes.STAMP,
        "objected_at": shapes.MAYBE_STAMP,
        "object_until": shapes.MAYBE_STAMP,
        "objection": text(2000, sample=""),
        "answer_code": text(60, sample=""),
        "problem": text(60, sample="", about="A code: why it could not be claimed, or why control ended."),
    }
)
MINE = thing(
    {
        "id": shapes.ID,
        "organization": text(200, sample="Northwind"),
        "contact_email": text(254, sample="it@example.com"),
        "domain": text(253, sample="example.com"),
        "address": text(254, sample="sam@example.com"),
        "state": choice(*Standing.values),
        "rests": flag("Whether nothing begins now, because the domain is contested or not proven."),
        "announced_at": shapes.STAMP,
        "effective_at": shapes.STAMP,
        "object_until": shapes.MAYBE_STAMP,
        "answer_code": text(60, sample=""),
        "answer": text(2000, sample=""),
        "notice_version": nullable(number(1, about="The version of the organization's notice that you were shown.")),
        "powers": many(text(80, sample="deactivate", about="What the organization could do to the account by that version, and what no notice has to name.")),
    }
)


def listed(call: Call) -> dict[str, Any]:
    """The claims, newest first, with how many accounts are in each state."""
    return {"claims": [claims.as_json(found) for found in claims.all_of(call.organization_id)]}


def one(call: Call) -> dict[str, Any]:
    """One claim with its counts."""
    return claims.as_json(claims.one(call.organization_id, call.ids["claim_id"]))


def accounts(call: Call) -> dict[str, Any]:
    """The accounts of a claim by address, each with its state."""
    found = claims.one(call.organization_id, call.ids["claim_id"])
    try:
        after = UUID(call.query["cursor"]) if "cursor" in call.query else None
    except ValueError:
        raise lost_place() from None
    page = claims.accounts(found, state=call.query.get("state", ""), after=after, size=call.query.get("limit", 25))
    return {"accounts": [claims.account_json(row) for row in page.rows], "next": str(page.next) if page.next else None}


def mine(call: Call) -> dict[str, Any]:
    """The claims of the caller's account, newest first, with what control would mean."""
    if call.actor.account_id is None:
        raise NotFound
    return {"claims": [claims.own_json(found) for found in claims.mine(call.actor.account_id)]}


_READS = {"method": "GET", "part": "Mail domains", "permission": "manage_domains"}
OPERATIONS = (
    Operation(name="claims", path="orgs/{slug}/claims/", summary="List claims", run=listed, answers={200: thing({"claims": many(CLAIM)})}, **_READS),  # type: ignore[arg-type]
    Operation(name="claim", path="orgs/{slug}/claims/{claim_id}/", summary="One claim with its counts", run=one, answers={200: CLAIM}, **_READS),  # type: ignore[arg-type]
    Operation(
        name="claim-accounts",
        path="orgs/{slug}/claims/{claim_id}/accounts/",
        summary="The accounts of a claim",
        query=(Param(name="state", schema=choice(*Standing.values), about="Only these."), parameters.P_CURSOR, parameters.P_LIMIT),
        run=accounts,
        answers={200: thing({"accounts": many(ACCOUNT), "next": shapes.CURSOR})},
        **_READS,  # type: ignore[arg-type]
    ),
    Operation(name="me-claims", method="GET", path="me/claims/", part="Oneself", summary="Claims of one's own account", who="session", run=mine, answers={200: thing({"claims": many(MINE)})}),
)
