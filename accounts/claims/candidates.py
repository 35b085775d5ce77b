"""Who can be claimed by a domain: counted for the preview, chosen for the announcement, judged line by line for a list."""
from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.addresses import address_key
from accounts.claims.life import STAYS_OUT, TOLD_MOST, TOLD_WITHIN
from accounts.models import Claim, Domain
from accounts.models.claim import UNDECIDED, Choice
from accounts.tenancy import installation

KINDS = ("managed_here", "member", "other", "managed_elsewhere", "unverified", "objected", "announced", "told_often", "not_now")
CLAIMABLE = ("member", "other")
MOST_ROWS, LONGEST = 10_000, 600_000
"""Lines and characters of a list."""

_FOUND = """SELECT a.id, a.email, a.email_key, a.last_active_at, COALESCE(m.created_at = a.created_at AND m.invited_by IS NOT NULL, false) AS created_here,
 EXISTS (SELECT 1 FROM accounts_claimedaccount e WHERE e.account_id = a.id AND e.organization_id = %(org)s AND e.state IN ('exempted', 'left') AND e.changed_at > %(spared)s) AS spared,
 CASE WHEN a.email_verified_at IS NULL THEN 'unverified' WHEN mg.organization_id = %(org)s THEN 'managed_here' WHEN mg.id IS NOT NULL THEN 'managed_elsewhere'
  WHEN c.state = 'objected' THEN 'objected' WHEN c.id IS NOT NULL THEN 'announced' WHEN a.status <> 'active' OR a.is_operator OR a.reported_at IS NOT NULL THEN 'not_now'
  WHEN (SELECT count(*) FROM accounts_claimedaccount t WHERE t.account_id = a.id AND t.announced_at > %(recent)s) >= %(most)s THEN 'told_often'
  WHEN m.id IS NULL THEN 'other' ELSE 'member' END AS kind
 FROM accounts_account a LEFT JOIN accounts_management mg ON mg.account_id = a.id
 LEFT JOIN accounts_membership m ON m.account_id = a.id AND m.organization_id = %(org)s AND m.status <> 'removed'
 LEFT JOIN accounts_claimedaccount c ON c.account_id = a.id AND c.organization_id = %(org)s AND c.state = ANY(%(open)s)
 WHERE split_part(a.email_key, '@', -1) = %(domain)s AND a.kind = 'person' AND a.status <> 'purged'"""
"""The accounts whose address is exactly in the domain, each with what it is to the organization. A subdomain is a domain of its own."""

_IDLE = "(last_active_at IS NULL OR last_active_at < %(idle)s)"


def _values(domain: Domain, now: datetime, **more: Any) -> dict[str, Any]:
    return {"org": domain.organization_id, "domain": domain.name, "spared": now - STAYS_OUT, "recent": now - TOLD_WITHIN, "most": TOLD_MOST, "open": list(UNDECIDED), **more}


@dataclass
class Counted:
    """How many accounts of a domain there are of each kind; never who."""

    by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    by_choice: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Choice.values, 0))
    """How many each choice reaches; of a list that is known only when it is there."""
    created_here: int = 0
    spared: int = 0
    """Of those that can be claimed: how many the organization created, and how many it left out before."""

    @property
    def claimable(self) -> int:
        return sum(self.by_kind[kind] for kind in CLAIMABLE)


def count(*, domain: Domain, now: datetime, inactive_days: int = 0) -> Counted:
    """The preview of a claim. `inactive_days` is for the choice of those who have not been active for so long."""
    found = Counted()
    with installation("accounts of a domain are counted, wherever they belong"), connection.cursor() as cursor:
        cursor.execute(f"SELECT kind, count(*), count(*) FILTER (WHERE created_here), count(*) FILTER (WHERE spared), count(*) FILTER (WHERE NOT spared AND {_IDLE}) FROM ({_FOUND}) f GROUP BY kind",
                       _values(domain, now, idle=now - timedelta(days=inactive_days)))
        for kind, number, created, spared, idle in cursor.fetchall():
            found.by_kind[kind] = number
            if kind in CLAIMABLE:
                found.created_here += created
                found.spared += spared
                found.by_choice[Choice.ALL] += number - spared
                found.by_choice[Choice.MEMBERS if kind == "member" else Choice.OTHERS] += number - spared
                found.by_choice[Choice.INACTIVE] += idle
    return found


