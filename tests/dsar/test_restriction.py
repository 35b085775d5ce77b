"""Restriction of use: the gate in the database, the person's act, the window, four eyes, time; what each surface shows and refuses."""
from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection, connections

from accounts import access, approvals, door, listing_query, purposes, tenancy
from accounts.actor import Actor, Proof
from accounts.models import Mail, Membership, Plan
from accounts.people import load_people
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, StepUpNeeded
from audit import subscribers
from dsar.powers import restrict_own_use, restrict_use
from dsar.restriction import life, states
from dsar.restriction.model import Restriction
from portal import reading
from tests.browse import client_for
from tests.cast import Org, World
from tests.dsar.copies import numbered
from tests.situations import WHY

NOW = datetime(2026, 11, 26, 15, tzinfo=UTC)  # a Thursday
LIFTING = {"reason_code": "others_rights", "freeing": ["administration", "export", "content"], "message": "", "private_note": ""}


def themselves(org: Org, name: str = "worker") -> Actor:
    person = org.person(name)
    return access.actor_for(account_id=person.account_id, organization_id=person.organization_id, proof=Proof(method="totp", at=datetime.now(UTC)))


def restrict(org: Org, name: str = "worker", *, now: datetime = NOW) -> Restriction:
    person = org.person(name)
    with tenancy.scope(org=org.organization.id, account=person.account_id, purpose=purposes.OWN):
        actor = themselves(org, name)
        door.perform(power=restrict_own_use.POWER, actor=Actor(**{**actor.__dict__, "proof": Proof(method="totp", at=now)}), ids=[person.id], data={"trigger": "accuracy"}, now=now)
        row = life.open_for(organization_id=org.organization.id, account_id=person.account_id)
        assert row is not None
        return row


def _row(org: Org, name: str = "worker") -> Restriction:
    with tenancy.installation("look"):
        return Restriction.objects.filter(organization=org.organization, account_id=org.person(name).account_id).latest("began_at")


def _ask(org: Org, who: str, now: datetime, **data: object) -> str:
    return door.perform(power=restrict_use.LIFT, actor=org.actor(who, now=now), ids=[org.person("worker").id], data={**LIFTING, **data}, now=now).plan_id


def test_the_database_shows_a_restricted_person_only_for_what_is_named_and_allowed(world: World) -> None:
    restrict(world.north)
    person, org = world.north.person("worker"), world.north.organization.id
    seen = {}
    for name in (*purposes.PURPOSES, "", "made up"):
        with tenancy.scope(org=org, purpose=name):
            seen[name] = Membership.objects.filter(id=person.id).exists()
            assert Membership.objects.filter(id=person.id).update() == 0 if not seen[name] else True
            assert Membership.objects.filter(id=world.north.person("guest").id).exists()
    assert {name for name, there in seen.items() if there} == set(purposes.ALWAYS)
    with tenancy.scope(account=person.account_id):
        assert Membership.objects.filter(id=person.id).exists(), "their own view"
    with tenancy.scope(org=world.contoso.organization.id, purpose=purposes.MARKED):
        assert not Membership.objects.filter(id=person.id).exists()
    with connection.cursor() as cursor, tenancy.installation("look"):
        cursor.execute("SELECT array_agg(token ORDER BY token) FROM accounts_searchtoken WHERE membership_id = %s", [person.id])
        assert cursor.fetchone()[0] == sorted(["restricted", str(person.id)[:8]]), "their words left the search"


def test_it_holds_at_once_and_is_confirmed_when_nobody_objects(world: World) -> None:
    row = restrict(world.north)
    assert (row.state, row.by_person, row.object_by) == ("provisional", True, datetime(2026, 12, 2, tzinfo=UTC)), "Friday, Monday, Tuesday"
    with pytest.raises(Refused) as again:
        restrict(world.north)
    assert again.value.codes == ["restricted_already"]
    life.run(now=row.object_by - timedelta(seconds=1))
    assert _row(world.north).state == "provisional"
    life.run(now=row.object_by)
    life.run(now=row.object_by)
    assert (_row(world.north).state, _row(world.north).confirmed_at) == ("confirmed", row.object_by)
    numbered()
    with tenancy.installation("mail"):
        subscribers.drain()
        mails = list(Mail.objects.filter(organization_id=world.north.organization.id, template__startswith="restriction").values_list("template", "account_id"))
    assert mails.count(("restriction-news", world.north.person("worker").account_id)) == 1
    told = {account for template, account in mails if template == "restriction-window"}
    assert told == {world.north.person(n).account_id for n in ("owner", "second-owner", "administrator", "privacy-officer")}, "who answers requests, not whom it is about"


