"""Logs for the tests of the record: entries about nobody real, in a log of their own."""
from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction

from accounts import tenancy
from audit import queries, recording, sequencer
from audit.record import ActorRef, Change, EntryDraft, TargetRef, Why
from audit.verify import verify

TABLES = ("audit_entry", "audit_leaf", "audit_target", "audit_day", "audit_tree", "audit_counter", "audit_pending", "audit_disclosure", "audit_subjectkey", "audit_tile", "audit_policy")
KEEPING = ("audit_policychange", "audit_hold", "audit_pruned", "audit_withheld", "audit_erasurewaiting", "audit_swept")
"""How long the log is kept, and what went."""


def login(role: str) -> psycopg.Connection:
    """A plain autocommit connection, outside Django: 'owner', 'default' (the serving role) or 'sequencer'."""
    given = settings.DATABASES[role]
    return psycopg.connect(host=given["HOST"], port=given["PORT"] or None, user=given["USER"], password=given["PASSWORD"] or None, dbname=given["NAME"], autocommit=True)


@contextmanager
def tampering() -> Iterator[psycopg.Connection]:
    """A superuser who has switched every trigger off: the strongest attacker the log is to be verified against."""
    with _superuser() as attacker:
        yield attacker


def number_all() -> int:
    """Let the sequencer work until nothing waits."""
    done = 0
    while passed := sequencer.run_once():
        done += passed
    return done


def nothing_waits() -> None:
    """As after a long night: every entry has its number, the subscribers have read all of them, no mail is due and no copy is asked for."""
    number_all()
    if not _NIGHT or _NIGHT[0].closed or _NIGHT[0].broken:  # nearly every test comes here, so the connection is kept
        _NIGHT[:] = [_superuser()]
    _NIGHT[0].execute("UPDATE audit_cursor SET pos = s.pos FROM audit_state s WHERE s.id = 1 AND audit_cursor.pos < s.pos")
    _NIGHT[0].execute("DELETE FROM accounts_mail WHERE state = 'due'")
    _NIGHT[0].execute("DELETE FROM dsar_copy WHERE state = 'asked'")
    _NIGHT[0].execute("UPDATE accounts_announcement SET finished_at = sent_at WHERE finished_at IS NULL")


_NIGHT: list[psycopg.Connection] = []


def forget_the_night() -> None:
    """The database is another one from here on."""
    while _NIGHT:
        _NIGHT.pop().close()


def _superuser() -> psycopg.Connection:
    """An autocommit connection that no trigger hears."""
    found = psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], dbname=settings.DATABASES["owner"]["NAME"], autocommit=True)
    found.execute("SET session_replication_role = replica")
    return found


@dataclass
class Log:
    """One log with an actor and a person it is about."""

    org: uuid.UUID = field(default_factory=uuid.uuid4)
    actor: uuid.UUID = field(default_factory=uuid.uuid4)
    person: uuid.UUID = field(default_factory=uuid.uuid4)

    def draft(self, **given: Any) -> EntryDraft:
        """An entry with personal values of the actor and of the person."""
        return EntryDraft(**{
            "org": self.org, "action": "test.changed", "category": "test", "outcome": "success",
            "actor": ActorRef(type="user", id=self.actor, name="Ada Example", email="ada@log.example"),
            "targets": [TargetRef(type="person", id=self.person, label="Bob Example", subject=self.person)],
            "changes": [Change(path="name", op="replace", before="Bob", after="Robert", klass="pii", subject=self.person)],
            "why": Why(text="asked on the phone", subject=self.person), **given})

    def write(self, count: int = 1, **given: Any) -> list[uuid.UUID]:
        """Commit `count` entries in one act. Returns their ids."""
        now = datetime.now(UTC)
        with transaction.atomic(), recording.opened(org=self.org, now=now) as act:
            return act.write([self.draft(**given) for _ in range(count)])

    def numbers(self) -> list[int]:
        """The numbers given out in this log, in order."""
        return [row[0] for row in self.rows("SELECT seq FROM audit_leaf WHERE org = %s ORDER BY seq", [self.org])]

    def rows(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """What the serving role finds inside this organization."""
        with tenancy.scope(org=self.org), connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def read(self, entry: uuid.UUID) -> queries.Seen | None:
        """One entry as a reader in this organization sees it."""
        with tenancy.scope(org=self.org):
            return queries.entry(org=self.org, entry_id=entry)

    def findings(self) -> list[str]:
        """What verification finds, in words."""
        return [finding.what for finding in verify(org=self.org).findings]

    def forget(self) -> None:
        """Remove the log as only an attacker can, so that other tests verify clean logs."""
        with tampering() as attacker:
            attacker.execute("DELETE FROM audit_entry WHERE id IN (SELECT entry FROM audit_leaf WHERE org = %s)", [self.org])
            for table in (*TABLES, *KEEPING):
                attacker.execute(f"DELETE FROM {table} WHERE org = %s", [self.org])
