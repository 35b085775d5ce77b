"""Sealing openings: AES-256-GCM under a key per subject, wrapped by a key per log, derived from the installation's."""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connections

from audit.commitment import Opening


@lru_cache(maxsize=1024)
def _log_key(org: UUID) -> AESGCM:
    """The log's wrapping key. It follows from the installation's secret, so remembering it gives nothing away."""
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"steward log " + org.bytes).derive(settings.AUDIT_KEY))


def subject_keys(*, org: UUID, subjects: Iterable[UUID], alias: str, create: bool, known: Mapping[UUID, bytes] | None = None) -> dict[UUID, AESGCM]:
    """The keys of these subjects in this log, made where missing if `create`. `known` are wrapped keys that were read already.

    A key that was altered opens nothing: a reader (`create` false) does not get it, a writer gets InvalidTag.
    """
    wanted = sorted(set(subjects))
    wrapping, wrapped = _log_key(org), {s: known[s] for s in wanted if s in known} if known else {}
    if len(wrapped) < len(wanted):
        with connections[alias].cursor() as cursor:
            wrapped |= _stored(cursor, org, [s for s in wanted if s not in wrapped])
            if create and (missing := [s for s in wanted if s not in wrapped]):
                fresh = [_wrap(wrapping, s, AESGCM.generate_key(256)) for s in missing]
                cursor.execute("INSERT INTO audit_subjectkey (org, subject, wrapped) SELECT %s, s, w FROM unnest(%s::uuid[], %s::bytea[]) AS k(s, w)"
                               " ON CONFLICT (org, subject) DO NOTHING", [org, missing, fresh])
                wrapped |= _stored(cursor, org, missing)  # somebody else's, where two made one at once
    keys = {subject: _unwrap(wrapping, subject, w, strict=create) for subject, w in wrapped.items()}
    return {subject: AESGCM(key) for subject, key in keys.items() if key is not None}


def _stored(cursor: Any, org: UUID, subjects: list[UUID]) -> dict[UUID, bytes]:
    cursor.execute("SELECT subject, wrapped FROM audit_subjectkey WHERE org = %s AND subject = ANY(%s)", [org, subjects])
    return {subject: bytes(w) for subject, w in cursor.fetchall()}


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
