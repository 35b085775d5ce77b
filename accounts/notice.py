"""The published notice: which powers over people an organization may use now, and which version says so.

A power that is not in the notice cannot be used (`policy_off`). What undoes, what protects, and who holds which office is not governed by it: `Power.governed`.
"""
from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import NoticeVersion
from accounts.models.notice import NoticeState
from audit.canonical import canonical

AHEAD = timedelta(days=14)
"""For how long people know of a significant change before it takes effect."""
LONGEST_AHEAD = timedelta(days=365)

TRANSITIONS: dict[NoticeState, frozenset[NoticeState]] = {
    NoticeState.DRAFT: frozenset({NoticeState.PUBLISHED}),
    NoticeState.PUBLISHED: frozenset({NoticeState.REPLACED}),
    NoticeState.REPLACED: frozenset(),
}


class NotPossible(Exception):
    """A version cannot go from this state to that: a programming error, never an answer to people."""


def go(row: NoticeVersion, state: NoticeState) -> None:
    """Change the state of a loaded row, if the table allows it. Saving is the caller's."""
    if state not in TRANSITIONS[NoticeState(row.state)]:
        raise NotPossible(f"{row.state} -> {state}")
    row.state = state


@dataclass(frozen=True)
class Published:
    """What of the last published version decides what may be done."""

    powers: frozenset[str]
    meanwhile: frozenset[str]
    effective_at: datetime


def published(organization_id: UUID) -> Published | None:
    """The last published version. One query of one row; needs the scope."""
    row = NoticeVersion.objects.filter(organization_id=organization_id, state=NoticeState.PUBLISHED).order_by("-number").values_list("powers", "meanwhile", "effective_at").first()
    return Published(frozenset(row[0]), frozenset(row[1]), row[2]) if row else None


def on(last: Published | None, now: datetime) -> frozenset[str]:
    """The powers that may be used now. What a new version leaves out goes at once; what it brings waits for its date."""
    if last is None:
        return frozenset()
    return last.powers if last.effective_at <= now else last.meanwhile


def in_effect(organization_id: UUID, now: datetime) -> NoticeVersion | None:
    """The version that holds now."""
    return NoticeVersion.objects.filter(organization_id=organization_id, state=NoticeState.PUBLISHED, effective_at__lte=now).order_by("-number").first()


def announced(organization_id: UUID, now: datetime) -> NoticeVersion | None:
    """The version that is published and not in effect yet; there is at most one."""
    return NoticeVersion.objects.filter(organization_id=organization_id, state=NoticeState.PUBLISHED, effective_at__gt=now).order_by("-number").first()


def shown(ids: Iterable[str]) -> dict[str, NoticeVersion]:
    """The versions that these claims and managements remember, by what they remember. What is no id of a version is not among them."""
    wanted = [one for one in set(ids) if _is_id(one)]
    return {str(row.id): row for row in NoticeVersion.objects.filter(id__in=wanted)} if wanted else {}


def _is_id(word: str) -> bool:
    try:
        return str(UUID(word)) == word
    except ValueError:
        return False


def draft(organization_id: UUID) -> NoticeVersion | None:
    """The version that is being written."""
    return NoticeVersion.objects.filter(organization_id=organization_id, state=NoticeState.DRAFT).first()


def archive(organization_id: UUID) -> list[NoticeVersion]:
    """Every version that was ever published, newest first."""
    return list(NoticeVersion.objects.filter(organization_id=organization_id).exclude(state=NoticeState.DRAFT).order_by("-number"))


def digest(row: NoticeVersion) -> str:
    """What a version says, as one number that proves it later."""
    return hashlib.sha256(canonical({"powers": sorted(row.powers), "words": {slug: dict(row.words[slug]) for slug in sorted(row.words)}, "text": row.text})).hexdigest()


def news(before: NoticeVersion | None, after: NoticeVersion, usable: frozenset[str]) -> frozenset[str]:
    """The powers that come, or serve another purpose or stand on another ground than before: what people have to know of beforehand."""
    return frozenset(slug for slug in after.powers if before is None or slug not in usable or before.words.get(slug) != after.words.get(slug))


def earliest(*, new: frozenset[str], coming: NoticeVersion | None, after: NoticeVersion, significant: bool, first: bool, now: datetime) -> datetime:
    """From when this version can be in effect. Who was told of a change already by the version that is coming is not told anew."""
    told = {slug for slug in new if coming is not None and slug in coming.powers and coming.words.get(slug) == after.words.get(slug)}
    if first:
        return now
    if new - told or significant:
        return now + AHEAD
    return max(now, coming.effective_at) if new and coming is not None and coming.effective_at is not None else now


@dataclass(frozen=True)
class Difference:
    """What changed between two versions, for people: one power each, and the lines of the text."""

    came: tuple[str, ...]
    went: tuple[str, ...]
    changed: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...]
    lines: tuple[tuple[str, str], ...]
    """(sign, line): + came, - went, blank stayed."""

    @property
    def empty(self) -> bool:
        return not (self.came or self.went or self.changed or any(sign.strip() for sign, _line in self.lines))


def difference(before: NoticeVersion | None, after: NoticeVersion) -> Difference:
    """The readable difference of two versions."""
    old = before.powers if before else []
    both = [slug for slug in after.powers if slug in old and before is not None and before.words.get(slug) != after.words.get(slug)]
    return Difference(
        came=tuple(sorted(set(after.powers) - set(old))), went=tuple(sorted(set(old) - set(after.powers))),
        changed=tuple((slug, before.words.get(slug, {}), after.words.get(slug, {})) for slug in sorted(both) if before is not None),
        lines=tuple(_lines(before.text if before else "", after.text)))


def _lines(before: str, after: str) -> Iterator[tuple[str, str]]:
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1):
        if not line.startswith(("---", "+++", "@@")):
            yield line[0], line[1:]
