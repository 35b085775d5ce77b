"""Who owns a profile field, and what people may not edit themselves: refused with words that say why, shown to the person, and never what is theirs always."""
from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from accounts import door, tenancy
from accounts.access import own_actor
from accounts.actor import Proof
from accounts.models import Account, EditLimits, FieldPolicy, Management, Membership
from accounts.powers import BY_SLUG
from accounts.profile import rules
from accounts.reasons import Refused
from audit.models import Entry
from tests.browse import client_for
from tests.cast import Org, World
from tests.situations import arrange

LONG = "x" * 10_000_000


def decide(org: Org, field: str, owner: str, ground: str = "The register of titles is kept by HR.") -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["set-field-policy"], actor=org.actor("administrator"), data={"field": field, "owner": owner, "ground": ground}, now=datetime.now(UTC))


def limit(org: Org, *limited: str) -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["set-edit-limits"], actor=org.actor("administrator"), data={"limited": list(limited), "ground": "Signed contracts name them."}, now=datetime.now(UTC))


def edit(org: Org, name: str, data: dict[str, Any], by: str = "administrator") -> list[str]:
    """The codes of the refusal; [] when it was done."""
    with tenancy.scope(org=org.organization.id):
        try:
            door.perform(power=BY_SLUG["update-profile"], actor=org.actor(by), ids=[org.person(name).id], data=data, now=datetime.now(UTC))
        except Refused as refusal:
            return refusal.codes
    return []


def refusals(org: Org, event: str) -> list[str]:
    with tenancy.installation("look"):
        return [entry.record for entry in Entry.objects.filter(org=org.organization.id) if f'"{event}"' in entry.record and '"denied"' in entry.record]


