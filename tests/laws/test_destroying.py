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
    "dsar/holds/running.py": "files of requests that are over, which a hold had kept, when it no longer does",
    "accounts/organizations/ending.py": "the end of an organization, after its own gate",
    "accounts/work.py": "what a power removes, through the door and with an entry",
    "accounts/due.py": "rows whose time is over: receipts after a day, plans and snapshots after their days, second factors after the hour to stop it",
    "accounts/dormant/running.py": "what the holder of an unused account was told, once they are back or the account is closed",
    "accounts/profile/aside.py": "the row of a value that was set aside, in the statement that puts it back on its profile",
    "accounts/profile/telling.py": "suggestions and changes whose days are over",
    "accounts/rights.py": "links and visits of the rights door, used or a day old",
    "dsar/cases/inquiries.py": "inquiries without a session, used or a day old",
    "dsar/retention/removing.py": "rows past their day, by the rules of the organization or the installation's periods, after its gate",
    "dsar/relays/answering.py": "numbers of messages that are too old to count; about nobody",
    "dsar/cases/children.py": "a report about a child, in the moment in which its requests are opened",
    "accounts/emails/steps.py": "changes of an address that are long over",
    "accounts/emails/switching.py": "the address book of the sign-in library, written anew when an address changes",
    "accounts/credentials.py": "sessions that end with a changed password",
    "accounts/communications/choices.py": "a ban on mail that the person lifts themselves",
    "dsar/ledger/memory.py": "numbers of lines of the ledger that are accounted for; about nobody",
    "dsar/ledger/programs.py": "services, access to them and webhooks that were gone before the backup brought them back",
    "dsar/ledger/replay.py": "sessions of a restored database: everybody signs in again",
    "dsar/ledger/restoring.py": "what a line of the ledger says was gone before the backup brought it back",
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
    "accounts/webhooks/running.py": "old messages of webhooks; about nobody",
    "accounts/webhooks/ending.py": "webhooks and streams of a service or an app that ends; about nobody",
    "accounts/signals/push.py": "a security event that its receiver has",
    "accounts/signals/polling.py": "a security event that its receiver has",
    "accounts/signals/streams.py": "what waits in a stream that a program switched off or removed, or about somebody it asked not to be told of",
    "accounts/signals/running.py": "security events that nobody took for 30 days",
    "accounts/oauth/ending.py": "tokens, codes and devices of sign-ins at programs that end; the sessions themselves stay",
    "accounts/oauth/calling.py": "calls to programs that are done or given up, after their days",
    "portal/oauth/device.py": "a code of a device, once it was exchanged",
}
"""Each file that destroys rows, and what it destroys."""

