"""The mailer: reads the committed log and owes every person the notices that follow from it."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts import outbox, own_deactivation, own_deletion
from accounts.models import Account, Deletion, Membership, Organization
from accounts.organizations import contact
from accounts.powers import BY_SLUG, FALLS_DUE
from accounts.powers.lockdown import RECOVERY
from audit.queries import Seen, disclose
from audit.subscribers import Sealed, Subscriber

SELF_EVENTS = frozenset({"account.password_changed", "account.password_reset", "second_factor.app_added", "second_factor.app_removed",
                         "second_factor.passkey_added", "second_factor.passkey_removed", "recovery_codes.made", "account.own_reactivated"})
_BY_EVENT = {power.event: power for power in FALLS_DUE.values() if power.notice}
_BY_EVENT |= {"membership.role_updated": BY_SLUG["update-role"], "membership.group_role_changed": BY_SLUG["set-group-role"],
              "membership.service_granted": BY_SLUG["grant-service-access"]}
"""Acts on a role or a group reach people too; each of them has an entry of their own. And whoever is given access to a service hears that it is there."""
TOLD_OF_OWN = {"create-token", "deactivate-own-account"}
"""Their mail goes also to whoever did it themselves: it may not have been them, and it carries the way back."""
INVITATION = signing.TimestampSigner(salt="steward.invitation")


def handle(batch: list[Sealed]) -> None:
    """Owe the notices of these entries. Only what happened is told: refused and failed attempts are not."""
    for sealed in batch:
        if sealed.outcome == "success":
            _owe(sealed)


def _owe(sealed: Sealed) -> None:
    power = _BY_EVENT.get(sealed.action)
    person = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
    if person is None or (power is None and sealed.action not in SELF_EVENTS):
        return
    account = Account.objects.filter(id=person).first()
    if account is None or (power is not None and sealed.record["actor"].get("id") == str(person) and power.slug not in TOLD_OF_OWN):
        return
    tell(sealed, account=account, template=power.slug if power else "own-security")


def tell(sealed: Sealed, *, account: Account, template: str) -> None:
    """Owe the notice of an act to the person it is about, with who did it, why and when."""
    organization = Organization.objects.filter(id=sealed.org).first()
    context = _context(sealed, account, organization)
    outbox.owe(template=template, account=account, context=context, entry=sealed.entry, organization_id=organization.id if organization else None, now=datetime.now(UTC))
    if template == "lockdown" and account.recovery_email and context["reason"] != RECOVERY:  # whoever took the mailbox may read it alone
        outbox.owe(template=template, account=account, context=context, entry=sealed.entry, organization_id=organization.id if organization else None, now=datetime.now(UTC),
                   address=account.recovery_email)


def _context(sealed: Sealed, account: Account, organization: Organization | None) -> dict[str, Any]:
    seen = Seen(seq=sealed.seq, id=sealed.entry, recorded_at=None, occurred_at=datetime.now(UTC), record=sealed.record)
    disclose(org=sealed.org, entries=[seen])
    said = {path: value for path, value in seen.open.items() if isinstance(value, str)}
    membership = Membership.objects.filter(organization=organization, account=account).first() if organization else None
    return {
        "organization": organization.name if organization else "", "actor": said.get("actor.name") or said.get("actor.email") or "",
        "contact": contact.line(organization), "message": said.get("why.text", ""),
        "reason": sealed.record.get("why", {}).get("reason_code", ""), "when": sealed.record["occurred_at"][:16].replace("T", " "),
        "event": sealed.action, "reference": f"{sealed.seq}", "facts": sealed.record.get("facts", {}), "until": _until(sealed.record),
        "link": _link(sealed.action, account, membership, sealed.record),
    }


def _until(record: dict[str, Any]) -> str:
    for change in record.get("change", []):
        if change["path"].endswith("status_until") and change.get("after"):
            return str(change["after"])[:16].replace("T", " ")
    return ""


def _link(event: str, account: Account, membership: Membership | None, record: dict[str, Any]) -> str:
    """The single-use link that some notices carry; minted when the mail is owed, never stored in the log."""
    if event == "membership.invited" and membership is not None:
        return settings.STEWARD_URL + reverse("invitation", args=[INVITATION.sign(f"{membership.id}:{membership.access_epoch}")])
    if event == "person.password_reset.required" or (event == "account.reactivated" and record.get("facts", {}).get("reset_required")):
        return reset_link(account)
    if event in {"account.deletion_scheduled", "account.deletion_granted", "account.deletion_by_request"}:  # whoever asked for it may take it back
        row = Deletion.objects.filter(account=account, by_person=True).first()
        return own_deletion.link(row) if row else ""
    if event == "account.own_deactivated":
        return own_deactivation.link(account) if own_deactivation.own(account) else ""
    if event == "person.second_factor.reset":
        return settings.STEWARD_URL + reverse("stop-second-factor-reset", args=[signing.dumps(str(account.id), salt=f"stop:{account.mfa_reset_at}")])
    return ""


def reset_link(account: Account) -> str:
    """A link that lets the owner of the mailbox set a new password, once, within 60 minutes."""
    key = f"{user_pk_to_url_str(account)}-{default_token_generator.make_token(account)}"
    return settings.STEWARD_URL + reverse("account_reset_password_from_key", args=key.split("-", 1))


SUBSCRIBER = Subscriber(name="mailer", handle=handle)
