"""Pages of the real product, through its real middleware, in the large organization and in the tiny one."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from django.test import Client

from accounts import tenancy
from accounts.models import Membership
from tests.benchmarks import empty, profile, seed
from tests.benchmarks.measure import Figure, Pace, slices
from tests.benchmarks.report import Goal, Part, Table
from tests.browse import client_for

FIRST_STEP, UNITS = 1.5, 8.0
"""At most this much of the same page in the tiny organization, and this many empty views."""


@dataclass(frozen=True)
class Case:
    """One page: its query in the large organization, and in the tiny one."""

    name: str
    big: dict[str, str]
    tiny: dict[str, str]


def owner_of(org: seed.Org) -> Client:
    """The organization's owner, signed in."""
    with tenancy.installation("the benchmarks sign somebody in"):
        membership = Membership.objects.get(id=seed.membership_of(org.first))
    return client_for(membership, SERVER_NAME="localhost")


def measure(name: str, what: str, path: str, cases: list[Case], orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """Each page against the same page of the tiny organization, and against the empty view, in the same rounds."""
    big, tiny = orgs[0], orgs[1]
    clients = {org.slug: owner_of(org) for org in (big, tiny)}
    bare = empty.client_like(clients[big.slug])
    variants: dict[str, Callable[[], object]] = {"empty view, session and user": lambda: bare.get("/")}
    for case in cases:
        for org, query in ((big, case.big), (tiny, case.tiny)):
            variants[f"{case.name} · {org.slug}"] = _page(clients[org.slug], path.format(slug=org.slug), query)
    figures = slices(variants, baseline="empty view, session and user", pace=Pace(scale.rounds, scale.seconds))
    part = Part(name=name, tables=[Table(f"{what}, {big.size:,} people and {big.entries:,} entries (big), {tiny.size} and {tiny.entries:,} (tiny); relative to an empty view",
                                         "empty view, session and user", list(figures.values()))])
    for case in cases:
        here, there = figures[f"{case.name} · {big.slug}"], figures[f"{case.name} · {tiny.slug}"]
        part.goals += [Goal(f"{what}, {case.name}: big against tiny", _relative(here, there), FIRST_STEP), Goal(f"{what}, {case.name}: big against the empty view", here.ratio, UNITS)]
    slowest = max(cases, key=lambda case: figures[f"{case.name} · {big.slug}"].ratio)
    part.facts["slowest"] = slowest.name
    part.facts["its slowest call, seconds"] = round(max(figures[f"{slowest.name} · {big.slug}"].calls) / 1000, 2)
    _explain(name, what, cases, slowest, variants, figures, orgs, folder)
    return part


def _explain(name: str, what: str, cases: list[Case], slowest: Case, variants: dict[str, Callable[[], object]], figures: dict[str, Figure], orgs: list[seed.Org], folder: Path) -> None:
    """Profiles of the slowest page and of the first page of the tiny organization, and every slow statement of every page."""
    scopes = {org.slug: partial(tenancy.scope, org=org.id, account=seed.account_of(org.first)) for org in orgs[:2]}
    for org, case, suffix in ((orgs[0], slowest, ""), (orgs[1], cases[0], "_tiny")):
        page = f"{case.name} · {org.slug}"
        often = max(1, min(50, int(3000 / figures[page].percentile(50))))
        profile.write(variants[page], folder / f"{name}_profile{suffix}.txt", title=f"{what}, {case.name}, in the organization of {org.size:,}", scope=scopes[org.slug], times=often)
    lines: list[str] = []
    for case in cases:
        lines += [f"=== {case.name}", *profile.slow(variants[f"{case.name} · {orgs[0].slug}"], scope=scopes[orgs[0].slug])]
    (folder / f"{name}_slow.txt").write_text("\n".join(lines) + "\n")


def _relative(here: Figure, there: Figure) -> float:
    import statistics

    return statistics.median(a / b for a, b in zip(here.ratios, there.ratios, strict=True))


def _page(client: Client, path: str, query: dict[str, str]) -> Callable[[], object]:
    address = f"{path}?{urlencode(query)}" if query else path

    def get() -> None:
        response = client.get(address)
        if response.status_code != 200:
            raise SystemExit(f"bench: {address} answered {response.status_code}")

    return get


