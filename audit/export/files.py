"""The files of an export: where they lie, how they are written so that a repetition has the same bytes, and their hashes."""
from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from uuid import UUID

from django.conf import settings

LEVEL = 1
"""The fastest level that still makes a fifth of it: compression is most of the work of an export."""
_BLOCK = 1 << 20


def folder(export: UUID) -> Path:
    """Where the files of an export lie. Its name is an id: nothing about anybody."""
    return Path(settings.DATA) / "exports" / str(export)


def make_folder(export: UUID) -> Path:
    """The folder, only for us."""
    path = folder(export)
    for one in (path.parent, path, path / "bundle", path / "work"):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def bundle(export: UUID) -> Path:
    return folder(export) / "bundle"


def work(export: UUID) -> Path:
    """What is not finished yet."""
    return folder(export) / "work"


def remove(export: UUID) -> None:
    shutil.rmtree(folder(export), ignore_errors=True)


def present() -> list[UUID]:
    """The exports that have a folder."""
    root = Path(settings.DATA) / "exports"
    found = []
    for name in os.listdir(root) if root.is_dir() else []:
        try:
            found.append(UUID(name))
        except ValueError:
            continue
    return found


@dataclass(frozen=True)
class Written:
    """One finished file."""

    size: int
    sha256: str
    content_sha256: str


class Gzip:
    """A gzip file without a name and with time 0, written under another name until it is whole.

    Hashing and compressing happen beside the caller, who goes on reading from the database: both let go of the interpreter.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.part = path, path.with_name(path.name + ".part")
        self._pressed = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
        self._inner, self._outer, self._size = hashlib.sha256(), hashlib.sha256(), 0
        self._lines: list[bytes] = []
        self._waiting = 0
        self.done: Written | None = None

    def __enter__(self) -> Gzip:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = self.part.open("wb", buffering=0)
        self._beside = ThreadPoolExecutor(1)
        self._busy: Future[None] | None = None
        return self

    def write(self, line: bytes) -> None:
        self._lines.append(line)
        self._waiting += len(line)
        if self._waiting >= _BLOCK:
            self._hand_over()

    def _hand_over(self) -> None:
        block, self._lines, self._waiting = b"".join(self._lines), [], 0
        if self._busy is not None:
            self._busy.result()
        self._busy = self._beside.submit(self._press, block)

    def _press(self, block: bytes) -> None:
        self._inner.update(block)
        self._out(self._pressed.compress(block))

    def _out(self, data: bytes) -> None:
        self._outer.update(data)
        self._size += len(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view):]

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._hand_over()
                assert self._busy is not None
                self._busy.result()
                self._out(self._pressed.flush())
                os.fsync(self._file.fileno())
        finally:
            self._beside.shutdown()
            self._file.close()
        if kind is None:
            self.part.replace(self.path)
            self.done = Written(self._size, self._outer.hexdigest(), self._inner.hexdigest())


def write(path: Path, data: bytes) -> None:
    """A whole file, or none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def rejoin(path: Path, parts: Iterable[Path]) -> None:
    """One gzip file, without a seam, from the parts it was written in: some readers stop at a seam, and a verifier must."""
    with Gzip(path) as file:
        for one in parts:
            with gzip.open(one, "rb") as source:
                while block := source.read(_BLOCK):
                    file.write(block)


def join(path: Path, parts: Iterable[Path], *, head: bytes = b"") -> None:
    """One file from its parts, in order."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(head)
        for one in parts:
            with one.open("rb") as source:
                shutil.copyfileobj(source, file, _BLOCK)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names(root: Path) -> list[str]:
    """Every file below a folder, by name."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.name.endswith(".part"))
