"""A sealed file: written and read as a stream, in blocks of which none can be changed, swapped, left out or cut off unseen."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLOCK = 1 << 16
_TAG = 16


class Broken(Exception):
    """The file is not what was written, or the key is another one."""


def new_key() -> bytes:
    """A key for one file. Its blocks are numbered, so it must seal nothing else."""
    return AESGCM.generate_key(bit_length=256)


class Sealer:
    """Takes bytes as a file does and writes them sealed; the last block says that it is the last."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._cipher, self._number, self._left = AESGCM(key), 0, bytearray()
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.size = 0

    def write(self, data: bytes) -> int:
        self._left += data
        self.size += len(data)
        while len(self._left) > BLOCK:
            self._put(bytes(self._left[:BLOCK]), last=False)
            del self._left[:BLOCK]
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing: a block is written when it is full."""

    def seekable(self) -> bool:
        return False

    def _put(self, block: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(self._number.to_bytes(12, "big"), block, b"last" if last else b"more"))
        self._number += 1

    def close(self) -> None:
        """The last block, onto the disk."""
        self._put(bytes(self._left), last=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Sealer:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()


def opened(path: Path, key: bytes) -> Iterator[bytes]:
    """What was sealed, block by block. Raises Broken at the first block that is not what was written."""
    cipher, number = AESGCM(key), 0
    with path.open("rb") as file:
        block = file.read(BLOCK + _TAG)
        while True:
            following = file.read(BLOCK + _TAG)
            try:
                yield cipher.decrypt(number.to_bytes(12, "big"), block, b"more" if following else b"last")
            except InvalidTag as error:
                raise Broken from error
            if not following:
                return
            block, number = following, number + 1
