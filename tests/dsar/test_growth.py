"""What a copy and a deletion ask of the database grows with the tables, not with the rows that a person has in them."""
from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import purging, tenancy
from accounts.models import Account, AddressChange, ApiToken, Group, GroupMembership, Mail, Membership, ProfileChange, SavedView, Session
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef, Why
from dsar.cases.models import Case, Happening
from dsar.export import making
from tests.cast import World
from tests.dsar.copies import numbered
from tests.situations import arrange, deletion_for


def lived(world: World, person: Membership, many: int) -> None:
    """So many rows in each of several tables, each with words about, and acts of, somebody else."""
    org, account_id, now = world.north.organization, person.account_id, datetime.now(UTC)
    others = [Account(id=uuid.uuid4(), email=(address := f"{uuid.uuid4().hex}@others.example"), email_key=address, name=f"Quentin {uuid.uuid4().hex[:12]}", password="!", created_at=now) for _n in range(many)]

    def write() -> None:
        Account.objects.bulk_create(others)
        members = Membership.objects.bulk_create([Membership(id=uuid.uuid4(), organization=org, account=one, role=world.north.roles["member"], status="active", created_at=now) for one in others])
        case = Case.objects.create(organization=org, account_id=account_id, reference=f"R-{uuid.uuid4().hex[:8]}", channel="page", state="fulfilled", received_at=now, closed_at=now)
        groups = Group.objects.bulk_create([Group(id=uuid.uuid4(), organization=org, name=f"Group of {one.name}", created_at=now) for one in others])
        GroupMembership.objects.bulk_create([GroupMembership(organization=org, group=one, membership=person) for one in groups])
        Session.objects.bulk_create([Session(account_id=account_id, session_key=uuid.uuid4().hex, auth_epoch=1, started_at=now, last_seen_at=now) for _one in others])
        ApiToken.objects.bulk_create([ApiToken(organization=org, account_id=account_id, membership=person, label=f"for {one.email}", prefix=uuid.uuid4().hex[:8], secret_hash=uuid.uuid4().bytes * 2, auth_epoch=1,
                                               access_epoch=1, created_at=now, expires_at=now, state="revoked") for one in others])
        Mail.objects.bulk_create([Mail(account_id=account_id, template="own-security", address="a@b.example", subject="S", body="B", state="sent", created_at=now, entry=uuid.uuid4()) for _one in others])
        SavedView.objects.bulk_create([SavedView(organization=org, owner=person, page="people", name=one.name[:40], query=f"q={one.name}", created_at=now) for one in others])
        ProfileChange.objects.bulk_create([ProfileChange(organization=org, account_id=account_id, entry=uuid.uuid4(), field="title", before=f"was {one.email}", after="T", changed_at=now, due_at=now) for one in others])
        AddressChange.objects.bulk_create([AddressChange(organization=org, account_id=account_id, kind="administrator", state="done", old_address=f"old@{one.id}.example", new_address=f"new@{one.id}.example", new_key=f"new@{one.id}.example",
                                                         requested_by=member.id, reason_text=f"{one.name} asked", created_at=now, expires_at=now) for one, member in zip(others, members, strict=True)])
        Happening.objects.bulk_create([Happening(case=case, organization=org, account_id=account_id, at=now, event="answered", by="administrator", actor=one.id, words=f"{one.name} says: {one.email}") for one in others])

    arrange(write)
    with tenancy.installation("a test writes to the log"), transaction.atomic(), recording.opened(org=org.id, now=now) as act:
        act.write([EntryDraft(org=org.id, action="member.suspended", category="member", outcome="success", actor=ActorRef(type="user", id=one.id), why=Why(text=f"{one.name} asked {one.email}", subject=account_id),
                              targets=[TargetRef(type="person", id=account_id, label="W", subject=account_id)]) for one in others])


def asked(run: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        run()
    return len(queries)


def test_questions_grow_with_tables_not_with_rows(world: World) -> None:
    few, many = world.north.person("worker"), world.north.person("guest")
    lived(world, few, 1)
    lived(world, many, 50)
    numbered()
    now, counts = datetime.now(UTC), []
    for person in (few, many):
        sink = io.BytesIO()
        copied = asked(lambda person=person, sink=sink: making.make(making.Wanted(copy=uuid.uuid4(), account=person.account_id, language="en", asked_at=now), sink, now=now))
        arrange(lambda person=person: deletion_for(person, purge_at=now))
        with tenancy.installation("the schedule"):
            counts.append((copied, asked(lambda person=person: purging.purge(account_id=person.account_id, now=now + timedelta(days=1)))))
    assert counts[1][0] <= counts[0][0] + 3 and counts[1][1] <= counts[0][1] + 3, counts
    assert counts[0][0] < 120 and counts[0][1] < 500, counts
