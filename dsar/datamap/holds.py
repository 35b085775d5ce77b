"""Legal holds: matters, holds, and whom a hold was disclosed to. Whom a hold keeps stands in the audit log's holds."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, Subject, Unit, data, none

_WHY = "whoever answers for a hold has to be able to say why it was there and who decided, also after it was released"
_DECIDED = data("user.history", export="no", erase="keep", ground=_WHY)
_SCOPE = none("what the hold covers, in general terms")
_TOLD = data("user.privacy_preferences")

UNITS: tuple[Unit, ...] = (
    Unit(
        table="dsar_matter",
        title=_("Legal matters"),
        about=(Subject("opened_by", "actor"), Subject("closed_by", "actor")),
        purpose="record",
        source=("administrator",),
        recipients=("administrators",),
        keeping="log",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "name": data("user.content.private", export="no", erase="keep", ground=_WHY),
            "note": data("user.content.private", export="no", erase="keep", ground=_WHY),
            "opened_at": ORDER,
            "opened_by": _DECIDED,
            "closed_at": ORDER,
            "closed_by": _DECIDED,
        },
    ),
    Unit(
        table="dsar_legalhold",
        title=_("Legal holds"),
        about=(Subject("placed_by", "actor"), Subject("confirmed_by", "actor"), Subject("released_by", "actor")),
        purpose="record",
        source=("administrator",),
        recipients=("administrators",),
        keeping="log",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "matter_id": REFERENCE,
            **{name: _SCOPE for name in ("categories", "groups", "services", "first_day", "last_day", "disclosure")},
            "ground": data("user.content.private", export="no", erase="keep", ground=_WHY),
            "end_ground": data("user.content.private", export="no", erase="keep", ground=_WHY),
            "placed_at": ORDER,
            "placed_by": _DECIDED,
            "confirm_by": none("until when a second person has to agree", reviewed="a moment, not a person"),
            "confirmed_at": ORDER,
            "confirmed_by": _DECIDED,
            "released_at": ORDER,
            "released_by": _DECIDED,
            "lapsed": none("that it ended because no second person agreed"),
        },
    ),
    Unit(
        table="dsar_holdnotice",
        title=_("Notices of legal holds"),
        about=(Subject("account_id"),),
        purpose="record",
        source=("administrator", "person"),
        recipients=("person", "administrators"),
        keeping="account",
        scope="organization_id",
        columns={
            "id": ID,
            "organization_id": data("user.workplace"),
            "account_id": data("user.unique_id"),
            "hold_id": REFERENCE,
            "told_at": _TOLD,
            "reminded_at": _TOLD,
            "acknowledged_at": _TOLD,
            "ended_at": _TOLD,
        },
    ),
)
