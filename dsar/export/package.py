"""The package: a BagIt folder in a zip file (RFC 8493), written as a stream, every file with its hash, the whole signed."""
from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from audit.canonical import canonical
from dsar.export import signing

_BLOCK = 1 << 16
_LEVEL = 3
"""Of compressing: what is told repeats itself so much that more effort saves little."""


class Sink(Protocol):
    """Where the bytes of the zip file go."""

    def write(self, data: bytes, /) -> int: ...


@dataclass
class File:
    """One file that is being written: its hash and size, and how many lines it has."""

    name: str
    _open: Any
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    lines: int = 0

    def write(self, data: bytes) -> None:
        self._open.write(data)
        self.digest.update(data)
        self.size += len(data)


def _blocks(records: Iterable[bytes], file: File) -> Iterator[bytes]:
    """Lines together, so that compressing, hashing and looking through begin anew for each block and not for each line. Counts them."""
    waiting, size = [], 0
    for one in records:
        waiting.append(one)
        size += len(one)
        if size >= _BLOCK:
            file.lines += len(waiting)
            yield b"".join(waiting)
            waiting, size = [], 0
    file.lines += len(waiting)
    if waiting:
        yield b"".join(waiting)


class _Archive(zipfile.ZipFile):
    """Only `Bag.finish` ends it: one that was given up on the way is not completed when memory is tidied, into a file that is closed by then."""

    def __del__(self) -> None:
        pass


class Bag:
    """Writes files one after the other; what was written cannot be changed. `watch` sees every byte of text, to find what must not leave."""

    def __init__(self, sink: Sink, *, name: str, at: datetime) -> None:
        self.name, self.at = name, at
        self._zip = _Archive(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL, allowZip64=True)  # type: ignore[arg-type]
        self.files: dict[str, File] = {}
        self._watchers: list[Any] = []

    def watch(self, watcher: Any) -> None:
        self._watchers.append(watcher)

    @contextmanager
    def file(self, name: str) -> Iterator[File]:
        """One file of the bag, below data/ or beside it."""
        about = zipfile.ZipInfo(f"{self.name}/{name}", date_time=(max(self.at.year, 1980), self.at.month, self.at.day, self.at.hour, self.at.minute, self.at.second // 2 * 2))
        about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        with self._zip.open(about, "w", force_zip64=True) as raw:
            found = File(name, raw)
            yield found
        self.files[name] = found

    def put(self, name: str, data: bytes | str) -> File:
        """A small file, at once."""
        text = data.encode() if isinstance(data, str) else data
        with self.file(name) as found:
            found.write(text)
        for watcher in self._watchers:
            watcher(name, text)
        return found

    def lines(self, name: str, records: Iterable[bytes]) -> int:
        """A file of lines, streamed; returns how many."""
        with self.file(name) as found:
            for some in _blocks(records, found):
                found.write(some)
                for watcher in self._watchers:
                    watcher(name, some)
        return found.lines

    def finish(self, *, info: dict[str, str], manifest: dict[str, Any]) -> str:
        """The manifest with the hash of every file, its signature, and the tag files of BagIt. Returns the SHA-256 of the manifest."""
        whole = {**manifest, "files": {name.removeprefix("data/"): {"sha256": f.digest.hexdigest(), "bytes": f.size} for name, f in sorted(self.files.items())}}
        text = canonical(whole)
        self.put("data/manifest.json", text)
        self.put("data/manifest.sig", json.dumps(signing.signature(text), indent=2) + "\n")
        payload = {name: f for name, f in self.files.items() if name.startswith("data/")}
        self.put("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        self.put("bag-info.txt", "".join(f"{key}: {value}\n" for key, value in {**info, "Payload-Oxum": f"{sum(f.size for f in payload.values())}.{len(payload)}"}.items()))
        self.put("manifest-sha256.txt", "".join(f"{f.digest.hexdigest()}  {name}\n" for name, f in sorted(payload.items())))
        tags = {name: f for name, f in self.files.items() if not name.startswith("data/")}
        self.put("tagmanifest-sha256.txt", "".join(f"{f.digest.hexdigest()}  {name}\n" for name, f in sorted(tags.items())))
        self._zip.close()
        return hashlib.sha256(text).hexdigest()
