"""Whoever is deleted is deleted by the map: every row and column that it says goes is gone, and nobody else lost anything."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as live
from django.db import connection

from accounts import outbox, purging, tenancy
from accounts.models import Account, Mail, Membership
from dsar import erasing
from dsar.datamap import MAP
from dsar.export import run
from dsar.models import Copy
from tests.api.calls import copy_for
from tests.cast import World
from tests.deletion.acts import act, warned
from tests.dsar.copies import numbered
from tests.dsar.test_copy import marked
from tests.situations import arrange


def left(account: Account) -> list[str]:
    """What the map says is gone and is not."""
    found = []
    with tenancy.installation("a test looks"), connection.cursor() as cursor:
        for unit in MAP.units:
            where, values = erasing.theirs(unit, account)
            if not where or unit.table.startswith("audit_") or unit.table == "accounts_searchtoken":
                continue  # words of the search follow from the name, which is checked by its marker
            if unit.erase == "delete":
                cursor.execute(f'SELECT count(*) FROM "{unit.table}" WHERE {where}', values)
                found += [f"{unit.table}: {n} rows"] if (n := cursor.fetchone()[0]) else []
            for column, empty in erasing.emptied(unit):
                cursor.execute(f'SELECT count(*) FROM "{unit.table}" WHERE ({where}) AND {column} IS DISTINCT FROM {empty}', values)
                found += [f"{unit.table}.{column}: {n}"] if (n := cursor.fetchone()[0]) else []
    return found


def fingerprint(account_id: Any) -> dict[str, Any]:
    """Every row about somebody, as text."""
    found = {}
    account = Account.objects.get(id=account_id)
    with tenancy.installation("a test looks"), connection.cursor() as cursor:
        for unit in MAP.units:
            where, values = erasing.theirs(unit, account)
            if where and not unit.table.startswith("audit_"):
                cursor.execute(f'SELECT "{unit.table}"::text FROM "{unit.table}" WHERE {where} ORDER BY 1', values)
                found[unit.table] = cursor.fetchall()
    return found


def deleted(world: World, person: Membership) -> Account:
    act(world.north, "schedule-deletion", person)
    warned(person)
    numbered()
    with tenancy.installation("the schedule"):
        later = datetime.now(UTC) + timedelta(days=91)
        assert purging.purge(account_id=person.account_id, now=later)
        while Mail.objects.filter(account_id=person.account_id, state="due").exists():  # among those of other tests
            outbox.deliver(now=later + timedelta(minutes=1))
        purging.tidy()
    return Account.objects.get(id=person.account_id)


def test_what_the_map_says_is_gone_and_others_are_as_before(world: World) -> None:
    person, mark = marked(world, "worker")
    other, _foreign = marked(world, "guest")
    arrange(lambda: Membership.objects.filter(id=person.id).update(reset_required_at=datetime.now(UTC), invited_at=datetime.now(UTC), last_active_at=datetime.now(UTC), identity_changed_at=datetime.now(UTC)))
    row: list[Copy] = []
    arrange(lambda: row.append(copy_for(person)))
    before = fingerprint(other.account_id)
    assert left(Account.objects.get(id=person.account_id)), "there is something to be erased"
    account = deleted(world, person)
    assert account.status == "purged" and mark not in account.name + account.email
    assert left(account) == []
    with tenancy.installation("a test looks"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_searchtoken WHERE token LIKE %s", [f"%{mark}%"])
        assert cursor.fetchone() == (0,)
    assert not (run.folder() / f"{row[0].id}.sealed").exists()
    assert fingerprint(other.account_id) == before


def test_twice_is_once(world: World) -> None:
    person, _mark = marked(world, "worker")
    account = deleted(world, person)
    before, done = fingerprint(account.id), []
    arrange(lambda: done.append(erasing.by_map(account, "")))
    assert done == [{"rows": 0, "changed": 0}] and fingerprint(account.id) == before


def test_without_the_map_something_is_left(world: World, settings: Any) -> None:
    """The map knows more than the parts that were written by hand: this test fails when the plug is pulled."""
    settings.PURGE_PARTS = tuple(name for name in live.PURGE_PARTS if not name.startswith("dsar."))
    person, _mark = marked(world, "worker")
    arrange(lambda: (Membership.objects.filter(id=person.id).update(reset_required_at=datetime.now(UTC)), copy_for(person)))
    assert any(line.startswith("dsar_copy") for line in left(deleted(world, person)))


@pytest.mark.parametrize("table", ["accounts_account", "accounts_management", "accounts_deletion"])
def test_what_is_left_to_the_deletion_itself_is_done_by_it(world: World, table: str) -> None:
    assert table in erasing.ELSEWHERE
    person, _mark = marked(world, "worker")
    assert not [line for line in left(deleted(world, person)) if line.startswith(f"{table}:")]
