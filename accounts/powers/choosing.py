"""A thing of the organization that people name in a form: by its id, as pages send it, or by its name, as programs and the command line do."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models

from accounts.actor import Actor
from accounts.reasons import Stale
from accounts.work import Work


def found(rows: models.QuerySet[Any], word: str, *, name: str) -> Any:
    """The row with this id or this name, or None. `name` is the word in the form in which names are kept."""
    try:
        return rows.filter(id=UUID(word.strip())).first()
    except ValueError:
        return rows.filter(name=name).first() if name else None


def unreached(actor: Actor) -> Iterable[str]:
    """What concerns the whole organization is not for roles that reach only some of its people."""
    if actor.scope_groups is not None:
        yield "out_of_scope"


def locked(work: Work, target_id: UUID, row: Any, **facts: Any) -> Any:
    """The row, locked and tracked, to be changed; the entry names it. Programs remove what is theirs without asking the organization: then the world has moved."""
    fresh = type(row).objects.select_for_update().filter(id=row.id).first()
    if fresh is None:
        raise Stale
    work.track(fresh)
    work.note(target_id, _also=[fresh], **facts)
    return fresh
