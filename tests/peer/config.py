"""What Notes is told by whoever runs it."""
from __future__ import annotations

import base64
import json
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True)
class Config:
    """Where Steward is, as whom Notes speaks to it, and with which keys."""

    issuer: str
    organization: str
    """Its name, for people."""
    address: str
    """Where people and Steward reach Notes."""
    client_id: str
    client_secret: str
    application: str
    """The number by which requests of people name Notes."""
    signing_key: str
    """The seed of the Ed25519 key that signs receipts and answers, in base64."""
    webhook_secret: str
    store: Path

    @classmethod
    def read(cls, path: Path) -> Config:
        """From the file. It holds secrets: one that others may read is refused."""
        if path.stat().st_mode & 0o077:
            raise SystemExit(f"notes: {path} may be read by others. Make it private: chmod 600 {path}")
        found = json.loads(path.read_text())
        return cls(**{one.name: found[one.name] for one in fields(cls) if one.name != "store"}, store=path.parent / "notes.sqlite3")

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.signing_key))

    @property
    def place(self) -> tuple[str, int]:
        """Host and port to listen on."""
        parts = urlsplit(self.address)
        return str(parts.hostname), parts.port or 80
