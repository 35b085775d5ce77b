"""Security event tokens (RFC 8417): signed with a key of the installation, which anybody may fetch and check."""
from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from accounts.models import SignalEvent

ALGORITHM = "EdDSA"


def issuer() -> str:
    """Who says it: the installation, by its address."""
    return str(settings.STEWARD_URL)


@lru_cache(maxsize=2)
def _key(secret: str) -> tuple[Ed25519PrivateKey, dict[str, str]]:
    """The key, which every process of the installation derives for itself, and its public half as a JWK whose id is its thumbprint (RFC 7638)."""
    key = Ed25519PrivateKey.from_private_bytes(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"steward security events/1").derive(secret.encode()))
    public = {"crv": "Ed25519", "kty": "OKP", "x": _word(key.public_key().public_bytes_raw())}
    kid = _word(hashlib.sha256(orjson.dumps(public, option=orjson.OPT_SORT_KEYS)).digest())
    return key, {**public, "kid": kid, "use": "sig", "alg": ALGORITHM}


def jwks() -> dict[str, Any]:
    """The keys with which tokens can be checked."""
    return {"keys": [_key(settings.SECRET_KEY)[1]]}


def token(event: SignalEvent, *, client_id: str) -> str:
    """The token, the same to the byte however often it is sent."""
    about: dict[str, Any] = {"format": "iss_sub", "iss": issuer(), "sub": event.sub} if event.sub else {"format": "opaque", "id": str(event.stream_id)}
    return sign({"iss": issuer(), "jti": str(event.id), "iat": int(event.issued_at.timestamp()), "aud": client_id, "sub_id": about, **({"txn": str(event.entry)} if event.entry else {}),
                 "events": {event.kind: event.claims}})


def sign(claims: dict[str, Any]) -> str:
    key, public = _key(settings.SECRET_KEY)
    text = _word(orjson.dumps({"alg": ALGORITHM, "kid": public["kid"], "typ": "secevent+jwt"})) + "." + _word(orjson.dumps(claims))
    return f"{text}.{_word(key.sign(text.encode()))}"


def _word(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jti(text: object) -> UUID | None:
    """The id of a token as a receiver sends it back; None for what is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
