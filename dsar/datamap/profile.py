"""What people and administrators ask each other about profile values, and what others changed."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, REFERENCE, WORKINGS, Subject, Unit, data

UNITS: tuple[Unit, ...] = (
    Unit(
        table="accounts_profilesuggestion",
        title=_("Suggested changes of the profile"),
        about=(Subject("account_id"), Subject("suggested_by -> accounts_membership.account_id", "actor")),
        purpose="administration",
        source=("administrator",),
        recipients=("person", "administrators"),
        keeping="suggested",
        scope="organization_id",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": data("user.workplace"),
            "account_id": data("user.unique_id"),
            "field": data("user.account"),
            "value": data("user.content.private"),
            "words": data("user.content.private"),
            "suggested_at": data("user.history"),
            "suggested_by": data("user.history", export="others"),
            "expires_at": data("user.history"),
        },
    ),
    Unit(
        table="accounts_valuedispute",
        title=_("Values of the profile that the person disputed"),
        about=(Subject("account_id"), Subject("answered_by -> accounts_membership.account_id", "actor")),
        purpose="rights",
        source=("person",),
        recipients=("person", "administrators"),
        keeping="account",
        scope="organization_id",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": data("user.workplace"),
            "account_id": data("user.unique_id"),
            "field": data("user.account"),
            "value": data("user.content.private"),
            "proposed": data("user.content.private"),
            "words": data("user.content.private"),
            "state": data("user.privacy_preferences"),
            "opened_at": data("user.privacy_preferences"),
            "answered_at": data("user.privacy_preferences"),
            "answered_by": data("user.history", export="others"),
            "ground": data("user.privacy_preferences"),
            "answer": data("user.content.private", export="others"),
        },
    ),
    Unit(
        table="accounts_profilechange",
        title=_("Changes of the profile by others, as the person was told"),
        about=(Subject("account_id"),),
        purpose="administration",
        source=("administrator",),
        recipients=("person",),
        keeping="told",
        scope="organization_id",
        columns={
            "id": ID,
            "organization_id": data("user.workplace"),
            "account_id": data("user.unique_id"),
            "entry": REFERENCE,
            "field": data("user.account"),
            "before": data("user.content.private"),
            "after": data("user.content.private"),
            "changed_at": data("user.history"),
            "due_at": WORKINGS,
            "told_at": data("user.history"),
        },
    ),
)
