"""The list of tables is the live database: what the list promises, PostgreSQL does, and a difference is told."""
from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from audit import lock
from portal import database
from tests.audit.logs import login


@pytest.fixture
def owner() -> Iterator[psycopg.Connection]:
    """The owner at a prompt; what was changed is put right afterwards."""
    with login("owner") as prompt:
        yield prompt
        for table in lock.KEPT:
            prompt.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    database.apply(using="owner")
    assert database.differences(using="owner") == []


def test_the_live_database_is_what_the_list_says() -> None:
    assert database.differences(using="owner") == []


def test_applying_again_changes_nothing() -> None:
    database.apply(using="owner")
    assert database.differences(using="owner") == []


def test_every_exemption_has_its_reason() -> None:
    for name, table in database.TABLES.items():
        assert table.guarded is True or (isinstance(table.guarded, str) and len(table.guarded) > 10), name
        assert (table.scope is None) is bool(table.unscoped), name


@pytest.mark.parametrize("planted, told", [
    ("DROP TRIGGER audit_guard ON accounts_membership", "accounts_membership: the lock is missing"),
    ("DROP TRIGGER audit_guard_truncate ON accounts_membership", "accounts_membership: the lock is missing"),
    ("ALTER TABLE accounts_account DISABLE TRIGGER audit_guard", "accounts_account: the lock is missing"),
    ("ALTER TABLE accounts_account ENABLE REPLICA TRIGGER audit_guard", "accounts_account: the lock is missing"),
    ("DROP POLICY steward_scope ON accounts_membership", "accounts_membership: its policies differ"),
    ("CREATE POLICY everybody ON accounts_membership FOR SELECT TO steward_app USING (true)", "accounts_membership: its policies differ"),
    ("ALTER POLICY steward_scope ON accounts_membership USING (true)", "accounts_membership: its policies differ"),
    ("ALTER TABLE accounts_membership DISABLE ROW LEVEL SECURITY", "accounts_membership: row-level security is off"),
    ("GRANT UPDATE ON audit_entry TO steward_app", "audit_entry: steward_app holds ['INSERT', 'SELECT', 'UPDATE']"),
    ("GRANT TRUNCATE ON accounts_membership TO PUBLIC", "accounts_membership: steward_app holds"),
    ("GRANT SELECT ON accounts_account TO steward_sequencer", "accounts_account: steward_sequencer holds ['SELECT']"),
    ("GRANT UPDATE (record) ON audit_entry TO steward_app", "audit_entry: steward_app holds"),
    ("ALTER TABLE audit_entry DISABLE TRIGGER audit_never", "audit_entry: the log can be changed"),
    ("ALTER TABLE audit_entry DISABLE TRIGGER audit_pend", "audit_entry: the log can be changed"),
    ("ALTER TABLE audit_disclosure DISABLE TRIGGER audit_only_erased", "audit_disclosure: the log can be changed"),
    ("ALTER TABLE audit_opening DISABLE TRIGGER audit_settle", "audit_opening: the log can be changed"),
])
def test_a_planted_difference_is_told(owner: psycopg.Connection, planted: str, told: str) -> None:
    owner.execute(planted)
    found = database.differences(using="owner")
    assert [line for line in found if line.startswith(told)], found


def test_a_table_nobody_declared_is_told(owner: psycopg.Connection) -> None:
    owner.execute("CREATE TABLE smuggled (id int)")
    try:
        assert "smuggled is in the database and not in the list" in database.differences(using="owner")
    finally:
        owner.execute("DROP TABLE smuggled")
