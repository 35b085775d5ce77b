"""What can be opened: a list of readers, each of which knows some kinds of records. The organization's own records are one; whoever connects services adds others in `settings.CONTENT_READERS`."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string

Words = str | Promise


@dataclass(frozen=True)
class Kind:
    """One kind of records. `key` is unique among all readers and stands in addresses: small letters and hyphens."""

    key: str
    title: Words


@dataclass(frozen=True)
class Whose:
    """Whose records, and of which time: never older than `since`, where the management of the account began."""

    organization: UUID
    account: UUID
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Head:
    """That there is a record and when it was made; nothing of what it says."""

    id: UUID
    at: datetime


@dataclass(frozen=True)
class Heads:
    """A page of them, oldest first, with the cursors of the pages beside it."""

    rows: list[Head]
    next: str = ""
    previous: str = ""


@dataclass(frozen=True)
class Item:
    """A record as it is read: what each part is called, and what it says."""

    id: UUID
    at: datetime
    fields: tuple[tuple[Words, str], ...]


class Reader(Protocol):
    """Finds records of a person in one place. It only reads, and answers with nothing where it is asked about somebody or some time that it does not know."""

    def kinds(self) -> tuple[Kind, ...]: ...
    def heads(self, kind: str, whose: Whose, *, words: str, cursor: str, size: int) -> Heads: ...
    def item(self, kind: str, whose: Whose, item_id: UUID) -> Item | None: ...


def _readers() -> Iterator[Reader]:
    for name in settings.CONTENT_READERS:
        yield import_string(name)


def kinds() -> dict[str, Kind]:
    """Every kind that can be opened, by its key, in the order of the readers."""
    return {kind.key: kind for reader in _readers() for kind in reader.kinds()}


def choices() -> list[tuple[str, Words]]:
    """The same for a form."""
    return [(kind.key, kind.title) for kind in kinds().values()]


def of(kind: str) -> Reader | None:
    """Who reads this kind; None for a kind that is not there any more."""
    return next((reader for reader in _readers() if kind in {one.key for one in reader.kinds()}), None)
