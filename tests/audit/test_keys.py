"""Keys in a database of their own: what no copy of the main database can open, and what happens when they are away."""
from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connections, transaction

from accounts import tenancy
from accounts.models import Membership
from audit import INSTALLATION, disclosure, key_store, queries, sealing
from audit.models import DoomedKey
from audit.record import ActorRef
from portal import env
from tests.audit.logs import Log, login, number_all, tampering
from tests.browse import client_for
from tests.cast import World

NAME = "targets.0.label"


def keys_of(log: Log, subject: uuid.UUID) -> list[uuid.UUID]:
    return [row[0] for row in log.rows("SELECT key FROM audit_subjectkey WHERE org = %s AND subject = %s", [log.org, subject])]


def erase(log: Log) -> disclosure.Erasure:
    with tenancy.scope(org=log.org):
        return disclosure.erase_subject(org=log.org, subject=log.person, ground="gdpr:17.1.b", now=datetime.now(UTC), by=ActorRef(type="operator"), via="cli")


def seen(log: Log, entry: uuid.UUID, path: str = NAME) -> object:
    found = log.read(entry)
    assert found is not None
    return found.open[path]


@contextmanager
def away() -> Iterator[None]:
    """The keys' database lets nobody in."""
    name = settings.DATABASES["keys"]["NAME"]
    with psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            connections["keys"].close()


def test_the_main_database_holds_names_of_keys_only(log: Log) -> None:
    log.write()
    key, = keys_of(log, log.person)
    assert log.rows("SELECT 1 FROM audit_subjectkey WHERE wrapped IS NOT NULL") == []
    wrapped = key_store.get([key])[key]
    with tampering() as attacker:
        for (table,) in attacker.execute("SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace").fetchall():
            found = attacker.execute(f"SELECT count(*) FROM {table} t WHERE position(%s in t::text) > 0", [wrapped.hex()]).fetchone()
            assert found == (0,), table


def test_the_serving_role_makes_and_destroys_keys_and_changes_none(log: Log) -> None:
    log.write()
    key, = keys_of(log, log.person)
    for role, changes in (("keys", ["UPDATE steward_key SET wrapped = ''", "TRUNCATE steward_key", "DELETE FROM steward_key_destroyed", "DROP TABLE steward_key"]),
                          ("keys_owner", ["UPDATE steward_key SET wrapped = ''", "TRUNCATE steward_key", "DELETE FROM steward_key_destroyed"])):
        for change in changes:
            with login(role) as connection, pytest.raises(psycopg.Error):
                connection.execute(change)
    assert key_store.get([key])
    with login("keys") as connection:
        held = connection.execute("SELECT array_agg(p ORDER BY p) FROM unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','TRIGGER','REFERENCES']) p WHERE has_table_privilege('steward_key', p)").fetchone()
    assert held == (["DELETE", "INSERT", "SELECT"],)


def test_erasing_destroys_the_key_once_it_has_committed(log: Log) -> None:
    entry, = log.write()
    number_all()
    key, = keys_of(log, log.person)
    with pytest.raises(RuntimeError), tenancy.scope(org=log.org), transaction.atomic():
        disclosure.erase_subject(org=log.org, subject=log.person, ground="g", now=datetime.now(UTC))
        assert key_store.get([key]), "not before it is certain"
        raise RuntimeError
    assert seen(log, entry) == "Bob Example"
    assert erase(log).openings == 4
    assert key_store.get([key]) == {} and key_store.destroyed([key]) == {key}
    assert not DoomedKey.objects.filter(key=key).exists()
    assert seen(log, entry) is queries.ERASED
    again, = log.write()  # the person is back
    assert seen(log, again) == "Bob Example" and keys_of(log, log.person) != [key]


def test_a_key_that_cannot_be_reached_is_destroyed_by_the_next_run(log: Log) -> None:
    entry, = log.write()
    number_all()
    key, = keys_of(log, log.person)
    actor, = keys_of(log, log.actor)
    with away():
        connections["keys"].close()
        assert erase(log).openings == 4
        assert DoomedKey.objects.filter(key=key).exists()
    assert key_store.get([key]) and key_store.destroy_doomed() >= 1
    assert list(key_store.get([key, actor])) == [actor]
    assert seen(log, entry) is queries.ERASED