def test_lifting_needs_two_and_tells_the_person_three_days_before(world: World) -> None:
    north, at = world.north, datetime.now(UTC)
    restrict(north, now=at)
    with tenancy.scope(org=north.organization.id, purpose=purposes.ACT):
        with pytest.raises(Refused):
            _ask(north, "auditor", at)
        with pytest.raises(Refused) as empty:
            _ask(north, "administrator", at, freeing=[])
        assert empty.value.codes == ["nothing_freed"]
        plan = Plan.objects.get(id=_ask(north, "administrator", at))
        assert _row(north).state == "provisional", "asked for is not done"
        alone = north.actor("administrator", now=at)
        with pytest.raises(Refused) as one:
            approvals.decide(plan_id=plan.id, actor=alone, requester=alone, power=restrict_use.LIFT, approve=True, note="", now=at)
        assert one.value.codes == ["same_person"]
        with pytest.raises(Refused):
            _ask(north, "owner", at)  # double: one plan waits already
        approvals.decide(plan_id=plan.id, actor=north.actor("owner", now=at), requester=alone, power=restrict_use.LIFT, approve=True, note="", now=at)
        row = _row(north)
        assert (row.state, row.lift_at, row.ground) == ("notice", at + states.NOTICE, "others_rights")
    life.run(now=row.lift_at - timedelta(seconds=1))
    with tenancy.scope(org=north.organization.id, purpose=purposes.ADMINISTRATION):
        assert not Membership.objects.filter(id=north.person("worker").id).exists(), "restricted until then"
    numbered()
    with tenancy.installation("mail"):
        subscribers.drain()
        assert Mail.objects.filter(template="lift-restriction", account_id=north.person("worker").account_id).count() == 1
    life.run(now=row.lift_at)
    assert _row(north).state == "lifted"
    with tenancy.scope(org=north.organization.id, purpose=purposes.ADMINISTRATION):
        there = Membership.objects.get(id=north.person("worker").id)
        assert (there.use_restricted, there.list_email) == (False, f"worker@{north.slug}.example")


def test_a_part_can_be_freed_and_a_confirmed_one_needs_that_it_is_settled(world: World) -> None:
    north, at = world.north, datetime.now(UTC)
    restrict(north, now=at)
    life.run(now=at + timedelta(days=8))
    later = at + timedelta(days=9)
    with tenancy.scope(org=north.organization.id, purpose=purposes.ACT):
        with pytest.raises(Refused) as late:
            _ask(north, "administrator", later)
        assert late.value.codes == ["not_your_ground"]
        plan = _ask(north, "administrator", later, reason_code="checked", freeing=["export"])
        approvals.decide(plan_id=plan, actor=north.actor("owner", now=later), requester=north.actor("administrator", now=later), power=restrict_use.LIFT, approve=True, note="", now=later)
    life.run(now=later + states.NOTICE)
    row = _row(north)
    assert (row.state, row.freed, row.freeing) == ("confirmed", ["export"], [])
    for name, there in ((purposes.EXPORT, True), (purposes.ADMINISTRATION, False)):
        with tenancy.scope(org=north.organization.id, purpose=name):
            assert Membership.objects.filter(id=north.person("worker").id).exists() is there


