"""Which entries of the log are which security events: the one table of it, with the events as CAEP 1.0 and RISC 1.0 name them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CAEP, RISC, SSF = ("https://schemas.openid.net/secevent/caep/event-type/", "https://schemas.openid.net/secevent/risc/event-type/", "https://schemas.openid.net/secevent/ssf/event-type/")
SESSION_REVOKED, CREDENTIAL_CHANGE, ASSURANCE_CHANGE = CAEP + "session-revoked", CAEP + "credential-change", CAEP + "assurance-level-change"
DISABLED, ENABLED, PURGED, IDENTIFIER_CHANGED = RISC + "account-disabled", RISC + "account-enabled", RISC + "account-purged", RISC + "identifier-changed"
VERIFICATION, UPDATED = SSF + "verification", SSF + "stream-updated"
SUPPORTED = (SESSION_REVOKED, CREDENTIAL_CHANGE, ASSURANCE_CHANGE, DISABLED, ENABLED, PURGED, IDENTIFIER_CHANGED)
"""What a receiver can ask for. The other two are about the stream itself and come unasked (SSF 1.0, section 8.1.4 and 8.1.5)."""

When = Literal["always", "first_factor", "last_factor"]
"""first_factor: only if it is the person's only second factor; last_factor: only if they have none any more."""


@dataclass(frozen=True)
class Signal:
    """One event that follows from an entry, with the claims that are the same each time."""

    kind: str
    claims: Mapping[str, str] = field(default_factory=dict)
    when: When = "always"


@dataclass(frozen=True)
class Meaning:
    """What an action means. `reach`: for the programs of the log's organization, or for those of every organization, because the account itself changed."""

    signals: tuple[Signal, ...]
    reach: Literal["organization", "account"]


def _credential(kind: str, change: str) -> Signal:
    return Signal(CREDENTIAL_CHANGE, {"credential_type": kind, "change_type": change})


def _level(now: str, before: str, direction: str, when: When = "always") -> Signal:
    return Signal(ASSURANCE_CHANGE, {"namespace": "NIST-AAL", "current_level": now, "previous_level": before, "change_direction": direction}, when)


_OUT, _OFF, _ON = Signal(SESSION_REVOKED), Signal(DISABLED), Signal(ENABLED)
_HIJACKED = Signal(DISABLED, {"reason": "hijacking"})
_UP, _DOWN = ("nist-aal2", "nist-aal1", "increase"), ("nist-aal1", "nist-aal2", "decrease")
_PASSKEY, _APP, _PASSWORD = "fido2-roaming", "app", "password"

MAPPING: dict[str, Meaning] = {
    # access to one organization: its services and apps
    **dict.fromkeys(("membership.suspended", "membership.suspended_inactive", "membership.removed", "membership.left", "membership.contract_ended", "membership.ended_with_organization"),
                    Meaning((_OUT, _OFF), "organization")),
    "membership.restored": Meaning((_ON,), "organization"),
    "membership.restricted": Meaning((_OUT,), "organization"),
    "person.sessions.revoked": Meaning((_OUT,), "organization"),
    # the account itself: whoever knows it
    **dict.fromkeys(("account.deactivated", "account.own_deactivated", "account.deletion_scheduled", "account.own_deletion_scheduled", "account.deletion_by_request", "account.deletion_granted",
                     "account.deletion_reported", "account.unused_closed"), Meaning((_OUT, _OFF), "account")),
    "account.locked": Meaning((_OUT, _HIJACKED), "account"),
    **dict.fromkeys(("account.reactivated", "account.own_reactivated", "account.deletion_cancelled"), Meaning((_ON,), "account")),
    "account.purged": Meaning((Signal(PURGED),), "account"),
    **dict.fromkeys(("account.email.changed", "account.email.reverted", "account.email.freed"), Meaning((Signal(IDENTIFIER_CHANGED),), "account")),
    "person.password_reset.required": Meaning((_OUT, _credential(_PASSWORD, "revoke")), "account"),
    **dict.fromkeys(("account.password_reset", "account.password_changed"), Meaning((_credential(_PASSWORD, "update"),), "account")),
    "second_factor.app_added": Meaning((_credential(_APP, "create"), _level(*_UP, when="first_factor")), "account"),
    "second_factor.passkey_added": Meaning((_credential(_PASSKEY, "create"), _level(*_UP, when="first_factor")), "account"),
    "second_factor.app_removed": Meaning((_credential(_APP, "delete"), _level(*_DOWN, when="last_factor")), "account"),
    "second_factor.passkey_removed": Meaning((_credential(_PASSKEY, "delete"), _level(*_DOWN, when="last_factor")), "account"),
    "person.second_factor.reset": Meaning((_credential(_APP, "revoke"), _level(*_DOWN)), "account"),
    "person.second_factor.removed": Meaning((_credential(_APP, "revoke"), _level(*_DOWN)), "account"),
}
