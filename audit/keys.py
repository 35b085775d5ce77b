"""The signer's keys: private ones in a folder that only it reads, public ones in the database for everybody."""
from __future__ import annotations

import base64
import fcntl
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.conf import settings

from audit import notes
from audit.models import LogKey
from audit.notes import Verifier
from audit.record import timestamp


class NoKeys(Exception):
    """The folder of the keys cannot be used; the text says why."""


@dataclass(frozen=True)
class Pair:
    """One generation of keys: Ed25519 for today's tools, ML-DSA-44 beside it for a later day."""

    ed25519: Ed25519PrivateKey
    mldsa44: MLDSA44PrivateKey
    since: str


@dataclass
class KeyRing:
    """What the signer signs with: the newest generation, and for one checkpoint after a change also the one before."""

    folder: Path
    host: str
    pairs: list[Pair]

    @property
    def current(self) -> Pair:
        return self.pairs[-1]

    @property
    def root(self) -> str:
        """The origin of the root log, which is the name of the keys too."""
        return f"{self.host}/root"

    @property
    def signer(self) -> str:
        """The name under which the ML-DSA key cosigns."""
        return f"{self.host}/signer"

    def verifiers(self) -> list[tuple[str, Verifier, str]]:
        """(type, public key, since) of each generation, oldest first."""
        found = []
        for pair in self.pairs:
            found.append(("ed25519", Verifier(self.root, notes.ED25519, pair.ed25519.public_key().public_bytes_raw()), pair.since))
            found.append(("mldsa44", Verifier(self.signer, notes.MLDSA44, pair.mldsa44.public_key().public_bytes_raw()), pair.since))
        return found


def folder() -> Path:
    return Path(settings.SIGNER_DIR)


