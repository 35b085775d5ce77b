"""What the registers keep: who asked for people's data, who gets it, what people were told of notices and of a change of controller."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, WORKINGS, Nothing, Subject, Unit, data, none

_REGISTER = "the register of disclosures has to show what was given to whom; the numbers in it lead to nobody any more"
_WRITTEN = "whoever keeps a register answers for what they wrote in it"
_ASKED = "what somebody else asked for, and on which ground: told to the person in a row of their own, as soon as they may know"
_PUBLISHED = "published by the organization; it changes it when somebody else answers for its data"
_SEEN = data("user.privacy_preferences")

UNITS: tuple[Unit, ...] = (
    Unit(
        table="dsar_disclosure",
        title=_("The register of disclosures"),
        about=(Subject("people"), Subject("by -> accounts_membership.account_id", "actor")),
        purpose="record",
        source=("administrator",),
        recipients=("administrators",),
        keeping="register",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID, "organization_id": REFERENCE, "entry": ID, "number": COUNT, "at": ORDER, "step": none("what the line says happened to the request"),
            "reference": none("random letters by which the entry is called"),
            "by": data("user.history", export="no", erase="keep", ground=_WRITTEN),
            "kind": none(_ASKED), "name": none(_ASKED,
            reviewed="the name of an authority, a court or a company; of a person only where a person asked"), "country": none(_ASKED), "their_reference": none(_ASKED),
            "received_on": none(_ASKED), "basis": none(_ASKED), "categories": none(_ASKED), "from_day": none(_ASKED), "to_day": none(_ASKED), "reach": none(_ASKED),
            "people": data("user.unique_id", export="no", erase="keep", ground=_REGISTER),
            "concerned": none("how many people it is about"), "outcome": none(_ASKED), "given": none(_ASKED), "records": none(_ASKED), "refusal": none(_ASKED), "answered_on": none(_ASKED),
            "secret_until": none(_ASKED), "secret_basis": none(_ASKED), "told_at": none(_ASKED),
            "words": data("user.content.private", export="no", erase="keep", ground="says why a line of the register was written; it stands there so that nothing is changed silently"),
        },
    ),
    Unit(
        table="dsar_disclosurefile",
        title=_("Letters and orders of the register of disclosures"),
        about=(),
        purpose="record",
        source=("administrator",),
        recipients=("administrators",),
        keeping="register",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID, "organization_id": REFERENCE, "entry": ID, "kind": none("what kind of file it is"), "size": none("how large the file is"), "added_at": ORDER,
            "sealed": data("user.content.private", export="no", erase="keep", ground="the request itself is the proof of why something was given"),
        },
    ),
    Unit(
        table="dsar_tolddisclosure",
        title=_("Disclosures to authorities and others that you were told of"),
        about=(Subject("account_id"),),
        purpose="rights",
        source=("administrator",),
        recipients=("person", "administrators"),
        keeping="account",
        scope="organization_id",
        columns={
            "id": ID, "account_id": data("user.unique_id"), "organization_id": data("user.workplace"), "disclosure": ID, "number": COUNT,
            **{name: data("user.history") for name in ("told_at", "kind", "name", "country", "their_reference", "received_on", "basis", "categories", "from_day", "to_day", "outcome", "given",
            "records", "refusal",
                                                       "answered_on", "secret_until")},
        },
    ),
    Unit(
        table="dsar_noticeseen",
        title=_("Notices that you were shown"),
        about=(Subject("account_id"),),
        purpose="notices",
        source=("observed",),
        recipients=("person", "administrators"),
        keeping="account",
        scope="organization_id",
        columns={"id": ID, "account_id": data("user.unique_id"), "organization_id": data("user.workplace"), "notice": ID, "number": _SEEN, "shown_at": _SEEN, "confirmed_at": _SEEN},
    ),
    Unit(
        table="dsar_controller",
        title=_("Who answers for an organization’s data"),
        about=(),
        purpose="record",
        source=("administrator",),
        recipients=("members",),
        keeping="organization",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID, "version": COUNT, "organization_id": REFERENCE,
            "name": none("the legal name of a company or body", reviewed="published by the organization as the name of whoever answers for its data"),
            "address": none("the postal address of a company or body", reviewed="published by the organization as the address of whoever answers for its data"),
            "country": none("where the controller sits"),
            **{name: data("user.contact.email" if "contact" in name else "user.name", export="no", erase="keep", ground=_PUBLISHED) for name in ("contact", "officer", "officer_contact")},
            "measures": none("how the organization keeps data safe, in general words"), "report_public": none("whether everybody may read the report of disclosures"),
        },
    ),
    Unit(
        table="dsar_recordversion",
        title=_("The record of processing, in versions"),
        about=(),
        purpose="record",
        source=("derived",),
        recipients=("members",),
        keeping="organization",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID, "organization_id": REFERENCE, "number": COUNT, "made_at": ORDER, "digest": none("a hash of what the version says"),
            "document": data("user.name", export="no", erase="keep", ground="who answered for the data on a day, as the organization published it; a version that changed would prove nothing"),
        },
    ),
    Unit(
        table="dsar_round",
        title=_("Mails to many that are under way"),
        about=(),
        purpose="notices",
        source=("derived",),
        recipients=(),
        keeping="technical",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID, "organization_id": REFERENCE, "kind": none("what is told in this round of mails"), "about": ID, "number": COUNT,
            "people": data("user.unique_id", export="no", erase="keep", ground="random numbers, which lead to nobody once the account is gone"),
            "entry": REFERENCE, "seq": REFERENCE, "reached": WORKINGS, "told": none("how many were told so far"), "begun_at": ORDER, "finished_at": ORDER,
        },
    ),
)
NOTHING: tuple[Nothing, ...] = (
    Nothing("dsar_recipient", "companies and bodies that get data, with the ground on which it goes there"),
    Nothing("dsar_privacynotice", "the versions of the installation's privacy notice, which everybody may read"),
    Nothing("dsar_businesstransfer", "which company or body an organization goes to, and when, as it was announced to everybody"),
)
