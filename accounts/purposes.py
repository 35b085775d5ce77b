"""What something is read for. Of somebody whose data may only be stored, only what is named here and allowed is read (RIGHTS 3e).

The database keeps this: rows of such people are not there for a connection that has not said what it reads them for
(`portal/database.py`), so a way of reading that nobody thought of finds nothing. `portal/reading.py` names the purpose of every page,
every operation of the API and every job.
"""
from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _

OWN, RIGHTS, SECURITY, CLAIMS, MARKED, ACT = "own", "rights", "security", "claims", "marked", "act"
ADMINISTRATION, EXPORT, CONTENT = "administration", "export", "content"
PURPOSES = {
    OWN: _("Showing people what is held about them, and making their copies"),
    RIGHTS: _("Carrying out what people asked for about their data"),
    SECURITY: _("Security: who may do what, and who is able to sign in"),
    CLAIMS: _("The audit log, which is kept as evidence: for legal claims, and for the person"),
    MARKED: _("That somebody is there and restricted, without what is held about them"),
    ACT: _("An act that is judged for each person; of restricted people only what protects them or is their right is done"),
    ADMINISTRATION: _("Daily administration: seeing, searching, grouping and changing people"),
    EXPORT: _("Files that leave the product, and acts on many"),
    CONTENT: _("Reading what is in the account, which two people agreed on"),
}
"""Everything that people are read for, in words for the page that says so."""
ALWAYS = (OWN, RIGHTS, SECURITY, CLAIMS, MARKED, ACT)
"""Goes on while somebody is restricted: storing, showing it to them, answering them, protecting them and others, legal claims (Art. 18(2) GDPR)."""
OF_PARTS = tuple(name for name in ALWAYS if name != MARKED)
"""Goes on where only a part is restricted: the person is shown as anybody, and the part to none of those who look at people."""
FREED = (ADMINISTRATION, EXPORT, CONTENT)
"""What stops, and what two people may give free again on a ground, after the person was told."""


def handle(row: UUID) -> str:
    """What stands in the place of a name that may not be shown: the same one everywhere."""
    return f"restricted-{str(row)[:8]}"


PROTECTS = frozenset({
    "require-password-reset", "withdraw-password-reset", "revoke-sessions", "revoke-tokens", "restrict", "suspend", "restore", "lockdown", "deactivate", "reactivate", "reset-second-factor", "protect",
    "release-brake", "revoke-token", "confirm-identity", "export-person", "restrict-use", "lift-restriction", "cancel-deletion", "cancel-scheduled", "release-account",
    "answer-value-dispute", "end-content-access", "make-requested-copy", "delete-as-requested", "withdraw-transfer", "decline-transfer", "restrict-service-access", "take-service-access",
})
"""Powers that an organization still has over a restricted person: what protects them or the services, what undoes, and what answers them. Every other power over a person is daily administration."""


def of_power(slug: str) -> str:
    """What an organization uses a power over a person for."""
    return SECURITY if slug in PROTECTS else CONTENT if slug == "view-content" else ADMINISTRATION
