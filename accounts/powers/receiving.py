"""What powers over receivers have in common, whether these get the log, webhooks or security events: which one may be acted on, how it goes on, and another secret."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Effect
from accounts.powers import choosing
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit.streams import secrets

OVERLAP = timedelta(hours=24)
"""So long both secrets sign."""


def offered(rows: Iterable[tuple[Any, str]]) -> list[tuple[str, Any]]:
    """The choices of a page: ids and names."""
    return [("", gettext_lazy("Choose one")), *((str(one), name) for one, name in rows)]


def problems(actor: Actor, word: object, row: Any, states: Iterable[str], *, unknown: str) -> Iterable[str]:
    """Why this actor may not act on this receiver; `unknown` is the code for one that is not there, and without `states` every state will do."""
    yield from choosing.unreached(actor)
    if word:
        if row is None:
            yield unknown
        elif states and row.state not in states:
            yield "wrong_status"


def goes_on(row: Any) -> None:
    """It is tried at once, and what failed before counts for nothing."""
    row.failures, row.failing_since, row.next_try = 0, None, None


def rotate_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "shown_once", _("The new secret is shown once.")),
            Effect("kept", "old_secret", _("For 24 hours messages carry signatures of both secrets, so the receiver can change over.")),
            Effect("later", "old_ends", _("After that the old secret signs nothing any more."))]


def rotate(work: Work, target_id: UUID, row: Any) -> None:
    """Another secret for a row that is locked and tracked; the one before signs beside it for a while."""
    fresh = secrets.mint()
    row.old_secret, row.old_until = row.secret, work.now + OVERLAP
    row.secret, row.public_key = secrets.seal(fresh, stream=row.id), fresh.public
    work.note(target_id, _secret=fresh.text, public_key=fresh.public)
