"""Who hears of a report about an account that is in no organization: the person what it means for them, the operators that there is something to decide, and not about whom."""
from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.models import Account
from audit.subscribers import Sealed, Subscriber
from dsar.cases.account_report import AccountReport, ReportState

TO_PERSON = {"account.reported": "reported", "account.report_kept": "kept", "account.report_closed": "closed", "account.report_handed_on": "handed_on"}
TO_OPERATORS = {"account.reported": "reported", "account.report_reminded": "reminded", "account.report_answered": "answered"}


def handle(batch: list[Sealed]) -> None:
    """Owe the mails of these entries. Of what is decided meanwhile no operator is reminded."""
    for sealed in batch:
        number = sealed.record.get("facts", {}).get("report")
        row = AccountReport.objects.filter(id=number).select_related("account").first() if number and sealed.outcome == "success" else None
        if row is None:
            continue
        now, said = datetime.now(UTC), {"reference": row.reference, "due": f"{row.due_at.astimezone(UTC):%Y-%m-%d %H:%M}", "entry": f"{sealed.seq}", "restricts": row.restricts,
                                        "ground": row.ground, "when": sealed.record["occurred_at"][:16].replace("T", " ")}
        if sealed.action in TO_PERSON and row.account.status != "purged":
            outbox.owe(template="report-news", account=row.account, entry=sealed.entry, organization_id=None, now=now,
                       context={**said, "event": TO_PERSON[sealed.action], "page": settings.STEWARD_URL + reverse("me-report")})
        if sealed.action in TO_OPERATORS and row.state == ReportState.OPEN:
            outbox.owe_all(template="report-waits", accounts=Account.objects.filter(is_operator=True, status="active").exclude(id=row.account_id), entry=sealed.entry, organization_id=None, now=now,
                           context={**said, "event": TO_OPERATORS[sealed.action], "late": row.due_at <= now, "page": settings.STEWARD_URL + reverse("operator")})


SUBSCRIBER = Subscriber(name="account-reports", handle=handle, actions=frozenset(TO_PERSON) | frozenset(TO_OPERATORS))
