"""What every page, every operation of the API and every job reads people for: the purposes of `accounts.purposes`, written out.

What is not here has no purpose, and finds nobody whose data may only be stored. A test fails for it, and `manage.py purposes` shows the whole.
"""
from __future__ import annotations

from collections.abc import Iterator

from django.urls import get_resolver

from accounts import purposes
from accounts.purposes import ACT, ADMINISTRATION, CLAIMS, CONTENT, EXPORT, MARKED, OWN, RIGHTS, SECURITY
from portal.api.operation import Operation
from portal.powers import POWERS

PAGES: dict[str, tuple[str, ...]] = {
    MARKED: ("people", "person"),
    ACT: ("power", "organization-power", "role-power", "group-power", "service-power"),
    OWN: ("org-home", "app-catalogue", "tokens", "my-succession", "recovery", "help", "help-power", "go", "views"),
    SECURITY: ("administrators", "roles", "protected", "service-accounts", "service-account", "succession", "plans", "plan"),
    CLAIMS: ("audit", "audit-exports", "audit-export-new", "audit-export", "audit-export-file", "audit-streams", "audit-stream", "audit-retention", "holds", "hold", "matter",
             "entry", "entry-receipt", "entry-proof", "entry-record", "audit-about", "audit-by"),
    RIGHTS: ("rights-requests", "rights-case", "rights-evidence", "rights-figures", "responders", "copies", "copy", "processing", "processing-file", "registers", "register-disclosure",
             "register-file", "register-recipients", "register-report", "register-report-file", "register-transfer", "transparency", "transparency-file",
             "retention", "retention-look", "retention-run"),
    CONTENT: ("content", "content-access", "content-item"),
    EXPORT: ("organization-exports", "organization-export", "people-export", "people-bulk", "people-act", "jobs", "job"),
    ADMINISTRATION: ("overview", "people-import", "scheduled", "groups", "group", "group-people", "services", "service", "email-changes", "domains", "domain", "claims", "claim", "claim-preview",
                     "webhooks", "webhook", "webhook-events", "settings", "settings-notice", "settings-inactivity", "settings-unused", "announcements", "find", "apps", "app-queue", "app"),
}
"""Pages of an organization, by the names of their addresses."""
OPERATIONS: dict[str, tuple[str, ...]] = {
    MARKED: ("people", "person"),
    ACT: ("capabilities",),
    OWN: ("tokens", "organization", "app-catalogue", "views", "view-create", "view-delete", "field-policy"),
    SECURITY: ("protected-people", "roles", "role", "administrators", "service-accounts", "succession", "approvals", "plans", "plan", "plan-approve", "plan-deny", "plan-cancel"),
    CLAIMS: ("audit", "entry", "entry-proof", "audit-exports", "audit-export", "audit-export-stop", "audit-export-resume", "audit-export-file", "audit-streams", "audit-stream", "audit-stream-test",
             "holds", "hold", "matters"),
    RIGHTS: ("requests", "request", "copies", "copy-file", "profile-questions", "disclosures", "disclosure", "recipients", "responders", "processing", "transparency-report", "business-transfer",
             "retention", "retention-look", "retention-runs", "retention-run"),
    CONTENT: ("content-accesses",),
    EXPORT: ("organization-exports", "organization-export-file", "people-file", "people-act", "plan-create", "plan-results", "plan-results-file", "plan-receipt", "plan-execute", "plan-stop",
             "plan-columns"),
    ADMINISTRATION: ("person-sessions", "people-import", "scheduled", "scheduled-one", "groups", "group", "group-people", "services", "service", "service-people", "domains", "domain",
                     "settings", "notice", "notice-draft", "inactivity", "unused-accounts", "apps", "app-queue", "app", "claims", "claim", "claim-accounts", "transfers", "email-changes",
                     "announcements", "webhooks", "webhook", "webhook-delivery", "webhook-events", "security-event-streams"),
}
"""Operations of the API below an organization. Those that are powers are acts."""
_PAGE = {name: purpose for purpose, names in PAGES.items() for name in names}
_OPERATION = {name: purpose for purpose, names in OPERATIONS.items() for name in names}


def of_page(name: str | None) -> str:
    """What the page reads people for; '' for one that nobody thought of."""
    return _PAGE.get(name or "", "")


def of_operation(operation: Operation) -> str:
    """What the operation reads people for; '' for one that nobody thought of."""
    if operation.power is not None:
        return ACT
    return OWN if operation.who in {"person", "session"} else _OPERATION.get(operation.name, "")


def paths() -> Iterator[tuple[str, str, str]]:
    """Every way of reading or acting on people of an organization that comes from outside: its kind, its name, and its purpose, '' where none is named."""
    from portal.api.table import OPERATIONS as CALLS

    yield from (("page", str(pattern.name), of_page(pattern.name)) for pattern in get_resolver().url_patterns if "<slug:slug>" in str(pattern.pattern))
    yield from (("operation", call.name, of_operation(call)) for call in CALLS if "{slug}" in call.path)
    yield from (("power", power.slug, OWN if power.code.startswith(("own.", "token.")) else purposes.of_power(power.slug)) for power in POWERS if power.over == "member")
