"""What time alone brings about: security events that nobody took are forgotten."""
from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import SignalEvent
from accounts.tenancy import installation

KEPT = timedelta(days=30)


def run(*, now: datetime) -> int:
    """Remove what waited for 30 days: the receiver is gone, or never fetched. Of deletions that never ended too."""
    with installation("security events of every organization"):
        return SignalEvent.objects.filter(Q(issued_at__lt=now - KEPT)).delete()[0]
