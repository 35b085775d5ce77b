"""E-mail addresses: reading what is under way. What is done about it are actions on people and on oneself."""

from __future__ import annotations

from typing import Any

from accounts.models import Account
from accounts.models.address import ChangeKind, ChangeState
from portal import addresses
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, nullable, text, thing

CHANGE = thing(
    {
        "id": shapes.ID,
        "kind": choice(*ChangeKind.values),
        "state": choice(*ChangeState.values),
        "person_id": nullable(shapes.ID),
        "old_address": text(254, sample="maria@example.com"),
        "new_address": text(254, sample="maria.new@example.com"),
        "looks_like_another": flag(about="Letters of the new domain mix scripts as no language does."),
        "releases": flag(about="The new address is outside the organization's proven domains: agreeing ends the management of the account."),
        "created_at": shapes.STAMP,
        "expires_at": shapes.MAYBE_STAMP,
        "confirmed_at": shapes.MAYBE_STAMP,
        "finished_at": shapes.MAYBE_STAMP,
        "undo_until": shapes.MAYBE_STAMP,
        "reason_code": text(60, sample=""),
    }
)
CHANGES = thing({"changes": many(CHANGE)})
MINE = thing({"email": text(254, sample="maria@example.com"), "recovery_email": text(254, sample=""), "pending": nullable(CHANGE), "recovery_pending": nullable(CHANGE), "earlier": many(CHANGE)})


def listed(call: Call) -> dict[str, Any]:
    """What waits for an answer, the oldest first; then what waits for a mailbox; then what is finished."""
    return {"changes": [addresses.as_json(one, now=call.now) for one in addresses.queue(call.actor)]}


def mine(call: Call) -> dict[str, Any]:
    """The person's own addresses, and what is under way."""
    account = Account.objects.get(id=call.actor.account_id)
    pending, recovery, earlier = addresses.mine(account)
    return {
        "email": account.email,
        "recovery_email": account.recovery_email,
        "pending": addresses.as_json(pending, now=call.now) if pending else None,
        "recovery_pending": addresses.as_json(recovery, now=call.now) if recovery else None,
        "earlier": [addresses.as_json(one, now=call.now) for one in earlier],
    }


OPERATIONS = (
    Operation(name="email-changes", method="GET", path="orgs/{slug}/email-changes/", part="E-mail addresses", summary="Changes of addresses that are under way or finished", permission="change_email",
              run=listed, answers={200: CHANGES}),
    Operation(name="me-email", method="GET", path="me/email/", part="Oneself", summary="Your addresses, and a change that is under way", who="session", run=mine, refusals=(403,), answers={200: MINE}),
)
