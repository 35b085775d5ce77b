"""Profile fields: who changes them, what is suggested and disputed. They are changed by actions: set-field-policy, suggest-change, dispute-value and their answers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.models import Account, Membership, ProfileSuggestion, ValueDispute
from accounts.models.profile import DisputeState, FieldOwner
from accounts.profile import rules
from accounts.work import plain
from dsar.powers import value_disputes
from portal import values
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, flag, many, nullable, text, thing

MOST = 500
FIELD = choice(*rules.LABELS)
_GROUND = text(500, sample="The register of titles is kept by HR.", about="In the organization's words; people read it.")
POLICY = thing(
    {
        "fields": many(
            thing({"field": FIELD, "owner": choice(*FieldOwner.values), "ground": _GROUND, "since": shapes.MAYBE_STAMP | {"description": "Null where nobody decided and the default holds."}})
        ),
        "limits": thing({"limited": many(choice(*rules.LIMITS)), "ground": _GROUND, "since": shapes.MAYBE_STAMP}),
    }
)
_VALUE = text(200, sample="Analyst")
_DISPUTE = {
    "field": FIELD,
    "value": _VALUE,
    "proposed": _VALUE,
    "words": text(1000, sample="I have been an engineer since May."),
    "state": choice(*DisputeState.values),
    "opened_at": shapes.STAMP,
}
ANSWERED = thing(
    {
        **_DISPUTE,
        "answered_at": shapes.MAYBE_STAMP,
        "ground": choice("", *(code for code, _words in value_disputes.GROUNDS), about="Why it was kept, or corrected in part only; empty otherwise."),
        "answer": text(2000, sample="It is what your contract says."),
    }
)
SUGGESTION = thing({"id": shapes.ID, "field": FIELD, "value": _VALUE, "message": text(500, sample=""), "suggested_at": shapes.STAMP, "expires_at": shapes.STAMP})
QUESTIONS = thing(
    {
        "disputes": many(thing({"id": shapes.ID, "person_id": shapes.ID, **_DISPUTE})),
        "suggestions": many(thing({"id": shapes.ID, "person_id": shapes.ID, "field": FIELD, "value": _VALUE, "suggested_at": shapes.STAMP, "expires_at": shapes.STAMP})),
    }
)
CHANGE = thing({"before": _VALUE, "after": _VALUE, "at": shapes.STAMP})
VALUES = thing(
    {
        "organizations": many(
            thing(
                {
                    "organization": text(50, sample="northwind"),
                    "membership_id": shapes.ID,
                    "values": many(
                        thing(
                            {
                                "field": FIELD,
                                "value": _VALUE,
                                "locked": text(1000, sample="", about="Who locked it and why; empty if you may change it."),
                                "disputable": flag("Whether somebody else answers for it, so that you can say that it is not right."),
                                "changed_by_others": nullable(CHANGE),
                                "suggestion": nullable(SUGGESTION),
                                "dispute": nullable(ANSWERED),
                            }
                        )
                    ),
                }
            )
        )
    }
)


def policy(call: Call) -> dict[str, Any]:
    """Who changes each profile field, and what people may not edit themselves; for every member."""
    limits = rules.limits_of(call.organization_id)
    return {
        "fields": [{"field": rule.field, "owner": str(rule.owner), "ground": rule.ground, "since": plain(rule.since)} for rule in rules.of(call.organization_id).values()],
        "limits": {"limited": sorted(limits.limited), "ground": limits.ground, "since": plain(limits.since)},
    }


def questions(call: Call) -> dict[str, Any]:
    """What waits: disputes for administrators, suggestions for people; the oldest first."""
    people = Membership.objects.filter(organization_id=call.organization_id).exclude(status="removed")
    if call.actor.scope_groups is not None:
        people = people.filter(group_memberships__group_id__in=call.actor.scope_groups)

    def among(rows: QuerySet[Any]) -> tuple[list[Any], dict[Any, str]]:
        found = list(rows.filter(organization_id=call.organization_id, account_id__in=people.values("account_id"))[:MOST])
        return found, {account: str(member) for account, member in people.filter(account_id__in=[row.account_id for row in found]).values_list("account_id", "id")}

    disputes, disputing = among(ValueDispute.objects.filter(state=DisputeState.OPEN).order_by("opened_at", "id"))
    suggested, asked = among(ProfileSuggestion.objects.filter(expires_at__gt=call.now).order_by("suggested_at", "id"))
    return {
        "disputes": [{"id": str(row.id), "person_id": disputing[row.account_id], **_said(row)} for row in disputes],
        "suggestions": [
            {"id": str(row.id), "person_id": asked[row.account_id], "field": row.field, "value": row.value, "suggested_at": plain(row.suggested_at), "expires_at": plain(row.expires_at)}
            for row in suggested
        ],
    }


def _said(row: ValueDispute) -> dict[str, Any]:
    return {"field": row.field, "value": row.value, "proposed": row.proposed, "words": row.words, "state": row.state, "opened_at": plain(row.opened_at)}


def mine(call: Call) -> dict[str, Any]:
    """The caller's values in each organization, who locked or changed them, and what is asked about them. A token sees only its organization."""
    only = call.actor.organization_id if call.actor.kind == "api_token" else None
    account = Account.objects.get(id=call.actor.account_id)
    return {
        "organizations": [
            {"organization": here.organization.slug, "membership_id": str(here.membership.id), "values": [_value(one) for one in here.values]}
            for here in values.mine(account, now=call.now, only=only)
        ]
    }


def _value(one: values.Value) -> dict[str, Any]:
    return {
        "field": one.field,
        "value": one.value,
        "locked": one.locked,
        "disputable": one.disputable,
        "changed_by_others": {"before": one.change.before, "after": one.change.after, "at": plain(one.change.changed_at)} if one.change else None,
        "suggestion": {
            "id": str(one.suggestion.id),
            "field": one.field,
            "value": one.suggestion.value,
            "message": one.suggestion.words,
            "suggested_at": plain(one.suggestion.suggested_at),
            "expires_at": plain(one.suggestion.expires_at),
        }
        if one.suggestion
        else None,
        "dispute": {**_said(one.dispute), "answered_at": plain(one.dispute.answered_at), "ground": one.dispute.ground, "answer": one.dispute.answer} if one.dispute else None,
    }


OPERATIONS = (
    Operation(name="field-policy", method="GET", path="orgs/{slug}/field-policy/", part="Organization", summary="Who changes each profile field", run=policy, answers={200: POLICY}),
    Operation(
        name="profile-questions",
        method="GET",
        path="orgs/{slug}/profile-questions/",
        part="People",
        summary="Disputed and suggested profile values",
        about=f"Disputes that wait for an answer, and suggestions that wait for the person: the {MOST} oldest of each.",
        permission="update_profiles",
        run=questions,
        answers={200: QUESTIONS},
    ),
    Operation(name="me-values", method="GET", path="me/values/", part="Oneself", summary="The values of your profile", who="person", run=mine, answers={200: VALUES}),
)
