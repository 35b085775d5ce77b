"""Reads of the audit log are entries themselves: a search once, each opened entry, and a program that follows the log; each at most once an hour (AUDIT section 7)."""
from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from accounts.actor import Actor
from accounts.entries import actor_ref
from audit import recording
from audit.canonical import canonical
from audit.record import EntryDraft, TargetRef

logger = logging.getLogger("steward.audit")
EVERY = 3600
"""Seconds in which the same read by the same session or token is recorded once: turning pages is one search."""


def viewed(*, actor: Actor, what: Literal["search", "entry", "timeline", "follow", "proof"], filters: Mapping[str, Any], people: tuple[UUID, ...] = (), now: datetime) -> None:
    """Record that somebody looked. `filters` hold nothing personal: people are named as targets, by id.

    What an organization's auditors look for is for that organization's log; a reader of nothing else leaves one entry an hour.
    """
    assert actor.organization_id is not None
    mark = _mark(actor, what, filters, people)
    if not _fresh(mark):
        return
    draft = EntryDraft(
        org=actor.organization_id, action="audit.viewed", category="audit", outcome="success", actor=actor_ref(actor), via=actor.via,
        targets=[TargetRef(type="person", id=person, subject=person) for person in people], facts={"what": what, **({"filter": dict(filters)} if filters else {})})
    try:
        with transaction.atomic(), recording.opened(org=actor.organization_id, now=now) as act:
            act.write([draft], close=True)
    except BaseException:
        _forget(mark)  # what was not recorded must not count as recorded when it is tried again
        raise


def person_viewed(*, actor: Actor, account_id: UUID, what: Literal["page", "record", "powers", "sessions", "content_list"], now: datetime, **more: Any) -> None:
    """Record that somebody looked at what the organization has about a person: it stands in the person's ledger. Looking at oneself is no entry."""
    assert actor.organization_id is not None
    if account_id == actor.account_id or not _fresh(mark := _mark(actor, what, more, (account_id,))):
        return
    draft = EntryDraft(org=actor.organization_id, action="data.viewed", category="data", outcome="success", actor=actor_ref(actor), via=actor.via,
                       targets=[TargetRef(type="person", id=account_id, subject=account_id)], facts={"what": what, **more})
    try:
        with transaction.atomic(), recording.opened(org=actor.organization_id, now=now, subjects=[account_id]) as act:
            act.write([draft], close=True)
    except BaseException:
        _forget(mark)
        raise


def _mark(actor: Actor, what: str, filters: Mapping[str, Any], people: tuple[UUID, ...]) -> str:
    """The same for the same read by the same session or token; nobody can tell from it what was looked for."""
    said = hashlib.sha256(canonical({"what": what, "filter": dict(filters), "people": [str(p) for p in people]})).hexdigest()
    return f"audit-read:{actor.organization_id}:{actor.key}:{actor.session_id or ''}:{said}"


def _fresh(mark: str) -> bool:
    """Whether this read was not recorded within the hour. Without Valkey nobody remembers, so it is recorded."""
    try:
        return bool(cache.add(mark, 1, EVERY))
    except (RedisError, OSError) as error:
        logger.warning("reads are recorded each time: the cache does not answer (%s)", type(error).__name__)
        return True


def _forget(mark: str) -> None:
    with suppress(RedisError, OSError):
        cache.delete(mark)
