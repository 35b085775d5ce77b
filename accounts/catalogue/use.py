"""What an installed app did here, in numbers: kept without anybody's name, and shown to administrators and to the person."""
from __future__ import annotations

import uuid
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q

from accounts.models import AppGrant, Installation


def note(*, installation_id: UUID, account_id: UUID | None, what: str, calls: int = 1, now: datetime) -> None:
    """The app called `what`, so many times since it was noted last, in this person's name if there is one. Called by whoever lets a program in; writing it is no act."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO accounts_appuse (id, organization_id, installation_id, what, calls, first_at, last_at)"
                       " SELECT %s, i.organization_id, i.id, %s, %s, %s, %s FROM accounts_installation i WHERE i.id = %s"
                       " ON CONFLICT (installation_id, what) DO UPDATE SET calls = accounts_appuse.calls + EXCLUDED.calls, last_at = GREATEST(accounts_appuse.last_at, EXCLUDED.last_at)",
                       [uuid.uuid4(), what[:60], calls, now, now, installation_id])
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now.replace(second=0, microsecond=0))  # once a minute is exact enough
    Installation.objects.filter(stale, id=installation_id).update(last_used_at=now)
    if account_id is not None:
        AppGrant.objects.filter(stale, installation_id=installation_id, account_id=account_id, ended_at=None).update(last_used_at=now)
