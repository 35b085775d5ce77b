"""A hundred thousand lines of the ledger (a fifth of it at the small scale), replayed onto a database that was restored from a backup; and what one line costs whoever waits for the disk."""
from __future__ import annotations

import resource
import shutil
import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import tenancy
from accounts.models import Account, Membership
from dsar import ledger
from dsar.ledger import file, quarantine, reading, replay
from dsar.ledger.file import Draft
from dsar.ledger.models import LedgerMark, LedgerSeen
from tests.benchmarks import profile, seed
from tests.benchmarks.measure import once
from tests.benchmarks.report import Goal, Part

_STEP = 5_000
_A_SECOND = 100_000 / 60
"""So many lines a second make the goal: a hundred thousand in a minute."""


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """Once with a tenth, to see whether memory grows with the lines, and once with all of them."""
    many = 100_000 if scale.name == "full" else 20_000
    settings.LEDGER = folder / "ledger"
    _forget()
    few, _changed, before = _replayed(orgs, many // 10)
    start = time.process_time()
    seconds, changed, after = _replayed(orgs, many)
    busy = time.process_time() - start
    _written(orgs, 5_000)
    (folder / "ledger_profile.txt").write_text(profile.python(lambda: replay.run(now=timezone.now())))
    _forget()
    each = _one_line()
    _forget()
    grown = (after - before) / 1024
    return Part(name="ledger", tables=[], goals=[Goal(f"seconds to replay {many:,} lines", seconds, many / _A_SECOND), Goal("MB more for ten times the lines", grown, 40.0)],
                facts={f"{many:,} lines": f"{seconds:.1f} s, {many / seconds:,.0f} a second, {changed:,} of them changed something", f"{many // 10:,} lines": f"{few:.1f} s",
                       "processor time of the process that replays, with writing the lines": f"{busy:.1f} s",
                       "one line, waiting for the disk": f"{each * 1000:.2f} ms"})


def _replayed(orgs: list[seed.Org], many: int) -> tuple[float, int, int]:
    _written(orgs, many)
    found: list[replay.Report] = []
    seconds = once(lambda: found.append(replay.run(now=timezone.now())))
    assert not quarantine.look() and found[0].lines == many
    _forget()
    return seconds, sum(found[0].changed.values()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _forget() -> None:
    shutil.rmtree(settings.LEDGER, ignore_errors=True)
    LedgerSeen.objects.all().delete()
    LedgerMark.objects.all().delete()
    quarantine.forget()


def _written(orgs: list[seed.Org], many: int) -> None:
    """As if another database had written them: people suspended and back, whole and again, and one in twenty was deleted who is not in this database."""
    lines = _lines(orgs, many)
    with tenancy.installation("a measurement"):
        while some := list(islice(lines, _STEP)):
            file.append(some, tx="1.00000001.1.1", now=timezone.now())
    quarantine.forget()


def _lines(orgs: list[seed.Org], many: int) -> Iterator[Draft]:
    members = list(Membership.objects.filter(organization_id__in=[org.id for org in orgs], status="active", account__kind="person").values_list("id", flat=True)[:20_000])
    happened = reading.Happened(event=uuid.uuid4(), action="membership.suspended", org=orgs[0].id, at=timezone.now(), people=(), members=tuple(members))
    there = list(reading.memberships(happened))
    accounts = list(reading.accounts(reading.Happened(event=uuid.uuid4(), action="account.locked", org=orgs[0].id, at=timezone.now(), people=tuple({one.subject for one in there if one.subject}), members=())))
    assert Account.objects.exists() and there and accounts
    for number in range(many):
        if number % 20 == 0:
            yield Draft("account.purge", orgs[0].id, uuid.uuid4(), {"term": "2026-01-01T00:00:00+00:00", "by_person": False})
            continue
        one = (accounts if number % 4 == 0 else there)[number % len(accounts if number % 4 == 0 else there)]
        away = number < many // 2 and one.kind == "membership.state"
        yield Draft(one.kind, one.org, one.subject, {**one.facts, "status": "suspended" if away else str(one.facts["status"])})


def _one_line() -> float:
    def write() -> None:
        with transaction.atomic():
            ledger.line("account.purge", org=None, subject=uuid.uuid4(), facts={}, now=timezone.now())

    return min(once(write) for _ in range(50))
