"""What services, apps and the programs behind them keep about people."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, WORKINGS, Nothing, Subject, Unit, data, none

_BY = data("user.history", export="others", erase="null")
_CHOICE = data("user.account")

UNITS: tuple[Unit, ...] = (
    Unit(
        table="accounts_appgrant",
        title=_("What you allowed apps"),
        about=(Subject("account_id"),),
        purpose="integration",
        source=("person",),
        recipients=("person", "administrators"),
        keeping="token",
        scope="organization_id",
        columns={
            "id": ID,
            "organization_id": REFERENCE,
            "installation_id": _CHOICE,
            "account_id": data("user.unique_id"),
            "scopes": _CHOICE,
            "granted_at": _CHOICE,
            "ended_at": _CHOICE,
            "ended_why": _CHOICE,
        },
    ),
    Unit(
        table="accounts_installation",
        title=_("Apps installed by somebody"),
        about=(Subject("installed_by_id", "actor"),),
        purpose="integration",
        source=("administrator",),
        recipients=("administrators",),
        keeping="organization",
        scope="organization_id",
        erase="change",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "app_id": REFERENCE,
            "state": none("whether the app is installed"),
            "scopes": none("what the app may ask for"),
            "pending_scopes": none("what the app would like to ask for"),
            "installed_by_id": _BY,
            "installed_at": ORDER,
            "expires_at": none("when the approval ends"),
            "ended_at": none("when the app was removed"),
            "ended_why": none("how it came to be removed"),
        },
    ),
    Unit(
        table="accounts_oauthapplication",
        title=_("Programs registered by somebody"),
        about=(Subject("user_id", "actor"),),
        purpose="integration",
        source=("administrator",),
        recipients=("administrators",),
        keeping="organization",
        scope="organization_id",
        erase="change",
        columns={
            "id": ID,
            "organization_id": REFERENCE,
            "service_id": REFERENCE,
            "installation_id": REFERENCE,
            "user_id": data("user.history", erase="null"),
            **{
                name: none("how the program signs people in")
                for name in (
                    "logout_url",
                    "client_id",
                    "redirect_uris",
                    "post_logout_redirect_uris",
                    "client_type",
                    "authorization_grant_type",
                    "hash_client_secret",
                    "skip_authorization",
                    "algorithm",
                    "allowed_origins",
                    "registration_source",
                    "cimd_expires_at",
                    "created",
                    "updated",
                )
            },
            "client_secret": none("a secret of the program, not of a person, kept as a hash"),
            "name": none("the name of a program", reviewed="chosen by its administrators as its public name"),
        },
    ),
    Unit(
        table="accounts_signalevent",
        title=_("Security events on their way to services and apps"),
        about=(Subject("account_id"),),
        purpose="integration",
        source=("derived",),
        recipients=("apps",),
        keeping="technical",
        scope="organization_id",
        columns={
            "id": ID,
            "organization_id": REFERENCE,
            "stream_id": REFERENCE,
            "entry": none("the number of the entry that it follows from"),
            "account_id": data("user.unique_id"),
            "sub": data("user.unique_id"),
            "kind": _CHOICE,
            "claims": _CHOICE,
            "at": _CHOICE,
            **dict.fromkeys(("issued_at", "state", "attempts", "next_try", "error"), WORKINGS),
        },
    ),
    Unit(
        table="accounts_signalexclusion",
        title=_("Services and apps that asked not to be told of security events about you"),
        about=(Subject("account_id"),),
        purpose="integration",
        source=("derived",),
        recipients=("administrators",),
        keeping="account",
        scope="organization_id",
        columns={"id": ID, "organization_id": REFERENCE, "stream_id": REFERENCE, "account_id": data("user.unique_id")},
    ),
)
NOTHING: tuple[Nothing, ...] = (
    Nothing("accounts_webhook", "where a program of the organization is told what happens, and how it fares"),
    Nothing("accounts_webhookdelivery", "which entry was sent to which program, by number; what is sent is made from the entry each time"),
    Nothing("accounts_webhookattempt", "when a message was tried, and how the receiver answered"),
    Nothing("accounts_signalstream", "how a program wants to be told of security events, and how it fares"),
)
