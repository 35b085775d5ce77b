"""For each power a person in the state it needs, and data that its form accepts: what the laws run over."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from accounts import tenancy, tokens
from accounts.domains import life
from accounts.models import Account, ApiToken, Domain, Group, GroupMembership, Membership, NoticeVersion, Role, Session
from accounts.roles import create_role
from audit import INSTALLATION, recording
from audit.models import Stream
from audit.record import ActorRef, EntryDraft
from audit.streams import secrets
from tests.cast import Org

WHY = {"reason_code": "absence", "message": "", "private_note": ""}
DATA: dict[str, dict[str, Any]] = {
    "set-audit-retention": {"years": 5, "private_note": ""}, "hold-audit": {"kind": "log", "matter": "Smith v. Jones", "private_note": "a claim"}, "release-audit-hold": {"private_note": "settled"},
    "require-password-reset": WHY, "withdraw-password-reset": {}, "revoke-sessions": {}, "revoke-tokens": WHY, "update-profile": {"title": "Analyst"},
    "restrict": {**WHY, "mode": "read_only"}, "suspend": WHY, "restore": {**WHY, "how": "reinstate"}, "remove": WHY, "lockdown": WHY, "deactivate": WHY, "release-account": WHY, "reactivate": WHY,
    "reset-second-factor": WHY, "change-role": {"role": "auditor"}, "transfer-ownership": WHY, "protect": {}, "cancel-invitation": {},
    "create-token": {"label": "job", "scopes": ["view_people"], "days": 30}, "revoke-token": {}, "edit-own-profile": {"name": "New Name"}, "end-own-session": {},
    "answer-invitation": {"answer": "accept"}, "leave": {},
    "add-to-group": {"group": "Testers"}, "remove-from-group": {"group": "Testers"}, "create-group": {"name": "Anglers"}, "rename-group": {"name": "Anglers"}, "delete-group": {},
    "set-group-role": {"role": "auditor"}, "create-role": {"name": "Night desk", "rank": 10, "permissions": ["view_people"]}, "delete-role": {},
    "update-role": {"name": "Day desk", "rank": 11, "permissions": ["view_people"]}, "create-service-account": {"name": "Payroll", "role": "auditor"}, "export-audit": {"purpose": "A lawsuit"},
    "add-log-stream": {"name": "Lake", "kind": "webhook", "url": "https://siem.example.com/steward", "format": "native"}, "pause-log-stream": {"stream": "SIEM"}, "resume-log-stream": {"stream": "SIEM"},
    "rotate-log-stream-secret": {"stream": "SIEM"}, "remove-log-stream": {"stream": "SIEM"},
    "add-domain": {"domain": "xn--bcher-kva.com"}, "prove-domain": {"domain": "north.example.com"}, "renew-domain-token": {"domain": "north.example.com"}, "remove-domain": {"domain": "north.example.com"},
    "update-organization": {"name": "North & South"}, "set-contact": {"contact_email": "help@north.example"}, "set-limits": {"deletion_days": 21},
    "put-in-notice": {"powers": ["suspend"], "purpose": "To keep the lights on", "basis": "contract"}, "take-from-notice": {"powers": ["suspend"]}, "write-notice": {"text": "What we do"},
    "discard-notice-draft": {}, "publish-notice": {},
    "set-audit-export-policy": {"second_person": False, "days": 7},
}


def arrange(change: Callable[[], None]) -> None:
    """Bring the world into a state, as an act of its own."""
    now = datetime.now(UTC)
    with tenancy.installation("a test arranges its world"), transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
        change()
        act.write([EntryDraft(org=INSTALLATION, action="test.arranged", category="test", outcome="success", actor=ActorRef(type="operator"))])


def ready(org: Org, slug: str, name: str = "worker") -> Membership:
    """The named person, in the state that the power needs."""
    person = org.person(name)
    account, rows = Account.objects.filter(id=person.account_id), Membership.objects.filter(id=person.id)
    states: dict[str, Callable[[], Any]] = {
        "withdraw-password-reset": lambda: rows.update(reset_required_at=datetime.now(UTC)), "revoke-tokens": lambda: token_for(person), "restore": lambda: rows.update(status="suspended"),
        "reactivate": lambda: account.update(status="deactivated"), "reset-second-factor": lambda: account.update(has_second_factor=True), "transfer-ownership": lambda: account.update(has_second_factor=True),
        "cancel-invitation": lambda: rows.update(status="invited"), "answer-invitation": lambda: rows.update(status="invited"),
    }
    if slug in {"add-to-group", "remove-from-group"}:
        arrange(lambda: group_for(org, "Testers", *([person] if slug == "remove-from-group" else [])))
    if slug.endswith(("-log-stream", "-log-stream-secret")):
        arrange(lambda: stream_for(org, "SIEM", state="paused" if slug == "resume-log-stream" else "active"))
    if slug.endswith(("-notice", "-notice-draft")):
        arrange(lambda: draft_for(org, write=slug in {"discard-notice-draft", "publish-notice"}))
    if slug == "add-domain":
        arrange(lambda: Domain.objects.filter(name=DATA[slug]["domain"]).delete())
    if slug in {"prove-domain", "renew-domain-token", "remove-domain"}:
        arrange(lambda: domain_for(org, "north.example.com"))
    if slug in states:
        arrange(states[slug])
    return person


def group_for(org: Org, name: str, *people: Membership, role: str = "") -> Group:
    """A group of just these people. Needs an open act."""
    group, _made = Group.objects.get_or_create(organization=org.organization, name=name, defaults={"created_at": datetime.now(UTC)})
    Group.objects.filter(id=group.id).update(role=org.roles[role] if role else None)
    GroupMembership.objects.filter(group=group).delete()
    for person in people:
        GroupMembership.objects.create(organization=org.organization, group=group, membership=person)
    return group


def stream_for(org: Org, name: str, **more: Any) -> Stream:
    """A log stream of the organization to a webhook, from its first entry on. Needs an open act."""
    Stream.objects.filter(org=org.organization.id, name=name).delete()
    row_id, secret = uuid.uuid4(), secrets.mint()
    values = {"kind": "webhook", "url": "https://siem.example.com/steward", "host": "https://siem.example.com", "format": "native", "ocsf": "1.8.0", "seq": 0, "created_at": datetime.now(UTC), **more}
    return Stream.objects.create(id=row_id, org=org.organization.id, name=name, secret=secrets.seal(secret, stream=row_id), public_key=secret.public, **values)


def domain_for(org: Org, name: str, **more: Any) -> Domain:
    """A domain of the organization, proven unless said otherwise; whoever had it has it no more. Needs an open act."""
    now = datetime.now(UTC)
    Domain.objects.filter(name=name).delete()
    return Domain.objects.create(**{"organization": org.organization, "name": name, "state": "verified", "method": "dns", "token": life.new_token(), "created_at": now, "verified_at": now, "last_proof_at": now,
                                    "checked_at": now, "next_check_at": now + life.CHECK_EVERY, **more})


def draft_for(org: Org, *, write: bool = True, **more: Any) -> NoticeVersion | None:
    """A draft of the organization's next notice that differs from the last one; or none at all. Needs an open act."""
    NoticeVersion.objects.filter(organization=org.organization, state="draft").delete()
    last = NoticeVersion.objects.filter(organization=org.organization).order_by("-number")[0]
    if not write:
        return None
    values = {"powers": last.powers, "words": last.words, "text": f"{last.text} And more: {uuid.uuid4()}", **more}
    return NoticeVersion.objects.create(organization=org.organization, number=last.number + 1, state="draft", created_at=datetime.now(UTC), **values)


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
