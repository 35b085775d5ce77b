"""Rows of several kinds with times of their own, and rules over them."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from accounts.models import ApiToken, Group, GroupMembership, Mail, Plan, Session
from audit.models import Hold
from dsar.retention.models import RetentionRule
from tests.cast import Org
from tests.situations import arrange

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def rule(org: Org, **more: Any) -> RetentionRule:
    """A rule that is not stored."""
    given = {"kind": "delete", "scope": "organization", "what": "accounts_mail", "trigger": "end", "count": 30, "measure": "days", "action": "delete", **more}
    if given["kind"] == "keep":
        given["action"] = ""
    return RetentionRule(id=uuid4(), organization=org.organization, set_by=org.person("owner").account_id, set_at=NOW, effective_at=NOW - timedelta(days=400), **given)


def stored(*rows: RetentionRule) -> None:
    arrange(lambda: RetentionRule.objects.bulk_create(rows))


def mail(org: Org, name: str, on: datetime, **more: Any) -> Mail:
    return Mail(id=uuid4(), entry=uuid4(), organization_id=org.organization.id, account_id=org.person(name).account_id, address=f"{name}@letters.example.com", subject="Your title",
                body="It changed.", **{"created_at": on, "sent_at": on, "next_attempt_at": on, "state": "sent", "template": "profile-digest", **more})


def token(org: Org, name: str, made: datetime, ended: datetime | None, used: datetime | None) -> ApiToken:
    person = org.person(name)
    return ApiToken(id=uuid4(), organization=org.organization, account_id=person.account_id, membership=person, label="job", prefix=uuid4().hex[:10], secret_hash=uuid4().bytes * 2,
                    scopes=["view_people"], auth_epoch=1, access_epoch=1, created_at=made, expires_at=ended or made + timedelta(days=4000), last_used_at=used, ended_at=ended)


def plan(org: Org, ended: datetime | None, **more: Any) -> Plan:
    return Plan(id=uuid4(), organization=org.organization, power="suspend", requested_by=org.person("owner").id, requested_via="ui", targets=[org.person("worker").id],
                **{"data": {"private_note": "Away"}, "state": "done" if ended else "planned", "digest": "0" * 64, "tier": 1, "created_at": ended or NOW, "expires_at": NOW, "finished_at": ended, "total": 1,
                   **more})


def session(org: Org, name: str, ended: datetime | None, seen: datetime) -> Session:
    return Session(id=uuid4(), account_id=org.person(name).account_id, session_key=uuid4().hex, auth_epoch=1, started_at=seen, last_seen_at=seen, ended_at=ended, ip="192.0.2.7")


def made(*rows: Any) -> None:
    def save() -> None:
        for row in rows:
            row.save(force_insert=True)

    arrange(save)


def group(org: Org, name: str, people: Iterable[str]) -> Group:
    found = Group(id=uuid4(), organization=org.organization, name=name, created_at=NOW)
    made(found, *(GroupMembership(id=uuid4(), organization=org.organization, group=found, membership=org.person(one)) for one in people))
    return found


def hold(org: Org, name: str) -> Hold:
    found = Hold(id=uuid4(), org=org.organization.id, kind="subject", subject=org.person(name).account_id, matter="M-1", ground="a claim", since=NOW, by=org.person("legal").account_id)
    made(found)
    return found


def day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
