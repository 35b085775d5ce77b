"""Every mail template, in one table: a service message, which cannot be switched off, or a kind of optional communication, which can."""
from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SERVICE = "service"
"""About the account, security, rights, or an act about the person: everybody gets it, whatever they chose."""


@dataclass(frozen=True)
class Kind:
    """One kind of optional communication. `default` is whether it is sent before anybody chose."""

    name: str
    title: str | Promise
    about: str | Promise
    default: bool
    template: str


KINDS: dict[str, Kind] = {
    "announcements": Kind("announcements", _("News"), _("What administrators write to all members. It is sent until you switch it off."), True, "announcement"),
    "tips": Kind("tips", _("Tips"), _("How to get more out of your services. It is sent only if you switch it on."), False, "tip"),
}
"""News rest on the organization's legitimate interest in telling its members, so objecting ends it; tips rest on consent, so nothing is sent without it."""

_SERVICE = """
app-decided app-ended app-news app-provider
agent-address
accept-transfer account-deleted add-to-group address-change-asked address-change-ended address-changed-new address-changed-old address-freed address-request address-request-waits address-restored
address-undone answer-value-dispute approve-email-change audit-alarm brake business-transfer cancel-deletion cancel-email-change cancel-invitation case-news case-waits change-email change-role
claim-leave claim-news claim-objected confirm-address confirm-identity confirm-new-address copy-news create-token deactivate deactivate-own-account decline-own-deletion delete-as-requested
deletion-asked deletion-news deletion-waits deny-email-change disclosure-told domain-decision domain-news end-contract export-finished export-person free-address grant-own-deletion
grant-service-access hold-managers
hold-news identity-changed inactivity-report inactivity-warning invite job-finished lift-restriction lockdown notice-again notice-changed organization-ends organization-export
organization-export-people own-security password-reset-link plan-decided plan-delayed plan-waiting privacy-notice profile-digest prohibition-ends reactivate recovery-address relay-news release-account
release-brake remove remove-from-group remove-recovery-address report-news report-waits
request-rests require-password-reset reset-second-factor restore restrict restrict-service-access restrict-use restriction-news
restriction-window retention-news revoke-sessions revoke-token revoke-tokens rights-code rights-link schedule-deletion scheduled-administrators scheduled-news service-access
set-contract-end set-group-role
succession-operator succession-owners succession-person suggest-change suspend suspend-inactive take-service-access transfer-account transfer-administrators transfer-leave transfer-news
transfer-ownership unused-account unused-accounts-report update-role value-disputed view-content webhook-paused withdraw-password-reset withdraw-transfer
"""
TEMPLATES: dict[str, str] = {**dict.fromkeys(_SERVICE.split(), SERVICE), **{kind.template: kind.name for kind in KINDS.values()}}
"""Template to what it is. A test fails for a template that is not here."""
OPTIONAL = tuple(kind.template for kind in KINDS.values())


def of(template: str) -> Kind | None:
    """The kind that a template belongs to; None for service messages, and for what nobody has classified: rather one mail too many than a warning that does not arrive."""
    return KINDS.get(TEMPLATES.get(template, SERVICE))
