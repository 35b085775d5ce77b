"""An encrypted archive: AES-256-GCM in chunks that are bound to their place, to the header and to the end, so that nothing can be changed, cut or put in another order unnoticed."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from audit.canonical import canonical

MAGIC = b"steward backup 1\n"
CHUNK = 1 << 20
_TAG = 16
_HEADER = 65536


class Unreadable(Exception):
    """It is no archive of ours, another key seals it, or it is not what was written. Nothing was done."""


def epoch() -> str:
    """Which key is in use: tells two keys apart and says nothing about either."""
    return hashlib.sha256(b"steward backup key\n" + settings.BACKUP_KEY).hexdigest()[:16]


def _cipher(salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"steward backup archive").derive(settings.BACKUP_KEY))


def _nonce(number: int, *, last: bool) -> bytes:
    return bytes(7) + number.to_bytes(4, "big") + bytes([last])


def write(source: IO[bytes], sink: IO[bytes], header: dict[str, Any]) -> None:
    """Seal everything that comes from `source`. A salt for each archive makes a key for each, so that numbers are nonces enough."""
    salt = os.urandom(32)
    head = canonical({**header, "salt": salt.hex(), "key_epoch": epoch()})
    sink.write(MAGIC + len(head).to_bytes(4, "big") + head)
    cipher, bound, number, chunk = _cipher(salt), hashlib.sha256(head).digest(), 0, source.read(CHUNK)
    while True:
        following = source.read(CHUNK)
        sealed = cipher.encrypt(_nonce(number, last=not following), chunk, bound)
        sink.write(len(sealed).to_bytes(4, "big") + sealed)
        if not following:
            return
        number, chunk = number + 1, following


def header(path: Path) -> dict[str, Any]:
    """What an archive says of itself. Believed only after `verify`."""
    with _opened(path) as file:
        return _header(file, path)[0]


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error


def _header(file: IO[bytes], path: Path) -> tuple[dict[str, Any], bytes]:
    if file.read(len(MAGIC)) != MAGIC:
        raise Unreadable(f"{path} is no backup of Steward")
    length = int.from_bytes(file.read(4), "big")
    head = file.read(length) if length <= _HEADER else b""
    try:
        found = orjson.loads(head)
        assert isinstance(found, dict) and len(bytes.fromhex(found["salt"])) == 32
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise Unreadable(f"{path} is damaged at its beginning") from error
    return found, head


def read(path: Path) -> Iterator[bytes]:
    """What was sealed, piece by piece. Raises `Unreadable` at the first piece that is not as it was written, and at the end if the end is missing."""
    with _opened(path) as file:
        found, head = _header(file, path)
        if found.get("key_epoch") != epoch():
            raise Unreadable(f"{path} is sealed with another key ({found.get('key_epoch')}; ours is {epoch()}). Set STEWARD_BACKUP_KEY, or STEWARD_SECRET_KEY, to what it was when the backup was made")
        cipher, bound, number, last = _cipher(bytes.fromhex(found["salt"])), hashlib.sha256(head).digest(), 0, False
        while not last:
            length = int.from_bytes(file.read(4), "big")
            sealed = file.read(length) if _TAG <= length <= CHUNK + _TAG else b""
            if len(sealed) != length or not sealed:
                raise Unreadable(f"{path} ends too early, or is damaged, in its piece {number}: nothing was restored")
            last = not file.read(1)
            if not last:
                file.seek(-1, os.SEEK_CUR)
            try:
                yield cipher.decrypt(_nonce(number, last=last), sealed, bound)
            except InvalidTag as error:
                raise Unreadable(f"{path} was changed, or ends too early, in its piece {number}: nothing was restored") from error
            number += 1


def verify(path: Path) -> dict[str, Any]:
    """Read all of it, and only then believe what it says."""
    for _piece in read(path):
        pass
    return header(path)
