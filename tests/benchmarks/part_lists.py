"""The people list: any depth, filter, order and search, in an organization of a hundred thousand."""
from __future__ import annotations

from pathlib import Path

from accounts import listing_query, tenancy
from tests.benchmarks import seed
from tests.benchmarks.pages import Case, measure
from tests.benchmarks.report import Part


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """Rare matches fill no page in the tiny organization; there they are compared with its first page, which costs more."""
    big, tiny = orgs[0], orgs[1]
    both = [("first page", {}), ("status active", {"status": "active"}), ("role member", {"role": "member"}), ("without second factor", {"mfa": "no"}), ("by last active", {"sort": "-active"}), ("by name, backwards", {"sort": "-name"}),
            ("search ma", {"q": "ma"}), ("search ma be", {"q": "ma be"})]
    cases = [Case(name, query, query) for name, query in both]
    cases += [Case("deep page", {"cursor": _deep(big)}, {"cursor": _deep(tiny)}), Case("deep page by last active", {"sort": "-active", "cursor": _deep(big, sort="active", descending=True)}, {"sort": "-active", "cursor": _deep(tiny, sort="active", descending=True)})]
    cases += [Case("status suspended", {"status": "suspended"}, {}), Case("role auditor", {"role": "auditor"}, {}), Case("search one person", {"q": str(big.first + big.size // 2)}, {})]
    return measure("lists", "People", "/o/{slug}/people/", cases, orgs, scale, folder)


def _deep(org: seed.Org, **order: object) -> str:
    """The cursor of a page at four tenths of the list, got by asking for one very long page."""
    with tenancy.scope(org=org.id):
        return listing_query.page(organization_id=org.id, want=listing_query.Wanted(size=org.size * 4 // 10, **order)).next  # type: ignore[arg-type]
