"""The person's page about who may do what to them, and what was done (policy B14); and the release that changes its answer."""
from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from html import unescape

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts import door, tenancy
from accounts.models import Management, Membership
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import sequencer
from portal import who
from tests.browse import client_for
from tests.cast import Org, World
from tests.situations import WHY, arrange


def act(org: Org, slug: str, person: Membership, by: str = "owner", **data: object) -> door.Receipt:
    with tenancy.scope(org=org.organization.id):
        done = door.perform(power=BY_SLUG[slug], actor=org.actor(by), ids=[person.id], data={**WHY, **data}, now=datetime.now(UTC))
    numbered()
    return done


def numbered() -> None:
    """What the sequencer does."""
    with tenancy.installation("a test numbers every log"):
        while sequencer.run_once():
            pass


def page(person: Membership, query: str = "") -> str:
    return unescape(client_for(person).get(f"/me/who/{query}").content.decode())


def test_the_page_says_who_manages_the_account_and_what_they_can_do(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    shown = page(person)
    assert org.organization.name in shown and "manages your account since" in shown and str(BY_SLUG["deactivate"].title) in shown and str(BY_SLUG["suspend"].title) in shown
    assert "Nobody but you has acted on your account" in shown
    assert f"<strong>{BY_SLUG['cancel-invitation'].title}</strong>" not in shown, "a member has no invitation left that could be cancelled"
    arrange(lambda: Management.objects.filter(account_id=person.account_id).delete())
    shown = page(person)
    assert "does not manage your account" in shown and str(BY_SLUG["suspend"].title) in shown and str(BY_SLUG["deactivate"].title) not in shown
    assert world.contoso.organization.name not in shown, "of organizations that one does not belong to nothing is shown"


def test_what_was_done_stands_there_for_whom_it_was_done_to_only(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "require-password-reset", person, message="Please choose a longer one.", reason_code="security_incident")
    act(org, "update-profile", org.person("auditor"), title="Secretary")
    assert client_for(org.person("auditor")).post("/me/", {"name": "A New Name", "language": "en", "time_zone": ""}).status_code == 302
    numbered()
    shown = page(person)
    assert "Please choose a longer one." in shown and "Security incident" in shown
    mine = [one.line.action for one in who.acts(person.account_id)[0]]
    assert mine == [BY_SLUG["require-password-reset"].event], "own acts and those on others are not in it"
    assert [one.line.action for one in who.acts(org.person("auditor").account_id)[0]] == [BY_SLUG["update-profile"].event]


def test_older_acts_follow_by_a_cursor_that_is_one_persons_own(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    for title in ("One", "Two", "Three"):
        act(org, "update-profile", person, title=title)
    first, cursor = who.acts(person.account_id, size=2)
    rest, end = who.acts(person.account_id, size=2, cursor=cursor)
    assert len(first) == 2 and len(rest) == 1 and end == ""
    assert len({one.line.id for one in [*first, *rest]}) == 3
    client = client_for(person)
    assert client.get("/me/who/", {"cursor": cursor}).status_code == 200
    assert client.get("/me/who/", {"cursor": "forged"}).status_code == 404
    assert client_for(org.person("auditor")).get("/me/who/", {"cursor": cursor}).status_code == 404


def test_what_one_did_oneself_costs_no_time(world: World) -> None:
    """However often somebody acted on themselves, finding what others did takes as many queries."""
    person = world.north.person("worker")
    act(world.north, "update-profile", person, title="One")
    with CaptureQueriesContext(connection) as few:
        assert len(who.acts(person.account_id)[0]) == 1
    client = client_for(person)
    for n in range(110):
        assert client.post("/me/", {"name": f"Name {n}", "language": "en", "time_zone": ""}).status_code == 302
    numbered()
    with CaptureQueriesContext(connection) as many:
        assert len(who.acts(person.account_id)[0]) == 1
    assert len(many) == len(few)


def test_a_released_account_is_the_persons_alone(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    before = Membership.objects.filter(id=person.id)
    with tenancy.scope(org=org.organization.id):
        role, status, version = before.values_list("role_id", "status", "version").get()
    act(org, "release-account", person)
    with tenancy.scope(org=org.organization.id):
        assert not Management.objects.filter(account_id=person.account_id).exists()
        assert before.values_list("role_id", "status").get() == (role, status), "what the person has in the organization stays"
        assert before.values_list("version", flat=True).get() > version, "who looked before has to look again"
    for slug in ("deactivate", "release-account", "reset-second-factor"):
        with pytest.raises(Refused) as refused:
            act(org, slug, person)
        assert "not_managed" in refused.value.codes
    act(org, "suspend", person)
    last = who.acts(person.account_id)[0][1].line
    assert last.action == "management.ended" and last.record["facts"]["basis"] and last.record["facts"]["since"]


def test_whoever_is_switched_off_is_not_released(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "deactivate", person)
    with pytest.raises(Refused) as refused:
        act(org, "release-account", person)
    assert refused.value.codes == ["wrong_status"]
    with tenancy.scope(org=org.organization.id):
        assert Management.objects.filter(account_id=person.account_id).exists()
    act(org, "reactivate", person)
    act(org, "release-account", person)


def test_who_waits_for_a_release_finds_an_account_that_is_not_managed(world: World) -> None:
    """Otherwise somebody would be switched off whom nobody can switch on again."""
    org, person = world.north, world.north.person("worker")
    codes: list[str] = []

    def deactivate() -> None:
        try:
            act(org, "deactivate", person, by="administrator")
        except Refused as refused:
            codes.extend(refused.codes)
        finally:
            connections.close_all()

    other = threading.Thread(target=deactivate)
    with tenancy.scope(org=org.organization.id), transaction.atomic():
        door.within(power=BY_SLUG["release-account"], actor=org.actor("owner"), ids=[person.id], data=WHY, now=datetime.now(UTC))
        other.start()
        end = time.monotonic() + 20
        while not waiting():
            assert other.is_alive() and time.monotonic() < end
            time.sleep(0.01)
    other.join(20)
    assert codes == ["not_managed"]
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=person.id).account.status == "active"


def waiting() -> bool:
    """Whether somebody else waits for a row that this transaction holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))")
        return bool(cursor.fetchone()[0])
