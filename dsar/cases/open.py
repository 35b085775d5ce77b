"""Who has a request about their data that is not over: whatever closes accounts by itself leaves them alone meanwhile."""
from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from dsar.cases.models import Case
from dsar.cases.table import OPEN


def accounts(of: Iterable[UUID]) -> set[UUID]:
    """Of these accounts those with an open request, in whatever organization. Needs to see every organization."""
    return set(Case.objects.filter(account_id__in=list(of), state__in=OPEN).values_list("account_id", flat=True))
