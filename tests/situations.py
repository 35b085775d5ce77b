"""For each power a person in the state it needs, and data that its form accepts: what the laws run over."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.core.cache import cache as store
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts import outbox, tenancy, tokens
from accounts.domains import life
from accounts.emails import life as emails
from accounts.models import (
    Account,
    AddressChange,
    ApiToken,
    Brake,
    Claim,
    ClaimedAccount,
    Closing,
    Deletion,
    Domain,
    FieldPolicy,
    Group,
    GroupMembership,
    Management,
    Membership,
    NoticeVersion,
    Organization,
    OrganizationPolicy,
    Plan,
    ProfileSuggestion,
    RecoveryCode,
    RightsRequest,
    Role,
    Service,
    ServiceAccess,
    Session,
    SignalStream,
    SuccessionCase,
    Successor,
    Transfer,
    ValueDispute,
    Webhook,
    WebhookDelivery,
)
from accounts.models.address import ChangeKind, ChangeState
from accounts.oauth import clients
from accounts.roles import create_role
from accounts.succession import codes
from audit import INSTALLATION, holds, recording
from audit.models import Stream
from audit.record import ActorRef, EntryDraft
from audit.streams import secrets
from dsar.cases import calendar, intake
from dsar.cases.account_report import AccountReport
from dsar.cases.models import Action, Agent, CalendarLink, Case, Happening
from dsar.holds.models import HoldNotice, LegalHold, Matter
from dsar.models import ContentAccess, Copy, OrganizationExport
from dsar.registers import disclosures
from dsar.registers.models import BusinessTransfer, Controller, Disclosure, Recipient, Step
from dsar.relays.models import Relay, Responder
from dsar.restriction.model import Restriction
from dsar.retention.models import RetentionRule, RetentionRun
from tests.apps import acts as apps
from tests.cast import Org

RELAY = "00000000-0000-4000-8000-000000000067"
EXPORT = "00000000-0000-4000-8000-000000000061"
SUGGESTION = "00000000-0000-4000-8000-000000000057"
RULE, RUN = "00000000-0000-4000-8000-000000000058", "00000000-0000-4000-8000-000000000059"
DELIVERY = "00000000-0000-4000-8000-000000000066"
MATTER, HOLD = "00000000-0000-4000-8000-000000000058", "00000000-0000-4000-8000-000000000059"
WHY = {"reason_code": "absence", "message": "", "private_note": ""}
DATA: dict[str, dict[str, Any]] = {
    **apps.DATA,
    "open-matter": {"name": "Smith v. Jones", "note": ""}, "close-matter": {"matter": MATTER},
    "place-hold": {"matter": MATTER, "custodians": "held@letters.example.com", "groups": [], "services": [], "categories": [], "first_day": "", "last_day": "", "disclosure": "no", "ground": "a claim"},
    "confirm-hold": {"hold": HOLD}, "add-custodians": {"hold": HOLD, "custodians": "held@letters.example.com"}, "release-hold": {"hold": HOLD, "ground": "settled"},
    "release-custodians": {"hold": HOLD, "custodians": "held@letters.example.com", "ground": "not involved"}, "acknowledge-hold": {"notice": ""},
    "set-audit-retention": {"years": 5, "private_note": ""}, "hold-audit": {"kind": "log", "matter": "Smith v. Jones", "private_note": "a claim"}, "release-audit-hold": {"private_note": "settled"},
    "require-password-reset": WHY, "withdraw-password-reset": {}, "revoke-sessions": {}, "revoke-tokens": WHY, "update-profile": {"title": "Analyst"},
    "restrict": {**WHY, "mode": "read_only"}, "suspend": WHY, "restore": {**WHY, "how": "reinstate"}, "remove": WHY, "lockdown": WHY, "deactivate": WHY, "release-account": WHY, "transfer-account": {**WHY, "to": "another-organization"}, "withdraw-transfer": WHY, "accept-transfer": {}, "decline-transfer": {}, "object-to-transfer": {"message": "I stay."}, "take-own-account": {"address": "all-mine@home-mail.com"}, "schedule-deletion": {**WHY, "days": 14}, "cancel-deletion": WHY, "expedite-deletion": WHY, "grant-own-deletion": {}, "decline-own-deletion": {**WHY, "reason_code": "ask_in_person"}, "delete-own-account": {}, "deactivate-own-account": {}, "ask-own-deletion": {"words": "I have left."}, "withdraw-own-deletion": {}, "answer-child-report": {"message": "I am 34."}, "release-address": WHY, "reactivate": WHY,
    "ask-right": {"right": "object", "organization": "", "message": ""}, "withdraw-request": {"request": ""}, "confirm-request": {"request": ""}, "downgrade-request": {"request": ""}, "finish-by-hand": {"request": "R-2222-3333", "evidence": "Letter 17", "outcome": "granted", "ground": "", "message": "Done.", "private_note": ""}, "choose-handler": {"request": "", "administrator": ""}, "assign-request": {"request": "R-2222-3333", "administrator": "", "private_note": ""}, "answer-agent": {"request": "", "answer": "confirm", "letters": "both"}, "record-authority": {"request": "R-2222-3333", "method": "document", "letters": "agent", "message": "We saw it.", "private_note": ""}, "make-calendar-link": {}, "end-calendar-link": {}, "record-request": {"person": "asks@letters.example.com", "right": "object", "channel": "phone", "received_on": None, "message": "", "private_note": ""},
    "vouch-for-requester": {"request": "R-2222-3333", "method": "in_person", "message": "We met.", "private_note": ""}, "answer-question": {"request": "", "message": "Everything."}, "dispute-answer": {"request": "", "message": "That is wrong."}, "make-copy-again": {"request": ""},
    "bar-from-request": {"request": "", "administrator": ""}, "add-to-request": {"request": "", "message": "And more."},
    "ask-requester": {"request": "R-2222-3333", "message": "Which one?", "private_note": ""}, "resolve-dispute": {"request": "R-2222-3333", "outcome": "upheld", "message": "It stays.", "private_note": ""},
    "make-requested-copy": {"message": "", "private_note": ""}, "delete-as-requested": {"message": "", "private_note": ""}, "retry-request": {"request": "R-2222-3333", "private_note": ""},
    "make-fetch-code": {"request": "R-2222-3333", "given": "in_person", "private_note": ""},
    "release-copy": {"request": "R-2222-3333", "outcome": "granted", "ground": "", "message": "Here it is.", "private_note": ""},
    "answer-request": {"request": "R-2222-3333", "outcome": "granted", "ground": "", "message": "Done.", "private_note": ""},
    "rebut-child-report": {"request": "R-2222-3333", "ground": "adult", "message": "We checked.", "private_note": "Passport seen by two."},
    "refuse-request": {"request": "R-2222-3333", "ground": "not_applicable", "message": "It does not apply.", "private_note": ""}, "extend-request": {"request": "R-2222-3333", "ground": "number", "message": "It takes longer.", "private_note": ""},
    "reset-second-factor": WHY, "change-role": {"role": "auditor"}, "transfer-ownership": WHY, "protect": {}, "release-brake": WHY, "cancel-invitation": {},
    "create-token": {"label": "job", "scopes": ["view_people"], "days": 30}, "revoke-token": {}, "edit-own-profile": {"name": "New Name"}, "end-own-session": {}, "request-copy": {}, "export-person": WHY,
    "view-content": {"reason_code": "security_incident", "message": "Incident 12", "kinds": ["letters"], "days": 3, "delay": 0}, "end-content-access": {},
    "export-organization": {"level": "plain", "purpose": "We move house"}, "stop-organization-export": {}, "answer-export": {"export": EXPORT, "answer": "agree"},
    "set-contract-end": {"ends_on": "2030-06-30"}, "restrict-own-use": {"trigger": "accuracy"}, "end-own-restriction": {}, "restrict-use": {"trigger": "accuracy"}, "lift-restriction": {"reason_code": "consent", "freeing": ["administration", "export", "content"]},
    "cancel-scheduled": {}, "reschedule": {"at": "2030-01-02T09:00:00Z"},
    "answer-invitation": {"answer": "accept"}, "leave": {},
    "grant-service-access": {"service": "notes"}, "restrict-service-access": {**WHY, "service": "notes"}, "take-service-access": {**WHY, "service": "notes"},
    "set-group-service": {"service": "notes", "level": "full"}, "add-service": {"name": "Program", "redirect_uris": "https://program.example.com/back"}, "change-service": {"description": "Pictures"},
    "new-service-secret": {}, "suspend-service": {}, "restore-service": {}, "remove-service": {"name": "Program"}, "set-service-everyone": {"level": "full"},
    "add-to-group": {"group": "Testers"}, "remove-from-group": {"group": "Testers"}, "create-group": {"name": "Anglers"}, "rename-group": {"name": "Anglers"}, "delete-group": {},
    "set-group-role": {"role": "auditor"}, "create-role": {"name": "Night desk", "rank": 10, "permissions": ["view_people"]}, "delete-role": {},
    "update-role": {"name": "Day desk", "rank": 11, "permissions": ["view_people"]}, "create-service-account": {"name": "Payroll", "role": "auditor"}, "export-audit": {"purpose": "A lawsuit"},
    "add-log-stream": {"name": "Lake", "kind": "webhook", "url": "https://siem.example.com/steward", "format": "native"}, "pause-log-stream": {"stream": "SIEM"}, "resume-log-stream": {"stream": "SIEM"},
    "rotate-log-stream-secret": {"stream": "SIEM"}, "remove-log-stream": {"stream": "SIEM"},
    "add-webhook": {"name": "Lake", "url": "https://hooks.example.com/steward", "families": ["membership.*"], "events": "account.locked"}, "pause-webhook": {"webhook": "Payroll"},
    "change-webhook": {"webhook": "Payroll", "name": "Payroll", "url": "", "families": ["account.*"]}, "rotate-webhook-secret": {"webhook": "Payroll"}, "resume-webhook": {"webhook": "Payroll"},
    "pause-security-events": {"program": "Signals"}, "resume-security-events": {"program": "Signals"},
    "redeliver-webhook": {"webhook": "Payroll", "delivery": DELIVERY}, "test-webhook": {"webhook": "Payroll"}, "remove-webhook": {"webhook": "Payroll"},
    "add-domain": {"domain": "xn--bcher-kva.com"}, "prove-domain": {"domain": "north.example.com"}, "renew-domain-token": {"domain": "north.example.com"}, "remove-domain": {"domain": "north.example.com"},
    "delete-organization": {"ground": "We merge", "address": ""}, "cancel-organization-deletion": {},
    "update-organization": {"name": "North & South"}, "set-contact": {"contact_email": "help@north.example"}, "set-limits": {"deletion_days": 21}, "set-inactivity-rule": {"days": 90}, "set-unused-accounts-rule": {"days": 365}, "set-field-policy": {"field": "title", "owner": "both", "ground": ""}, "set-edit-limits": {"limited": ["email"], "ground": "One address for everybody"}, "edit-own-details": {"title": "Own title"},
    "suggest-change": {"field": "time_zone", "value": "Europe/Berlin", "message": ""}, "accept-suggestion": {"suggestion": SUGGESTION}, "decline-suggestion": {"suggestion": SUGGESTION},
    "dispute-value": {"field": "title", "proposed": "Engineer", "words": "Since May."}, "withdraw-dispute": {"field": "title"},
    "answer-value-dispute": {"field": "title", "outcome": "kept", "reason_code": "our_records", "message": ""},
    "put-in-notice": {"powers": ["suspend"], "purpose": "To keep the lights on", "basis": "contract"}, "take-from-notice": {"powers": ["suspend"]}, "write-notice": {"text": "What we do"},
    "discard-notice-draft": {}, "publish-notice": {},
    "announce-claim": {"domain": "claim.example.com", "choice": "all", "days": 14}, "cancel-claim": {"claim": "claim.example.com"}, "exempt-account": {"account": "claimed@claim.example.com"},
    "answer-objection": {"account": "claimed@claim.example.com", "answer": "accept"}, "release-domain": {"domain": "claim.example.com"},
    "accept-claim": {}, "object-to-claim": {"message": "It is my own."}, "leave-claim": {"address": "somebody-else@home-mail.com"},
    "name-successors": {"successors": ""}, "stop-succession": {}, "make-recovery-codes": {}, "set-succession-days": {"days": 90}, "grant-ownership": {"succession": str(uuid.UUID(int=0))},
    "present-recovery-codes": {"first": "1-ABCDE-FGHJK-MNPQR-STUVW", "second": "2-ABCDE-FGHJK-MNPQR-STUVW"}, "accept-ownership": {}, "decline-succession": {},
    "change-email": {**WHY, "email": "new.name@letters.example.com", "reason_code": "name_changed"}, "cancel-email-change": WHY, "approve-email-change": {}, "deny-email-change": {**WHY, "reason_code": "ask_in_person"},
    "remove-recovery-address": WHY, "free-address": WHY, "confirm-identity": {},
    "change-own-email": {"email": "own@elsewhere.example"}, "withdraw-own-email-change": {}, "set-recovery-address": {"email": "second@elsewhere.example"}, "drop-recovery-address": {},
    "send-announcement": {"kind": "announcements", "subject": "The portal moves", "message": "On Monday we move."}, "choose-communications": {"organization": None, "kind": "announcements", "wanted": "off"},
    "record-disclosure": {"kind": "authority", "name": "Public Prosecutor", "country": "DE", "their_reference": "12 Js 34", "received_on": "2026-11-02", "basis": "order", "categories": ["user.account"],
                          "from_day": None, "to_day": None, "reach": "number", "people": "", "concerned": 3, "secret_until": None, "secret_basis": ""},
    "answer-disclosure": {"disclosure": "D-2222-3333", "outcome": "refused", "given": [], "records": None, "refusal": "no_basis", "answered_on": None}, "add-disclosure-evidence": {"disclosure": "D-2222-3333", "file": "YW4gb3JkZXI="},
    "correct-disclosure": {"disclosure": "D-2222-3333", "name": "Public Prosecutor of the North", "words": "A misspelled name."}, "tell-of-disclosure": {"disclosure": "D-2222-3333", "lifted": False, "words": ""},
    "extend-prohibition": {"disclosure": "D-2222-3333", "secret_until": "2030-01-31", "secret_basis": "Order 17"},
    "set-responder": {"program": "relayed", "way": "mail", "url": "", "public_key": "", "email": "requests@elsewhere.example", "cycle_days": None, "independent": False},
    "make-responder-token": {"program": "relayed"}, "release-responder": {"program": "relayed", "private_note": ""},
    "send-relay-again": {"relay": RELAY}, "record-relay-answer": {"relay": RELAY, "status": "completed", "private_note": "They called."},
    "add-recipient": {"name": "Postal Service", "kind": "processor", "purposes": ["notices"], "categories": ["user.contact.email"], "country": "DE", "mechanism": "", "derogation": "", "mechanism_on": None, "document": ""},
    "change-recipient": {"recipient": "Mail Works", "name": "Mail Works", "kind": "processor", "purposes": ["notices"], "categories": ["user.contact.email"], "country": "AT", "mechanism": "", "derogation": "", "mechanism_on": None, "document": ""},
    "end-recipient": {"recipient": "Mail Works"}, "set-controller": {"name": "North Ltd", "officer": "The officer"}, "publish-transparency-report": {}, "hide-transparency-report": {},
    "announce-business-transfer": {"name": "North Holding", "address": "1 Sample Street", "country": "DE", "contact": "privacy@holding.example", "goes_on": "2030-01-31", "changes": "Nothing but the name."},
    "withdraw-business-transfer": {},
    "set-audit-export-policy": {"second_person": False, "days": 7},
    "set-retention-rule": {"kind": "keep", "what": "accounts_mail", "count": 500, "measure": "days", "trigger": "end", "action": "", "scope": "organization", "group": "", "service": "", "person": "", "label": "",
                           "ground": "", "private_note": ""},
    "remove-retention-rule": {"rule": RULE, "private_note": ""}, "continue-retention-run": {"run": RUN, "private_note": "We moved offices."},
}


def arrange(change: Callable[[], None]) -> None:
    """Bring the world into a state, as an act of its own."""
    now = datetime.now(UTC)
    with tenancy.installation("a test arranges its world"), transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
        change()
        act.write([EntryDraft(org=INSTALLATION, action="test.arranged", category="test", outcome="success", actor=ActorRef(type="operator"))])


def ready(org: Org, slug: str, name: str = "worker", *, acting: str = "") -> Membership:
    """The named person, in the state that the power needs; where it is about whoever acts, everybody is, or only who is `acting`."""
    person = org.person(name)
    actors = [org.person(acting)] if acting else list(org.people.values())
    account, rows = Account.objects.filter(id=person.account_id), Membership.objects.filter(id=person.id)
    states: dict[str, Callable[[], Any]] = {
        "withdraw-password-reset": lambda: rows.update(reset_required_at=datetime.now(UTC)), "revoke-tokens": lambda: token_for(person), "restore": lambda: rows.update(status="suspended"),
        "reactivate": lambda: account.update(status="deactivated"), "reset-second-factor": lambda: account.update(has_second_factor=True), "transfer-ownership": lambda: account.update(has_second_factor=True),
        "release-brake": lambda: Brake.objects.update_or_create(organization=org.organization, account_id=person.account_id, defaults={"paused_at": datetime.now(UTC), "paused_over": "suspend"}),
        "cancel-invitation": lambda: rows.update(status="invited"), "answer-invitation": lambda: rows.update(status="invited"),
        "remove-recovery-address": lambda: account.update(recovery_email="second@elsewhere.example"), "free-address": lambda: account.update(status="deactivated", email=f"{account.get().id}@letters.example.com", email_key=f"{account.get().id}@letters.example.com"),
        "confirm-identity": lambda: rows.update(identity_changed_at=datetime.now(UTC)),
        "drop-recovery-address": lambda: Account.objects.filter(memberships__organization=org.organization).update(recovery_email="second@elsewhere.example"),
    }
    if slug == "delete-organization":
        arrange(lambda: Management.objects.filter(organization=org.organization).delete())
    if slug == "cancel-organization-deletion":
        arrange(lambda: closing_for(org))
    if slug == "remove-retention-rule":
        arrange(lambda: RetentionRule.objects.update_or_create(id=RULE, defaults={
            "organization": org.organization, "kind": "delete", "scope": "organization", "what": "accounts_mail", "trigger": "end", "count": 30, "measure": "days", "action": "delete", "label": "",
            "set_by": org.person("owner").account_id, "set_at": datetime.now(UTC) - timedelta(days=9), "effective_at": datetime.now(UTC) - timedelta(days=2), "ends_at": None}))
    if slug == "continue-retention-run":
        arrange(lambda: RetentionRun.objects.update_or_create(id=RUN, defaults={
            "organization_id": org.organization.id, "day": datetime.now(UTC).date(), "zone": "UTC", "dry": False, "state": "stopped", "digest": "0" * 64, "started_at": datetime.now(UTC), "due": 900,
            "total": 1000, "agreed": False, "finished_at": None, "failure": ""}))
    if slug in RELAYS:
        arrange(lambda: relay_for(org, slug, person))
    if slug == "end-calendar-link":
        arrange(lambda: [calendar_link_for(one) for one in actors])
    if slug == "record-request":
        arrange(lambda: addressed(person, "asks@letters.example.com"))
    if slug in CASES_OF_ALL:
        arrange(lambda: [case_for(one, intake.reference(), CASES_OF_ALL[slug], "erasure" if slug == "downgrade-request" else "object", slug == "answer-agent") for one in actors])
    if slug in CASES_OF_ONE:
        arrange(lambda: case_for(person, DATA[slug]["request"], {"resolve-dispute": "disputed", "vouch-for-requester": "identity_pending", "release-copy": "review", "make-fetch-code": "ready", "retry-request": "blocked", "finish-by-hand": "blocked"}.get(slug, "triage"), agent=slug == "record-authority",
                                 **({"right": "child", "channel": "report"} if slug == "rebut-child-report" else {})))
    if slug == "make-fetch-code":
        arrange(lambda: fetch_for(person, DATA[slug]["request"]))
    if slug in CASES_OF_PERSON:
        arrange(lambda: case_for(person, intake.reference(), right=CASES_OF_PERSON[slug]))
    if slug.endswith("-own-deletion") or slug in {"delete-own-account", "deactivate-own-account"}:
        everybody = [] if slug in {"ask-own-deletion", "delete-own-account", "deactivate-own-account"} else actors if slug == "withdraw-own-deletion" else [person]
        arrange(lambda: (OrganizationPolicy.objects.update_or_create(organization=org.organization, defaults={"own_deletion": slug in {"delete-own-account", "deactivate-own-account"}}),
                         RightsRequest.objects.filter(organization=org.organization, kind="account").delete(), [goodbye_of(one) for one in everybody]))
    if slug in TRANSFERS:
        arrange(lambda: (Transfer.objects.filter(account__memberships__organization=org.organization).delete(),
                         [transfer_for(one, org, TRANSFERS[slug]) for one in ([person] if slug.endswith("-transfer") and slug != "object-to-transfer" else actors) if TRANSFERS[slug]]))
    if slug in {"cancel-deletion", "expedite-deletion", "release-address"}:
        arrange(lambda: deletion_for(person))
    if slug.endswith("-service-access"):
        arrange(lambda: (ServiceAccess.objects.filter(membership=person, service=org.services[0]).delete(), slug.startswith("grant-") or access_to(person, org.services[0])))
    if slug in {"add-to-group", "remove-from-group"}:
        arrange(lambda: group_for(org, "Testers", *([person] if slug == "remove-from-group" else [])))
    if slug.endswith(("-log-stream", "-log-stream-secret")):
        arrange(lambda: stream_for(org, "SIEM", state="paused" if slug == "resume-log-stream" else "active"))
    if slug.endswith(("-webhook", "-webhook-secret")):
        arrange(lambda: webhook_for(org, "Payroll", state="paused" if slug == "resume-webhook" else "active", delivery=slug == "redeliver-webhook"))
    if slug.endswith("-security-events"):
        arrange(lambda: signals_for(org, "Signals", held_at=datetime.now(UTC) if slug.startswith("resume-") else None))
    if slug.endswith(("-notice", "-notice-draft")):
        arrange(lambda: draft_for(org, write=slug in {"discard-notice-draft", "publish-notice"}))
    if slug in {"cancel-scheduled", "reschedule"}:
        arrange(lambda: scheduled_for(person))
    if slug == "dispute-value":
        arrange(lambda: FieldPolicy.objects.filter(organization=org.organization, field="title").delete())
    if slug in {"answer-value-dispute", "withdraw-dispute"}:
        arrange(lambda: dispute_for(person))
    if slug in {"accept-suggestion", "decline-suggestion"}:
        arrange(lambda: suggestion_for(person))
    if slug in {"export-organization", "stop-organization-export", "answer-export"}:
        arrange(lambda: export_of(org) if slug != "export-organization" else OrganizationExport.objects.filter(organization=org.organization).delete())
    if slug == "end-content-access":
        arrange(lambda: access_for(person, org.people.get("second-owner") or org.person("owner")))
    if slug in HOLDS:
        arrange(lambda: hold_for(org, person, slug))
    if slug == "answer-child-report":
        arrange(lambda: [report_for(one) for one in actors])
    if slug in {"end-own-restriction", "lift-restriction"}:
        arrange(lambda: restriction_for(person))
    if slug == "add-domain":
        arrange(lambda: Domain.objects.filter(name=DATA[slug]["domain"]).delete())
    if slug in {"prove-domain", "renew-domain-token", "remove-domain"}:
        arrange(lambda: domain_for(org, "north.example.com"))
    if slug in {"name-successors", "stop-succession", "present-recovery-codes", "set-succession-days"}:
        arrange(lambda: succession_for(org, slug))
    if "email" in slug:
        arrange(lambda: (domain_for(org, "letters.example.com"), AddressChange.objects.filter(account__memberships__organization=org.organization).delete()))
    if slug in {"cancel-email-change", "approve-email-change", "deny-email-change"}:
        arrange(lambda: change_for(org, person))
    if slug == "withdraw-own-email-change":
        arrange(lambda: [change_for(org, one) for one in actors])
    if slug in CLAIMS:
        arrange(lambda: claims_for(org, slug))
    if slug in apps.DATA:
        arrange(lambda: apps.ready_for(org, slug))
    if slug in REGISTERS:
        arrange(lambda: registers_for(org, slug, person))
    if slug in states:
        arrange(states[slug])
    return person


def dispute_for(person: Membership, field: str = "title", proposed: str = "Engineer") -> ValueDispute:
    """The person disputes a value. Needs an open act."""
    ValueDispute.objects.filter(organization=person.organization, account=person.account, field=field, state="open").delete()
    return ValueDispute.objects.create(organization=person.organization, account=person.account, field=field, value="", proposed=proposed, words="Since May.", opened_at=datetime.now(UTC))


def suggestion_for(person: Membership, field: str = "time_zone", value: str = "Europe/Berlin") -> ProfileSuggestion:
    """A change that waits for the person's answer, under the id that DATA names. Needs an open act."""
    ProfileSuggestion.objects.filter(Q(id=SUGGESTION) | Q(organization=person.organization, account=person.account, field=field)).delete()
    now = datetime.now(UTC)
    return ProfileSuggestion.objects.create(id=SUGGESTION, organization=person.organization, account=person.account, field=field, value=value, suggested_at=now, expires_at=now + timedelta(days=30))


