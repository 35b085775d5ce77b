"""The shorter clock: network addresses and names of programs go from the log long before the log does. Proofs stay as they were."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from audit import recording
from audit.disclosure import Erased
from audit.models import Withheld
from audit.record import ActorRef, EntryDraft

PATHS = ("context.ip", "context.user_agent")
STEP = 20_000
"""Entries that are looked at in one act."""
_DUE = """SELECT d.org, CASE WHEN s.held AND NOT h.held THEN 0 ELSE COALESCE(s.seq, 0) END AS after, max(d.last_seq)
  FROM audit_day d LEFT JOIN audit_swept s ON s.org = d.org
  LEFT JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM audit_hold o WHERE o.org = d.org AND o.released_at IS NULL) AS held) h ON true
  WHERE d.day < %s GROUP BY 1, 2 HAVING max(d.last_seq) > CASE WHEN bool_or(s.held AND NOT h.held) THEN 0 ELSE COALESCE(max(s.seq), 0) END ORDER BY 1"""


def run(*, now: datetime) -> int:
    """Erase the addresses whose time is over, in each log where there are any: one entry for each log. Needs to see every log. Returns how many went."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT address_days FROM audit_bounds")
        day = (now.astimezone(UTC) - timedelta(days=cursor.fetchone()[0])).date()
        cursor.execute(_DUE, [day])
        logs = cursor.fetchall()
    return sum(_erase(org, after, upto, now) for org, after, upto in logs)


def _erase(org: UUID, after: int, upto: int, now: datetime) -> int:
    """One log: all that is due, in one act; an act of its own when nothing has to go would say nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not _some(cursor, org, after, upto):
            cursor.execute("SELECT audit_erase_addresses(%s, %s, %s)", [org, after, upto])
            return 0
        with recording.opened(org=org, now=now) as act:
            went = 0
            for low in range(after, upto, STEP):
                cursor.execute("SELECT audit_erase_addresses(%s, %s, %s)", [org, low, min(low + STEP, upto)])
                went += int(cursor.fetchone()[0])
            entry = act.write([EntryDraft(org=org, action="privacy.addresses_erased", category="privacy", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                                          facts={"openings": went, "first": after + 1, "last": upto})])[0]
            Withheld.objects.create(org=org, kind="addresses", first=after + 1, last=upto, openings=went, ground="retention", entry=entry, at=now)
            return went


def _some(cursor: object, org: UUID, after: int, upto: int) -> bool:
    """Whether there is an address to erase that nothing holds."""
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT EXISTS (SELECT 1 FROM audit_leaf l JOIN audit_disclosure d ON d.entry = l.entry WHERE l.org = %s AND l.seq > %s AND l.seq <= %s AND d.path = ANY(%s)"
        " AND NOT audit_pinned(l.org, l.seq, l.actor, COALESCE(l.occurred_at, l.recorded_at)))", [org, after, upto, list(PATHS)])
    return bool(cursor.fetchone()[0])  # type: ignore[attr-defined]


def erased_under(*, org: UUID, seq: int) -> Erased | None:
    """The entry under which the addresses of this number are withheld, if they are."""
    row = Withheld.objects.filter(org=org, kind="addresses", first__lte=seq, last__gte=seq).order_by("id").first()
    return Erased(row.entry, row.at, row.ground) if row else None
