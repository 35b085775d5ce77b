"""Commitments: a personal value enters the record only as a salted digest, in the manner of SD-JWT (RFC 9901)."""
from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit.canonical import canonical


@dataclass(frozen=True)
class Opening:
    """What opens one commitment: the salt and the value at a path of the record. Stored apart, erasable."""

    path: str
    salt: bytes
    value: Any
    subject: UUID | None = None


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(*, path: str, salt: bytes, value: Any) -> str:
    """base64url(SHA-256(canonical [salt, path, value]))."""
    return b64(hashlib.sha256(canonical([b64(salt), path, value])).digest())


def commit(*, path: str, value: Any, subject: UUID | None) -> tuple[str, Opening]:
    """The digest for the record, and the opening for the erasable table. The salt has 128 random bits."""
    salt = os.urandom(16)
    return digest(path=path, salt=salt, value=value), Opening(path=path, salt=salt, value=value, subject=subject)
