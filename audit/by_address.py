"""Searching by network address: addresses are sealed, so entries are opened one after another, newest first, up to a limit that the reader is told."""
from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from uuid import UUID

from audit import queries
from audit.queries import Filters, Seen

MOST, WINDOW = 5000, 500
Network = IPv4Network | IPv6Network


@dataclass
class Found:
    """Entries whose address was in the network, newest first; and down to which number was looked, None when to the first entry."""

    entries: list[Seen]
    reached: int | None


def search(*, org: UUID, filters: Filters, network: Network, before: int | None = None, size: int = 50) -> Found:
    """At most `size` entries from this network, among at most MOST that fit the other filters. An erased address is found by nobody."""
    found: list[Seen] = []
    looked = 0
    while looked < MOST:
        page = queries.page(org=org, filters=filters, before=before, size=WINDOW, paths=("context.ip",))
        numbered = [seen for seen in page.entries if seen.seq is not None]
        for seen in numbered:
            looked += 1
            if _within(seen, network):
                found.append(seen)
                if len(found) == size:
                    return Found(found, seen.seq)
        if page.older is None:
            return Found(found, None)
        before = page.older
    return Found(found, before)


def _within(seen: Seen, network: Network) -> bool:
    value = seen.open.get("context.ip")
    try:
        return isinstance(value, str) and ip_address(value) in network
    except ValueError:
        return False
