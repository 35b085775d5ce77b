"""Legal holds: what there is, and what each keeps. They are placed, agreed to and released by their actions."""

from __future__ import annotations

from typing import Any

from accounts.reasons import NotFound
from accounts.work import plain
from dsar.datamap.kinds import CATEGORIES
from dsar.holds import keeping, people
from dsar.holds.models import Disclosure, HoldNotice, LegalHold, Matter
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, number, text, thing
from portal.views import holds

MATTER = thing({"id": shapes.ID, "name": text(200), "note": text(2000, sample=""), "opened_at": shapes.STAMP, "closed_at": shapes.MAYBE_STAMP})
_HOLD = {
    "id": shapes.ID,
    "matter_id": shapes.ID,
    "state": choice("unconfirmed", "in_force", "released", "lapsed"),
    "people": number(0, people.MOST * 100) | {"description": "Whom it keeps; of a hold that is over, whom it kept until then."},
    "categories": many(choice(*CATEGORIES)) | {"description": "Empty for everything."},
    "first_day": text(10, sample="") | {"description": "Empty for no limit."},
    "last_day": text(10, sample="") | {"description": "Empty for no limit."},
    "disclosure": choice(*Disclosure.values),
    "placed_at": shapes.STAMP,
    "confirm_by": shapes.STAMP,
    "confirmed_at": shapes.MAYBE_STAMP,
    "released_at": shapes.MAYBE_STAMP,
}
HOLD = thing(_HOLD)
WHOLE = thing(
    {
        **_HOLD,
        "ground": text(2000),
        "custodians": many(thing({"account_id": shapes.ID, "told_at": shapes.MAYBE_STAMP, "acknowledged_at": shapes.MAYBE_STAMP})),
        "keeps": many(thing({"kind": text(100, sample="accounts_membership"), "records": number(0, 2**31) | {"description": "1001 for more than 1000."}})),
        "waiting": thing({"deletions": number(0, 2**31), "erasures": number(0, 2**31)}),
    }
)
MATTERS, HOLDS = thing({"matters": many(MATTER)}), thing({"holds": many(HOLD)})
NOTICE = thing({"id": shapes.ID, "organization": text(200), "since": shapes.STAMP, "told_at": shapes.STAMP, "acknowledged_at": shapes.MAYBE_STAMP, "ended_at": shapes.MAYBE_STAMP})


def _matter(row: Matter) -> dict[str, Any]:
    return {"id": str(row.id), "name": row.name, "note": row.note, "opened_at": plain(row.opened_at), "closed_at": plain(row.closed_at)}


def _hold(row: LegalHold, count: int) -> dict[str, Any]:
    state = ("lapsed" if row.lapsed else "released") if row.released_at else "in_force" if row.confirmed_at else "unconfirmed"
    return {
        "id": str(row.id),
        "matter_id": str(row.matter_id),
        "state": state,
        "people": count,
        "categories": list(row.categories),
        "first_day": str(row.first_day or ""),
        "last_day": str(row.last_day or ""),
        "disclosure": row.disclosure,
        "placed_at": plain(row.placed_at),
        "confirm_by": plain(row.confirm_by),
        "confirmed_at": plain(row.confirmed_at),
        "released_at": plain(row.released_at),
    }


def matters(call: Call) -> dict[str, Any]:
    """Every matter that the caller may know of, newest first."""
    return {"matters": [_matter(row) for row in people.matters(call.organization_id, call.actor.account_id).order_by("-opened_at")[: holds.SHOWN]]}


def listed(call: Call) -> dict[str, Any]:
    """Every legal hold that the caller may know of, newest first."""
    rows = list(people.visible(call.organization_id, call.actor.account_id).order_by("-placed_at")[: holds.SHOWN])
    counts = keeping.several(call.organization_id, rows)
    return {"holds": [_hold(row, counts[row.id]) for row in rows]}


def one(call: Call) -> dict[str, Any]:
    """One hold: whom it keeps, what it keeps of them now, and what waits for it."""
    row = holds.load(call.actor, call.ids["hold_id"])
    told = {notice.account_id: notice for notice in HoldNotice.objects.filter(hold=row)}
    held = [account.id for account in people.accounts(row.organization_id, row.id)]
    waits = keeping.waiting(row)
    return {
        **_hold(row, keeping.several(row.organization_id, [row])[row.id]),
        "ground": row.ground,
        "custodians": [
            {"account_id": str(account), "told_at": plain(told[account].told_at) if account in told else None, "acknowledged_at": plain(told[account].acknowledged_at) if account in told else None}
            for account in held
        ],
        "keeps": [{"kind": kept.unit.table, "records": kept.count} for kept in (keeping.counted(row) if row.released_at is None else [])],
        "waiting": {"deletions": waits.deletions, "erasures": waits.erasures},
    }


def mine(call: Call) -> dict[str, Any]:
    """The legal holds that the caller was told of, newest first. Nothing is said of others."""
    if call.actor.account_id is None:
        raise NotFound
    return {
        "notices": [
            {
                "id": str(row.id),
                "organization": row.organization.name,
                "since": plain(row.hold.placed_at),
                "told_at": plain(row.told_at),
                "acknowledged_at": plain(row.acknowledged_at),
                "ended_at": plain(row.ended_at),
            }
            for row in holds.notices_of(call.actor.account_id)
        ]
    }


_MANAGERS: dict[str, Any] = {"method": "GET", "part": "Audit log", "permission": holds.PERMISSION}
OPERATIONS = (
    Operation(name="me-holds", method="GET", path="me/holds/", part="Oneself", summary="Legal holds that one was told of", who="session", run=mine, answers={200: thing({"notices": many(NOTICE)})}),
    Operation(name="matters", path="orgs/{slug}/matters/", summary="Legal matters", run=matters, answers={200: MATTERS}, **_MANAGERS),
    Operation(name="holds", path="orgs/{slug}/holds/", summary="Legal holds", run=listed, answers={200: HOLDS}, **_MANAGERS),
    Operation(name="hold", path="orgs/{slug}/holds/{hold_id}/", summary="One legal hold and what it keeps", run=one, answers={200: WHOLE}, **_MANAGERS),
)
