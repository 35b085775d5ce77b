"""Who may use a service: their own row decides, else groups and everybody; a restriction narrows all of it; what is suspended lets nobody in."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts import tenancy
from accounts.models import GroupMembership, GroupService, Membership, Service, ServiceAccess
from accounts.services import entry, listing, ways
from tests.cast import Org, World
from tests.powers.test_groups import group
from tests.powers.test_roles import act, notices, refused
from tests.situations import WHY, arrange, service_for


def said(org: Org, service: Service, person: str = "worker") -> tuple[str, str]:
    """How far the person may go there, and why not."""
    given = {"account_id": org.person(person).account_id, "service_id": service.id, "now": datetime.now(UTC)}
    return entry.level(**given), entry.refusal(**given)


def made(org: Org, name: str = "Wiki", **more: object) -> Service:
    rows: list[Service] = []
    arrange(lambda: rows.append(service_for(org, name, **more)))
    return rows[0]


def test_own_access_decides_and_what_is_shared_ends_with_what_it_comes_by(world: World) -> None:
    org, worker = world.north, [world.north.person("worker").id]
    wiki, crew = made(org), group(org, "Crew", "worker", "guest")
    assert said(org, wiki) == ("", "no_service_access")
    act(org, "set-group-service", "app-manager", [crew.id], service=wiki.slug, level="read_only")
    assert (said(org, wiki), said(org, wiki, "guest"), said(org, wiki, "legal")) == (("read_only", ""), ("read_only", ""), ("", "no_service_access"))
    act(org, "set-service-everyone", "app-manager", [wiki.id], level="full")
    assert (said(org, wiki), said(org, wiki, "legal")) == (("full", ""), ("full", "")), "the widest of what is shared"
    receipt = act(org, "restrict-service-access", "app-manager", worker, service="wiki", **WHY)
    assert said(org, wiki) == ("read_only", ""), "their own row decides, also where others have more"
    assert notices(org, receipt.entries) == {f"worker@{org.slug}.example": "restrict-service-access"}
    assert refused(org, "restrict-service-access", "app-manager", worker, service="wiki", **WHY) == ["nothing_to_change"]
    receipt = act(org, "take-service-access", "app-manager", worker, service=str(wiki.id), **WHY)
    assert (said(org, wiki), said(org, wiki, "guest")) == (("", "no_service_access"), ("full", "")), "taken from one person, although everybody has it"
    assert notices(org, receipt.entries) == {f"worker@{org.slug}.example": "take-service-access"}
    assert refused(org, "take-service-access", "app-manager", worker, service="wiki", **WHY) == ["no_service_access"]
    receipt = act(org, "grant-service-access", "app-manager", worker, service="wiki")
    assert said(org, wiki) == ("full", "") and notices(org, receipt.entries) == {f"worker@{org.slug}.example": "grant-service-access"}
    act(org, "set-service-everyone", "app-manager", [wiki.id], level="none")
    act(org, "set-group-service", "app-manager", [crew.id], service="wiki", level="full")
    act(org, "remove-from-group", "owner", [org.person("guest").id], group="Crew")
    assert (said(org, wiki), said(org, wiki, "guest")) == (("full", ""), ("", "no_service_access")), "what came by the group ended with it"
    act(org, "set-group-service", "app-manager", [crew.id], service="wiki", level="none")
    act(org, "take-service-access", "app-manager", worker, service="wiki", **WHY)
    with tenancy.scope(org=org.organization.id):
        assert not ServiceAccess.objects.filter(service=wiki).exists() and not GroupService.objects.filter(service=wiki).exists(), "nothing is left where nothing else gives access"
    assert refused(org, "grant-service-access", "app-manager", [org.person("administrator").id], service="wiki") == ["rank"]
    assert refused(org, "grant-service-access", "app-manager", worker, service="nothing") == ["unknown_service"]
    theirs: list[Service] = []
    arrange(lambda: theirs.append(service_for(world.contoso, "Theirs")))
    assert refused(org, "grant-service-access", "owner", worker, service=str(theirs[0].id)) == ["unknown_service"], "another organization's is not there"
    assert said(org, theirs[0])[1] == "not_a_member"


def test_a_restriction_narrows_everything_and_gives_back_what_there_was(world: World) -> None:
    org, worker = world.north, [world.north.person("worker").id]
    notes, calendar = org.services
    wiki, board = made(org, "Wiki", everyone="full"), made(org, "Board", everyone="read_only")
    act(org, "restrict-service-access", "owner", worker, service="calendar", **WHY)
    before = [said(org, one) for one in (notes, calendar, wiki, board)]
    assert [level for level, _why in before] == ["full", "read_only", "full", "read_only"]
    act(org, "restrict", "owner", worker, mode="read_only", services="", **WHY)
    assert {said(org, one) for one in (notes, calendar, wiki, board)} == {("read_only", "")}
    assert refused(org, "grant-service-access", "owner", worker, service="wiki") == ["wrong_status"]
    act(org, "restrict", "owner", worker, mode="subset", services=f"calendar, {wiki.slug}", **WHY)
    assert [said(org, one)[0] for one in (notes, calendar, wiki, board)] == ["", "read_only", "read_only", ""], "what was read-only is not widened; what groups give is kept where it is named"
    act(org, "restore", "owner", worker, how="reinstate", **WHY)
    assert [said(org, one) for one in (notes, calendar, wiki, board)] == before, "exactly what there was"
    with tenancy.scope(org=org.organization.id):
        assert not ServiceAccess.objects.filter(service=wiki).exists(), "and no row of their own where there was none"
    act(org, "suspend", "owner", worker, **WHY)
    assert said(org, notes) == ("", "suspended")
    act(org, "restore", "owner", worker, how="reinstate", **WHY)
    act(org, "remove", "owner", worker, **WHY)
    assert said(org, notes) == ("", "not_a_member")
    act(org, "restore", "owner", worker, how="reinstate", **WHY)
    assert [said(org, one) for one in (notes, calendar)] == before[:2], "also after a removal: nobody comes back with more"
    arrange(lambda: Membership.objects.filter(id=worker[0]).update(reset_required_at=datetime.now(UTC)))
    assert said(org, notes) == ("", "password_reset_required")


def test_one_person_and_many_are_judged_alike(standing: World) -> None:
    """The list of a service, the count, a person's page and the door say the same of everybody."""
    org = standing.north
    wiki, crew = made(org, "Atlas"), group(org, "Sailors", "worker", "guest", "legal")
    levels = {"worker": "off", "auditor": "read_only", "member": "full"}

    def give() -> None:
        GroupService.objects.create(organization=org.organization, group=crew, service=wiki, state="full", granted_at=datetime.now(UTC))
        for name, state in levels.items():
            ServiceAccess.objects.create(organization=org.organization, membership=org.person(name), service=wiki, state=state, granted_at=datetime.now(UTC))

    arrange(give)
    with tenancy.scope(org=org.organization.id, purpose="administration"):
        actor = org.actor("owner")
        rows, _page = listing.holders(actor=actor, service_id=wiki.id)
        line = listing.one(actor=actor, service_id=wiki.id)
        shown: dict[UUID, str] = {way.membership: way.level for way in ways.of([m.id for m in org.people.values()]) if way.service == wiki.id}  # type: ignore[misc]
        within = set(ways.members([wiki.id]))
    wanted = {**levels, "worker": "", "guest": "full", "legal": "full"}
    assert {row.id: row.level for row in rows} == shown == {org.person(name).id: level for name, level in wanted.items()}
    assert {name: said(org, wiki, name)[0] for name in wanted} == wanted and within == {org.person(name).id for name in wanted}
    assert line is not None and line.people == sum(1 for level in wanted.values() if level)
    arrange(lambda: GroupMembership.objects.filter(group=crew, membership=org.person("legal")).delete())
    assert said(org, wiki, "legal")[0] == ""


def test_that_a_service_was_used_is_noted_once_in_ten_minutes(world: World) -> None:
    org, notes, now = world.north, world.north.services[0], datetime.now(UTC)
    seen = []
    for at in (now, now + timedelta(seconds=30), now + timedelta(minutes=11)):
        entry.used(account_id=org.person("worker").account_id, service_id=notes.id, now=at)
        with tenancy.scope(org=org.organization.id):
            seen.append(ServiceAccess.objects.get(service=notes, membership=org.person("worker")).last_used_at)
    assert seen == [now, now, now + timedelta(minutes=11)]
    with tenancy.scope(org=org.organization.id):
        assert listing.one(actor=org.actor("owner"), service_id=notes.id).last_used_at == seen[-1]  # type: ignore[union-attr]
