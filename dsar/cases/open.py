"""Who has a request about their data that is not over: whatever closes accounts by itself leaves them alone meanwhile."""
from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from dsar.cases.account_report import AccountReport, ReportState
from dsar.cases.models import Case
from dsar.cases.table import OPEN


def accounts(of: Iterable[UUID]) -> set[UUID]:
    """Of these accounts those with an open request, in whatever organization, or of which a report waits for the operator. Needs to see every organization."""
    some = list(of)
    return {row for rows in (Case.objects.filter(account_id__in=some, state__in=OPEN), AccountReport.objects.filter(account_id__in=some, state=ReportState.OPEN))
            for row in rows.values_list("account_id", flat=True)}
