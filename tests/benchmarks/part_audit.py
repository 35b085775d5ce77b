"""The audit page: any depth and filter, in a log of more than a million entries."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils import timezone

from accounts import door, tenancy
from accounts.models import Account
from accounts.powers import BY_SLUG
from audit import sequencer
from tests.benchmarks import seed
from tests.benchmarks.pages import Case, measure
from tests.benchmarks.part_act import access_of
from tests.benchmarks.report import Part


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """The newest page has openings to unseal, as it always does; older seeded entries have none."""
    big, tiny = orgs[0], orgs[1]
    for org in (big, tiny):
        _recent_acts(org)
    week = {"since": _day(200), "until": _day(140)}
    cases = [Case("first page", {}, {}), Case("deep page", {"before": str(big.entries // 3)}, {"before": str(tiny.entries // 3)}), Case("refused", {"outcome": "denied"}, {"outcome": "denied"}),
             Case("by action", {"action": "membership.suspended"}, {"action": "membership.suspended"}), Case("sixty days", week, week)]
    for name, field, number in (("by actor", "actor", 0), ("about somebody", "person", 17)):
        cases.append(Case(name, {field: _address(big, number)}, {field: _address(tiny, number)}))
    cases.append(Case("by actor, sixty days", {"actor": _address(big, 1), **week}, {"actor": _address(tiny, 1), **week}))
    return measure("audit", "Audit log", "/o/{slug}/audit/", cases, orgs, scale, folder)


def _recent_acts(org: seed.Org) -> None:
    """A page full of real acts, numbered by the real sequencer."""
    actor = access_of(org)
    with tenancy.scope(org=org.id):
        for number in range(60):
            door.perform(power=BY_SLUG["update-profile"], actor=actor, ids=[seed.membership_of(org.first + 4 + number % 40)], data={"title": f"Title {timezone.now():%f} {number}"}, now=timezone.now())
    while sequencer.run_once():
        pass


def _address(org: seed.Org, number: int) -> str:
    return Account.objects.values_list("email", flat=True).get(id=seed.account_of(org.first + number))


def _day(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()
