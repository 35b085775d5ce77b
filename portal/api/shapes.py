"""What the API answers: the shape of each thing, once, for the document, the examples and the tests."""

from __future__ import annotations

from accounts.models.membership import MembershipStatus
from accounts.models.plan import PlanState
from accounts.people import STRICTNESS
from accounts.permissions import PERMISSIONS
from portal.api.schema import ANYTHING, STAMP, Schema, choice, flag, many, nullable, number, table, text, thing, uuid

ID, MAYBE_ID, MAYBE_STAMP = uuid(), nullable(uuid()), nullable(STAMP)
CURSOR = nullable(text(4000, sample="eyJ…", about="Give it as `cursor` for the page it names; null where there is none."))
PAGING: dict[str, Schema] = {"next": CURSOR, "previous": CURSOR}
REASON = thing({"code": text(40, sample="rank"), "text": text(300, sample="You can act only on people whose role ranks below yours.")})
ROLE_REF = text(40, sample="member")
PERMISSION = choice(*PERMISSIONS)

PERSON = thing(
    {
        "id": uuid("The membership: what addresses of this API name."),
        "account_id": uuid("The account: what the audit log names."),
        "kind": choice("person", "service"),
        "email": text(320, sample="sam@example.com"),
        "name": text(200, sample="Sam Sample"),
        "account_status": choice("active", "deactivated", "locked", "pending_deletion", "purged"),
        "membership_status": choice(*MembershipStatus.values),
        "effective_status": choice(*STRICTNESS[::-1]),
        "reason_code": nullable(text(60, sample="absence")),
        "reason_text": nullable(text(2000, sample="On leave until May.")),
        "until": MAYBE_STAMP,
        "purge_at": MAYBE_STAMP | {"description": "When the account is deleted, if that is scheduled and nothing stands in the way."},
        "purge_waits": flag("Whether a deletion is scheduled and waits, because something such as a legal hold stands in the way."),
        "changed_by": MAYBE_ID,
        "changed_at": MAYBE_STAMP,
        "role": ROLE_REF,
        "rank": number(0, 100, sample=0),
        "managed": flag("Whether your organization controls the account itself."),
        "title": text(200, sample="Analyst"),
        "department": text(200, sample="Finance"),
        "directory": flag("Whether a directory decides that the person is a member; nobody ends the membership by hand."),
        "groups": many(ID),
        "second_factor": flag(),
        "recovery_address": nullable(flag("Whether there is one; null where your organization does not manage the account.")),
        "identity_changed_at": MAYBE_STAMP | {"description": "When another organization changed the account's address or second factor; the role rests until somebody confirms who this is."},
        "protected": flag(),
        "last_active_at": MAYBE_STAMP,
        "use_restricted": flag("Whether what is held about the person may only be stored. Then a handle stands in place of the address, and the rest is empty."),
        "restricted_parts": many(choice("profile", "profile.name", "profile.title", "profile.department", "groups")) | {
            "description": "Parts of it that may only be stored: values of the profile, which are empty here, and groups, which are left out. `groups` stands for one as for all of them."},
        "joined_at": MAYBE_STAMP,
        "contract_ends_on": nullable(text(10, like=r"^\d{4}-\d\d-\d\d$", sample="2027-01-31")) | {"description": "The last day of the contract, in the organization's time zone."},
    }
)
SERVICE = thing({"slug": text(50, sample="notes"), "name": text(100, sample="Notes"), "state": choice("full", "read_only", "off")})
PERSON_FULL = thing(PERSON["properties"] | {"services": many(SERVICE)})
PEOPLE = thing({"people": many(PERSON), **PAGING})
CAPABILITY = thing({"code": text(60, sample="access.suspend"), "allowed": flag(), "reasons": many(REASON), "tier": number(0, 3), "needs_approval": flag()})
CAPABILITIES = thing({"capabilities": table(CAPABILITY) | {"examples": [{"suspend": {"code": "access.suspend", "allowed": True, "reasons": [], "tier": 1, "needs_approval": False}}]}})
SESSION = thing({"id": ID, "started_at": STAMP, "last_seen_at": STAMP, "ended_at": MAYBE_STAMP, "ended_reason": text(60, sample="")})
SESSIONS = thing({"sessions": many(SESSION)})
RECEIPT = thing(
    {
        "power": text(60, sample="suspend"),
        "entries": many(ID) | {"description": "The entries of the audit log that record it."},
        "targets": many(ID),
        "ended": table(number(0)) | {"examples": [{"sessions": 2, "tokens": 1}], "description": "What ended with it, counted."},
        "at": text(40, sample="2026-11-23T09:30:00.000000Z"),
        "undo": text(60, sample="restore", about="The power that takes it back, or empty."),
        "plan_id": text(40, sample="", about="The plan that waits for a second person, or empty."),
        "due": text(40, sample="", about="When it happens, if `not_before` asked for a later time, or empty."),
        "repeated": flag("Whether this is the answer to an earlier call with the same Idempotency-Key.") | {"examples": [False]},
    },
    secret=text(200, sample="stw_k3v9…", about="Shown this once, for powers that make a credential."),
    client_id=text(100, sample="stc_5f0e…", about="What the program signs in with, beside the secret."),
    promise=text(20_000, sample="portal.example.org/receipts\nreceipt/v1\n…",
                 about="A signed note that these entries will be in the log by a deadline; keep it, and check it at /log/receipt/. Absent until the signer has made its keys."),
)
TOKEN = thing(
    {
        "id": ID,
        "label": text(100, sample="Nightly report"),
        "prefix": text(16, sample="stw_k3v9ab2cde"),
        "person_id": ID,
        "scopes": many(text(60, sample="view_people")),
        "sensitive": flag(),
        "networks": many(text(50, sample="192.0.2.0/24")),
        "state": choice("active", "expired", "disabled", "revoked"),
        "created_at": STAMP,
        "expires_at": STAMP,
        "last_used_at": MAYBE_STAMP,
        "ended_at": MAYBE_STAMP,
        "ended_reason": text(60, sample=""),
    }
)
TOKENS = thing({"tokens": many(TOKEN), **PAGING})
ROLE = thing({"id": ID, "slug": ROLE_REF, "name": text(80, sample="Member"), "rank": number(0, 100), "builtin": flag(), "permissions": many(text(60, sample="view_people")), "holders": number(0)})
ROLES = thing({"roles": many(ROLE)})
GROUP = thing({"id": ID, "name": text(100, sample="Support"), "directory": flag("Whether a directory decides its name and who is in it."),
               "role": nullable(text(80, sample="Help desk")), "rank": nullable(number(0, 100)), "size": number(0), "scoping": number(0)})
