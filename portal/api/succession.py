"""Succession: who would follow, how old the recovery codes are, what is under way. It is changed by its actions."""

from __future__ import annotations

from typing import Any

from accounts.models.succession import CaseState, Way
from portal import succession
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, nullable, number, text, thing
from portal.api.schema import uuid as id_of

SUCCESSION = thing(
    {
        "owners": number(0),
        "usable_owners": number(0, about="Those who can sign in now, with a second factor."),
        "silent_after_days": number(30, 365, sample=60),
        "codes_made_at": shapes.MAYBE_STAMP,
        "successors": many(
            thing({"person_id": shapes.ID, "name": text(320, sample="Kim Kowalski"), "place": number(1, 3), "declined": flag(), "able": flag("Whether they could follow now.")}),
        ),
        "cases": many(
            thing(
                {
                    "id": shapes.ID,
                    "way": choice(*Way.values),
                    "cause": choice("", "silent", "unusable"),
                    "state": choice(*CaseState.values),
                    "opened_at": shapes.STAMP,
                    "waits_until": shapes.MAYBE_STAMP,
                    "notices": number(0, 3, about="How many of the notices of the waiting period the owners were given."),
                    "person_id": nullable(id_of("The member who would become owner.")),
                    "offer_until": shapes.MAYBE_STAMP,
                    "reference": text(80, sample=""),
                    "ground": text(500, sample="", about="The operator's, where it was the operator who proposed."),
                    "ended_at": shapes.MAYBE_STAMP,
                    "ended_how": text(20, sample=""),
                }
            ),
        ),
    }
)


def shown(call: Call) -> dict[str, Any]:
    """How the organization is prepared, and what is under way or was."""
    return succession.as_json(succession.of(call.request.organization, now=call.now))  # type: ignore[attr-defined]


OPERATIONS = (
    Operation(
        name="succession",
        method="GET",
        path="orgs/{slug}/succession/",
        part="Organization",
        summary="Succession of the owners",
        permission="manage_settings",
        run=shown,
        answers={200: SUCCESSION},
    ),
)
