"""All files of an export in one: a tar that is made while it is sent, with the same bytes each time, so that a broken download goes on where it stopped."""
from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from audit.export import files
from audit.models import Export

_BLOCK = 512
_READ = 1 << 18


def name(row: Export) -> str:
    """What it is called when it is saved. The files in it are compressed already."""
    return f"export-{row.id}.tar"


def _head(row: Export, one: dict[str, str | int]) -> bytes:
    entry = tarfile.TarInfo(f"export-{row.id}/{one['name']}")
    entry.size, entry.mode, entry.mtime = int(one["size"]), 0o644, 0
    return entry.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> int:
    return -size % _BLOCK


def size(row: Export) -> int:
    return sum(_BLOCK + int(one["size"]) + _padding(int(one["size"])) for one in row.files) + 2 * _BLOCK


def stream(row: Export, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to before `end`; what comes before is skipped, not read."""
    place, root = 0, files.bundle(row.id)
    for one in row.files:
        length = int(one["size"])
        yield from _cut(io.BytesIO(_head(row, one)), place, _BLOCK, start, end)
        place += _BLOCK
        if place < end and place + length > start:
            with (root / str(one["name"])).open("rb") as source:
                yield from _cut(source, place, length, start, end)
        place += length
        yield from _cut(io.BytesIO(bytes(_padding(length))), place, _padding(length), start, end)
        place += _padding(length)
    yield from _cut(io.BytesIO(bytes(2 * _BLOCK)), place, 2 * _BLOCK, start, end)


def _cut(source: io.BufferedIOBase, place: int, length: int, start: int, end: int) -> Iterator[bytes]:
    """What of this piece, which lies at `place`, is in the part that was asked for."""
    first, last = max(start - place, 0), min(end - place, length)
    if first >= last:
        return
    source.seek(first)
    left = last - first
    while left and (block := source.read(min(_READ, left))):
        left -= len(block)
        yield block