GATE = {
    "accounts/purging.py": "holds.shut()", "accounts/organizations/ending.py": "holds.covers(", "accounts/due.py": "holding.free(", "accounts/profile/telling.py": "holding.free(",
    "accounts/emails/steps.py": "holding.free(", "accounts/approvals.py": "holding.free(", "accounts/bulk.py": "holding.free(", "dsar/erasing.py": "gate.kept(", "dsar/holds/running.py": "holding.free(",
    "audit/disclosure.py": "holds.covers(", "dsar/retention/removing.py": "asked.held()", "audit/retention_lock.py": "audit_pinned(",
}
"""Where each of them asks whether a hold keeps it."""
NEVER_HELD = {
    "accounts/profile/aside.py": "moves a value between two places of the same organization; nothing is lost",
    "accounts/purge_parts.py": "only `accounts/purging.py` calls its parts, one by one, each after the gate",
    "accounts/work.py": "what a power removes of somebody stands in its entry, with its values; the log keeps them, and what a hold keeps of the log does not go",
    **dict.fromkeys(("accounts/signals/push.py", "accounts/signals/polling.py", "accounts/signals/streams.py", "accounts/signals/running.py"),
                    "the queue of what follows from entries; the entries themselves stay"),
    "accounts/webhooks/running.py": "numbers of entries and when they were sent; the entries stay", "accounts/webhooks/ending.py": "addresses of programs and what waits for them; the entries stay",
    "accounts/oauth/ending.py": "secrets, as hashes; that somebody was signed in to a program and when stays in a table of its own",
    "accounts/oauth/calling.py": "that a program was told that a session ended; the session stays in a table of its own",
    "portal/oauth/device.py": "the secret of a device that is signed in, as a hash; the session stays in a table of its own",
    "accounts/rights.py": "secrets of links and visits, as hashes; that the page was opened stands in the log",
    "dsar/cases/inquiries.py": "what was typed before anybody knew who it was; what became of it is a request, and stays",
    "dsar/relays/answering.py": "numbers that programs made for one message each; about nobody",
    "dsar/cases/children.py": "what was typed before anybody knew whom it was about; the request that it becomes has the words",
    "accounts/emails/switching.py": "the sign-in library's own copy of addresses; the address before stands in the entry",
    "accounts/credentials.py": "secrets of browser sessions; that a session was and when stays in a table of its own",
    "accounts/communications/choices.py": "a keyed hash of an address; the choice itself is a line of a ledger that is only added to",
    "accounts/views_saved.py": "how somebody had a list shown; it says nothing of anybody that the list does not",
    "accounts/roles.py": "permissions of a role; about nobody",
    "accounts/organizations/slugs.py": "old addresses of organizations; about nobody",
    "accounts/powers/change_log_stream.py": "attempts of a stream; about nobody",
    "portal/importing.py": "lines of a file that are written anew in the same moment, as what they are read as",
    "accounts/door.py": "the claim of an act that did not happen",
    "portal/api/idempotency.py": "the claim of an act that did not happen",
    "accounts/dormant/running.py": "the marks of warnings about an unused account; the warnings themselves are entries",
    "dsar/ledger/memory.py": "numbers of lines of the ledger; about nobody", "dsar/ledger/replay.py": "sessions of a restored database; that they were stands in the log",
    "dsar/ledger/programs.py": "only what was destroyed already, after the gate, before a backup brought it back",
    "dsar/ledger/restoring.py": "only what was destroyed already, after the gate, before a backup brought it back",
    "accounts/listing.py": "derived from rows that the gate keeps, and derived anew with them",
    "accounts/audit_reading.py": "a mark in the cache, not a row", "portal/jobs.py": "a mark in the queue, not a row",
    "audit/key_store.py": "keys of somebody who was erased, after the log's own gate", "audit/lock.py": "the lock's own row of an open act",
    "audit/sequencer.py": "the queue of entries that got their number; the entries stay", "audit/streams/delivery.py": "old attempts of a stream; about nobody",
}
"""Why what the others destroy can never be what a hold keeps. Uninstalling an app destroys nothing of ours but secrets (decision 65); removing a service asks for holds in its rule."""


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


def test_whatever_destroys_asks_the_gate_of_holds_or_says_why_not() -> None:
    assert set(GATE) | set(NEVER_HELD) == set(ALLOWED) and not set(GATE) & set(NEVER_HELD)
    assert all(len(why) > 20 for why in NEVER_HELD.values())
    assert {path: call for path, call in GATE.items() if call not in (ROOT / path).read_text()} == {}, "it does not ask any more"


@pytest.mark.parametrize(("text", "count"), [
    ("Account.objects.filter(id=1).delete()", 1), ("rows._raw_delete('default')", 1), ("cursor.execute('DELETE FROM accounts_account')", 1), ("x = f'DELETE FROM {table}'", 1), ("c.execute('TRUNCATE accounts_account')", 1),
    ("'''A word about what is deleted.'''", 0), ("rows.update(name='')", 0)])
def test_this_law_bites(text: str, count: int) -> None:
    assert len(list(destroys(text))) == count
