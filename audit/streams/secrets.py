"""The secrets of webhooks and their signatures, as Standard Webhooks has them: `v1` is HMAC-SHA256, `v1a` is Ed25519."""
from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@dataclass(frozen=True)
class Secret:
    """What one webhook signs with: 32 bytes that the receiver knows too, and the seed of a key of which the receiver knows the public half."""

    shared: bytes
    seed: bytes

    @property
    def text(self) -> str:
        """What the receiver is given, once."""
        return "whsec_" + base64.b64encode(self.shared).decode()

    @property
    def public(self) -> str:
        """What may be shown to everybody."""
        return "whpk_" + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def signatures(self, content: bytes) -> str:
        """Both signatures of `id.timestamp.body`."""
        mac = hmac.new(self.shared, content, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(mac).decode()} v1a,{base64.b64encode(self._key.sign(content)).decode()}"


def mint() -> Secret:
    return Secret(os.urandom(32), os.urandom(32))


def _key(stream: UUID) -> AESGCM:
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"steward log stream " + stream.bytes).derive(settings.AUDIT_KEY))


def seal(secret: Secret, *, stream: UUID) -> bytes:
    """The secret as it is stored: worthless without the installation's key, and for any other stream."""
    nonce = os.urandom(12)
    return nonce + _key(stream).encrypt(nonce, secret.shared + secret.seed, stream.bytes)


def unseal(sealed: bytes, *, stream: UUID) -> Secret | None:
    """The secret, or None if it was altered or moved."""
    try:
        plain = _key(stream).decrypt(sealed[:12], sealed[12:], stream.bytes)
    except (InvalidTag, ValueError):
        return None
    return Secret(plain[:32], plain[32:])


def headers(*, secrets: list[Secret], message: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers. While a secret is being replaced both sign, so that a receiver may change over when it likes."""
    stamp = str(int(now.timestamp()))
    content = b".".join((message.encode(), stamp.encode(), body))
    return {"webhook-id": message, "webhook-timestamp": stamp, "webhook-signature": " ".join(secret.signatures(content) for secret in secrets)}