@dataclass(frozen=True)
class Candidate:
    account_id: UUID
    email: str
    created_here: bool


def batch(*, claim: Claim, domain: Domain, now: datetime, size: int) -> tuple[list[Candidate], UUID | None]:
    """The next accounts that the claim is to tell, after those it has passed, and the last one that was looked at (None: there are no more)."""
    wanted = {
        Choice.ALL: "NOT spared", Choice.MEMBERS: "kind = 'member' AND NOT spared", Choice.OTHERS: "kind = 'other' AND NOT spared",
        Choice.INACTIVE: f"{_IDLE} AND NOT spared", Choice.LISTED: "true"}[Choice(claim.choice)]
    # The limit stands around the accounts alone, so that what is skipped is passed too and no batch looks at everything.
    listed = " AND a.id = ANY(%(listed)s)" if claim.choice == Choice.LISTED else ""
    sql = f"SELECT id, email, created_here, kind = ANY(%(claimable)s) AND {wanted} FROM ({_FOUND}{listed} AND (%(after)s::uuid IS NULL OR a.id > %(after)s) ORDER BY a.id LIMIT %(size)s) f ORDER BY id"
    values = _values(domain, now, claimable=list(CLAIMABLE), after=claim.reached, size=size, listed=list(claim.listed), idle=now - timedelta(days=claim.inactive_days or 0))
    with installation("accounts of a domain are told, wherever they belong"), connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    return [Candidate(i, email, created) for i, email, created, fits in rows if fits], rows[-1][0] if rows else None


@dataclass(frozen=True)
class Verdict:
    """What one line of a list comes to: the account, or the code of what is wrong with it."""

    number: int
    code: str = ""
    account_id: UUID | None = None


def lines(text: str) -> list[str]:
    """The addresses of a list: one on a line, or the first column of a CSV; a header `email` is passed over."""
    found = [row[0].strip() if row else "" for row in csv.reader(text.lstrip("\ufeff").splitlines())]
    return found[1:] if found and found[0].casefold() == "email" else found


def judge(*, domain: Domain, addresses: Sequence[str], now: datetime) -> list[Verdict]:
    """A verdict for every line that says something. What is not in the domain is not looked up at all, so a list tells nothing about strangers."""
    keys = [address_key(address) if address and address[0] not in "=+-@\t" else "" for address in addresses]
    known = _known(domain, [key for key in keys if key.rpartition("@")[2] == domain.name], now)
    found, seen = [], set()
    for number, (address, key) in enumerate(zip(addresses, keys, strict=True), start=1):
        if not address:
            continue
        code, account_id = "", None
        if not key:
            code = "formula"
        elif key.rpartition("@")[2] != domain.name:
            code = "not_in_domain"
        elif key in seen:
            code = "duplicate_row"
        elif key not in known:
            code = "unknown_address"
        else:
            account_id, kind = known[key]
            code = "" if kind in CLAIMABLE else f"claim_{kind}"
        seen.add(key)
        found.append(Verdict(number, code, account_id))
    return found


def _known(domain: Domain, keys: Iterable[str], now: datetime) -> dict[str, tuple[UUID, str]]:
    if not (wanted := list(keys)):
        return {}
    with installation("addresses of a list, in the organization's own domain"), connection.cursor() as cursor:
        cursor.execute(f"SELECT email_key, id, kind FROM ({_FOUND} AND a.email_key = ANY(%(keys)s)) f", _values(domain, now, keys=wanted))
        return {key: (account_id, kind) for key, account_id, kind in cursor.fetchall()}
