"""Sealing openings: AES-256-GCM under a key per subject, wrapped by a key per log, derived from the installation's, kept in `key_store`."""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connections

from audit import key_store
from audit.commitment import Opening


@lru_cache(maxsize=1024)
def _log_key(org: UUID) -> AESGCM:
    """The log's wrapping key. It follows from the installation's secret, so remembering it gives nothing away."""
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"steward log " + org.bytes).derive(settings.AUDIT_KEY))


def subject_keys(*, org: UUID, subjects: Iterable[UUID], alias: str, create: bool, known: Mapping[UUID, UUID] | None = None) -> dict[UUID, AESGCM]:
    """The keys of these subjects in this log, made where missing if `create`. `known` are ids of keys that were read already.

    A key that was altered or is gone opens nothing: a reader (`create` false) does not get it, a writer gets InvalidTag or KeyMissing.
    """
    wanted = sorted(set(subjects))
    wrapping, ids = _log_key(org), {s: known[s] for s in wanted if s in known} if known else {}
    if len(ids) < len(wanted):
        with connections[alias].cursor() as cursor:
            ids |= _named(cursor, org, [s for s in wanted if s not in ids])
            if create and (missing := [s for s in wanted if s not in ids]):
                ids |= _made(cursor, org, missing, wrapping)
    wrapped = key_store.get(ids.values())
    if create and (gone := {key: subject for subject, key in ids.items() if key not in wrapped}):
        wrapped |= _anew(gone, wrapping)
    keys = {subject: _unwrap(wrapping, subject, wrapped[key], strict=create) for subject, key in ids.items() if key in wrapped}
    return {subject: AESGCM(key) for subject, key in keys.items() if key is not None}


def _made(cursor: Any, org: UUID, subjects: list[UUID], wrapping: AESGCM) -> dict[UUID, UUID]:
    """New keys: first kept, then named. Where two make one at once, the first to name it is right and the other key opens nothing."""
    fresh = {subject: uuid4() for subject in subjects}
    key_store.put({key: _wrap(wrapping, subject, AESGCM.generate_key(256)) for subject, key in fresh.items()})
    cursor.execute("INSERT INTO audit_subjectkey (org, subject, key) SELECT %s, s, k FROM unnest(%s::uuid[], %s::uuid[]) AS n(s, k)"
                   " ON CONFLICT (org, subject) DO NOTHING", [org, list(fresh), list(fresh.values())])
    return _named(cursor, org, subjects)


def _anew(gone: dict[UUID, UUID], wrapping: AESGCM) -> dict[UUID, bytes]:
    """New keys for people whose key was destroyed and whose name for it came back with an older database: what it sealed stays closed. A key
    that nobody destroyed is not replaced here: this may be the wrong database."""
    lost = len(gone) - len(key_store.destroyed(gone))
    if lost:
        raise key_store.KeyMissing(f"the keys' database lacks {lost} keys that the log names: see docs/operating.md, The keys")
    key_store.put({key: _wrap(wrapping, subject, AESGCM.generate_key(256)) for key, subject in gone.items()})
    return key_store.get(gone)


def replacements(keys: Iterable[UUID], *, alias: str) -> dict[UUID, bytes]:
    """New wrapped keys for these ids, whose keys are lost for good: what they sealed stays closed, entries about these people can be written again."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT key, org, subject FROM audit_subjectkey WHERE key = ANY(%s)", [list(keys)])
        return {key: _wrap(_log_key(org), subject, AESGCM.generate_key(256)) for key, org, subject in cursor.fetchall()}


def _named(cursor: Any, org: UUID, subjects: list[UUID]) -> dict[UUID, UUID]:
    cursor.execute("SELECT subject, key FROM audit_subjectkey WHERE org = %s AND subject = ANY(%s)", [org, subjects])
    return dict(cursor.fetchall())


def _wrap(wrapping: AESGCM, subject: UUID, key: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + wrapping.encrypt(nonce, key, subject.bytes)


def _unwrap(wrapping: AESGCM, subject: UUID, wrapped: bytes, *, strict: bool) -> bytes | None:
    try:
        return wrapping.decrypt(wrapped[:12], wrapped[12:], subject.bytes)
    except (InvalidTag, ValueError):
        if strict:
            raise
        return None


def seal(*, key: AESGCM, org: UUID, entry: UUID, opening: Opening) -> bytes:
    """Salt and value, sealed; bound to the log, the entry and the path."""
    nonce = os.urandom(12)
    return nonce + key.encrypt(nonce, opening.salt + orjson.dumps(opening.value), _bound(org, entry, opening.path))


def unseal(*, key: AESGCM, org: UUID, entry: UUID, path: str, sealed: bytes) -> Opening | None:
    """The opening, or None if it was altered or moved."""
    try:
        plain = key.decrypt(sealed[:12], sealed[12:], _bound(org, entry, path))
    except (InvalidTag, ValueError):  # altered, or too short to be sealed at all
        return None
    return Opening(path=path, salt=plain[:16], value=orjson.loads(plain[16:]))


def _bound(org: UUID, entry: UUID, path: str) -> bytes:
    return org.bytes + entry.bytes + path.encode()
