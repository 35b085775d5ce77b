"""Transfers of accounts between organizations: reading how they stand. They are offered, answered and ended by their actions."""

from __future__ import annotations

from typing import Any

from accounts.models.transfer import TransferState
from accounts.reasons import NotFound
from portal import transfers
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, nullable, number, text, thing

TRANSFER = thing(
    {
        "id": shapes.ID,
        "person": nullable(shapes.ID),
        "direction": choice("offered", "received"),
        "other": text(200, sample="Contoso", about="The other organization: its name, or until it accepts the address that was typed."),
        "state": choice(*TransferState.values),
        "offered_at": shapes.STAMP,
        "answer_until": shapes.STAMP,
        "effective_at": shapes.MAYBE_STAMP,
        "problem": text(60, sample="", about="A code: why it was not possible on its date."),
    }
)
MINE = thing(
    {
        "id": shapes.ID,
        "from": text(200, sample="Northwind"),
        "to": text(200, sample="Contoso"),
        "state": choice(*TransferState.values),
        "offered_at": shapes.STAMP,
        "answer_until": shapes.STAMP,
        "effective_at": shapes.MAYBE_STAMP,
        "notice_version": nullable(number(1, about="The version of the other organization's notice when it accepted.")),
        "powers": many(text(80, sample="deactivate", about="What the other organization could do to the account by that version, and what no notice has to name.")),
    }
)


def listed(call: Call) -> dict[str, Any]:
    """What the organization offered and what it was offered, the newest 100 of each."""
    return {"transfers": [transfers.as_json(found) for found in (*transfers.offered(call.organization_id), *transfers.received(call.organization_id))]}


def mine(call: Call) -> dict[str, Any]:
    """The newest transfer of the caller's account, or null."""
    if call.actor.account_id is None:
        raise NotFound
    found = transfers.mine(call.actor.account_id)
    return {"transfer": transfers.own_json(found) if found else None}


OPERATIONS = (
    Operation(
        name="transfers",
        method="GET",
        path="orgs/{slug}/transfers/",
        part="Mail domains",
        permission="manage_domains",
        summary="List transfers of accounts",
        run=listed,
        answers={200: thing({"transfers": many(TRANSFER)})},
    ),
    Operation(
        name="me-transfer", method="GET", path="me/transfer/", part="Oneself", summary="The transfer of one's own account", who="session", run=mine, answers={200: thing({"transfer": nullable(MINE)})}
    ),
)
