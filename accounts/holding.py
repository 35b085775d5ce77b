"""Whether something has to be kept: the one place that says who or what holds an account, so that nothing of it is deleted."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string


def held(accounts: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Of these accounts those that are held, with the organizations whose holds they are. Needs to see every organization."""
    accounts, found = list(accounts), defaultdict(set)
    for holder in settings.HOLDERS:
        for account, organization in import_string(holder)(accounts):
            found[account].add(organization)
    return dict(found)
