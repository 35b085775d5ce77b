"""The last event about somebody: put down at the beginning of their deletion, while it is still known which programs know them, and sent when it is done."""
from __future__ import annotations

from datetime import UTC, datetime

from accounts.models import Account, Membership, SignalEvent, SignalStream
from accounts.oauth.subjects import subject
from accounts.signals.known import known
from accounts.signals.mapping import PURGED


def last_events(account: Account, _address: str) -> dict[str, int]:
    """A part of a deletion; it may run twice. It keeps the identifier that the program has anyway, and not the account."""
    now = datetime.now(UTC)
    streams = SignalStream.objects.exclude(status="disabled").filter(organization__in=Membership.objects.filter(account=account).values("organization_id")).select_related("application")
    rows = [SignalEvent(organization_id=stream.organization_id, stream=stream, sub=subject(account_id=account.id, application_id=stream.application_id), kind=PURGED, state="held",
                        at=now, issued_at=now, claims={"event_timestamp": int(now.timestamp())})
            for stream in streams if PURGED in stream.events and not stream.exclusions.filter(account=account).exists()
            and known([account.id], service_id=stream.application.service_id, installation_id=stream.application.installation_id, at=now)]
    return {"last_events": len(SignalEvent.objects.bulk_create(rows, ignore_conflicts=True))}
