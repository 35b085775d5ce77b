"""Rows are destroyed by the deletion, by what time alone ends, and by the door; nowhere else in the code (RIGHTS 4b, 10)."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SQL = re.compile(r"\bDELETE\s+FROM\b|(?<!')\bTRUNCATE\s+(?!ON\b)(TABLE|[a-z\"%])")
_CALLS = {"delete", "_raw_delete", "truncate"}

ALLOWED = {
    "accounts/purge_parts.py": "the deletion of an account, after its gate",
    "accounts/purging.py": "the deletion of an account, after its gate",
    "dsar/erasing.py": "the deletion of an account, by the data map",
    "accounts/organizations/ending.py": "the end of an organization, after its own gate",
    "accounts/work.py": "what a power removes, through the door and with an entry",
    "accounts/due.py": "rows whose time is over: receipts after a day, plans and snapshots after their days, second factors after the hour to stop it",
    "accounts/profile/telling.py": "suggestions and changes whose days are over",
    "accounts/rights.py": "links and visits of the rights door, used or a day old",
    "dsar/cases/inquiries.py": "inquiries without a session, used or a day old",
    "dsar/retention/removing.py": "rows past their day, by the rules of the organization or the installation's periods, after its gate",
    "dsar/cases/children.py": "a report about a child, in the moment in which its requests are opened",
    "accounts/emails/steps.py": "changes of an address that are long over",
    "accounts/emails/switching.py": "the address book of the sign-in library, written anew when an address changes",
    "accounts/credentials.py": "sessions that end with a changed password",
    "accounts/communications/choices.py": "a ban on mail that the person lifts themselves",
    "accounts/views_saved.py": "a view that its owner drops",
    "accounts/roles.py": "permissions of a role that are not its own any more; about nobody",
    "accounts/organizations/slugs.py": "old addresses of organizations; about nobody",
    "accounts/powers/change_log_stream.py": "attempts of a stream that is removed; about nobody",
    "accounts/approvals.py": "the frozen rows of a plan that is over",
    "accounts/bulk.py": "the frozen rows of a plan that is over",
    "portal/importing.py": "the rows of a file that are read anew",
    "accounts/door.py": "the claim of a receipt whose act failed",
    "portal/api/idempotency.py": "the claim of a receipt whose act failed",
    "accounts/listing.py": "words of the search and counts, derived by triggers",
    "accounts/audit_reading.py": "a mark in the cache, not a row",
    "portal/jobs.py": "a mark in the queue, not a row",
    "audit/disclosure.py": "an erasure that waited and is done",
    "audit/key_store.py": "keys that were doomed by an erasure or by age",
    "audit/lock.py": "the lock's own row of an open act",
    "audit/retention_lock.py": "openings and keys of the log, by the function that asks for holds first",
    "audit/sequencer.py": "the queue of entries that got their number",
    "audit/streams/delivery.py": "old attempts of a stream; about nobody",
}
"""Each file that destroys rows, and what it destroys."""


def destroys(text: str) -> Iterator[str]:
    """The places of a program that destroy something."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CALLS:
            yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
            yield node.value


def found() -> set[str]:
    return {str(path.relative_to(ROOT)) for name in ("accounts", "audit", "dsar", "portal") for path in (ROOT / name).rglob("*.py")
            if "migrations" not in path.parts and any(destroys(path.read_text()))}


def test_nothing_is_destroyed_elsewhere() -> None:
    assert found() - set(ALLOWED) == set(), "say in ALLOWED what it destroys and why it need not be the deletion"
    assert set(ALLOWED) - found() == set(), "it destroys nothing any more"
    assert all(len(why) > 20 for why in ALLOWED.values())


@pytest.mark.parametrize(("text", "count"), [
    ("Account.objects.filter(id=1).delete()", 1), ("rows._raw_delete('default')", 1), ("cursor.execute('DELETE FROM accounts_account')", 1), ("x = f'DELETE FROM {table}'", 1), ("c.execute('TRUNCATE accounts_account')", 1),
    ("'''A word about what is deleted.'''", 0), ("rows.update(name='')", 0)])
def test_this_law_bites(text: str, count: int) -> None:
    assert len(list(destroys(text))) == count
