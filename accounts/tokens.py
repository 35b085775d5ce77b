"""API tokens as secrets: how they are made, recognized and compared."""
from __future__ import annotations

import hashlib
import hmac
import re
import secrets

_SHAPE = re.compile(r"^(stw_[a-z0-9]{10})_([A-Za-z0-9_-]{43})$")


def mint() -> tuple[str, str, bytes]:
    """A new token: (prefix to show and look up, the whole secret to show once, the SHA-256 to keep).

    A fast hash is right here: the secret has 256 random bits, so there is nothing to guess.
    """
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    prefix = "stw_" + "".join(secrets.choice(alphabet) for _ in range(10))
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    return prefix, secret, digest(secret)


def digest(secret: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(secret.encode()).digest()


def prefix_of(text: str) -> str | None:
    """The prefix of something that has the shape of a token, else None."""
    match = _SHAPE.match(text)
    return match.group(1) if match else None


def same(secret: str, stored: bytes) -> bool:
    """Whether this is the token with that fingerprint, in constant time."""
    return hmac.compare_digest(digest(secret), bytes(stored))
