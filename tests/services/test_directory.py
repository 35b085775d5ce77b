"""What a directory governs is changed there: by every power, on every way, with one reason; what protects people stays possible by hand."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from accounts import door, tenancy
from accounts.directory import rules
from accounts.models import FieldPolicy, Group, Management, Membership
from accounts.power import Power
from accounts.powers import BY_SLUG
from audit.models import Entry
from tests.browse import client_for
from tests.cast import Org, World
from tests.powers.test_groups import group, members
from tests.powers.test_roles import act, refused
from tests.situations import DATA, WHY, arrange, ready

IDP = ["managed_by_idp"]


def govern(org: Org, *words: str) -> None:
    call_command("directory", org.slug, *words)


def able(org: Org, slug: str, person: UUID) -> list[str]:
    """What a page says before anything is typed."""
    with tenancy.scope(org=org.organization.id):
        found = door.targets.load(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person], data={}, lock=False)
        return door.capability(power=BY_SLUG[slug], actor=org.actor("owner"), person=found[0], now=datetime.now(UTC))


def test_a_governed_membership_begins_and_ends_in_the_directory(world: World) -> None:
    org, worker = world.north, world.north.person("worker").id
    govern(org, "--person", f"worker@{org.slug}.example", "--external-id", "u-17")
    with pytest.raises(CommandError, match="it is so already"):
        govern(org, "--person", f"worker@{org.slug}.example", "--external-id", "u-17")
    with pytest.raises(CommandError, match="another one there has this"):
        govern(org, "--person", f"guest@{org.slug}.example", "--external-id", "u-17")
    for slug, data in (("remove", WHY), ("set-contract-end", {"ends_on": "2030-06-30"})):
        assert able(org, slug, worker) == IDP, "said before anybody tries"
        assert refused(org, slug, "owner", [worker], **data) == IDP
    act(org, "suspend", "owner", [worker], **WHY)  # what protects stays possible, and a hand lifts it
    assert able(org, "restore", worker) == []
    act(org, "restore", "owner", [worker], how="reinstate", **WHY)
    arrange(lambda: Membership.objects.filter(id=worker).update(status="suspended", reason_code=rules.DIRECTORY))
    assert able(org, "restore", worker) == refused(org, "restore", "owner", [worker], how="reinstate", **WHY) == IDP, "what the directory ended only the directory begins again"
    arrange(lambda: Membership.objects.filter(id=worker).update(status="removed"))
    row = {"email": f"worker@{org.slug}.example", "role": "member"}
    for slug in ("invite", "import-people"):
        assert "managed_by_idp" in refused(org, slug, "owner", rows=[row]), slug
    arrange(lambda: Membership.objects.filter(id=worker).update(status="active", reason_code=""))
    assert "governs the membership" in client_for(org.person("owner")).get(f"/o/{org.slug}/people/{worker}/").content.decode()
    govern(org, "--person", f"worker@{org.slug}.example", "--release")
    act(org, "remove", "owner", [worker], **WHY)
    with tenancy.scope(org=org.organization.id):
        records = Entry.objects.filter(org=org.organization.id, record__contains="_by_directory")
        assert [sum(f"membership.{word}_by_directory" in row.record for row in records) for word in ("governed", "released")] == [1, 1]


def test_a_governed_group_is_filled_in_the_directory(world: World) -> None:
    org, worker = world.north, world.north.person("worker")
    crew, free = group(org, "Crew", "worker"), group(org, "Free", "worker")
    govern(org, "--group", "crew", "--external-id", "g-1")
    assert refused(org, "rename-group", "owner", [crew.id], name="Gang") == refused(org, "delete-group", "owner", [crew.id]) == IDP
    assert refused(org, "remove-from-group", "owner", [worker.id], group="CREW") == refused(org, "add-to-group", "owner", [org.person("guest").id], group=str(crew.id)) == IDP
    for slug, row in (("invite", {"email": "new@elsewhere.example"}), ("import-people", {"email": f"guest@{org.slug}.example"})):
        assert refused(org, slug, "owner", rows=[{**row, "role": "member", "groups": "Crew"}]) == IDP, slug
    act(org, "set-group-service", "owner", [crew.id], service="notes", level="full")  # what the group gives is decided here
    act(org, "set-group-role", "owner", [crew.id], role="auditor")
    act(org, "set-group-role", "owner", [crew.id], role="none")
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/groups/{crew.id}/").content.decode()
    assert "directory governs this group" in page and "Add people" not in page
    act(org, "suspend", "owner", [worker.id], **WHY)
    act(org, "restore", "owner", [worker.id], how="start_fresh", **WHY)
    assert members(org, crew) == {worker.id} and members(org, free) == set(), "starting fresh leaves what the directory gave"
    govern(org, "--group", "Crew", "--release")
    act(org, "rename-group", "owner", [crew.id], name="Gang")
    with tenancy.scope(org=org.organization.id):
        assert not Group.objects.get(id=crew.id).external_id


def test_a_governed_field_is_set_by_no_file_and_no_invitation(world: World) -> None:
    org = world.north
    arrange(lambda: FieldPolicy.objects.create(organization=org.organization, field="title", owner="directory", ground="HR", set_at=datetime.now(UTC)))
    assert refused(org, "update-profile", "owner", [org.person("worker").id], title="Boss") == ["field_of_directory"]
    assert refused(org, "import-people", "owner", rows=[{"email": f"worker@{org.slug}.example", "title": "Boss"}]) == ["field_of_directory"]
    assert refused(org, "invite", "owner", rows=[{"email": "new@elsewhere.example", "role": "member", "title": "Boss"}]) == ["field_of_directory"]
    act(org, "import-people", "owner", rows=[{"email": f"worker@{org.slug}.example", "department": "Sea"}])


def _account_powers() -> list[Power]:
    return [power for power in BY_SLUG.values() if power.directory and power.over == "member"]


@pytest.mark.parametrize("slug", [power.slug for power in _account_powers()])
def test_a_governed_account_is_changed_in_the_directory(world: World, slug: str) -> None:
    org = world.north
    person = ready(org, slug)
    arrange(lambda: Management.objects.filter(account_id=person.account_id).update(basis="scim"))
    assert "managed_by_idp" in refused(org, slug, "owner", [person.id], **{**DATA[slug], "to": world.contoso.slug} if slug == "transfer-account" else DATA[slug])
    if slug == "deactivate":  # but locking down always works (guard rail 15)
        act(org, "lockdown", "owner", [person.id], **WHY)


def test_only_named_powers_are_refused_for_a_governed_membership(standing: World) -> None:
    """Every other power over a person goes on as it was: the rule is one list, and this is all of it."""
    org, worker = standing.north, standing.north.person("worker")
    with tenancy.scope(org=org.organization.id):
        def blocked() -> set[str]:
            found = door.targets.load(power=BY_SLUG["suspend"], actor=org.actor("owner"), ids=[worker.id], data={}, lock=False)[0]
            return {p.slug for p in BY_SLUG.values() if p.over == "member" and "managed_by_idp" in door.capability(power=p, actor=org.actor("owner"), person=found, now=datetime.now(UTC))}

        before = blocked()
    arrange(lambda: Membership.objects.filter(id=worker.id).update(directory=True))
    with tenancy.scope(org=org.organization.id):
        assert (before, blocked()) == (set(), rules.ENDS)
