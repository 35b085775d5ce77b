"""Optional communications: what the caller chose, and what the organization wrote. They are changed by their actions."""

from __future__ import annotations

from typing import Any

from accounts.communications.kinds import KINDS
from accounts.models import Account
from accounts.models.communication import How
from accounts.work import plain
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, number, text, thing
from portal.views import communications

MINE = thing(
    {
        "communications": many(thing({"organization": shapes.ID, "name": text(200, sample="Northwind"), "kind": choice(*KINDS), "on": flag()})),
        "ledger": many(thing({"organization": shapes.ID, "kind": choice(*KINDS), "wanted": flag(), "how": choice(*How.values), "at": shapes.STAMP})),
        "gpc_since": shapes.MAYBE_STAMP,
    }
)
ANNOUNCEMENT = thing(
    {
        "id": shapes.ID,
        "kind": choice(*KINDS),
        "subject": text(150, sample="The portal moves"),
        "text": text(5000, sample="On Monday we move."),
        "sent_at": shapes.STAMP,
        "told": number(0),
        "left_out": number(0) | {"description": "How many do not want this kind. Who, is told to nobody."},
        "finished_at": shapes.MAYBE_STAMP,
    }
)
ANNOUNCEMENTS = thing({"announcements": many(ANNOUNCEMENT)})


def mine(call: Call) -> dict[str, Any]:
    """What is on now, and the last choices, newest first."""
    account = Account.objects.get(id=call.actor.account_id)
    found = communications.of_person(account)
    return {
        "communications": [{"organization": str(one["organization"].id), "name": one["organization"].name, "kind": one["kind"], "on": one["on"]} for one in found["places"]],
        "ledger": [
            {"organization": str(line["row"].organization_id), "kind": line["row"].kind, "wanted": line["row"].wanted, "how": line["row"].how, "at": plain(line["row"].at)} for line in found["lines"]
        ],
        "gpc_since": plain(account.gpc_at),
    }


def announcements(call: Call) -> dict[str, Any]:
    """What was written to all members, newest first."""
    return {
        "announcements": [
            {
                "id": str(one["row"].id),
                "kind": one["row"].kind,
                "subject": one["row"].subject,
                "text": one["row"].text,
                "sent_at": plain(one["row"].sent_at),
                "told": one["row"].told,
                "left_out": one["row"].left_out,
                "finished_at": plain(one["row"].finished_at),
            }
            for one in communications.listed(call.organization_id)
        ]
    }


OPERATIONS = (
    Operation(
        name="me-communications",
        method="GET",
        path="me/communications/",
        part="Oneself",
        summary="What you are written to about, and what you chose",
        about="Changed by the action choose-communications.",
        who="session",
        run=mine,
        refusals=(403,),
        answers={200: MINE},
    ),
    Operation(
        name="announcements",
        method="GET",
        path="orgs/{slug}/announcements/",
        part="Organization",
        summary="Announcements to all members",
        about="The last hundred. Written by the action send-announcement.",
        who="member",
        permission="manage_settings",
        run=announcements,
        answers={200: ANNOUNCEMENTS},
    ),
)
