"""The lock: PostgreSQL refuses what no entry records, whoever asks, and keeps the log from everybody."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from accounts import tenancy
from accounts.models import Membership, Service
from audit import recording
from tests.audit.logs import Log, login
from tests.cast import World


def refused(error: pytest.ExceptionInfo[BaseException]) -> str | None:
    """The code with which PostgreSQL refused."""
    cause = error.value if isinstance(error.value, psycopg.Error) else error.value.__cause__
    return getattr(cause, "sqlstate", None)


def _save(world: World) -> None:
    row = Membership.objects.get(id=world.north.person("worker").id)
    row.reason_code = "sneaky"
    row.save()


def _update(world: World) -> None:
    Membership.objects.filter(id=world.north.person("worker").id).update(reason_code="sneaky")


def _delete(world: World) -> None:
    Membership.objects.filter(id=world.north.person("worker").id)._raw_delete("default")


def _bulk_create(world: World) -> None:
    Service.objects.bulk_create([Service(organization=world.north.organization, slug="sneaky", name="Sneaky", created_at=datetime.now(UTC))])


def _bulk_update(world: World) -> None:
    row = Membership.objects.get(id=world.north.person("worker").id)
    row.reason_code = "sneaky"
    Membership.objects.bulk_update([row], ["reason_code"])


def _raw(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_membership SET reason_code = 'sneaky' WHERE id = %s", [world.north.person("worker").id])


def _another_persons_act(world: World) -> None:
    """An id of an act that no transaction opened does not open the lock."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('steward.act', %s, true)", [str(uuid.uuid4())])
        cursor.execute("UPDATE accounts_membership SET reason_code = 'sneaky' WHERE id = %s", [world.north.person("worker").id])


@pytest.mark.parametrize("write", [_save, _update, _delete, _bulk_create, _bulk_update, _raw, _another_persons_act])
def test_no_write_without_an_open_act(world: World, write: Callable[[World], None]) -> None:
    with tenancy.scope(org=world.north.organization.id):
        with pytest.raises(DatabaseError) as error:
            write(world)
        assert refused(error) == "AU001"
        assert Membership.objects.get(id=world.north.person("worker").id).reason_code == ""
        assert Service.objects.count() == 2


@pytest.mark.parametrize("sql", [
    "UPDATE accounts_membership SET reason_code = 'sneaky'", "DELETE FROM accounts_membership", "UPDATE accounts_account SET name = 'x'",
    "INSERT INTO accounts_service (id, organization_id, slug, name, created_at) SELECT gen_random_uuid(), id, 'x', 'x', now() FROM accounts_organization",
])
def test_the_owner_at_a_prompt_is_held_too(world: World, sql: str) -> None:
    with login("owner") as prompt, pytest.raises(psycopg.Error) as error:
        prompt.execute(sql)
    assert refused(error) == "AU001"


def test_an_act_that_writes_nothing_cannot_commit(world: World) -> None:
    """Somebody opens the lock by hand, changes a row and writes no entry: the commit is refused."""
    person = world.north.person("worker")
    with login("owner") as prompt, pytest.raises(psycopg.Error) as error, prompt.transaction():
        prompt.execute("SELECT audit_open(%s)", [uuid.uuid4()])
        prompt.execute("UPDATE accounts_membership SET reason_code = 'sneaky' WHERE id = %s", [person.id])
    assert refused(error) == "AU003"
    with tenancy.scope(org=world.north.organization.id):
        assert Membership.objects.get(id=person.id).reason_code == ""


def test_an_act_without_an_entry_raises_before_the_commit() -> None:
    with pytest.raises(recording.NothingRecorded), transaction.atomic(), recording.opened(org=uuid.uuid4(), now=datetime.now(UTC)):
        pass


def test_an_act_needs_a_transaction_and_only_one_is_open(log: Log) -> None:
    now = datetime.now(UTC)
    with pytest.raises(transaction.TransactionManagementError, match=r"inside transaction\.atomic"), recording.opened(org=log.org, now=now):
        pass
    with pytest.raises(transaction.TransactionManagementError, match="already open"), transaction.atomic(), recording.opened(org=log.org, now=now) as act:
        act.write([log.draft()])
        with recording.opened(org=log.org, now=now):
            pass
    assert log.rows("SELECT 1 FROM audit_entry WHERE org = %s", [log.org]) == []


def test_the_lock_closes_when_the_act_ends(world: World, log: Log) -> None:
    with tenancy.scope(org=world.north.organization.id), pytest.raises(DatabaseError) as error, transaction.atomic():
        with recording.opened(org=log.org, now=datetime.now(UTC)) as act:
            act.write([log.draft()])
        _update(world)
    assert refused(error) == "AU001"