def test_a_locked_field_says_who_and_why_and_the_server_refuses(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    decide(org, "name", "administrator", "Names as in the contract <b>")
    with tenancy.installation("look"):
        assert not any("Names as in" in entry.record for entry in Entry.objects.filter(org=org.organization.id)), "the organization's words are in no record"
    now = datetime.now(UTC)
    arrange(lambda: (EditLimits.objects.create(organization=world.contoso.organization, limited=[*rules.LIMITS], ground="Theirs", set_at=now + timedelta(days=1)),
                     FieldPolicy.objects.create(organization=world.contoso.organization, field="time_zone", owner="administrator", ground="Theirs", set_at=now)))  # another organization binds nobody here
    page = unescape(client_for(person).get("/me/").content.decode())
    assert f"Locked by {org.organization.name}: its administrators fill this. Why: Names as in the contract" in page and "contract <b>" not in client_for(person).get("/me/").content.decode()
    assert "Why: Names as in the contract" in unescape(client_for(person).get("/me/who/").content.decode())
    client = client_for(person)
    client.post("/me/", {"name": "Forged", "language": "en", "time_zone": ""})
    assert Account.objects.get(id=person.account_id).name != "Forged"
    assert any("field_locked" in record for record in refusals(org, "profile.updated_by_person"))
    client.post("/me/", {"language": "en", "time_zone": "Europe/Berlin"})
    assert Account.objects.get(id=person.account_id).time_zone == "Europe/Berlin", "what is not locked can still be changed"
    assert edit(org, "worker", {"name": "From the contract"}) == []
    guest = client_for(world.north.person("guest"))
    assert "Why: Names as in the contract" not in guest.get("/me/who/").content.decode() + guest.get("/me/values/").content.decode(), "their name is theirs, whatever the organization decides"
    guest.post("/me/", {"name": "My own name", "language": "en", "time_zone": ""})
    assert Account.objects.get(id=org.person("guest").account_id).name == "My own name", "nobody manages this account"


def test_administrators_are_told_what_to_do_instead(world: World) -> None:
    org = world.north
    assert edit(org, "worker", {"language": "de"}) == ["field_of_person"], "by default people choose their language"
    decide(org, "language", "both", "")
    assert edit(org, "worker", {"language": "de", "time_zone": ""}) == []
    decide(org, "name", "person", "")
    assert edit(org, "worker", {"name": "Another"}) == ["field_of_person"]
    decide(org, "title", "directory")
    decide(org, "department", "person", "")
    assert edit(org, "worker", {"title": "Chief"}) == ["field_of_directory"]
    assert edit(org, "worker", {"title": "Chief", "department": "North"}) == ["field_of_directory", "field_of_person"]
    assert edit(org, "guest", {"name": "Mine now"}) == ["not_managed"]
    page = unescape(client_for(org.person("administrator")).get(f"/o/{org.slug}/people/{org.person('worker').id}/update-profile/").content.decode())
    assert "Suggest a change to them instead" in page and "Change it there" in page
    assert any("field_of_directory" in record for record in refusals(org, "profile.updated"))
    arrange(lambda: Management.objects.filter(account_id=org.person("worker").account_id).update(basis="scim"))
    decide(org, "name", "both", "")
    assert "managed_by_idp" in edit(org, "worker", {"name": "Another"})
    client_for(org.person("worker")).post("/me/", {"name": "Forged", "language": "en", "time_zone": ""})
    assert Account.objects.get(id=org.person("worker").account_id).name != "Forged", "the directory owns the name of whom it governs"


def test_title_and_department_are_the_person_s_where_the_organization_says_so(world: World) -> None:
    org, person = world.north, world.north.person("guest")
    path, client = f"/o/{org.slug}/people/{person.id}/edit-own-details/", client_for(person)
    client.post(path, {"title": "Forged"})
    decide(org, "title", "both", "")
    with tenancy.installation("look"):
        assert Membership.objects.get(id=person.id).title == ""
    worker = org.person("worker")
    limit(org, "profile")
    client_for(worker).post(f"/o/{org.slug}/people/{worker.id}/edit-own-details/", {"title": "Limited"})
    with tenancy.installation("look"):
        assert Membership.objects.get(id=worker.id).title == "", "whose account the organization manages is held to its limits"
    client.post(path, {"title": "Gärtnerin 园丁"})
    client.post(path, {"department": "Forged", "title": "x"})
    with tenancy.installation("look"):
        row = Membership.objects.get(id=person.id)
    assert (row.title, row.department) == ("Gärtnerin 园丁", "")
    assert client_for(org.person("worker")).post(path, {"title": "Not mine"}).status_code in {403, 404, 422}
    assert client_for(org.person("administrator")).post(path, {"title": "Not mine"}).status_code == 422, "administrators have a power of their own"


@pytest.mark.parametrize("value", ["ab\u202ecd", "ab\x00cd", "a\nb", "\u2066x\u2069", LONG])
def test_what_is_no_value(world: World, value: str) -> None:
    org = world.north
    decide(org, "title", "both", "")
    worker = org.person("worker")
    for client, path, data in ((client_for(org.person("administrator")), f"/o/{org.slug}/people/{worker.id}/update-profile/", {"title": value}),
                               (client_for(worker), f"/o/{org.slug}/people/{worker.id}/edit-own-details/", {"title": value}),
                               (client_for(worker), "/me/", {"name": value, "language": "en"})):
        assert client.post(path, data).status_code in {400, 413, 422}, path
    with tenancy.installation("look"):
        assert Membership.objects.get(id=worker.id).title == ""


def test_a_ground_is_needed_where_people_are_locked_out(world: World) -> None:
    client, path = client_for(world.north.person("owner")), f"/o/{world.north.slug}/do/set-field-policy/"
    for wrong in ({"field": "title", "owner": "administrator"}, {"field": "email", "owner": "both"}, {"field": "title", "owner": "nobody"}, {"field": "title", "owner": "directory", "ground": " "}):
        assert client.post(path, wrong).status_code == 422, wrong
    assert client.post(f"/o/{world.north.slug}/do/set-edit-limits/", {"limited": ["sessions"], "ground": "x"}).status_code == 422
    assert client.post(f"/o/{world.north.slug}/do/set-edit-limits/", {"limited": ["email"]}).status_code == 422
    with tenancy.scope(org=world.north.organization.id):
        partly = replace(world.north.actor("administrator"), scope_groups=frozenset({uuid.uuid4()}))
        for slug, data in (("set-field-policy", {"field": "title", "owner": "both", "ground": ""}), ("set-edit-limits", {"limited": ["email"], "ground": "x"})):
            with pytest.raises(Refused):
                door.perform(power=BY_SLUG[slug], actor=partly, data=data, now=datetime.now(UTC))


NEVER = ["/me/who/", "/me/data/", "/me/copies/", "/me/sessions/", "/me/notices/", "/me/claims/", "/me/second-factor/", "/me/password/", "/me/email/", "/me/"]


def test_the_strictest_limits_leave_what_is_never_limited(world: World) -> None:
    """Every own power is either limited or works; pages about oneself always open."""
    org, person = world.north, world.north.person("worker")
    limit(org, *rules.LIMITS)
    for field in rules.LABELS:
        decide(org, field, "administrator")
    client = client_for(person, tier=2)
    for path in NEVER:
        assert client.get(path).status_code == 200, path
    limited = set()
    with tenancy.scope(org=None, account=person.account_id):
        actor = own_actor(account=person.account, proof=Proof(method="totp", at=datetime.now(UTC)), session_id=None)
        for power in BY_SLUG.values():
            if power.over == "own_account":
                plan = door.plan(power=power, actor=actor, data={}, now=datetime.now(UTC))
                limited |= {power.slug} if "edit_limited" in plan.verdicts[0].reasons else set()
        assert limited == {"change-own-email", "set-recovery-address", "drop-recovery-address"}
        door.perform(power=BY_SLUG["edit-own-profile"], actor=actor, data={"refuses_invitations": True}, now=datetime.now(UTC))
        for data in ({"name": "Other"}, {"language": "de"}, {"time_zone": "Europe/Berlin"}):
            with pytest.raises(Refused) as refusal:
                door.perform(power=BY_SLUG["edit-own-profile"], actor=actor, data=data, now=datetime.now(UTC))
            assert "edit_limited" in refusal.value.codes
    said = unescape(client.get("/me/who/").content.decode())
    assert "Signed contracts name them." in said and "You can always see and copy your data" in said
    with tenancy.scope(org=None, account=org.person("guest").account_id):
        guest = own_actor(account=org.person("guest").account, proof=Proof(), session_id=None)
        door.perform(power=BY_SLUG["edit-own-profile"], actor=guest, data={"name": "Free"}, now=datetime.now(UTC))