HOLDS = ("close-matter", "place-hold", "confirm-hold", "add-custodians", "release-custodians", "release-hold", "acknowledge-hold")


def hold_for(org: Org, person: Membership, slug: str) -> None:
    """A matter with a hold on a guest, and on the person where they are to be let go; one that everybody was told of, who has not read it yet. Needs an open act."""
    now = datetime.now(UTC)
    holds.release_within(org=org.organization.id, within=uuid.UUID(HOLD), by=[], now=now)
    addressed(person, "held@letters.example.com")
    matter, _made = Matter.objects.update_or_create(id=MATTER, defaults={"organization": org.organization, "name": "Smith v. Jones", "opened_at": now, "closed_at": None})
    agreed = None if slug == "confirm-hold" else now
    over = now if slug == "close-matter" else None
    hold, _made = LegalHold.objects.update_or_create(id=HOLD, defaults={
        "organization": org.organization, "matter": matter, "ground": "a claim", "placed_at": now, "placed_by": None, "confirm_by": now + timedelta(days=7), "confirmed_at": agreed, "released_at": over,
        "disclosure": "yes" if slug == "acknowledge-hold" else "no"})
    if over is None:
        people = [org.people.get("guest") or org.person("member"), *([person] if slug == "release-custodians" else [])]
        holds.place_within(org=org.organization.id, within=hold.id, subjects=[one.account_id for one in people], by=None, now=now)
    HoldNotice.objects.all().delete()
    if slug == "acknowledge-hold":
        HoldNotice.objects.bulk_create([HoldNotice(organization=org.organization, account_id=one.account_id, hold=hold, told_at=now, reminded_at=now) for one in org.people.values()])


