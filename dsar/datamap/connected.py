"""What services, apps and the programs behind them keep about people."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, Subject, Unit, data, none

_BY = data("user.history", export="others", erase="null")
_CHOICE = data("user.account")

UNITS: tuple[Unit, ...] = (
    Unit(
        table="accounts_service",
        title=_("Services that somebody answers for"),
        about=(Subject("answered_by -> accounts_membership.account_id"),),
        purpose="administration",
        source=("administrator",),
        recipients=("person", "members"),
        keeping="organization",
        scope="organization_id",
        erase="change",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "slug": none("the short name of a program"),
            "name": none("the name of a program", reviewed="chosen by its administrators as its public name"),
            "description": none("what the program is for"),
            "url": none("where the program is"),
            "answered_by": data("user.workplace", erase="null"),
            "state": none("whether anybody gets in"),
            "categories": none("which kinds of data the program holds"),
            "everyone": none("what everybody may do there"),
            "client_changed_at": none("when the program's secret or addresses were changed"),
            "created_at": ORDER,
        },
    ),
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
)