def test_acts_on_a_restricted_person_protect_or_answer_them_or_are_refused(world: World) -> None:
    north, at = world.north, datetime.now(UTC)
    restrict(north, now=at)
    person = north.person("worker")
    with tenancy.scope(org=north.organization.id, purpose=purposes.ACT):
        for slug, data in (("update-profile", {"title": "Other"}), ("change-role", {"role": "auditor"}), ("remove", WHY), ("schedule-deletion", {**WHY, "days": 14})):
            with pytest.raises(Refused) as refused:
                door.perform(power=BY_SLUG[slug], actor=north.actor("owner"), ids=[person.id], data=data, now=at)
            assert "use_restricted" in refused.value.codes, slug
        row = {"email": f"worker@{north.slug}.example", "title": "From a file"}
        with pytest.raises(Refused) as by_file:
            door.perform(power=BY_SLUG["import-people"], actor=north.actor("owner"), data={"rows": [row]}, now=at)
        assert "use_restricted" in by_file.value.codes
        door.perform(power=BY_SLUG["suspend"], actor=north.actor("owner"), ids=[person.id], data=WHY, now=at)
        door.perform(power=BY_SLUG["restore"], actor=north.actor("owner"), ids=[person.id], data={**WHY, "how": "reinstate"}, now=at)
    with tenancy.scope(org=north.organization.id), pytest.raises(NotFound):
        door.perform(power=BY_SLUG["suspend"], actor=north.actor("owner"), ids=[person.id], data=WHY, now=at)
    with tenancy.scope(org=north.organization.id, account=person.account_id, purpose=purposes.OWN):
        door.perform(power=restrict_own_use.END, actor=themselves(north), ids=[person.id], data={}, now=at)
        assert _row(north).state == "lifted"


def test_pages_files_search_and_api_show_that_somebody_is_there_and_nothing_else(world: World) -> None:
    north = world.north
    restrict(north, now=datetime.now(UTC))
    person, client = north.person("worker"), client_for(north.person("owner"))
    hidden, mark = (b"worker@", b"Worker Person"), purposes.handle(person.id).encode()
    base, api = f"/o/{north.slug}", f"/api/v1/orgs/{north.slug}"
    for path in (f"{base}/people/", f"{base}/people/{person.id}/", f"{base}/people/{person.id}/suspend/", f"{base}/people/{person.id}/update-profile/", f"{api}/people/", f"{api}/people/{person.id}/"):
        answer = client.get(path)
        assert answer.status_code == 200 and mark in answer.content, path
        assert not any(words in answer.content for words in hidden), path
    for path in (f"{base}/people/?q=worker", f"{base}/find/?q=worker", f"{base}/people/export.csv", f"{base}/groups/", f"{base}/overview/", f"{api}/people/?q=worker", f"{base}/jobs/", f"{base}/scheduled/"):
        answer = client.get(path)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200 and not any(words in body for words in hidden), path
    assert client.get(f"{api}/people/{person.id}/sessions/").status_code == 404
    walk = json.loads(client.get(f"{api}/people/?limit=1").content)
    for _n in range(20):
        assert "worker" not in json.dumps(walk)
        if not walk["next"]:
            break
        walk = json.loads(client.get(f"{api}/people/", {"limit": 1, "cursor": walk["next"]}).content)
    assert client.get(f"{base}/people/?sort=-name").status_code == client.get(f"{base}/audit/").status_code == 200
    own = client_for(person)
    assert own.get(f"{base}/?services").status_code == own.get("/me/").status_code == own.get("/me/data/").status_code == 200