def report_for(person: Membership) -> AccountReport:
    """Somebody reported that the account is a child's, and the operator has to decide."""
    AccountReport.objects.filter(account_id=person.account_id).delete()
    now = datetime.now(UTC)
    return AccountReport.objects.create(id=uuid.uuid4(), account_id=person.account_id, reference=intake.reference(), received_at=now, due_at=now + timedelta(days=5))


def restriction_for(person: Membership) -> None:
    """The use of the person's data is restricted, at their wish."""
    now = datetime.now(UTC)
    if not Restriction.objects.filter(organization=person.organization, account=person.account).exclude(state="lifted").exists():
        Restriction.objects.create(organization=person.organization, account=person.account, state="provisional", trigger="accuracy", by_person=True, began_at=now, object_by=now + timedelta(days=3))
        Membership.objects.filter(id=person.id).update(use_restricted=True)


def scheduled_for(person: Membership, power: str = "suspend", **more: Any) -> Plan:
    """An act that is scheduled about the person, by the owner. Needs an open act."""
    now = datetime.now(UTC)
    Plan.objects.filter(subject=person.id, state="scheduled", power=power).delete()
    owner = Membership.objects.filter(organization_id=person.organization_id, role__slug="owner").order_by("created_at", "id").first()
    values = {"due_at": now + timedelta(days=30), "data": {"reason_code": "absence"}, "requested_via": "ui", **more}
    Membership.objects.filter(id=person.id).update(access_ends_at=values["due_at"])
    return Plan.objects.create(organization_id=person.organization_id, power=power, requested_by=owner.id, targets=[person.id], subject=person.id, digest="", tier=1, state="scheduled", created_at=now,
                               expires_at=values["due_at"], total=1, **values)