def ring(*, now: datetime, create: bool = True) -> KeyRing:
    """The keys in the folder, made on the first day, which is over once any key is known (`create`). Raises NoKeys where they cannot be read or written."""
    path = folder() / "keys.json"
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        _first_day(path, now, create=create)
        if path.stat().st_mode & 0o077:
            raise NoKeys(f"{path} can be read by others; its mode must be 600")
        said = json.loads(path.read_text())
        return KeyRing(folder(), said["host"], [
            Pair(Ed25519PrivateKey.from_private_bytes(base64.b64decode(p["ed25519"])), MLDSA44PrivateKey.from_seed_bytes(base64.b64decode(p["mldsa44"])), p["since"]) for p in said["pairs"]])
    except OSError as error:
        raise NoKeys(f"the folder of the signer's keys cannot be used: {error.strerror} ({folder()})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NoKeys(f"{path} is damaged; restore it from the safe copy") from error


def _first_day(path: Path, now: datetime, *, create: bool) -> None:
    """Make the keys where there are none; of several signers that begin at once one makes them."""
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():
            return
        if not create:
            raise NoKeys(f"there are no keys in {path.parent}, and the logs have some already: bring back keys.json from its safe copy, or set STEWARD_SIGNER_DIR")
        save(KeyRing(path.parent, urlsplit(settings.STEWARD_URL).netloc.replace("+", "-"), [fresh(now)]))
    finally:
        os.close(handle)


def fresh(now: datetime) -> Pair:
    return Pair(Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate(), timestamp(now) or "")


def save(keys: KeyRing) -> None:
    """Write the private keys, whole or not at all."""
    write(keys.folder / "keys.json", {"host": keys.host, "pairs": [
        {"ed25519": base64.b64encode(p.ed25519.private_bytes_raw()).decode(), "mldsa44": base64.b64encode(p.mldsa44.private_bytes_raw()).decode(), "since": p.since} for p in keys.pairs]})


def write(path: Path, value: Any) -> None:
    """Replace a small file at once; when this returns, it is on the disk."""
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def receipt_key() -> Ed25519PrivateKey:
    """What the serving processes sign receipts with. It is no key of a log: it promises, and the log must follow."""
    return Ed25519PrivateKey.from_private_bytes(settings.RECEIPT_KEY)


def endorsement(vkey: str, since: str) -> str:
    """What an older key signs to make a newer one its successor."""
    return f"steward/key/v1\n{vkey}\n{since}\n"


def lost(endorsed_by: Any) -> bool:
    """Whether a key stands where the one before it was declared lost: nobody endorsed it, and everybody is told."""
    return isinstance(endorsed_by, dict) and "lost" in endorsed_by


def in_use(*, alias: str) -> list[LogKey]:
    """The signing keys in a row of endorsements, oldest first: those since a key was last declared lost, else all."""
    rows = list(LogKey.objects.using(alias).filter(type="ed25519").order_by("id"))
    return rows[max((place for place, row in enumerate(rows) if lost(row.endorsed_by)), default=0):]


def publish(keys: KeyRing, *, alias: str, instead: dict[str, Any] | None = None) -> None:
    """Put the public keys where everybody finds them, each endorsed by the generation before; the receipt key by the newest.

    What is published cannot be taken back, so keys that do not continue the known ones are refused. `instead` is said of the first key in place of
    an endorsement: that the one before it was lost."""
    theirs = [row.vkey for row in in_use(alias=alias)] if instead is None else []
    ours = [verifier.vkey for kind, verifier, _since in keys.verifiers() if kind == "ed25519"]
    if ours[:len(theirs)] != theirs:
        raise NoKeys(f"the keys in {keys.folder} are not the keys of these logs: bring back keys.json from its safe copy, or set STEWARD_SIGNER_DIR")
    wanted: list[tuple[str, Verifier, str, Pair | None]] = []
    for number, (kind, verifier, since) in enumerate(keys.verifiers()):
        wanted.append((kind, verifier, since, keys.pairs[number // 2 - 1] if number >= 2 else None))
    wanted.append(("receipt", Verifier(f"{keys.host}/receipts", notes.ED25519, receipt_key().public_key().public_bytes_raw()), keys.current.since, keys.current))
    known = set(LogKey.objects.using(alias).values_list("vkey", flat=True))
    for kind, verifier, since, elder in wanted:
        if verifier.vkey not in known:
            LogKey.objects.using(alias).filter(type=kind, until=None).update(until=since)
            LogKey.objects.using(alias).create(vkey=verifier.vkey, type=kind, since=since, endorsed_by=(instead if kind == "ed25519" else None) if elder is None else {
                "vkey": Verifier(keys.root, notes.ED25519, elder.ed25519.public_key().public_bytes_raw()).vkey,
                "signature": base64.b64encode(elder.ed25519.sign(endorsement(verifier.vkey, since).encode())).decode()})


def published(*, alias: str = "default") -> list[dict[str, Any]]:
    """The public keys as keys.json of the bundle lists them, newest first."""
    return [{"name": (v := Verifier.parse(row.vkey)).name, "type": row.type, "vkey": row.vkey, "pem": pem(v), "from": timestamp(row.since), "until": timestamp(row.until),
             "endorsed_by": row.endorsed_by} for row in LogKey.objects.using(alias).order_by("-id")]


def pem(verifier: Verifier) -> str | None:
    """An Ed25519 key as stock openssl reads it."""
    if verifier.kind != notes.ED25519:
        return None
    return Ed25519PublicKey.from_public_bytes(verifier.public).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def policy(*, alias: str = "default") -> str:
    """The trust policy an expert is given (C2SP tlog-policy): the root log's keys, and the witnesses that are asked."""
    lines = [f"log {row.vkey}" for row in LogKey.objects.using(alias).filter(type="ed25519").order_by("id")]
    lines += [f"witness {w['name']} {w['vkey']}" for w in settings.WITNESSES]
    if len(settings.WITNESSES) > 1:
        lines.append("group witnesses any " + " ".join(w["name"] for w in settings.WITNESSES))
    lines.append("quorum " + ("none" if not settings.WITNESSES else "witnesses" if len(settings.WITNESSES) > 1 else settings.WITNESSES[0]["name"]))
    return "\n".join(lines) + "\n"
