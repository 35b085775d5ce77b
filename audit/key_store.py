"""The keys that seal personal values, in a database of their own: no backup of the log holds them (AUDIT section 3.6).

The log names a key by a random id; what the id opens is only here, wrapped by the log's key. A destroyed key makes the
openings worthless in every copy of the main database, however old. Written outside of the act's transaction: a key that no
entry came to use opens nothing.
"""
from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import DatabaseError, OperationalError, connections, transaction

from audit.models import DoomedKey

ALIAS, OWNER = "keys", "keys_owner"
BATCH = 5000
logger = logging.getLogger("steward.keys")

SCHEMA = """
CREATE TABLE IF NOT EXISTS steward_key (id uuid PRIMARY KEY, wrapped bytea NOT NULL, made_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS steward_key_destroyed (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
CREATE OR REPLACE FUNCTION steward_key_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'keys are made and destroyed, never changed' USING ERRCODE = 'AU002';
END $$;
CREATE OR REPLACE TRIGGER steward_key_never BEFORE UPDATE OR TRUNCATE ON steward_key FOR EACH STATEMENT EXECUTE FUNCTION steward_key_never();
CREATE OR REPLACE TRIGGER steward_key_never BEFORE UPDATE OR DELETE OR TRUNCATE ON steward_key_destroyed FOR EACH STATEMENT EXECUTE FUNCTION steward_key_never();
REVOKE ALL ON steward_key, steward_key_destroyed FROM PUBLIC, {role};
GRANT SELECT, INSERT, DELETE ON steward_key TO {role};
GRANT SELECT, INSERT ON steward_key_destroyed TO {role};
GRANT USAGE ON SCHEMA public TO {role};
"""


class KeyMissing(OperationalError):
    """The log names a key that the keys' database never destroyed and does not have: the wrong database, or a lost one (docs/operating.md, The keys)."""


def get(ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """The wrapped keys with these ids; those that were destroyed are not among them."""
    wanted = list(ids)
    if not wanted:
        return {}
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT id, wrapped FROM steward_key WHERE id = ANY(%s)", [wanted])
        return {key: bytes(wrapped) for key, wrapped in cursor.fetchall()}


def answers() -> bool:
    """Whether the keys' database can be asked now."""
    try:
        get([UUID(int=0)])
    except DatabaseError:
        connections[ALIAS].close()
        return False
    return True


def put(keys: Mapping[UUID, bytes]) -> None:
    """Keep these wrapped keys. What is there already stays as it is."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("INSERT INTO steward_key (id, wrapped) SELECT * FROM unnest(%s::uuid[], %s::bytea[]) ON CONFLICT DO NOTHING", [list(keys), list(keys.values())])


def destroyed(ids: Iterable[UUID]) -> set[UUID]:
    """Which of these keys were destroyed on purpose. Named by the log all the same, they came back with an older main database."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT id FROM steward_key_destroyed WHERE id = ANY(%s)", [list(ids)])
        return {row[0] for row in cursor.fetchall()}


@dataclass(frozen=True)
class Missing:
    """Keys that the log names and that are not here: destroyed on purpose, or lost."""

    destroyed: list[UUID]
    lost: list[UUID]


def missing(*, alias: str = "default") -> Missing:
    """Compare all names of keys with the keys, in batches."""
    found, after = Missing([], []), UUID(int=0)
    while True:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT key FROM audit_subjectkey WHERE key > %s ORDER BY key LIMIT %s", [after, BATCH])
            named = [row[0] for row in cursor.fetchall()]
        if not named:
            return found
        there = get(named)
        gone = [key for key in named if key not in there]
        on_purpose = destroyed(gone) if gone else set()
        found.destroyed.extend(key for key in gone if key in on_purpose)
        found.lost.extend(key for key in gone if key not in on_purpose)
        after = named[-1]


def destroy_doomed() -> int:
    """Destroy the keys of everybody who was erased. What cannot be reached now is destroyed by the next run. Returns how many went."""
    went = 0
    while doomed := list(DoomedKey.objects.values_list("key", flat=True)[:BATCH]):
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("WITH marked AS (INSERT INTO steward_key_destroyed (id) SELECT * FROM unnest(%(ids)s::uuid[]) ON CONFLICT DO NOTHING)"
                           " DELETE FROM steward_key WHERE id = ANY(%(ids)s)", {"ids": doomed})
        went += DoomedKey.objects.filter(key__in=doomed).delete()[0]
    return went


def destroy_again(keys: Iterable[UUID]) -> int:
    """Destroy keys that came back with an older keys' database. Returns how many were there."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("WITH gone AS (DELETE FROM steward_key WHERE id = ANY(%(ids)s) RETURNING id), marked AS (INSERT INTO steward_key_destroyed (id) SELECT id FROM gone ON CONFLICT DO NOTHING)"
                       " SELECT count(*) FROM gone", {"ids": list(keys)})
        return int(cursor.fetchone()[0])


def destroy_after_commit() -> None:
    """Destroy the keys of whoever this transaction erases, as soon as it has committed."""
    transaction.on_commit(_try_to_destroy)


def _try_to_destroy() -> None:
    try:
        destroy_doomed()
    except DatabaseError as error:
        logger.warning("the keys' database does not answer (%s): keys of erased people are destroyed by the next run", type(error).__name__)


def prepare(*, role: str) -> None:
    """Make the table, its guard and its grants. Safe to repeat; as the owner of the keys' database."""
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute(SCHEMA.format(role=role))


def take_over(*, using: str) -> int:
    """Bring keys that a version before this one kept beside the log over here, and forget them there. Returns how many."""
    moved = 0
    while True:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute("SELECT key, wrapped FROM audit_subjectkey WHERE wrapped IS NOT NULL ORDER BY key LIMIT %s FOR UPDATE", [BATCH])
            rows = {key: bytes(wrapped) for key, wrapped in cursor.fetchall()}
            if not rows:
                return moved
            with connections[OWNER].cursor() as keys:
                keys.execute("INSERT INTO steward_key (id, wrapped) SELECT * FROM unnest(%s::uuid[], %s::bytea[]) ON CONFLICT DO NOTHING", [list(rows), list(rows.values())])
            cursor.execute("ALTER TABLE audit_subjectkey DISABLE TRIGGER audit_never")
            cursor.execute("UPDATE audit_subjectkey SET wrapped = NULL WHERE key = ANY(%s)", [list(rows)])
            cursor.execute("ALTER TABLE audit_subjectkey ENABLE TRIGGER audit_never")
        moved += len(rows)
