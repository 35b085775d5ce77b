"""Whether something has to be kept: the one place that says who or what holds an account, so that nothing of it is deleted."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from uuid import UUID

from audit import holds

Holder = Callable[[Iterable[UUID]], Iterable[tuple[UUID, UUID]]]
"""Of these accounts those that are held, each with the organization whose hold it is."""

HOLDERS: tuple[Holder, ...] = (holds.about,)
"""What can hold an account. Today holds on what the log has about a person; legal holds join here."""


def held(accounts: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Of these accounts those that are held, with the organizations whose holds they are. Needs to see every organization."""
    accounts, found = list(accounts), defaultdict(set)
    for holder in HOLDERS:
        for account, organization in holder(accounts):
            found[account].add(organization)
    return dict(found)
