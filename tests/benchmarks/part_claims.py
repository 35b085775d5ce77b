"""Announcing and activating a claim, as the job does it, against the plain SQL that leaves the same rows behind. 10,000 and 50,000 accounts at every scale."""
from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from django.db import connection, transaction

from accounts.models import Account
from portal.env import APP_ROLE
from tests.benchmarks import seed
from tests.benchmarks.measure import Figure, once
from tests.benchmarks.part_act import TEXT
from tests.benchmarks.report import Goal, Part, Table
from tests.benchmarks.services import bare, run_python

_NAME = "claims-bench.com"
_COPIED = ("accounts_claimedaccount", "accounts_management", "audit_entry")


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """Both sizes, each in a process that does nothing else; the plain SQL before each of them."""
    org, sizes = orgs[0], (10_000, 50_000)  # at every scale: it is what a claim has to bear
    _tables()
    part, found = Part(name="claims", facts={"measured": f"{datetime.now(UTC):%Y-%m-%d}, make bench ONLY=claims SCALE={scale.name}"}), {}
    for step in ("announcing", "activating"):
        part.tables.append(Table(f"{step.capitalize()} a claim, relative to plain SQL", "plain INSERT … SELECT", [Figure("plain INSERT … SELECT"), Figure("by the job")]))
    for size in sizes:
        claim = _arranged(org, size)
        for table, days in zip(part.tables, ("0", "15"), strict=True):
            if days != "0":
                _days_later()
            plain = once(lambda days=days, claim=claim: _plain(org, claim, starts=days != "0"))
            done = json.loads(run_python("-m", "tests.benchmarks.claims_worker", days).splitlines()[-1])
            for figure, seconds in zip(table.figures, (plain, done["seconds"]), strict=True):
                figure.calls.append(seconds * 1000)
                figure.ratios.append(seconds / plain)
            found[(table.title, size)] = done
            part.facts[f"{table.title.partition(',')[0]} of {size:,} accounts"] = (
                f"{done['seconds']:.1f} s, {size / done['seconds']:,.0f} a second, {done['seconds'] / plain:.1f} × plain SQL, peak memory {done['peak'] / 1024:.0f} MB")
        _managed(claim, size)
    for table in part.tables:
        small, large = (found[(table.title, size)] for size in sizes)
        word = table.title.partition(" ")[0].lower()
        part.goals += [Goal(f"{word} {sizes[1]:,} accounts against plain SQL", table.figures[1].ratios[-1], 10.0),
                       Goal(f"{word}: memory at {sizes[1]:,} against {sizes[0]:,}", large["peak"] / small["peak"], 1.2)]
    _undo()
    return part


def _arranged(org: seed.Org, size: int) -> UUID:
    """So many accounts in a proven domain, which nobody manages, and a claim of them that was just announced."""
    _undo()
    claim, domain = uuid4(), uuid4()
    with bare() as connection_:
        connection_.execute("INSERT INTO accounts_domain (id, version, organization_id, name, state, method, token, created_at, last_problem, warned, releasing)"
                            " VALUES (%s, 1, %s, %s, 'verified', 'dns', 'bench', now(), '', 0, false)", [domain, org.id, _NAME])
        seed._fill(connection_, Account, f"generate_series(1, {size}) AS n", id="gen_random_uuid()", email=f"'p' || n || '@{_NAME}'", email_key=f"'p' || n || '@{_NAME}'", name="'Person ' || n",
                   password="'!'", created_at="now()", email_verified_at="now()", status="'active'")
        connection_.execute("INSERT INTO accounts_claim (id, version, organization_id, domain_id, state, choice, listed, days, told, announced_at, effective_at, notice_version)"
                            " VALUES (%s, 1, %s, %s, 'announcing', 'all', '{}', 14, 0, now(), now() + interval '14 days', 'bench')", [claim, org.id, domain])
        connection_.execute("ANALYZE accounts_account")
    return claim