def group_for(org: Org, name: str, *people: Membership, role: str = "") -> Group:
    """A group of just these people. Needs an open act."""
    group, _made = Group.objects.get_or_create(organization=org.organization, name=name, defaults={"created_at": datetime.now(UTC)})
    Group.objects.filter(id=group.id).update(role=org.roles[role] if role else None)
    GroupMembership.objects.filter(group=group).delete()
    for person in people:
        GroupMembership.objects.create(organization=org.organization, group=group, membership=person)
    return group


def access_to(person: Membership, service: Service, state: str = "full", **more: Any) -> ServiceAccess:
    """The person's own access to a service. Needs an open act."""
    return ServiceAccess.objects.create(organization_id=person.organization_id, membership=person, service=service, state=state, granted_at=datetime.now(UTC), **more)


def service_for(org: Org, name: str, slug: str = "", **more: Any) -> Service:
    """A service in the state that the power needs, with a client unless it is said to have none. Needs an open act."""
    signs_in = more.pop("signs_in", True)
    row = Service.objects.create(**{"organization": org.organization, "slug": f"s-{uuid.uuid4().hex[:8]}", "name": name, "state": "suspended" if slug == "restore-service" else "active",
                                    "created_at": datetime.now(UTC), **more})
    if signs_in:
        clients.make(None, organization=org.organization, name=name, service=row, redirect_uris=["https://program.example.com/back"])[0].save(force_insert=True)
    return row