def test_an_act_opened_before_does_not_open_a_later_transaction(world: World, log: Log) -> None:
    log.write()
    with tenancy.scope(org=world.north.organization.id), pytest.raises(DatabaseError) as error:
        _update(world)
    assert refused(error) == "AU001"
    with login("owner") as prompt:
        assert prompt.execute("SELECT count(*) FROM audit_opening").fetchone() == (0,)


def test_a_change_with_its_entry_goes_through(world: World) -> None:
    """The other half of the promise: what is recorded is let in."""
    org = world.north.organization.id
    with tenancy.scope(org=org), transaction.atomic(), recording.opened(org=org, now=datetime.now(UTC)) as act:
        Membership.objects.filter(id=world.north.person("worker").id).update(reason_code="recorded")
        act.write([Log(org=org).draft()])
    with tenancy.scope(org=org):
        assert Membership.objects.get(id=world.north.person("worker").id).reason_code == "recorded"


def test_noting_a_last_use_is_no_act(world: World) -> None:
    """When something was last used may be written without an entry, and nothing beside it."""
    with tenancy.scope(org=world.north.organization.id):
        rows = Membership.objects.filter(id=world.north.person("worker").id)
        assert rows.update(last_active_at=datetime.now(UTC)) == 1
        with pytest.raises(DatabaseError) as error:
            rows.update(last_active_at=datetime.now(UTC), reason_code="sneaky")
        assert refused(error) == "AU001"


@pytest.mark.parametrize("table", ["accounts_membership", "accounts_account", "accounts_session", "audit_entry", "audit_leaf", "audit_target", "audit_disclosure", "audit_subjectkey"])
def test_nobody_truncates(table: str) -> None:
    with login("owner") as prompt, pytest.raises(psycopg.Error) as error:
        prompt.execute(f"TRUNCATE {table} CASCADE")
    assert refused(error) == "AU002"


LOG_WRITES = [
    "UPDATE audit_entry SET record = '{}'", "DELETE FROM audit_entry", "UPDATE audit_leaf SET envelope = '{}'", "DELETE FROM audit_leaf", "DELETE FROM audit_target",
    "UPDATE audit_target SET n = 1", "UPDATE audit_disclosure SET path = 'x'", "DELETE FROM audit_disclosure", "UPDATE audit_subjectkey SET wrapped = ''", "DELETE FROM audit_subjectkey",
]


@pytest.mark.parametrize("sql", LOG_WRITES)
def test_the_log_refuses_its_owner(log: Log, sql: str) -> None:
    log.write()
    with login("owner") as prompt, pytest.raises(psycopg.Error) as error:
        prompt.execute(sql)
    assert refused(error) == "AU002"


@pytest.mark.parametrize("sql", [
    *LOG_WRITES, "TRUNCATE audit_entry", "TRUNCATE audit_leaf", "DELETE FROM audit_pending", "UPDATE audit_pending SET record_sha256 = ''", "UPDATE audit_tree SET size = 0",
    "UPDATE audit_counter SET n = 0", "UPDATE audit_state SET pos = 0", "UPDATE audit_day SET last_seq = 0", "DELETE FROM audit_opening",
    "INSERT INTO audit_leaf (pos, org, seq, entry, envelope, leaf_sha256, recorded_at, actor_type, action, category, outcome)"
    " VALUES (0, gen_random_uuid(), 1, gen_random_uuid(), '{}', '', now(), 'x', 'x', 'x', 'success')",
    "INSERT INTO audit_opening (id, xid) VALUES (gen_random_uuid(), pg_current_xact_id()::text)",
    "INSERT INTO audit_pending (org, entry, record_sha256) VALUES (gen_random_uuid(), gen_random_uuid(), '')",
    "ALTER TABLE accounts_membership DISABLE TRIGGER ALL", "SET session_replication_role = replica", "ALTER TABLE audit_entry DISABLE ROW LEVEL SECURITY", "SET ROLE steward_owner",
])
def test_the_serving_role_has_no_such_privilege(sql: str) -> None:
    with login("default") as prompt, pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"permission denied|must be owner"):
        prompt.execute(sql)


@pytest.mark.parametrize("sql", ["UPDATE audit_leaf SET envelope = '{}'", "DELETE FROM audit_leaf", "INSERT INTO audit_entry SELECT * FROM audit_entry",
                                 "DELETE FROM audit_entry", "SELECT * FROM accounts_account", "SELECT * FROM audit_disclosure", "SELECT * FROM audit_subjectkey"])
def test_the_sequencer_can_only_number(sql: str) -> None:
    with login("sequencer") as prompt, pytest.raises(psycopg.errors.InsufficientPrivilege):
        prompt.execute(sql)
