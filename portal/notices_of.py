"""The notice as people and programs see it: what each version says, and what differs from the one before."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.functional import Promise

from accounts import notice
from accounts.models import NoticeVersion
from accounts.models.notice import Basis, NoticeState
from accounts.power import Power
from accounts.reasons import NotFound
from accounts.work import plain
from portal.powers import BY_SLUG, POWERS


@dataclass(frozen=True)
class Named:
    """One power in a notice, with its purpose and ground in words."""

    slug: str
    title: str | Promise
    does: str | Promise
    purpose: str
    basis: str


def named(slug: str, said: dict[str, Any]) -> Named:
    """A power as a version names it; one that this release does not have any more keeps its name."""
    power, basis = BY_SLUG.get(slug), str(said.get("basis", ""))
    return Named(slug=slug, title=power.title if power else slug, does=power.does if power else "", purpose=str(said.get("purpose", "")),
                 basis=str(Basis(basis).label) if basis in Basis.values else basis)


@dataclass
class Shown:
    """One version, with everything its page says."""

    row: NoticeVersion
    before: NoticeVersion | None
    now: datetime
    held: UUID | None = None
    """The version in effect."""

    @property
    def powers(self) -> list[Named]:
        return sorted((named(slug, self.row.words.get(slug, {})) for slug in self.row.powers), key=lambda one: str(one.title))

    @property
    def standing(self) -> str:
        """draft, announced, current, past or replaced."""
        if self.row.id == self.held:
            return "current"
        if self.row.state != NoticeState.PUBLISHED:
            return str(self.row.state)
        return "announced" if self.row.effective_at and self.row.effective_at > self.now else "past"

    @cached_property
    def difference(self) -> notice.Difference:
        return notice.difference(self.before, self.row)

    @property
    def came(self) -> list[Named]:
        return [named(slug, self.row.words.get(slug, {})) for slug in self.difference.came]

    @property
    def went(self) -> list[Named]:
        return [named(slug, (self.before.words if self.before else {}).get(slug, {})) for slug in self.difference.went]

    @property
    def changed(self) -> list[tuple[Named, Named]]:
        return [(named(slug, old), named(slug, new)) for slug, old, new in self.difference.changed]

    @property
    def paragraphs(self) -> list[str]:
        return [part for part in self.row.text.split("\n\n") if part.strip()]


@dataclass
class Overview:
    """All of an organization's notice: what holds, what is announced, what is being written, what there was."""

    current: Shown | None
    announced: Shown | None
    draft: Shown | None
    versions: list[Shown]
    usable: frozenset[str]


def overview(organization_id: UUID, *, now: datetime) -> Overview:
    """The notice of an organization. Three queries; needs the scope."""
    rows = notice.archive(organization_id)
    held = next((row for row in rows if row.state == NoticeState.PUBLISHED and row.effective_at and row.effective_at <= now), None)
    shown = [Shown(row, before, now, held.id if held else None) for row, before in zip(rows, [*rows[1:], None], strict=True)]
    draft = notice.draft(organization_id)
    latest = next((row for row in rows if row.state == NoticeState.PUBLISHED), None)
    return Overview(current=next((one for one in shown if one.row is held), None), announced=next((one for one in shown if one.standing == "announced"), None),
                    draft=Shown(draft, latest, now) if draft else None, versions=shown, usable=notice.on(notice.published(organization_id), now))


def numbered(found: Overview, number: int) -> Shown:
    """One published version, or NotFound. Drafts are nobody's business but the administrators'."""
    chosen = next((one for one in found.versions if one.row.number == number), None)
    if chosen is None:
        raise NotFound
    return chosen


def unnamed(found: Overview) -> list[Power]:
    """The powers of this release that cannot be used, because the notice does not name them."""
    return [power for power in POWERS if power.governed and power.slug not in found.usable]


def as_json(found: Shown) -> dict[str, Any]:
    """A version as the API shows it."""
    row = found.row
    said = [(slug, row.words.get(slug, {})) for slug in row.powers]
    return {"number": row.number, "state": found.standing, "powers": [{"power": slug, "purpose": str(words.get("purpose", "")), "basis": str(words.get("basis", ""))} for slug, words in said],
            "text": row.text, "significant": row.significant, "digest": row.digest,
            "published_at": plain(row.published_at), "effective_at": plain(row.effective_at)}
