"""Reads of one person are entries, once an hour for each session, and stand in the person's ledger in plain words (policy B14)."""
from __future__ import annotations

from accounts import tenancy
from audit import sequencer
from audit.models import Entry
from portal import who
from tests.browse import client_for
from tests.cast import World


def views(world: World) -> int:
    with tenancy.scope(org=world.north.organization.id):
        return sum('"data.viewed"' in e.record for e in Entry.objects.filter(org=world.north.organization.id))


def ledger(world: World, name: str) -> list[str]:
    with tenancy.installation("a test numbers every log"):
        while sequencer.run_once():
            pass
    return [one.line.text for one in who.acts(world.north.person(name).account_id)[0]]


def test_each_way_of_reading_one_person_is_in_their_ledger_once(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    client, api = client_for(org.person("auditor")), f"/api/v1/orgs/{org.slug}/people/{person.id}/"
    for number, path in enumerate((f"/o/{org.slug}/people/{person.id}/", api, f"{api}capabilities/", f"{api}sessions/"), start=1):
        for _twice in range(2):
            assert client.get(path).status_code == 200, path
        assert views(world) == number, path
    client_for(org.person("auditor")).get(api)
    assert views(world) == 5, "another session is another reader"
    found = ledger(world, "worker")
    assert len(found) == 5 and all("Auditor Person looked at what the organization keeps about" in text for text in found)
    assert ledger(world, "guest") == []


def test_oneself_and_refused_reads_are_no_entries(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    client_for(org.person("owner")).get(f"/o/{org.slug}/people/{org.person('owner').id}/")
    assert client_for(org.person("member")).get(f"/o/{org.slug}/people/{person.id}/").status_code == 404
    assert client_for(world.contoso.person("owner")).get(f"/api/v1/orgs/{org.slug}/people/{person.id}/").status_code == 404
    assert views(world) == 0
    assert "looked at what" not in client_for(org.person("owner")).get(f"/o/{org.slug}/people/{person.id}/").content.decode()
