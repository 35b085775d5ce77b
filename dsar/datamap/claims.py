"""What claims and the life of organizations keep about people."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, WORKINGS, Nothing, Subject, Unit, data, none

_TOLD = "that somebody was told of a claim, when, and what they answered has to be provable; not who"
_STATE = data("user.account", erase="keep", ground=_TOLD)
_BY = data("user.history", export="others", erase="keep", ground="who decided stays with what was decided; the number leads to nobody once that person is erased")

UNITS: tuple[Unit, ...] = (
    Unit(
        table="accounts_claimedaccount",
        title=_("Claims on the account"),
        about=(Subject("account_id"),),
        purpose="management",
        source=("administrator", "person"),
        recipients=("person", "administrators"),
        keeping="account",
        scope="organization_id",
        erase="change",
        columns={
            "id": ID,
            "version": COUNT,
            "claim_id": REFERENCE,
            "organization_id": REFERENCE,
            "account_id": data("user.unique_id", erase="keep", ground=_TOLD),
            "state": _STATE,
            "address": data("user.contact.email", erase="blank"),
            "created_here": _STATE,
            "announced_at": _STATE,
            "effective_at": _STATE,
            "reminded": WORKINGS,
            "objected_at": _STATE,
            "object_until": _STATE,
            "objection": data("user.content.private", erase="blank"),
            "answer_code": _STATE,
            "answer": data("user.content.private", export="others", erase="blank"),
            "leaving_address": data("user.contact.email", erase="blank"),
            "leaving_at": _STATE,
            "problem": none("a code: why it could not be claimed"),
            "changed_at": ORDER,
        },
    ),
    Unit(
        table="accounts_transfer",
        title=_("Offers to hand the account to another organization"),
        about=(Subject("account_id"), Subject("offered_by -> accounts_membership.account_id", "actor"), Subject("accepted_by -> accounts_membership.account_id", "actor")),
        purpose="management",
        source=("administrator", "person"),
        recipients=("person", "administrators"),
        keeping="account",
        scope="organization_id",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "to_organization_id": REFERENCE,
            "to_slug": data("user.account"),
            "account_id": data("user.unique_id"),
            # Whether the other organization declined is its own business, and a copy may be fetched by whoever offered.
            "state": data("user.account", export="no"),
            "offered_by": data("user.history", export="others"),
            "offered_at": data("user.account"),
            "answer_until": data("user.account"),
            "accepted_by": data("user.history", export="others"),
            "accepted_at": data("user.account"),
            "effective_at": data("user.account"),
            "notice_version": REFERENCE,
            "reminded": WORKINGS,
            "objection": data("user.content.private"),
            "leaving_address": data("user.contact.email"),
            "leaving_at": data("user.account"),
            "problem": none("a code: why it was not possible on the date"),
            "changed_at": ORDER,
        },
    ),
    Unit(
        table="accounts_claim",
        title=_("Claims that were announced"),
        about=(Subject("listed", "mentioned"), Subject("announced_by -> accounts_membership.account_id", "actor")),
        purpose="management",
        source=("administrator",),
        recipients=("administrators",),
        keeping="organization",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "domain_id": REFERENCE,
            **{
                name: none("what was announced and how far it is")
                for name in ("state", "choice", "inactive_days", "days", "reached", "told", "announced_at", "effective_at", "notice_version", "ended_at")
            },
            "listed": data("user.unique_id", export="no", erase="keep", ground="random numbers that lead to nobody any more"),
            "announced_by": _BY,
        },
    ),
    Unit(
        table="accounts_closing",
        title=_("The end of an organization"),
        about=(Subject("asked_by -> accounts_membership.account_id", "actor"),),
        purpose="administration",
        source=("administrator",),
        recipients=("members",),
        keeping="organization",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            **{name: none("how far the end of the organization is") for name in ("asked_at", "ends_at", "told", "waits_for", "began_at", "over_at")},
            "asked_by": _BY,
            "ground": data("user.content.private", export="no", erase="keep", ground="why the organization ended, as everybody in it read it"),
        },
    ),
    Unit(
        table="accounts_noticeversion",
        title=_("Notices that were published"),
        about=(Subject("published_by -> accounts_membership.account_id", "actor"),),
        purpose="administration",
        source=("administrator",),
        recipients=("members",),
        keeping="organization",
        scope="organization_id",
        erase="keep",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            **{
                name: none("what the organization published about its powers")
                for name in ("number", "state", "powers", "meanwhile", "words", "digest", "significant", "created_at", "published_at", "effective_at")
            },
            "text": none("what the organization published about its powers", reviewed="written by an organization for everybody to read"),
            "published_by": _BY,
        },
    ),
)

NOTHING: tuple[Nothing, ...] = (
    Nothing("accounts_oldslug", "addresses that an organization had before"),
    Nothing("accounts_fieldpolicy", "which profile fields people, administrators or a directory change, and why"),
    Nothing("accounts_editlimits", "what people may not edit or delete themselves, and why"),
    Nothing("accounts_organizationpolicy", "numbers that an organization chose, such as how long a deletion waits"),
)
