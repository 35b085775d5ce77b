"""What the tables of libraries keep about people, and the tables that say nothing about anybody."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import ACCOUNT, REFERENCE, WORKINGS, Nothing, Subject, Unit, data, none, secret

_N = none("counts rows within the table")
_WHO = data("user.unique_id")
_LINKS = none("how the software does its work, such as which token came from which", reviewed="numbers of rows in the same tables, and settings of the protocol")


def _credential(table: str, title: object, *, secrets: tuple[str, ...], shown: tuple[str, ...] = (), workings: tuple[str, ...] = ()) -> Unit:
    """A credential of the OAuth provider: that it exists and until when can be told, never what it is."""
    return Unit(
        table=table,
        title=title,
        about=(Subject("user_id"),),
        purpose="integration",
        source=("observed",),
        recipients=("person", "apps"),
        keeping="token",
        columns={  # type: ignore[arg-type]
            "id": _N,
            "user_id": _WHO,
            "application_id": data("user.account"),
            **{name: secret("user.authorization.credentials") for name in secrets},
            **dict.fromkeys(shown, ACCOUNT),
            **dict.fromkeys(workings, _LINKS),
        },
    )


UNITS: tuple[Unit, ...] = (
    Unit(
        table="account_emailaddress",
        title=_("Addresses"),
        about=(Subject("user_id"),),
        purpose="account",
        source=("person", "administrator"),
        recipients=("person",),
        keeping="account",
        columns={
            "id": _N,
            "email": data("user.contact.email"),
            "verified": ACCOUNT,
            "primary": ACCOUNT,
            "user_id": _WHO,
        },
    ),
    Unit(
        table="account_emailconfirmation",
        title=_("Links that confirm an address"),
        about=(Subject("email_address_id -> account_emailaddress.user_id"),),
        purpose="account",
        source=("derived",),
        recipients=("person",),
        keeping="day",
        columns={
            "id": _N,
            "created": ACCOUNT,
            "sent": ACCOUNT,
            "key": secret("user.authorization.credentials"),
            "email_address_id": data("user.unique_id"),
        },
    ),
    Unit(
        table="mfa_authenticator",
        title=_("Second factors"),
        about=(Subject("user_id"),),
        purpose="sign_in",
        source=("person",),
        recipients=("person",),
        keeping="account",
        columns={
            "id": _N,
            "type": data("user.authorization"),
            "data": secret("user.authorization.credentials"),
            "user_id": _WHO,
            "created_at": data("user.authorization"),
            "last_used_at": data("user.behavior"),
        },
    ),
    Unit(
        table="accounts_account_groups",
        title=_("Roles, as the permission library knows them"),
        about=(Subject("account_id"),),
        purpose="administration",
        source=("derived",),
        recipients=("administrators",),
        keeping="membership",
        columns={
            "id": _N,
            "account_id": data("user.unique_id", export="no"),
            "group_id": data("user.workplace", export="no"),
        },
    ),
    Unit(
        table="accounts_account_user_permissions",
        title=_("Permissions of the framework, which are not used"),
        about=(Subject("account_id"),),
        purpose="administration",
        source=("derived",),
        recipients=(),
        keeping="account",
        columns={
            "id": _N,
            "account_id": data("user.unique_id", export="no"),
            "permission_id": REFERENCE,
        },
    ),
    Unit(
        table="accounts_organizationuserpermission",
        title=_("Permissions given to one person"),
        about=(Subject("user_id"),),
        purpose="administration",
        source=("administrator",),
        recipients=("administrators",),
        keeping="membership",
        scope="content_object_id",
        columns={
            "id": _N,
            "content_object_id": REFERENCE,
            "permission_id": data("user.workplace"),
            "user_id": _WHO,
        },
    ),
    Unit(
        table="guardian_userobjectpermission",
        title=_("Permissions of the library's own table, which is not used"),
        about=(Subject("user_id"),),
        purpose="administration",
        source=("derived",),
        recipients=(),
        keeping="account",
        columns={
            "id": _N,
            "object_pk": REFERENCE,
            "content_type_id": REFERENCE,
            "permission_id": REFERENCE,
            "user_id": data("user.unique_id", export="no"),
        },
    ),
    Unit(
        table="django_session",
        title=_("What the browser session remembers"),
        about=(Subject("session_key -> accounts_session.account_id by session_key"),),
        purpose="sign_in",
        source=("observed",),
        recipients=(),
        keeping="session",
        columns={
            "session_key": secret("user.authorization.credentials"),
            "session_data": secret("user.authorization.credentials"),
            "expire_date": data("user.behavior", export="no"),
        },
    ),
    _credential(
        "oauth2_provider_accesstoken",
        _("Access given to programs"),
        secrets=("token", "token_checksum"),
        shown=("expires", "scope", "created"),
        workings=("updated", "source_refresh_token_id", "id_token_id", "resource"),
    ),
    _credential(
        "oauth2_provider_refreshtoken",
        _("Lasting access given to programs"),
        secrets=("token", "token_checksum"),
        shown=("created", "revoked"),
        workings=("updated", "access_token_id", "token_family", "resource"),
    ),
    _credential(
        "oauth2_provider_grant",
        _("Sign-ins to programs that are under way"),
        secrets=("code", "code_challenge", "nonce"),
        shown=("expires", "scope", "created"),
        workings=("redirect_uri", "updated", "code_challenge_method", "claims", "resource"),
    ),
    _credential(
        "oauth2_provider_idtoken",
        _("Statements that programs received"),
        secrets=("jti",),
        shown=("expires", "scope", "created"),
        workings=("updated",),
    ),
    Unit(
        table="oauth2_provider_devicegrant",
        title=_("Devices that were signed in by a code"),
        about=(Subject("user_id"),),
        purpose="integration",
        source=("observed",),
        recipients=("person", "apps"),
        keeping="token",
        columns={
            "id": _N,
            "user_id": _WHO,
            "device_code": secret("user.authorization.credentials"),
            "user_code": secret("user.authorization.credentials"),
            "scope": ACCOUNT,
            "interval": WORKINGS,
            "expires": ACCOUNT,
            "status": ACCOUNT,
            "client_id": data("user.account"),
            "last_checked": WORKINGS,
        },
    ),
)

NOTHING: tuple[Nothing, ...] = (
    Nothing("accounts_domain", "mail domains of an organization and how they are proven"),
    Nothing("accounts_app", "programs that can be installed, and how their providers are reached"),
    Nothing("accounts_group", "names of groups, which an organization chooses"),
    Nothing("accounts_role", "roles of an organization and what they allow"),
    Nothing("accounts_groupservice", "which groups have access to which services; who is in a group stands elsewhere"),
    Nothing("accounts_signingkey", "keys of the installation that sign what programs are told"),
    Nothing("accounts_organizationgrouppermission", "what each role may do"),
    Nothing("accounts_peoplecount", "how many people an organization has in each status"),
    Nothing("guardian_groupobjectpermission", "a table of the permission library that is not used"),
    Nothing("auth_group", "one row for each role; its name holds only numbers"),
    Nothing("auth_group_permissions", "definitions of the framework, the same for every organization"),
    Nothing("auth_permission", "definitions of the framework, the same for every organization"),
    Nothing("django_content_type", "definitions of the framework, the same for every organization"),
    Nothing("django_migrations", "which versions of the tables were made, and when"),
)