def addressed(person: Membership, address: str) -> None:
    """The person has this address, and whoever had it has another one. Needs an open act."""
    for account in Account.objects.filter(email_key=address).exclude(id=person.account_id):
        Account.objects.filter(id=account.id).update(email=f"{account.id}@letters.example.com", email_key=f"{account.id}@letters.example.com")
    Account.objects.filter(id=person.account_id).update(email=address, email_key=address)


CASES_OF_ONE = ("answer-request", "refuse-request", "extend-request", "ask-requester", "resolve-dispute", "vouch-for-requester", "release-copy", "make-fetch-code", "retry-request", "record-authority", "assign-request", "finish-by-hand", "rebut-child-report")
CASES_OF_PERSON = {"make-requested-copy": "access", "delete-as-requested": "erasure"}
CASES_OF_ALL = {"withdraw-request": "triage", "confirm-request": "identity_pending", "downgrade-request": "identity_pending", "answer-question": "clarification_pending", "dispute-answer": "refused", "make-copy-again": "expired_package", "bar-from-request": "triage", "choose-handler": "triage", "answer-agent": "triage", "add-to-request": "triage"}


def case_for(person: Membership, reference: str, state: str = "triage", right: str = "object", agent: bool = False, channel: str = "page") -> Case:
    """A request of the person that is being looked at unless said otherwise, under this reference. Needs an open act."""
    Case.objects.filter(reference=reference).update(reference=intake.reference())
    now = datetime.now(UTC)
    Action.objects.filter(account_id=person.account_id, outcome="").update(outcome="withdrawn")
    Case.objects.filter(account_id=person.account_id).update(state="withdrawn", closed_at=now)
    case = Case.objects.create(organization_id=person.organization_id, account_id=person.account_id, reference=reference, channel=channel, state=state, level=0 if state == "identity_pending" else 2, regimes=["eu"], received_at=now,
                               closed_at=now if state == "refused" else None,
                               extension_notice_by=(now + timedelta(days=25)).date())
    Action.objects.create(case=case, organization_id=person.organization_id, account_id=person.account_id, right=right, verified=state != "identity_pending", outcome="refused" if state in {"refused", "disputed"} else "")
    Happening.objects.create(case=case, organization_id=person.organization_id, account_id=person.account_id, at=now, event="received", by="person")
    Copy.objects.filter(account_id=person.account_id, organization_id=person.organization_id).exclude(state="ended").update(state="ended")
    if agent:
        Agent.objects.filter(account_id=person.account_id).update(state="ended")
        Agent.objects.create(case=case, organization_id=person.organization_id, account_id=person.account_id, name="Ada Agent", email="ada@agents.example", authority="lawyer")
    if state == "review":
        Copy.objects.create(account_id=person.account_id, organization_id=person.organization_id, state="ready", asked_at=now, snapshot_at=now, ready_at=now, for_case=case.id, counts={"accounts.json": 1})
    return case