def test_an_older_main_database_shows_nothing_of_who_was_erased(log: Log) -> None:
    entry, = log.write()
    number_all()
    with tampering() as attacker:
        openings = attacker.execute("SELECT entry, org, subject, path, sealed FROM audit_disclosure WHERE org = %s AND subject = %s", [log.org, log.person]).fetchall()
        names = attacker.execute("SELECT org, subject, key FROM audit_subjectkey WHERE org = %s AND subject = %s", [log.org, log.person]).fetchall()
    assert erase(log).openings == 4
    with tampering() as attacker:  # the backup of yesterday
        for row in openings:
            attacker.execute("INSERT INTO audit_disclosure (entry, org, subject, path, sealed) VALUES (%s, %s, %s, %s, %s)", row)
        attacker.execute("INSERT INTO audit_subjectkey (org, subject, key) VALUES (%s, %s, %s)", names[0])
    assert seen(log, entry) is queries.ERASED and seen(log, entry, "actor.name") == "Ada Example"
    assert keys_of(log, log.person)[0] in key_store.missing(alias="owner").destroyed
    out = io.StringIO()
    call_command("check_keys", stdout=out)
    assert "were erased after this database was saved" in out.getvalue()
    later, = log.write()  # an act about them is not refused for that
    assert seen(log, later) == "Bob Example" and seen(log, entry) is queries.ERASED


def test_lost_keys_are_not_made_up_and_can_be_replaced_on_purpose(log: Log) -> None:
    entry, = log.write()
    number_all()
    keys = keys_of(log, log.person) + keys_of(log, log.actor)
    with login("keys") as connection:
        connection.execute("DELETE FROM steward_key WHERE id = ANY(%s)", [keys])
    with pytest.raises(key_store.KeyMissing):
        log.write()
    assert log.rows("SELECT count(*) FROM audit_entry WHERE org = %s", [log.org]) == [(1,)]
    assert seen(log, entry) is queries.ERASED
    with pytest.raises(CommandError, match="2 keys that the log names are lost") as refused:
        call_command("check_keys")
    assert refused.value.returncode == 1
    call_command("check_keys", "--replace-lost", stdout=io.StringIO())
    later, = log.write()
    number_all()
    assert seen(log, later) == "Bob Example" and seen(log, entry) is queries.ERASED
    with tenancy.installation("the operator's log"):
        newest = queries.page(org=INSTALLATION, filters=queries.Filters(action="audit.keys_replaced")).entries[0]
    assert newest.record["facts"] == {"lost": 2}


def test_two_who_write_about_somebody_new_at_once_use_one_key(log: Log) -> None:
    """The other one names a key between our look and our naming."""
    real, other = sealing._made, uuid.uuid4()

    def late(cursor, org, subjects, wrapping):  # type: ignore[no-untyped-def]
        key_store.put({other: sealing._wrap(wrapping, log.person, b"k" * 32)})
        with tampering() as somebody:
            somebody.execute("INSERT INTO audit_subjectkey (org, subject, key) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", [org, log.person, other])
        return real(cursor, org, subjects, wrapping)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "_made", late)
        entry, = log.write()
    assert keys_of(log, log.person) == [other] and seen(log, entry) == "Bob Example"


def test_without_keys_nothing_is_done_and_it_says_so(world: World) -> None:
    org = world.north
    client, worker = client_for(org.person("administrator")), org.person("worker")
    address = f"/o/{org.slug}/people/{worker.id}/update-profile/"
    with away():
        connections["keys"].close()
        client.raise_request_exception = False
        answer = client.post(address, {"title": "Analyst", "department": "", "confirm": "1"})
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "10"
        assert client.get("/readyz").content == b"not ready: the keys' database does not answer, or is not set up\n"
        with pytest.raises(OperationalError):
            key_store.get([uuid.uuid4()])
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=worker.id).title == ""
    assert client.get("/readyz").status_code == 200


def test_keys_of_the_version_before_are_moved(log: Log) -> None:
    entry, = log.write()
    key, = keys_of(log, log.person)
    wrapped = key_store.get([key])[key]
    with login("keys_owner") as keys, tampering() as attacker:
        keys.execute("DELETE FROM steward_key WHERE id = %s", [key])
        attacker.execute("UPDATE audit_subjectkey SET wrapped = %s WHERE key = %s", [wrapped, key])
    assert key_store.take_over(using="owner") == 1
    assert key_store.take_over(using="owner") == 0
    assert log.rows("SELECT 1 FROM audit_subjectkey WHERE wrapped IS NOT NULL") == []
    assert seen(log, entry) == "Bob Example"
    with login("owner") as connection, pytest.raises(psycopg.Error):
        connection.execute("UPDATE audit_subjectkey SET wrapped = ''")


def test_the_two_databases_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_KEYS_URL", os.environ["DATABASE_URL"])
    with pytest.raises(ImproperlyConfigured, match="names the same database"):
        env.databases(data=settings.DATA, secret="x" * 40)
