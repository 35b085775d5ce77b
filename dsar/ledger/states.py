"""What in the audit log is relevant to somebody's privacy, and what the ledger then says: one table, and the subscriber that reads the log by it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from audit.subscribers import Sealed, Subscriber
from dsar.ledger import duties, programs, reading, writing
from dsar.ledger.file import Draft
from dsar.ledger.reading import Happened, Read

ACCOUNT: tuple[Read, ...] = (reading.accounts,)
ACCESS: tuple[Read, ...] = (reading.accounts, reading.memberships, reading.tokens)
DELETION: tuple[Read, ...] = (reading.deletions, reading.accounts, reading.tokens)
USE: tuple[Read, ...] = (reading.restrictions, reading.memberships)

TABLE: dict[str, tuple[Read, ...]] = {
    # who may come in
    **dict.fromkeys((
        "membership.suspended", "membership.suspended_inactive", "membership.restricted", "membership.restored", "membership.removed", "membership.left", "membership.role_changed",
        "membership.contract_ended", "membership.contract_end_set", "membership.role_updated", "membership.invitation_cancelled", "membership.invitation_declined",
        "person.protection_changed", "organization.ownership_transferred"), ACCESS),
    **dict.fromkeys((
        "account.deactivated", "account.own_deactivated", "account.locked", "account.reactivated", "account.own_reactivated", "person.password_reset.required",
        "person.password_reset.withdrawn", "account.unused_closed", "account.reported", "account.report_handed_on"), ACCESS),
    # sessions, tokens, credentials
    **dict.fromkeys(("person.sessions.revoked", "person.tokens.revoked", "token.revoked", "session.ended_by_person"), ACCESS),
    **dict.fromkeys((
        "account.password_changed", "account.password_reset", "second_factor.app_removed", "second_factor.passkey_removed", "recovery_codes.made", "person.second_factor.removed"),
        (reading.passwords, *ACCOUNT)),
    **dict.fromkeys(("account.email.changed", "account.email.reverted", "account.restored_address_set"), (reading.addresses, *ACCESS)),
    # what people want and do not want
    **dict.fromkeys(("communications.chosen", "communications.signal_honoured"), (reading.consents, *ACCOUNT)),
    **dict.fromkeys((
        "use.restricted", "use.restriction_asked", "use.restriction_confirmed", "use.restriction_ended", "use.restriction_lifted", "use.lift_announced", "use.partly_freed"), USE),
    # deletion
    **dict.fromkeys((
        "account.deletion_scheduled", "account.own_deletion_scheduled", "account.deletion_by_request", "account.deletion_granted", "account.deletion_expedited",
        "account.deletion_cancelled", "account.address_released", "account.report_closed", "account.report_kept"), DELETION),
    # control of the account
    **dict.fromkeys(("management.ended", "management.transfer_accepted", "account.left_claim", "account.left_transfer", "management.accepted"), (reading.managements, *ACCESS)),
    # what is kept
    **dict.fromkeys(("data.hold.placed", "data.hold.released"), (reading.holds,)),
    **dict.fromkeys(("data.matter.opened", "data.matter.closed"), (duties.matters,)),
    **dict.fromkeys((
        "data.legal_hold.placed", "data.legal_hold.confirmed", "data.legal_hold.people_added", "data.legal_hold.people_released", "data.legal_hold.released", "data.legal_hold.lapsed"),
        (duties.legal_holds, reading.holds)),
    **dict.fromkeys(("data.legal_hold.disclosed", "data.legal_hold.reminded", "data.legal_hold.ended", "data.legal_hold.acknowledged"), (duties.notices,)),
    "retention.changed": (reading.keeping,),
    # services, apps, webhooks
    **dict.fromkeys(("membership.service_granted", "membership.service_restricted", "membership.service_taken"), (programs.access,)),
    "group.service_set": (programs.groups,),
    **dict.fromkeys(("service.suspended", "service.restored", "service.removed", "service.everyone_set"), (programs.services,)),
    **dict.fromkeys(("relay.access_suspended", "relay.caught_up", "relay.access_released"), (programs.services, programs.installations)),
    **dict.fromkeys(("app.suspended", "app.resumed", "app.uninstalled", "app.blocked", "app.expired", "app.approved", "app.scopes_approved", "app.scopes_pending"), (programs.installations,)),
    **dict.fromkeys(("app.grant_withdrawn", "app.consent_given"), (programs.consents,)),
    **dict.fromkeys(("webhook.removed", "webhook.paused", "webhook.resumed", "webhook.gone", "webhook.paused_failing"), (programs.hooks,)),
    # what services and apps were asked to delete
    **dict.fromkeys(("relay.asked", "relay.sent_again"), (reading.relays,)),
    **dict.fromkeys(("retention.rule_set", "retention.rule_removed"), (duties.rules,)),
    # what was looked at and given out
    **dict.fromkeys(("data.view_granted", "data.view_withdrawn", "data.view_ended", "data.view_told"), (duties.accesses,)),
    **dict.fromkeys((
        "disclosure.recorded", "disclosure.answered", "disclosure.corrected", "disclosure.prohibition_extended", "disclosure.people_told", "disclosure.told"), (duties.disclosures,)),
    # who gets data, who answers for it, what people were told of both
    **dict.fromkeys(("register.recipient_added", "register.recipient_changed"), (duties.recipient_words, duties.recipients)),
    "register.recipient_ended": (duties.recipients,),
    "register.controller_set": (duties.controller_words, duties.controllers),
    **dict.fromkeys(("register.report_published", "register.report_hidden"), (duties.controllers,)),
    **dict.fromkeys(("business_transfer.announced", "business_transfer.withdrawn", "business_transfer.near"), (duties.transfers,)),
    "business_transfer.done": (duties.transfers, duties.controller_words, duties.controllers),
    "notice.published": (duties.powers_notices,),
    "privacy_notice.published": (duties.privacy_notices,),
    "notice.acknowledged": (duties.seen_notices,),
    # what can only be told
    **dict.fromkeys((
        "data.export.requested", "people.exported", "case.received", "case.refused", "case.fulfilled", "domain.released", "claim.cancelled", "claim.ended",
        "data.organization_export.requested", "disclosure.evidence_added"), (reading.seen,)),
}
"""From what happened to what is read for the ledger. An event that is not here changes nothing that a restored database would get wrong about a person."""


OF_DATA = ("data.hold.", "data.legal_hold.", "data.matter.", "retention.", "disclosure.", "register.", "business_transfer.")
"""Acts about data as a whole: whoever did them is not whom they are about."""


def happened(sealed: Sealed) -> Happened:
    targets = sealed.record.get("targets", [])

    def ids(*types: str) -> tuple[UUID, ...]:
        return tuple(dict.fromkeys(UUID(target["id"]) for target in targets if target["type"] in types))

    people = ids("person", "service_account")
    actor = sealed.record.get("actor", {})
    if not people and actor.get("type") == "user" and actor.get("id") and not sealed.action.startswith(OF_DATA):
        people = (UUID(actor["id"]),)
    return Happened(event=sealed.entry, action=sealed.action, org=sealed.org, at=datetime.fromisoformat(sealed.record["occurred_at"]), people=people,
                    members=ids("membership"), tokens=ids("api_token"), targets=tuple((target["type"], UUID(target["id"])) for target in targets), facts=sealed.record.get("facts", {}))


def drafts(batch: Iterable[Sealed]) -> list[Draft]:
    """What these entries come to. Of several about the same thing in one batch only the last is written: it says what is so."""
    found: dict[tuple[object, ...], Draft] = {}
    for sealed in batch:
        if sealed.outcome != "success":
            continue
        one = happened(sealed)
        for read in TABLE.get(sealed.action, ()):
            for draft in read(one):
                key = (draft.kind, draft.org, draft.subject, *(draft.facts.get(name) for name in ("membership", "restriction", "token", "hold", "action", "relay", "row", "part",
                                                                                               "service", "group", "installation", "webhook")))
                found.pop(key, None)
                found[key] = draft
    return list(found.values())


def handle(batch: list[Sealed]) -> None:
    """Write the lines, in the transaction that moves the cursor: what is read twice is written twice and says the same."""
    writing.lines(drafts(batch), now=datetime.now(UTC))


SUBSCRIBER = Subscriber(name="ledger", handle=handle, actions=frozenset(TABLE))