GROUPS = thing({"groups": many(GROUP), **PAGING})
SERVICE_ACCOUNT = thing(
    {
        "id": ID,
        "name": text(200, sample="Payroll"),
        "status": choice(*STRICTNESS[::-1]),
        "role": text(80, sample="Auditor"),
        "rank": number(0, 100),
        "tokens": number(0),
        "token_used_at": MAYBE_STAMP,
        "created_at": STAMP,
    }
)
SERVICE_ACCOUNTS = thing({"service_accounts": many(SERVICE_ACCOUNT), **PAGING})
ADMINISTRATOR = thing(
    {
        "id": ID,
        "name": text(200, sample="Kim Kind"),
        "email": text(320, sample="kim@example.com"),
        "kind": choice("person", "service"),
        "status": choice(*STRICTNESS[::-1]),
        "role": text(80, sample="Help desk"),
        "rank": number(0, 100),
        "groups": many(thing({"name": text(100, sample="Support"), "role": text(80, sample="Help desk")})),
        "scope": nullable(many(text(100, sample="Support"))),
        "second_factor": flag(),
        "protected": flag(),
        "last_active_at": MAYBE_STAMP,
        "tokens": number(0),
    }
)
ADMINISTRATORS = thing({"administrators": many(ADMINISTRATOR), **PAGING})
EFFECT = thing({"kind": choice("lost", "kept", "later", "fact"), "text": text(500, sample="2 sessions end at once."), "people": number(0, about="How many it concerns; 0 for all.")})
COUNTS = table(number(0)) | {"examples": [{"create": 0, "change": 3, "skip": 0, "error": 1}]}
PLAN = thing(
    {
        "id": ID,
        "action": text(60, sample="suspend"),
        "state": choice(*PlanState.values),
        "targets": many(ID) | {"description": "The people of a plan of few; a plan of many has rows in its results."},
        "params": ANYTHING | {"examples": [{"reason_code": "absence"}]},
        "digest": text(64, sample="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        "tier": number(0, 3),
        "needs_approval": flag("Whether a second person has to agree."),
        "effects": many(EFFECT),
        "verdicts": COUNTS,
        "total": number(0),
        "doable": number(0, about="Give it as `count` to execute."),
        "done": number(0),
        "failed": number(0),
        "skipped": number(0),
        "requested_by": ID,
        "requested_via": text(10, sample="api"),
        "undo": text(60, sample="restore"),
        "created_at": STAMP,
        "expires_at": STAMP,
        "carried_out_at": MAYBE_STAMP | {"description": "Where nobody else could agree: when it is carried out, unless an owner stops it."},
        "decided_by": MAYBE_ID,
        "decided_at": MAYBE_STAMP,
        "finished_at": MAYBE_STAMP,
    }
)
PROTECTOR = thing({"person_id": ID, "name": text(200, sample="Sam Sample"), "since": MAYBE_STAMP, "set_by": nullable(text(200, sample="Olivia Okafor")), "named_themselves": flag()})
PROTECTED = thing({"people": many(thing({"person_id": ID, "name": text(200, sample="Sam Sample"), "administrators": many(PROTECTOR)}))})
PLANS = thing({"plans": many(PLAN), **PAGING})
DRY_EFFECT = thing({"kind": choice("lost", "kept", "later", "fact"), "code": text(300, sample="sessions"), "count": number(0), "text": text(500, sample="2 sessions end at once.")})
DRY_RUN = thing(
    {
        "action": text(60, sample="suspend"),
        "digest": text(64, sample="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        "tier": number(0, 3),
        "needs_approval": flag(),
        "undo": nullable(text(60, sample="restore")),
        "notice": flag(),
        "targets": many(thing({"id": ID, "allowed": flag(), "blockers": many(REASON), "effects": many(DRY_EFFECT)})),
    }
)
RESULT = thing(
    {
        "number": number(1),
        "person_id": MAYBE_ID,
        "email": text(320, sample="sam@example.com"),
        "name": text(200, sample="Sam Sample"),
        "state": choice("fresh", "waiting", "skipped", "done", "failed"),
        "codes": many(text(40, sample="rank")),
        "reasons": many(text(500, sample="You can act only on people whose role ranks below yours.")),
        "entry": MAYBE_ID,
    }
)
RESULTS = thing({"results": many(RESULT), "next": nullable(number(0, about="Give it as `after` for the next page."))})
PLAN_RECEIPT = thing(
    {
        "plan_id": ID,
        "action": text(60, sample="suspend"),
        "state": choice(*PlanState.values),
        "digest": text(64, sample="9f86…"),
        "total": number(0),
        "done": number(0),
        "failed": number(0),
        "skipped": number(0),
        "undo": text(60, sample="restore"),
        "requested_by": ID,
        "decided_by": MAYBE_ID,
        "decided_at": MAYBE_STAMP,
        "finished_at": MAYBE_STAMP,
    }
)
ENTRY = thing(
    {
        "id": ID,
        "seq": nullable(number(1)),
        "recorded_at": MAYBE_STAMP,
        "record": ANYTHING | {"examples": [{"action": "membership.suspended"}], "description": "The record exactly as it is hashed."},
        "disclosed": ANYTHING | {"examples": [{"actor.name": "Kim Kind"}], "description": "Personal values by path; null for one that was erased."},
    }
)
ENTRIES = thing({"entries": many(ENTRY), "next": number(0, about="Give it as `after`: polling can neither miss nor repeat an entry.")})
VIEW = thing(
    {
        "id": ID,
        "page": choice("people", "audit"),
        "name": text(60, sample="No second factor"),
        "query": text(1000, sample="mfa=no"),
        "shared": flag(),
        "is_default": flag(),
        "mine": flag(),
        "created_at": STAMP,
    }
)
VIEWS = thing({"views": many(VIEW)})
PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "additionalProperties": False,
    "properties": {
        "type": text(100, sample="urn:steward:problem:not_found"),
        "title": text(60, sample="Not found"),
        "status": number(400, 599, sample=404),
        "detail": text(2000, sample="There is nothing here, or you may not see it."),
        "instance": text(120, sample="urn:steward:request:9f1c0a…"),
        "code": text(60, sample="not_found"),
        "request_id": text(80, sample="9f1c0a…"),
        "codes": many(text(40, sample="rank")),
        "targets": table(many(text(40, sample="rank"))),
        "errors": table(many(text(500, sample="is required"))),
        "tier": number(1, 3),
        "retry_after": number(0),
    },
}
NAMED: dict[str, Schema] = {
    "Person": PERSON,
    "PersonInFull": PERSON_FULL,
    "Reason": REASON,
    "Capability": CAPABILITY,
    "Session": SESSION,
    "Receipt": RECEIPT,
    "Token": TOKEN,
    "Role": ROLE,
    "Group": GROUP,
    "ServiceAccount": SERVICE_ACCOUNT,
    "Administrator": ADMINISTRATOR,
    "Effect": EFFECT,
    "Plan": PLAN,
    "DryRun": DRY_RUN,
    "Result": RESULT,
    "Entry": ENTRY,
    "View": VIEW,
    "Problem": PROBLEM,
}
PROOF = thing(
    {
        "seq": number(1),
        "envelope": text(1000, sample="{…}", about="The exact bytes of the leaf."),
        "leaf_sha256": text(64, sample="9f86…"),
        "size": number(1, about="How many entries the signed head covers."),
        "path": many(text(64, sample="9f86…")) | {"description": "The hashes from the leaf to the root (RFC 6962)."},
        "checkpoint": text(20_000, sample="portal.example.org/log/…", about="The signed head, a C2SP checkpoint."),
    }
)