def _days_later() -> None:
    """Between the telling and the date lie days, in which the database learns how large its tables are."""
    with bare() as connection_:
        for name in _COPIED[:2]:
            connection_.execute(f"ANALYZE {name}; ANALYZE bench.claims_{name}")


def _tables() -> None:
    """Copies with the same indexes and without any trigger."""
    with bare() as connection_:
        connection_.execute("CREATE SCHEMA IF NOT EXISTS bench")
        for name in _COPIED:
            connection_.execute(f"DROP TABLE IF EXISTS bench.claims_{name}; CREATE TABLE bench.claims_{name} (LIKE public.{name} INCLUDING DEFAULTS INCLUDING INDEXES)")
        connection_.execute(f"GRANT USAGE ON SCHEMA bench TO {APP_ROLE}; GRANT ALL ON ALL TABLES IN SCHEMA bench TO {APP_ROLE}")


def _plain(org: seed.Org, claim: UUID, *, starts: bool) -> None:
    """The rows that telling leaves, or that the beginning of control leaves, each with as many entries."""
    with transaction.atomic(), connection.cursor() as cursor:
        values = {"org": org.id, "claim": claim, "act": uuid4(), "text": TEXT, "name": f"%@{_NAME}"}
        if starts:
            cursor.execute("UPDATE bench.claims_accounts_claimedaccount SET state = 'managed', changed_at = now(), version = version + 1 WHERE claim_id = %(claim)s", values)
            cursor.execute("INSERT INTO bench.claims_accounts_management (id, version, organization_id, account_id, basis, since, notice_version)"
                           " SELECT gen_random_uuid(), 1, %(org)s, account_id, 'domain_claim', now(), 'bench' FROM bench.claims_accounts_claimedaccount WHERE claim_id = %(claim)s", values)
        else:
            cursor.execute("INSERT INTO bench.claims_accounts_claimedaccount (id, version, claim_id, organization_id, account_id, state, address, created_here, announced_at, effective_at, reminded, objection,"
                           " answer_code, answer, leaving_address, problem, changed_at) SELECT gen_random_uuid(), 1, %(claim)s, %(org)s, id, 'announced', email, false, now(), now() + interval '14 days', false,"
                           " '', '', '', '', '', now() FROM accounts_account WHERE email_key LIKE %(name)s", values)
        cursor.execute("INSERT INTO bench.claims_audit_entry (id, org, act, occurred_at, record, record_sha256) SELECT gen_random_uuid(), %(org)s, %(act)s, now(), %(text)s || id, sha256((%(text)s || id)::bytea)"
                       " FROM bench.claims_accounts_claimedaccount WHERE claim_id = %(claim)s", values)


def _managed(claim: UUID, size: int) -> None:
    with bare() as connection_:
        row = connection_.execute("SELECT count(*) FROM accounts_claimedaccount c JOIN accounts_management m ON m.account_id = c.account_id WHERE c.claim_id = %s AND c.state = 'managed'", [claim]).fetchone()
    if row is None or row[0] != size:
        raise SystemExit(f"bench: {row[0] if row else 0} of {size} accounts are managed")


def _undo() -> None:
    """As it was before, by plain SQL."""
    with bare() as connection_:
        connection_.execute("DELETE FROM accounts_management m USING accounts_account a WHERE a.id = m.account_id AND a.email_key LIKE %s", [f"%@{_NAME}"])
        connection_.execute("DELETE FROM accounts_claimedaccount c USING accounts_domain d JOIN accounts_claim k ON k.domain_id = d.id WHERE c.claim_id = k.id AND d.name = %s", [_NAME])
        connection_.execute("DELETE FROM accounts_claim k USING accounts_domain d WHERE d.id = k.domain_id AND d.name = %s", [_NAME])
        connection_.execute("DELETE FROM accounts_domain WHERE name = %s", [_NAME])
        connection_.execute("DELETE FROM accounts_account WHERE email_key LIKE %s", [f"%@{_NAME}"])
        seed.forget_waiting(connection_)
