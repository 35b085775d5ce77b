"""Whoever reads or changes what is kept about people says of whom: no statement goes over a whole table, but where that is its work (RIGHTS 4b, 10)."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from dsar.datamap import MAP

ROOT = Path(__file__).parents[2]
MODELS = {model.__name__: model._meta.db_table for model in apps.get_models() if model._meta.db_table in MAP.by_table}
_NARROWS = {"filter", "get", "create", "bulk_create", "get_or_create", "update_or_create", "in_bulk", "none", "raw"}
"""A statement given to `raw` is looked at as every statement is."""
_MANAGERS = {"objects", "_default_manager", "_base_manager"}
_SQL = re.compile(rf"\b(?:FROM|UPDATE|JOIN)\s+({'|'.join(sorted(MAP.by_table, key=len, reverse=True))})\b")
_NARROWED = re.compile(r"\bWHERE\b|\bON\b|\bUSING\b|%s")

ALLOWED = {
    "accounts/purging.py": "the deletions that are due, of all organizations, one after the other",
    "accounts/rights.py": "addresses that anybody typed, the oldest first, until each is looked up",
    "accounts/notice_default.py": "every organization gets its first notice",
    "accounts/webhooks/running.py": "webhooks of all organizations, one after the other, for their old messages",
    "accounts/exporting.py": "names of the files that still belong to an export; the others are removed",
    "accounts/dormant/running.py": "warnings of all organizations, one after the other",
    "audit/disclosure.py": "erasures of the log that wait, the oldest first",
    "audit/key_store.py": "keys that are to be destroyed, whoever they belonged to",
    "audit/verify.py": "which organizations have a log, for whoever verifies all of them",
    "dsar/retention/units.py": "a part of a condition: whether some organization manages the account",
    "dsar/ledger/replay.py": "after a restore everybody signs in again",
    "dsar/horizon.py": "the earliest day, of all certificates, which names nobody",
    "dsar/cases/engine.py": "the manager is narrowed in the same function, locked or not",
    "dsar/cases/children.py": "reports that anybody typed, the oldest first, until each becomes a request",
    "dsar/registers/versions.py": "every organization gets its version of the record of processing",
    "dsar/wholesale/run.py": "names of the files that still belong to an export; the others are removed",
    "dsar/powers/rebut_child_report.py": "the manager is narrowed in the same function, locked or not",
    "portal/demo.py": "whether there is any organization yet",
    "portal/views/system.py": "the operator's list of organizations",
    "portal/views/register_files.py": "the register of the one organization whose scope is set, for its file",
    "portal/management/commands/verify_audit.py": "the operator verifies the logs of all organizations",
    "portal/management/commands/audit_drill.py": "the operator tries the logs of all organizations",
}
"""Each file with a statement over a whole table of the data map, and why."""


def _methods(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> list[tuple[str, int]]:
    """What is called one after the other on a manager, with the number of arguments."""
    found: list[tuple[str, int]] = []
    while isinstance(attribute := parents.get(node), ast.Attribute) and isinstance(call := parents.get(attribute), ast.Call) and call.func is attribute:
        found.append((attribute.attr, len(call.args) + len(call.keywords)))
        node = call
    return found


def whole(text: str) -> Iterator[str]:
    """The places of a program that speak of a whole table about people."""
    tree = ast.parse(text)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _MANAGERS and isinstance(node.value, ast.Name) and node.value.id in MODELS:
            if not any(name in _NARROWS and count for name, count in _methods(node, parents)):
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not isinstance(parents.get(node), ast.JoinedStr) and _SQL.search(node.value) and not _NARROWED.search(node.value):
            yield node.value


def found() -> set[str]:
    return {str(path.relative_to(ROOT)) for name in ("accounts", "audit", "dsar", "portal") for path in (ROOT / name).rglob("*.py")
            if "migrations" not in path.parts and any(whole(path.read_text()))}


def test_nothing_else_goes_over_a_whole_table() -> None:
    there = found()
    assert there - set(ALLOWED) == set(), "say whose rows, or say in ALLOWED why all of them"
    assert set(ALLOWED) - there == set(), "it goes over no whole table any more"
    assert all(len(why) > 20 for why in ALLOWED.values())


@pytest.mark.parametrize(("text", "count"), [
    ("Account.objects.all()", 1), ("for a in Session.objects.order_by('id'): pass", 1), ("Membership.objects.exclude(status='removed').update(title='')", 1), ("c.execute('SELECT email FROM accounts_account')", 1),
    ("c.execute('UPDATE accounts_membership SET title = NULL')", 1), ("Account.objects.filter().count()", 1),
    ("Account.objects.filter(id=1).delete()", 0), ("Role.objects.all()", 0), ("c.execute('SELECT email FROM accounts_account WHERE id = %s', [1])", 0), ("'''Rows from accounts are not read.'''", 0)])
def test_this_law_bites(text: str, count: int) -> None:
    assert len(list(whole(text))) == count
