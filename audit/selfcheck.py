"""The daily self-check: every log is verified, and an entry in it says so. What it finds is an alarm."""
from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import connections, transaction

from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft
from audit.verify import Finding, Result, verify, verify_root

logger = logging.getLogger("steward.audit")
ACTION = "audit.checked"
EVERY = timedelta(days=1)
_SHOWN = 5
"""Findings that the entry names; a broken log has one for nearly every entry."""


@dataclass(frozen=True)
class Last:
    """The newest check or drill of one log. `at` is None when there was none."""

    org: UUID
    size: int
    at: datetime | None
    failed: bool


def last(*, action: str = ACTION, alias: str = "default") -> list[Last]:
    """Of every log, when this was done last and whether it found something. Needs to see every log."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT t.org, t.size, l.recorded_at, COALESCE(l.outcome <> 'success', false) FROM audit_tree t LEFT JOIN LATERAL"
                       " (SELECT recorded_at, outcome FROM audit_leaf l WHERE l.org = t.org AND l.action = %s ORDER BY l.seq DESC LIMIT 1) l ON true"
                       " WHERE t.size > 0 ORDER BY l.recorded_at NULLS FIRST, t.org", [action])
        return [Last(*row) for row in cursor.fetchall()]


def due(*, now: datetime, action: str = ACTION, every: timedelta = EVERY, least: int = 1) -> list[UUID]:
    """The logs that were not looked at for so long, the longest first. Needs to see every log."""
    return [row.org for row in last(action=action) if row.size >= least and (row.at is None or row.at <= now - every)]


def check(*, org: UUID, now: datetime, differences: Sequence[str] = ()) -> Result:
    """Verify one log, and record what was found in it. The installation's own log answers for the root log too, and for the database's `differences` from what is declared."""
    result = verify(org=org)
    if org == INSTALLATION:
        result.findings += [*verify_root().findings, *(Finding(org, None, f"the database is not as declared: {what}") for what in differences)]
    facts: dict[str, Any] = {"entries": result.entries, "root": result.root, "findings": len(result.findings)}
    if result.findings:
        facts["first"] = [{"entry": f.seq or 0, "what": f.what} for f in result.findings[:_SHOWN]]
        logger.error("the audit log %s does not verify: %d findings, the first: %s; run manage.py verify_audit", org, len(result.findings), result.findings[0].what)
    record(org=org, action=ACTION, outcome="failure" if result.findings else "success", facts=facts, now=now)
    return result


def record(*, org: UUID, action: str, outcome: Literal["success", "failure"], facts: dict[str, Any], now: datetime) -> UUID:
    """Write what a check or a drill found into the log it was about."""
    with transaction.atomic(), recording.opened(org=org, now=now) as act:
        return act.write([EntryDraft(org=org, action=action, category="audit", outcome=outcome, actor=ActorRef(type="schedule"), via="schedule",
                                     severity="info" if outcome == "success" else "critical", facts=facts)])[0]
