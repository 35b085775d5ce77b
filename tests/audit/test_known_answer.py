"""The bytes of one record, pinned: if this fails, old logs no longer verify."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime

from audit.record import ActorRef, Change, EntryDraft, TargetRef, build


def test_known_answer() -> None:
    """The bytes of one record, pinned: if this fails, old logs no longer verify."""
    draft = EntryDraft(org=uuid.UUID(int=1), action="membership.suspended", category="access", outcome="success", actor=ActorRef(type="user", id=uuid.UUID(int=2)),
                       targets=[TargetRef(type="person", id=uuid.UUID(int=3))], changes=[Change(path="membership.status", op="replace", before="active", after="suspended", klass="public")], via="ui")
    text, openings = build(draft, entry_id=uuid.UUID(int=4), act=uuid.UUID(int=5), occurred_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    assert openings == []
    assert text == (
        '{"act":"00000000-0000-0000-0000-000000000005","action":"membership.suspended","actor":{"id":"00000000-0000-0000-0000-000000000002","type":"user"},"category":"access",'
        '"change":[{"after":"suspended","before":"active","class":"public","op":"replace","path":"membership.status"}],"context":{"via":"ui"},"decision":{"outcome":"success"},'
        '"event_id":"00000000-0000-0000-0000-000000000004","lifecycle":{"retention":"standard"},"occurred_at":"2026-11-23T12:00:00.000000Z","org":"00000000-0000-0000-0000-000000000001",'
        '"phase":"single","schema":"membership.suspended/1","severity":"info","targets":[{"id":"00000000-0000-0000-0000-000000000003","type":"person"}],"v":1}')
