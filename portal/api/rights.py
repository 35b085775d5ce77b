"""What people asked for through the rights door: reading it. It is answered by its action."""

from __future__ import annotations

from typing import Any

from accounts.models import RightsRequest
from accounts.models.rights import RightsKind
from accounts.work import plain
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, text, thing

REQUEST = thing(
    {
        "id": shapes.ID,
        "account_id": shapes.ID,
        "kind": choice(*RightsKind.values),
        "words": text(2000, sample="Please send me what you keep about me."),
        "state": choice("open", "answered", "ended"),
        "asked_at": shapes.STAMP,
        "answered_at": shapes.MAYBE_STAMP,
        "outcome": choice("", "granted", "refused"),
        "answer": text(2000, sample=""),
    }
)
REQUESTS = thing({"requests": many(REQUEST)})


def listed(call: Call) -> dict[str, Any]:
    """What people asked, open ones first, at most 200."""
    rows = RightsRequest.objects.filter(organization_id=call.organization_id).order_by("-state", "asked_at")[:200]
    return {"requests": [{"id": str(r.id), "account_id": str(r.account_id), "kind": r.kind, "words": r.words, "state": r.state, "asked_at": plain(r.asked_at), "answered_at": plain(r.answered_at),
                          "outcome": r.outcome, "answer": r.answer} for r in rows]}


OPERATIONS = (
    Operation(
        name="rights-requests",
        method="GET",
        path="orgs/{slug}/rights-requests/",
        part="Organization",
        summary="List requests of people about their data",
        permission="manage_requests",
        run=listed,
        answers={200: REQUESTS},
    ),
)
