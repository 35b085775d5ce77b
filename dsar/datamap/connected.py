"""What services, apps and the programs behind them keep about people."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, Subject, Unit, data, none

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
        table="dsar_responder",
        title=_("How services and apps are reached with requests"),
        about=(),
        purpose="rights",
        source=("administrator",),
        recipients=("administrators",),
        keeping="organization",
        scope="organization_id",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "service_id": REFERENCE,
            "installation_id": REFERENCE,
            "email": none("where whoever runs a program gets requests", reviewed="an address of a company or a team, typed for this by its customer; the form says so"),
            "public_key": none("the key with which a program signs its answers"),
            "token_hash": none("the fingerprint of the token of a program, which belongs to no person", reviewed="opens only what programs ask about requests"),
            **{name: none("how a program is reached and whether it answers in time")
               for name in ("way", "url", "independent", "cycle_days", "polled_at", "cycle_from", "overdue_at", "suspended_at", "released_at")},
        },
    ),
    Unit(
        table="dsar_relaynonce",
        title=_("Numbers that programs used for one message, kept for minutes"),
        about=(),
        purpose="rights",
        source=("administrator",),
        recipients=(),
        keeping="day",
        scope="organization_id",
        columns={"id": ID, "organization_id": REFERENCE, "responder_id": REFERENCE, "nonce": none("a number that a program made for one message"), "seen_at": ORDER},
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
)