def fetch_for(person: Membership, reference: str) -> None:
    """The person cannot sign in, two people vouched for who asked, and the copy is there. Needs an open act."""
    case, now = Case.objects.get(reference=reference), datetime.now(UTC)
    Account.objects.filter(id=person.account_id).update(status="locked")
    Happening.objects.create(case=case, organization_id=person.organization_id, account_id=person.account_id, at=now, event="proven", by="administrator")
    Copy.objects.create(account_id=person.account_id, organization_id=person.organization_id, state="ready", asked_at=now, snapshot_at=now, ready_at=now, expires_at=now + timedelta(days=7), for_case=case.id)


def access_for(person: Membership, viewer: Membership, **more: Any) -> ContentAccess:
    """Two people agreed an hour ago that the viewer may read letters of the person, and the person was told. Needs an open act."""
    at = datetime.now(UTC) - timedelta(hours=1)
    ContentAccess.objects.filter(account_id=person.account_id).delete()
    return ContentAccess.objects.create(**{"organization_id": person.organization_id, "account_id": person.account_id, "viewer": viewer.account_id, "ground": "security_incident", "words": "Incident 12",
                                           "kinds": ["letters"], "granted_at": at, "ends_at": at + timedelta(days=3), "tell_at": at, "told_at": at, **more})


def export_of(org: Org, **more: Any) -> OrganizationExport:
    """An export of the organization that an owner asked for an hour ago, and that asks its people. Needs an open act."""
    at = datetime.now(UTC) - timedelta(hours=1)
    OrganizationExport.objects.filter(id=EXPORT).delete()
    OrganizationExport.objects.filter(organization=org.organization).delete()
    return OrganizationExport.objects.create(**{"id": uuid.UUID(EXPORT), "organization": org.organization, "requested_by": org.person("owner").account_id, "level": "agreed", "purpose": "We move house",
                                                "asked_at": at, "begins_at": at + timedelta(hours=48), **more})


def calendar_link_for(person: Membership, **more: Any) -> str:
    """A calendar link of the person. Returns its secret. Needs an open act."""
    secret, digest = calendar.mint()
    CalendarLink.objects.filter(organization_id=person.organization_id, account_id=person.account_id).delete()
    account, membership = Account.objects.get(id=person.account_id), Membership.objects.get(id=person.id)
    CalendarLink.objects.create(**{"organization_id": person.organization_id, "account": account, "secret_hash": digest, "auth_epoch": account.auth_epoch, "access_epoch": membership.access_epoch,
                                   "made_at": datetime.now(UTC), **more})
    return secret


def goodbye_of(person: Membership, **more: Any) -> RightsRequest:
    """The person asked that their account be deleted. Needs an open act."""
    return RightsRequest.objects.create(**{"id": uuid.uuid4(), "organization_id": person.organization_id, "account_id": person.account_id, "kind": "account", "words": "I have left.",
                                           "asked_at": datetime.now(UTC), **more})


def deletion_for(person: Membership, **more: Any) -> Deletion:
    """A deletion of the person's account, scheduled a day ago and due in 13 days unless said otherwise, of which they were warned. Needs an open act."""
    now = datetime.now(UTC)
    at, term = now - timedelta(days=1), more.get("purge_at") or now + timedelta(days=13)
    account = Account.objects.get(id=person.account_id)
    Account.objects.filter(id=account.id).update(status="pending_deletion", status_until=term, auth_epoch=account.auth_epoch + 1)
    Deletion.objects.filter(account=account).delete()
    return Deletion.objects.create(**{"organization_id": person.organization_id, "account": account, "reason_code": "person_asked", "scheduled_at": at, "term": term, "purge_at": term,
                                      "was_status": "active", "warned": True, "last_address": outbox.seal_text(account.email), **more})


TRANSFERS = {"transfer-account": "", "withdraw-transfer": "out", "accept-transfer": "in", "decline-transfer": "in", "object-to-transfer": "agreed", "take-own-account": "agreed"}


def transfer_for(person: Membership, org: Org, how: str, **more: Any) -> Transfer:
    """An offer of the person's account by the organization (`out`, or `agreed` with a date), or to it (`in`). The other side is the other one of the newest world that has two, or whoever there is. Needs an open act."""
    now = datetime.now(UTC)
    others = Organization.objects.filter(status="active").exclude(id=org.organization.id).order_by("-created_at")
    other = others.filter(slug__startswith="north-" if org.slug.startswith("contoso-") else "contoso-").first() or others.first()
    ours, theirs = (other, org.organization) if how == "in" else (org.organization, other)
    agreed = {"state": "accepted", "accepted_at": now, "effective_at": now + timedelta(days=14)} if how == "agreed" else {}
    return Transfer.objects.create(**{"organization": ours, "to_organization": theirs, "to_slug": theirs.slug if theirs else "nobody", "account_id": person.account_id, "offered_at": now,
                                      "answer_until": now + timedelta(days=14), "changed_at": now, **agreed, **more})