def test_the_person_restricts_and_ends_it_on_their_page_and_nobody_for_them(world: World) -> None:
    north, person = world.north, world.north.person("guest")
    client = client_for(person)
    assert b"Not restricted" in client.get("/me/restriction/").content
    data = {"membership": str(person.id), "trigger": "claim", "message": "Words", "key": "k"}
    assert client.post("/me/restriction/", {**data, "trigger": "delay"}).status_code == 422
    assert client.post("/me/restriction/", {**data, "message": "bad\x00"}).status_code == 422
    for other in (north.person("worker").id, world.contoso.person("member").id, "nonsense"):
        assert client.post("/me/restriction/", {**data, "membership": str(other)}).status_code == 404
    assert client.post("/me/restriction/", data).status_code == client.post("/me/restriction/", data).status_code == 302
    with tenancy.installation("look"):
        assert Restriction.objects.filter(account_id=person.account_id).count() == 1
    assert b"can object until" in client.get("/me/restriction/").content
    with tenancy.scope(org=north.organization.id, purpose=purposes.ACT), pytest.raises(Refused):
        door.perform(power=restrict_own_use.END, actor=north.actor("owner"), ids=[person.id], data={}, now=datetime.now(UTC))
    assert client.post("/me/restriction/", {"membership": str(person.id), "do": "end"}).status_code == 302
    assert _row(north, "guest").state == "lifted"
    with tenancy.scope(org=north.organization.id, account=person.account_id, purpose=purposes.OWN), pytest.raises(StepUpNeeded):
        weak = access.actor_for(account_id=person.account_id, organization_id=north.organization.id)
        door.perform(power=restrict_own_use.POWER, actor=weak, ids=[person.id], data={"trigger": "claim"}, now=datetime.now(UTC))


def test_a_dispute_or_a_missed_deadline_restricts_by_itself_once(world: World) -> None:
    north = world.north
    ids = {"organization_id": north.organization.id, "account_id": north.person("worker").account_id}
    assert life.by_itself(**ids, trigger="delay", now=NOW, deadline=NOW + timedelta(seconds=1)) is None
    first = life.by_itself(**ids, trigger="delay", now=NOW, deadline=NOW)
    again = life.by_itself(**ids, trigger="dispute", now=NOW)
    assert first is not None and again is not None and first.id == again.id and (first.state, first.by_person) == ("provisional", False)
    assert life.by_itself(organization_id=world.contoso.organization.id, account_id=ids["account_id"], trigger="dispute", now=NOW) is None
    numbered()
    with tenancy.installation("mail"):
        subscribers.drain()
        assert Mail.objects.filter(template="restriction-news", account_id=ids["account_id"]).count() == 1


def test_asked_for_and_disputed_at_the_same_moment_it_is_one_restriction(world: World) -> None:
    north, start = world.north, Barrier(2)
    ids = {"organization_id": north.organization.id, "account_id": north.person("worker").account_id}

    def disputed() -> str:
        try:
            start.wait(5)
            life.by_itself(**ids, trigger="dispute", now=datetime.now(UTC))
            return "done"
        finally:
            connections.close_all()

    def asked() -> str:
        try:
            start.wait(5)
            restrict(north, now=datetime.now(UTC))
            return "done"
        except Refused as refused:
            return refused.codes[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        told = [pool.submit(disputed), pool.submit(asked)]
        assert told[0].result() == "done" and told[1].result() in {"done", "restricted_already"}
    with tenancy.installation("look"):
        assert Restriction.objects.filter(account_id=ids["account_id"]).count() == 1


def test_a_restricted_owner_still_counts_and_no_page_breaks(world: World) -> None:
    north = world.north
    restrict(north, "second-owner", now=datetime.now(UTC))
    client = client_for(north.person("owner"))
    for name in ("administrators", "approvals", "groups", "audit", "overview", "scheduled", "jobs", "requests", "copies", "settings", "email-changes", "domains", "administrators/protected", "administrators/succession"):
        assert client.get(f"/o/{north.slug}/{name}/").status_code == 200, name
    own = client_for(north.person("second-owner"))
    assert own.get(f"/o/{north.slug}/people/{north.person('second-owner').id}/").status_code == 200
    assert b"Second-Owner" in client.get(f"/o/{north.slug}/administrators/").content, "who may do what stays known"
    with tenancy.scope(org=north.organization.id, purpose=purposes.MARKED):
        found = listing_query.page(organization_id=north.organization.id, want=listing_query.Wanted(q="restricted"))
        assert [row.id for row in found.rows] == [north.person("second-owner").id]
        assert load_people(organization_id=north.organization.id, ids=[found.rows[0].id], lock=False)[0].stored_only
    assert set(reading.PAGES) == set(reading.OPERATIONS) == set(purposes.PURPOSES)
