"""The audit log's pages and its cursor where something is gone, far away or failing."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from accounts import audit_reading, tenancy
from accounts.powers import BY_SLUG
from audit import counts, queries
from audit.models import Leaf
from audit.queries import Filters
from portal.views.audit import CATEGORIES
from tests.audit.logs import Log, number_all, tampering
from tests.browse import client_for
from tests.cast import World
from tests.powers.test_service_accounts import service
from tests.situations import WHY
from tests.surfaces.test_audit_pages import act, reads, text


@pytest.fixture(autouse=True)
def forgotten(world: World) -> Iterator[None]:
    """What these tests leave is no log any more; others verify every log."""
    yield
    Log(org=world.north.organization.id).forget()


def records_gone(world: World, upto: int) -> None:
    """As between the removal of a month and the sweep after it: records are gone, their leaves are still there."""
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_entry e USING audit_leaf l WHERE l.org = %s AND l.seq <= %s AND e.id = l.entry", [world.north.organization.id, upto])


def leaves_gone(world: World, upto: int, *, first: int = 1) -> None:
    """And after the sweep, declared as a removal declares it."""
    org = world.north.organization.id
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_entry e USING audit_leaf l WHERE l.org = %s AND l.seq BETWEEN %s AND %s AND e.id = l.entry", [org, first, upto])
        attacker.execute("DELETE FROM audit_target WHERE org = %s AND seq BETWEEN %s AND %s", [org, first, upto])
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s AND seq BETWEEN %s AND %s", [org, first, upto])
        attacker.execute("INSERT INTO audit_pruned (org, first, last, root, entry, at, swept) VALUES (%s, %s, %s, '', gen_random_uuid(), now(), true)", [org, first, upto])


def undo(world: World) -> None:
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_pruned WHERE org = %s", [world.north.organization.id])


@pytest.mark.parametrize("query", [{"until": "0001-01-05"}, {"since": "0001-01-01", "until": "0001-01-01"}, {"since": "9999-12-31"}, {"since": "9999-12-30", "until": "9999-12-31"}])
def test_days_at_the_end_of_time_are_days(world: World, query: dict[str, str]) -> None:
    act(world)
    number_all()
    text(world, "", **query)


def test_a_follower_goes_past_what_was_removed(world: World) -> None:
    org = world.north
    for _ in range(6):
        act(world)
    number_all()
    with tenancy.scope(org=org.organization.id):
        size = counts.count(org=org.organization.id)
    records_gone(world, size - 1)
    client, after, seen = client_for(org.person("auditor")), 0, []
    for _ in range(size):
        answer = client.get(f"/api/v1/orgs/{org.slug}/audit/", {"after": after, "limit": 2}).json()
        seen += [e["seq"] for e in answer["entries"]]
        if answer["next"] == after:
            break
        after = answer["next"]
    assert size in seen


def test_pages_go_past_what_was_removed(world: World) -> None:
    number = world.north.organization.id
    for _ in range(6):
        act(world)
    number_all()
    with tenancy.scope(org=number):
        size = counts.count(org=number)
        with tampering() as attacker:
            attacker.execute("DELETE FROM audit_entry e USING audit_leaf l WHERE l.org = %s AND l.seq > %s AND e.id = l.entry", [number, size - 3])
        seen, before = [], None
        for _ in range(size):
            page = queries.page(org=number, filters=Filters(), size=2, before=before)
            seen += [entry.seq for entry in page.entries]
            if (before := page.older) is None:
                break
        assert seen == list(range(size - 3, 0, -1))


def test_a_timeline_says_what_is_not_there_any_more(world: World) -> None:
    org, number = world.north, world.north.organization.id
    for _ in range(6):
        act(world)
    number_all()
    account = org.person("administrator").account_id
    with tenancy.scope(org=number):
        found = queries.page(org=number, filters=Filters(actor=account), size=100).entries
        highest = found[0].seq
        assert highest is not None
        n = len(found)
    leaves_gone(world, highest - 2)
    page = text(world, f"by/{org.person('administrator').id}/")
    left = Leaf.objects.filter(org=number, actor=account)
    with tenancy.scope(org=number):
        left_here = left.count()
    assert left_here < n and "the whole of it" not in page
    assert f"{n} numbered entries were made, {left_here} of them are still here" in page
    with tenancy.scope(org=number):
        size = Leaf.objects.filter(org=number).count()
        assert counts.matching(org=number, filters=Filters()) == (size, True)
    undo(world)


def test_what_a_hold_kept_below_what_was_removed_is_counted(world: World) -> None:
    org, number = world.north, world.north.organization.id
    for _ in range(6):
        act(world)
    number_all()
    account = org.person("administrator").account_id
    with tenancy.scope(org=number):
        mine = [e.seq for e in queries.page(org=number, filters=Filters(actor=account), size=100).entries][::-1]
    leaves_gone(world, mine[3] or 0, first=mine[2] or 0)
    with tenancy.scope(org=number):
        assert counts.matching(org=number, filters=Filters(actor=account)) == (len(mine) - 2, True)
        assert counts.matching(org=number, filters=Filters(actor=account))[0] == Leaf.objects.filter(org=number, actor=account).count()
    undo(world)


def test_a_read_that_could_not_be_recorded_is_recorded_when_it_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    actor, at = world.north.actor("auditor"), datetime.now(UTC)

    def fails(**_given: Any) -> Any:
        raise RuntimeError("the database is away")

    with tenancy.scope(org=world.north.organization.id):
        with monkeypatch.context() as broken, pytest.raises(RuntimeError):
            broken.setattr(audit_reading.recording, "opened", fails)
            audit_reading.viewed(actor=actor, what="search", filters={"action": "x"}, now=at)
        audit_reading.viewed(actor=actor, what="search", filters={"action": "x"}, now=at)
    assert len(reads(world)) == 1


def test_without_the_memory_each_read_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as Away

    def away(*_args: Any) -> bool:
        raise Away

    monkeypatch.setattr(cache, "add", away)
    for _ in range(2):
        text(world, "", action="profile.updated")
    monkeypatch.undo()
    assert len(reads(world)) == 2


def test_a_service_account_has_a_timeline_of_its_own(world: World) -> None:
    made = service(world.north)
    number_all()
    assert "created" in text(world, f"about/{made.id}/").split("<main")[1]
    assert "No numbered entry yet" not in text(world, f"about/{made.id}/")
    assert "<tr" in text(world, "", target=str(made.account_id), target_type="service_account").split("<tbody>")[1].split("</tbody>")[0]


@pytest.mark.parametrize("who", ["owner", "administrator", "auditor"])
def test_each_place_is_linked_once_and_only_to_whom_it_opens(world: World, who: str) -> None:
    links = re.findall(r'<a class="btn" href="([^"]+)"', text(world, "", who=who).split("<main")[1].split('id="results"')[0])
    assert links and len(links) == len(set(links))
    client = client_for(world.north.person(who))
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_every_category_that_is_written_can_be_chosen(world: World) -> None:
    written = {power.code.split(".")[0] for power in BY_SLUG.values()}
    for package in ("accounts", "portal", "dsar", "audit"):
        for path in Path(package).rglob("*.py"):
            written |= set(re.findall(r'category="([a-z_]+)"', path.read_text()))
    assert set(CATEGORIES) >= written - {"installation"}
    act(world, "suspend", **WHY)
    number_all()
    for category in {r.record["category"] for r in everything(world)}:
        rows = text(world, "", category=category).split("<tbody>")[1].split("</tbody>")[0]
        assert "<tr" in rows, category


def everything(world: World) -> list[queries.Seen]:
    with tenancy.scope(org=world.north.organization.id):
        return queries.page(org=world.north.organization.id, filters=Filters(), size=100).entries