def stream_for(org: Org, name: str, **more: Any) -> Stream:
    """A log stream of the organization to a webhook, from its first entry on. Needs an open act."""
    Stream.objects.filter(org=org.organization.id, name=name).delete()
    row_id, secret = uuid.uuid4(), secrets.mint()
    values = {"kind": "webhook", "url": "https://siem.example.com/steward", "host": "https://siem.example.com", "format": "native", "ocsf": "1.8.0", "seq": 0, "created_at": datetime.now(UTC), **more}
    return Stream.objects.create(id=row_id, org=org.organization.id, name=name, secret=secrets.seal(secret, stream=row_id), public_key=secret.public, **values)


def webhook_for(org: Org, name: str, *, delivery: bool = False, **more: Any) -> Webhook:
    """A webhook of the organization for what happens to memberships, perhaps with a delivery that was given up. Needs an open act."""
    Webhook.objects.filter(organization=org.organization, name=name).delete()
    row_id, secret, now = uuid.uuid4(), secrets.mint(), datetime.now(UTC)
    values = {"url": "https://hooks.example.com/steward", "host": "https://hooks.example.com", "events": ["membership.*"], "created_at": now, **more}
    row = Webhook.objects.create(id=row_id, organization=org.organization, name=name, secret=secrets.seal(secret, stream=row_id), public_key=secret.public, **values)
    if delivery:
        WebhookDelivery.objects.filter(id=DELIVERY).delete()
        WebhookDelivery.objects.create(id=DELIVERY, organization=org.organization, webhook=row, entry=uuid.uuid4(), seq=1, action="membership.suspended", occurred_at=now, made_at=now, state="failed", attempts=10)
    return row


def signals_for(org: Org, name: str, **more: Any) -> SignalStream:
    """The security events of a service of the organization, fetched by it. Needs an open act."""
    Service.objects.filter(organization=org.organization, name=name).delete()
    service = service_for(org, name)
    return SignalStream.objects.create(id=uuid.uuid4(), organization=org.organization, application=service.client, method="poll", created_at=datetime.now(UTC), **more)


def domain_for(org: Org, name: str, **more: Any) -> Domain:
    """A domain of the organization, proven unless said otherwise; whoever had it has it no more. Needs an open act."""
    now = datetime.now(UTC)
    Domain.objects.filter(name=name).delete()
    return Domain.objects.create(**{"organization": org.organization, "name": name, "state": "verified", "method": "dns", "token": life.new_token(), "created_at": now, "verified_at": now, "last_proof_at": now,
                                    "checked_at": now, "next_check_at": now + life.CHECK_EVERY, **more})


def closing_for(org: Org) -> Closing:
    """The end of the organization, decided on today. Needs an open act."""
    now = datetime.now(UTC)
    Closing.objects.filter(organization=org.organization).delete()
    Organization.objects.filter(id=org.organization.id).update(status="pending_deletion", ends_at=now + timedelta(days=14))
    return Closing.objects.create(organization=org.organization, ground="We merge", asked_at=now, ends_at=now + timedelta(days=14))


def draft_for(org: Org, *, write: bool = True, **more: Any) -> NoticeVersion | None:
    """A draft of the organization's next notice that differs from the last one; or none at all. Needs an open act."""
    NoticeVersion.objects.filter(organization=org.organization, state="draft").delete()
    last = NoticeVersion.objects.filter(organization=org.organization).order_by("-number")[0]
    if not write:
        return None
    values = {"powers": last.powers, "words": last.words, "text": f"{last.text} And more: {uuid.uuid4()}", **more}
    return NoticeVersion.objects.create(organization=org.organization, number=last.number + 1, state="draft", created_at=datetime.now(UTC), **values)


RELAYS = ("set-responder", "make-responder-token", "release-responder", "send-relay-again", "record-relay-answer")


def relay_for(org: Org, slug: str, person: Membership) -> Relay:
    """A service that can be asked, in the state that the power needs, and one open request about the person to it. Needs an open act."""
    now = datetime.now(UTC)
    service, _made = Service.objects.get_or_create(organization=org.organization, slug="relayed", defaults={"name": "Relayed", "created_at": now})
    responder, _made = Responder.objects.update_or_create(service=service, defaults={
        "organization": org.organization, "way": "pull" if slug == "make-responder-token" else "mail", "email": "before@elsewhere.example",
        "suspended_at": now if slug == "release-responder" else None})
    row, _made = Relay.objects.update_or_create(id=RELAY, defaults={
        "organization": org.organization, "responder": responder, "account_id": person.account_id, "cause": person.account_id, "type": "access", "way": "mail", "state": "pending", "asked_at": now,
        "respond_by": now.date() + timedelta(days=20), "answered_at": None, "how": "", "case": None})
    return row


REGISTERS = ("answer-disclosure", "correct-disclosure", "extend-prohibition", "tell-of-disclosure", "add-disclosure-evidence", "add-recipient", "change-recipient", "end-recipient", "set-controller",
             "publish-transparency-report", "hide-transparency-report", "announce-business-transfer", "withdraw-business-transfer")


def disclosure_for(org: Org, *people: Membership, **more: Any) -> Disclosure:
    """A request for data about these people, the first line of its entry. Needs an open act."""
    now = datetime.now(UTC)
    return Disclosure.objects.create(**{
        "id": uuid.uuid4(), "organization": org.organization, "entry": uuid.uuid4(), "number": 1, "step": "recorded", "reference": disclosures.reference(), "at": now, "kind": "authority", "name": "Public Prosecutor",
        "country": "DE", "received_on": now.date() - timedelta(days=30), "basis": "order", "categories": ["user.account"], "reach": "people", "people": [one.account_id for one in people], "concerned": len(people), **more})


