"""What a person is told is held about them: counted in every organization, nothing of anybody else."""
from __future__ import annotations

from datetime import UTC, datetime
from html import unescape

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from dsar import holding
from dsar.datamap import MAP
from tests.browse import client_for
from tests.cast import World, add_person
from tests.situations import arrange, session_for, token_for


def counts(person: Membership) -> dict[str, int]:
    return {one.unit.table: one.count for one in holding.held(person.account_id)}


def test_each_kind_is_counted_and_only_for_that_person(world: World) -> None:
    worker, guest = world.north.person("worker"), world.north.person("guest")
    before, other = counts(worker), counts(guest)
    assert (before["accounts_account"], before["accounts_membership"], before["accounts_serviceaccess"], before["accounts_session"], before["accounts_apitoken"]) == (1, 1, 2, 0, 0)
    arrange(lambda: [session_for(worker), session_for(worker), token_for(worker)])
    now = counts(worker)
    assert {table: now[table] - before[table] for table in now if now[table] != before[table]} == {"accounts_session": 2, "accounts_apitoken": 1}
    assert counts(guest) == other


def test_every_organization_counts(world: World) -> None:
    worker = world.north.person("worker")
    before = counts(worker)["accounts_membership"]
    arrange(lambda: Membership.objects.create(organization=world.contoso.organization, account_id=worker.account_id, role=world.contoso.roles["member"], status="active", created_at=datetime.now(UTC)))
    assert counts(worker)["accounts_membership"] == before + 1


def test_nobody_learns_of_a_hold_or_of_a_plan_that_waits() -> None:
    """A hold may be secret, and what is being decided is not told by a counter: neither stands on the page, not even with a zero."""
    assert {unit.table for unit in MAP.units if holding.told(unit)} & {"audit_hold", "audit_erasurewaiting", "audit_withheld", "accounts_plan", "accounts_planrow"} == set()


def test_every_way_to_a_person_can_be_walked() -> None:
    """Each condition of the map is SQL that the database takes."""
    with connection.cursor() as cursor:
        for unit in MAP.units:
            for subject in unit.about:
                if subject.role in {"subject", "recipient"}:
                    cursor.execute(f'SELECT count(*) FROM "{unit.table}" WHERE {holding.condition(unit.table, subject.path)}', ["0" * 32])


def test_the_page_says_none_where_there_is_none_and_counts_in_one_statement(world: World) -> None:
    worker = world.north.person("worker")
    client = client_for(worker)
    with CaptureQueriesContext(connection) as few:
        page = unescape(client.get("/me/data/").content.decode())
    assert "What is held about you" in page and ">none<" in page and "API tokens" in page
    arrange(lambda: [token_for(worker) for _n in range(3)])
    arrange(lambda: [add_person(world.north, f"more{n}", "member", True, datetime.now(UTC)) for n in range(5)])
    with CaptureQueriesContext(connection) as many:
        client.get("/me/data/")
    assert len(many) <= len(few)


def test_nobody_sees_it_without_signing_in(world: World, client: object) -> None:
    assert client.get("/me/data/").status_code == 302  # type: ignore[attr-defined]
