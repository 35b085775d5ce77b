"""Law: no way of writing a guarded table works without an open entry; the log cannot be changed by anybody."""
from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction

from accounts import tenancy
from accounts.models import Account, Group
from audit import recording
from audit.models import Entry
from audit.record import ActorRef, EntryDraft
from portal import database
from portal.database import TABLES
from tests.audit.logs import number_all
from tests.cast import World

GUARDED = [name for name, table in TABLES.items() if table.guarded is True]


def test_the_list_is_the_database() -> None:
    assert database.differences(using="owner") == []


def test_a_difference_is_noticed() -> None:
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_guard ON accounts_account; ALTER TABLE accounts_membership DISABLE ROW LEVEL SECURITY; CREATE TABLE accounts_new (id int)")
        found = database.differences(using="owner")
        transaction.set_rollback(True, using="owner")
    assert len(found) == 3


@pytest.mark.parametrize("alias", ["default", "owner"])
@pytest.mark.parametrize("table", GUARDED)
def test_raw_sql_is_refused(standing: World, table: str, alias: str) -> None:
    """By the serving role and by the owner of the tables alike."""
    with tenancy.installation("as much as possible is visible"), connections[alias].cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name NOT IN ('last_active_at', 'last_seen_at', 'last_used_at') LIMIT 1", [table])
        column = cursor.fetchone()[0]
        for sql in ("DELETE FROM {t}", "UPDATE {t} SET {c} = {c}", "INSERT INTO {t} DEFAULT VALUES"):
            with pytest.raises(DatabaseError) as error, transaction.atomic(using=alias):
                cursor.execute(sql.format(t=table, c=f'"{column}"'))
            # What the serving role may do with no row of a table at all, PostgreSQL refuses before our trigger is asked.
            assert error.value.__cause__.sqlstate == ("AU001" if alias == "owner" or sql.split()[0] in TABLES[table].app else "42501"), sql


def test_every_orm_way_is_refused(world: World) -> None:
    now = datetime.now(UTC)
    with tenancy.scope(org=world.north.organization.id):
        account = Account.objects.get(id=world.north.person("worker").account_id)
        group = Group(organization=world.north.organization, name="x", created_at=now)
        ways = [account.save, account.delete, lambda: Account.objects.filter(id=account.id).update(name="x"), lambda: Group.objects.bulk_create([group]),
                lambda: Account.objects.bulk_update([account], ["name"]), lambda: Group.objects.create(organization=world.north.organization, name="y", created_at=now)]
        for way in ways:
            with pytest.raises(DatabaseError) as error, transaction.atomic():
                way()
            assert error.value.__cause__.sqlstate == "AU001"


def test_psql_is_refused(world: World) -> None:
    """A shell on the server, as the owner of the tables."""
    psql = "/usr/bin/psql" if os.path.exists("/usr/bin/psql") else None
    name = settings.DATABASES["owner"]["NAME"]
    host = settings.DATABASES["owner"]["HOST"]
    statement = "UPDATE accounts_account SET name = 'x'"
    if psql:
        done = subprocess.run([psql, "-h", host, "-U", "steward_owner", "-d", name, "-c", statement], capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "no audit entry is open" in done.stderr
    with psycopg.connect(host=host, user="steward_owner", dbname=name) as raw, pytest.raises(psycopg.DatabaseError, match="no audit entry is open"):
        raw.execute(statement)


def test_a_faked_opening_does_not_commit(world: World) -> None:
    """Setting the marker by hand is not an opening, and an opening without an entry does not commit."""
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('steward.act', gen_random_uuid()::text, true)")
        cursor.execute("UPDATE accounts_account SET name = 'x' WHERE id = %s", [world.north.person("worker").account_id])
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_open(gen_random_uuid())")
        cursor.execute("UPDATE accounts_account SET name = 'x' WHERE id = %s", [world.north.person("worker").account_id])
    assert error.value.__cause__.sqlstate == "AU003"
    assert Account.objects.get(id=world.north.person("worker").account_id).name == "Worker Person"


@pytest.mark.parametrize("statement", [
    "UPDATE audit_entry SET record = '{}'", "DELETE FROM audit_entry", "TRUNCATE audit_entry", "UPDATE audit_leaf SET action = 'x'", "DELETE FROM audit_leaf", "TRUNCATE audit_leaf CASCADE",
    "DELETE FROM audit_disclosure", "UPDATE audit_disclosure SET path = 'x'", "DELETE FROM audit_target", "UPDATE audit_subjectkey SET wrapped = ''", "DELETE FROM audit_subjectkey"])
@pytest.mark.parametrize("alias", ["default", "owner", "sequencer"])
def test_the_log_is_append_only(standing: World, statement: str, alias: str) -> None:
    number_all()
    with tenancy.installation("as much as possible is visible"), pytest.raises(DatabaseError), transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", ["DELETE FROM audit_pending", "INSERT INTO audit_leaf (pos) VALUES (1)", "UPDATE audit_tree SET size = 0", "DELETE FROM audit_counter", "UPDATE audit_state SET pos = 0",
                                       "ALTER TABLE audit_entry DISABLE TRIGGER ALL", "SET ROLE steward_owner", "SET session_replication_role = replica", "DROP POLICY steward_scope ON accounts_membership"])
def test_the_serving_role_cannot_touch_the_machinery(world: World, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_act_needs_a_transaction_and_stands_alone(world: World) -> None:
    now = datetime.now(UTC)
    draft = EntryDraft(org=world.north.organization.id, action="test.done", category="test", outcome="success", actor=ActorRef(type="operator"))
    with pytest.raises(transaction.TransactionManagementError), recording.opened(org=draft.org, now=now):
        pass
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic(), recording.opened(org=draft.org, now=now), recording.opened(org=draft.org, now=now):
        pass
    with pytest.raises(recording.NothingRecorded), transaction.atomic(), recording.opened(org=draft.org, now=now):
        pass
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
        recording.refuse(draft, now=now)
    refused = recording.refuse(draft, now=now)
    with tenancy.scope(org=draft.org):
        assert Entry.objects.filter(id=refused).exists()