def registers_for(org: Org, slug: str, person: Membership) -> None:
    """What the powers over registers need: an open request about the person under the reference of `DATA`, a recipient, a controller, an announced change. Needs an open act."""
    now = datetime.now(UTC)
    last = Disclosure.objects.filter(organization=org.organization, reference="D-2222-3333").order_by("-number").first()
    if last is None:
        disclosure_for(org, person, reference="D-2222-3333")
    else:  # lines are never removed: a further one says that it is open again
        disclosures.further(last, Step.CORRECTED, now=now, by=None, outcome="", refusal="", answered_on=None, secret_until=None, secret_basis="", told_at=None, name="Public Prosecutor").save(force_insert=True)
    Recipient.objects.filter(organization=org.organization, ended_at=None).update(ended_at=now)
    Recipient.objects.create(id=uuid.uuid4(), organization=org.organization, name="Mail Works", kind="processor", purposes=["notices"], categories=["user.contact.email"], country="DE", added_at=now)
    Controller.objects.filter(organization=org.organization).delete()
    Controller.objects.create(organization=org.organization, name="North", report_public=slug == "hide-transparency-report")
    BusinessTransfer.objects.filter(organization=org.organization, state="announced").update(state="withdrawn", ended_at=now)
    if slug == "withdraw-business-transfer":
        BusinessTransfer.objects.create(organization=org.organization, name="North Holding", address="1 Sample Street", country="DE", contact="privacy@holding.example", goes_on=now.date() + timedelta(days=60),
                                        changes="Nothing but the name.", announced_at=now)


CLAIMS = ("announce-claim", "cancel-claim", "exempt-account", "answer-objection", "release-domain", "accept-claim", "object-to-claim", "leave-claim")


def claimed_account(name: str, domain: str) -> Account:
    """A verified account that nobody manages and that is in no organization. Needs an open act."""
    address, now = f"{name}@{domain}", datetime.now(UTC)
    Account.objects.filter(email_key=address).update(email=(free := f"{uuid.uuid4()}@free.example"), email_key=free)  # who had it may have requests, which are not deleted
    return Account.objects.create(id=uuid.uuid4(), email=address, email_key=address, name=name.title(), password="!", created_at=now, email_verified_at=now)


def claim_for(domain: Domain, *accounts: Account, state: str = "announced", **more: Any) -> Claim:
    """An announced claim of these accounts, to take effect in 13 days. Needs an open act."""
    now = datetime.now(UTC)
    claim = Claim.objects.create(organization_id=domain.organization_id, domain=domain, state="announced", days=14, announced_at=now - timedelta(days=1), effective_at=now + timedelta(days=13),
                                 notice_version=str(NoticeVersion.objects.filter(organization_id=domain.organization_id, state="published").order_by("-number")[0].id), told=len(accounts))
    for account in accounts:
        objected = {"objected_at": now, "object_until": now + timedelta(days=30), "objection": "It is my own."} if state == "objected" else {}
        ClaimedAccount.objects.create(claim=claim, organization_id=domain.organization_id, account=account, address=account.email, state=state, announced_at=claim.announced_at,
                                      effective_at=claim.effective_at, changed_at=claim.announced_at, **{**objected, **more})
    return claim


def claims_for(org: Org, slug: str) -> None:
    """A proven domain with one account in it, and the claim that the power needs; for the person's answers a claim of everybody. Needs an open act."""
    Claim.objects.filter(organization=org.organization).delete()
    domain = domain_for(org, "claim.example.com")
    account = claimed_account("claimed", "claim.example.com")
    if slug in {"accept-claim", "object-to-claim", "leave-claim"}:
        claim_for(domain, *Account.objects.filter(memberships__organization=org.organization))
    elif slug not in {"announce-claim", "release-domain"}:
        claim_for(domain, account, state="objected" if slug == "answer-objection" else "announced")


def succession_for(org: Org, slug: str, person: Membership | None = None) -> None:
    """What the powers of succession need: somebody who is named, something to stop, codes that are known, an offer. Needs an open act."""
    now = datetime.now(UTC)
    Organization.objects.filter(id=org.organization.id).update(owner_silent_days=60)
    for model in (Successor, SuccessionCase, RecoveryCode):
        model.objects.filter(organization=org.organization).delete()
    store.clear()
    if slug in {"name-successors", "decline-succession"}:
        Successor.objects.create(organization=org.organization, membership=person or org.person("worker"), place=1, named_by=org.person("owner").id, named_at=now)
    if slug in {"stop-succession", "accept-ownership"}:
        offer = {"state": "offered", "person": person.id, "offer_until": now + timedelta(days=7), "told": 3, "waits_until": now} if person else {}
        SuccessionCase.objects.create(organization=org.organization, way="successors", cause="silent", opened_at=now, **offer)
    if slug == "present-recovery-codes":
        for number in codes.NUMBERS:
            RecoveryCode.objects.create(organization=org.organization, number=number, hash=_sealed(number), made_at=now, made_by=org.person("owner").id)


@cache
def _sealed(number: int) -> str:
    """Hashing is slow on purpose; the same codes are good enough for every world."""
    return codes.sealed(f"{number}-ABCDE-FGHJK-MNPQR-STUVW")


def change_for(org: Org, person: Membership, **more: Any) -> AddressChange:
    """A change of their address that the person asked for and the new mailbox confirmed. Needs an open act."""
    now, account = datetime.now(UTC), Account.objects.get(id=person.account_id)
    row = emails.begin(account=account, organization_id=org.organization.id, kind=ChangeKind.PERSON, address=f"{uuid.uuid4().hex}@letters.example.com", now=now)
    emails.go(row, ChangeState.WAITING, now=now)
    for name, value in more.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row


def role_for(org: Org, name: str, rank: int, *permissions: str) -> Role:
    """A role of the organization's own. Needs an open act."""
    return create_role(organization=org.organization, slug=slugify(name), name=name, rank=rank, permissions=permissions, builtin=False)


def token_for(person: Membership, **more: Any) -> tuple[ApiToken, str]:
    """An API token of the person, and its secret. Needs an open act."""
    prefix, secret, digest = tokens.mint()
    now = datetime.now(UTC)
    account, membership = Account.objects.get(id=person.account_id), Membership.objects.get(id=person.id)
    values = {"scopes": sorted(membership.role.permissions), "sensitive": True, "expires_at": now + timedelta(days=30), **more}
    return ApiToken.objects.create(organization_id=membership.organization_id, account=account, membership=membership, label="test", prefix=prefix, secret_hash=digest, auth_epoch=account.auth_epoch,
                                   access_epoch=membership.access_epoch, created_at=now, **values), secret


def session_for(person: Membership) -> Session:
    """A registered session of the person. Needs an open act."""
    now = datetime.now(UTC)
    return Session.objects.create(account_id=person.account_id, session_key=uuid.uuid4().hex, auth_epoch=Account.objects.get(id=person.account_id).auth_epoch, started_at=now, last_seen_at=now)
