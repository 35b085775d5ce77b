"""The signature of copies: by a key of this installation, so that somebody who is shown a copy can tell that it is one of ours and unchanged."""
from __future__ import annotations

import base64
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@cache
def _key(secret: str) -> Ed25519PrivateKey:
    """Derived from the installation's secret, so that all of its processes have the same and none has to be kept."""
    return Ed25519PrivateKey.from_private_bytes(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"steward copies of personal data: Ed25519").derive(secret.encode()))


def public_key() -> str:
    """The key with which signatures are checked: 32 bytes in base64 (RFC 8032)."""
    raw = _key(settings.SECRET_KEY).public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def signature(text: bytes) -> dict[str, str]:
    """What is written beside the manifest: over its bytes as they are."""
    return {"algorithm": "Ed25519", "over": "data/manifest.json, as it is", "public_key": public_key(), "signature": base64.b64encode(_key(settings.SECRET_KEY).sign(text)).decode(),
            "published_at": f"{settings.STEWARD_URL}/copies/key.json"}
