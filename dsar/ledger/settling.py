"""Accounting for lines: the mark moves as far as every line is known to have happened, or never to happen."""
from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from dsar.ledger import file, memory, quarantine, writing
from dsar.ledger.file import Draft

_TURNS = 7_305_201_419  # any number, the same for everybody who moves the mark


def settle(*, now: datetime) -> int:
    """Account for every line, and say in the ledger what will never happen, so that no replay does it. Returns how far the mark is; 0 when it is closed or somebody else is at it."""
    if quarantine.look():
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_TURNS])
        if not cursor.fetchone()[0]:
            return 0
        mark = memory.remembered()
        last, void, batch = (mark.seq, mark.hash), list[Draft](), list[file.Line]()
        for line in file.walk(after=mark.seq):
            batch.append(line)
        states = iter(memory.transactions([line.tx for line in batch if line.seq not in mark.seen]))
        known = memory.remembered().seen
        for line in batch:
            state = "" if line.seq in mark.seen else next(states)
            if state and line.seq not in known:
                if state != "aborted":
                    break
                if line.kind != memory.VOID:
                    void.append(Draft(memory.VOID, line.org, line.subject, {"of": line.seq}))
            last = (line.seq, line.hash)
        memory.move(*last)
        writing.lines(void, now=now)
        return last[0]
