"""What optional communications keep about people: what they chose, and which addresses are not written to."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import ID, ORDER, REFERENCE, WORKINGS, Column, Subject, Unit, data, none

_OBJECTED = "an objection has to hold although the person was erased: else the same address would be written to again"
_WROTE = data("user.history", export="others", erase="keep", ground="who wrote to everybody stays with what was written; the number leads to nobody once that person is erased")

UNITS: tuple[Unit, ...] = (
    Unit(
        table="accounts_consent",
        title=_("What you chose to be written to about"),
        about=(Subject("account_id"),),
        purpose="rights",
        source=("person", "observed"),
        recipients=("person",),
        keeping="account",
        scope="organization_id",
        sole=True,
        columns={
            "id": ID,
            "account_id": data("user.unique_id"),
            "organization_id": data("user.workplace"),
            "kind": data("user.privacy_preferences"),
            "wanted": data("user.privacy_preferences"),
            "how": data("user.privacy_preferences"),
            "at": data("user.privacy_preferences"),
        },
    ),
    Unit(
        table="accounts_suppression",
        title=_("Addresses that are not written to"),
        about=(),
        purpose="rights",
        source=("person",),
        recipients=(),
        keeping="objection",
        erase="keep",
        columns={
            "id": ID,
            "organization_id": REFERENCE,
            "kind": data("user.privacy_preferences", export="no", erase="keep", ground=_OBJECTED),
            "address_mac": Column(category="user.contact.email", erase="keep", ground=_OBJECTED),
            "made_at": data("user.privacy_preferences", export="no", erase="keep", ground=_OBJECTED),
        },
    ),
    Unit(
        table="accounts_announcement",
        title=_("Announcements to members"),
        about=(Subject("sent_by -> accounts_membership.account_id", "actor"),),
        purpose="communications",
        source=("administrator",),
        recipients=("members",),
        keeping="organization",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID,
            "organization_id": REFERENCE,
            "kind": none("which kind of optional mail it is"),
            "subject": none("what the organization wrote to all its members", reviewed="written by administrators for everybody to read"),
            "text": none("what the organization wrote to all its members", reviewed="written by administrators for everybody to read"),
            "sent_by": _WROTE,
            "sent_at": ORDER,
            "entry": none("which entry of the log the mails follow from"),
            "reached": WORKINGS,
            "told": WORKINGS,
            "left_out": WORKINGS,
            "finished_at": ORDER,
        },
    ),
)
