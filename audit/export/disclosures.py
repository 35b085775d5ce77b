"""Openings: the personal values that the requester may see and that counsel does not withhold, each with what proves it."""
from __future__ import annotations

import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.db import connections

from audit import merkle
from audit.canonical import canonical
from audit.commitment import b64
from audit.queries import committed
from audit.sealing import subject_keys, unseal

_BATCH = 2000
PATTERN = re.compile(r"(?:actor\.(?:name|email|\*)|why\.(?:text|private_note|\*)|context\.(?:ip|user_agent|\*)|targets\.(?:[0-9]{1,4}|\*)\.label|change\.(?:[0-9]{1,4}|\*)\.(?:before|after|\*))\Z")
"""The paths at which a record can hold a commitment; a star stands for any one part."""


@dataclass
class Line:
    """One entry on its way into the reading copies: what is said, and what of it is open."""

    seq: int
    envelope: dict[str, Any]
    record: dict[str, Any]
    leaf: str
    open: dict[str, Any] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    """Why a value is not shown, by path: erased or withheld."""


@dataclass
class Counts:
    """How many openings are in the bundle, were withheld, no longer exist."""

    disclosed: int = 0
    erased: int = 0
    withheld: Counter[str] = field(default_factory=Counter)


class Opener:
    """Opens what one export may show."""

    def __init__(self, *, org: UUID, shown: bool, withheld: list[dict[str, str]]) -> None:
        self.org, self.shown, self.counts = org, shown, Counts()
        self._withheld = [(one["path"], re.compile(re.escape(one["path"]).replace(r"\*", r"[^.]+") + r"\Z")) for one in withheld]

    def entries(self, path: Path) -> Iterator[tuple[Line, list[bytes]]]:
        """The entries of a finished file of evidence, each with the lines of its openings."""
        with gzip.open(path, "rb") as file:
            batch: list[Line] = []
            for text in file:
                batch.append(_line(text))
                if len(batch) == _BATCH:
                    yield from self._opened(batch)
                    batch = []
            yield from self._opened(batch)

    def _opened(self, batch: list[Line]) -> Iterator[tuple[Line, list[bytes]]]:
        found = self._stored(batch) if self.shown else {}
        for line in batch:
            said, openings = [], found.get(UUID(line.record["event_id"]), {})
            for path in committed(line.record) if self.shown else ():
                if (rule := self._rule(path)) is not None:
                    line.closed[path] = "withheld"
                    self.counts.withheld[rule] += 1
                elif (opening := openings.get(path)) is None:
                    line.closed[path] = "erased"
                    self.counts.erased += 1
                else:
                    line.open[path] = opening.value
                    self.counts.disclosed += 1
                    said.append(canonical({"entry": line.record["event_id"], "path": path, "salt": b64(opening.salt), "value": opening.value}) + b"\n")
            yield line, said

    def _rule(self, path: str) -> str | None:
        return next((name for name, pattern in self._withheld if pattern.match(path)), None)

    def _stored(self, batch: list[Line]) -> dict[UUID, dict[str, Any]]:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT entry, subject, path, sealed FROM audit_disclosure WHERE org = %s AND entry = ANY(%s)", [self.org, [UUID(line.record["event_id"]) for line in batch]])
            rows = cursor.fetchall()
        keys = subject_keys(org=self.org, subjects=[row[1] for row in rows], alias="default", create=False) if rows else {}
        found: dict[UUID, dict[str, Any]] = defaultdict(dict)
        for entry, subject, path, sealed in rows:
            if subject in keys:
                found[entry][path] = unseal(key=keys[subject], org=self.org, entry=entry, path=path, sealed=bytes(sealed))
        return found


def _line(text: bytes) -> Line:
    envelope, _between, record = text[len(b'{"envelope":'):-2].partition(b',"record":')
    said = orjson.loads(envelope)
    return Line(seq=said["seq"], envelope=said, record=orjson.loads(record), leaf=merkle.leaf_hash(envelope).hex())
