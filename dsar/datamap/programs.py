"""What programs as clients keep about people: who answers requests for them, their keys and tokens, and the security events they are told."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from dsar.datamap.kinds import COUNT, ID, ORDER, REFERENCE, WORKINGS, Subject, Unit, data, none

_CHOICE = data("user.account")
_INSTALLED = "accounts_installation.installed_by_id"

UNITS: tuple[Unit, ...] = (
    Unit(
        table="dsar_responder",
        title=_("How services and apps are reached with requests"),
        about=(Subject("installation_id -> accounts_installation.installed_by_id", "actor"),),
        purpose="rights",
        source=("administrator",),
        recipients=("administrators",),
        keeping="organization",
        scope="organization_id",
        erase="change",
        columns={
            "id": ID,
            "version": COUNT,
            "organization_id": REFERENCE,
            "service_id": REFERENCE,
            "installation_id": REFERENCE,
            "gone_at": none("since when a removed app is asked about everybody"), "gone_reached": WORKINGS, "gone_done_at": WORKINGS,
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
    *(
        Unit(
            table=table,
            title=title,
            about=(Subject(path, "actor"),),
            purpose="integration",
            source=("administrator",),
            recipients=("administrators",),
            keeping="organization",
            scope="organization_id",
            erase="keep",
            columns={"id": ID, "organization_id": REFERENCE, **columns},
        )
        for table, title, path, columns in (
            (
                "accounts_webhook",
                _("Webhooks of apps that somebody installed"),
                f"installation_id -> {_INSTALLED}",
                {
                    "version": COUNT,
                    "service_id": REFERENCE,
                    "installation_id": REFERENCE,
                    "name": none("what an administrator calls a receiver", reviewed="it names a program, and the form says so"),
                    "url": none("the address of a program"),
                    "host": none("the address of a program, without its path"),
                    "events": none("what a program is told of"),
                    "created_at": ORDER,
                    **dict.fromkeys(("secret", "public_key", "old_secret", "old_until"), none("with which messages are signed; a secret of the installation")),
                    **dict.fromkeys(("state", "paused_why", "failures", "failing_since", "next_try", "last_success", "last_error", "last_status", "last_error_at", "last_took", "served_at"), WORKINGS),
                },
            ),
            (
                "accounts_webhookdelivery",
                _("Messages of webhooks of apps that somebody installed"),
                f"webhook_id -> accounts_webhook.installation_id -> {_INSTALLED}",
                {
                    "webhook_id": REFERENCE,
                    "entry": none("the number of the entry that is told; what is sent is made from it each time"),
                    "seq": none("the number of the entry in the log"),
                    "action": none("what kind of event it is"),
                    "occurred_at": ORDER,
                    **dict.fromkeys(("state", "attempts", "next_try", "made_at", "done_at"), WORKINGS),
                },
            ),
            (
                "accounts_webhookattempt",
                _("Attempts to send messages of webhooks of apps that somebody installed"),
                f"delivery_id -> accounts_webhookdelivery.webhook_id -> accounts_webhook.installation_id -> {_INSTALLED}",
                {"delivery_id": REFERENCE, **dict.fromkeys(("at", "code", "status", "took"), WORKINGS)},
            ),
            (
                "accounts_signalstream",
                _("Streams of security events of programs that somebody registered"),
                "application_id -> accounts_oauthapplication.user_id",
                {
                    "version": COUNT,
                    "application_id": REFERENCE,
                    "url": none("the address of a program"),
                    "host": none("the address of a program, without its path"),
                    "authorization": none("a secret of the program, encrypted"),
                    "events": none("what a program is told of"),
                    "description": none("what a program calls its stream", reviewed="a program writes it about itself"),
                    "reason": none("why a program let events wait", reviewed="a program writes it about itself"),
                    "created_at": ORDER,
                    **dict.fromkeys(("method", "status", "failures", "failing_since", "next_try", "last_success", "last_error", "last_status", "served_at", "verified_at", "held_at"), WORKINGS),
                },
            ),
        )
    ),
)
