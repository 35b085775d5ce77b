"""Suggestions and disputes of profile values: nothing of the person's changes without them, and whoever is disputed with answers, with a ground."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from accounts import access, door, mail, outbox, purposes, tenancy
from accounts.actor import Proof
from accounts.models import Account, FieldPolicy, Mail, Management, Membership, ProfileSuggestion, ValueDispute
from accounts.profile import telling
from accounts.reasons import NotFound, Refused, Stale
from audit import subscribers
from audit.models import Entry
from dsar import disputed
from portal.powers import BY_SLUG
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.fields.test_policy import decide
from tests.situations import arrange


def act(org: Org, slug: str, about: str, data: dict[str, Any], *, by: str = "administrator", now: datetime | None = None) -> list[str]:
    """The codes of the refusal; [] when it was done. The person themselves acts where they are named."""
    person, who = org.person(about), org.person(by).account_id
    with tenancy.scope(org=org.organization.id, account=who, purpose=purposes.ACT):
        actor = access.actor_for(account_id=who, organization_id=org.organization.id, proof=Proof(method="password", at=now or datetime.now(UTC)))
        try:
            door.perform(power=BY_SLUG[slug], actor=actor, ids=[person.id], data=data, now=now or datetime.now(UTC))
        except Refused as refusal:
            return refusal.codes
    return []


def suggested(org: Org, about: str, field: str) -> ProfileSuggestion | None:
    with tenancy.installation("look"):
        return ProfileSuggestion.objects.filter(organization=org.organization, account_id=org.person(about).account_id, field=field).first()


def account(org: Org, name: str) -> Account:
    return Account.objects.get(id=org.person(name).account_id)


def member(org: Org, name: str) -> Membership:
    with tenancy.installation("look"):
        return Membership.objects.get(id=org.person(name).id)


def last(org: Org, event: str) -> str:
    """The newest record of this event in the organization's log."""
    with tenancy.installation("look"):
        found = [entry.record for entry in Entry.objects.filter(org=org.organization.id).order_by("occurred_at", "id") if f'"{event}"' in entry.record and '"success"' in entry.record]
    return found[-1] if found else ""


def follow() -> None:
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain([mail.SUBSCRIBER, telling.SUBSCRIBER, disputed.SUBSCRIBER])


def test_a_suggestion_changes_nothing_until_the_person_accepts_it(world: World) -> None:
    org, guest = world.north, world.north.person("guest")
    before = account(org, "guest").name
    assert act(org, "suggest-change", "guest", {"field": "name", "value": "Gü Canary"}) == []
    assert account(org, "guest").name == before
    assert "Canary" not in last(org, "profile.change_suggested") and '"name"' in last(org, "profile.change_suggested")
    first = suggested(org, "guest", "name")
    assert first is not None
    assert act(org, "suggest-change", "guest", {"field": "name", "value": "Gü Second", "message": "As on your badge"}, by="people-manager") == []
    second = suggested(org, "guest", "name")
    assert second is not None and second.id != first.id, "the second one takes the place of the first"
    follow()
    with tenancy.installation("look"):
        letters = Mail.objects.filter(organization_id=org.organization.id, template="suggest-change")
        assert {one.account_id for one in letters} == {guest.account_id} and "profile: Name." in outbox.render(letters[0])[1]
    page = unescape(client_for(guest).get("/me/values/").content.decode())
    assert "Gü Second" in page and "As on your badge" in page and "Gü Canary" not in page and before in page
    assert "1 change of your profile is suggested" in client_for(guest).get("/me/").content.decode()
    assert "Gü Second" in client_for(org.person("administrator")).get(f"/o/{org.slug}/people/{guest.id}/").content.decode()
    assert act(org, "accept-suggestion", "guest", {"suggestion": first.id}, by="guest") == ["no_suggestion"], "what was read is not what is there"
    for other in ("administrator", "owner", "worker"):
        assert act(org, "accept-suggestion", "guest", {"suggestion": second.id}, by=other) == ["wrong_status"]
        assert act(org, "decline-suggestion", "guest", {"suggestion": second.id}, by=other) == ["wrong_status"]
    assert account(org, "guest").name == before
    client, path = client_for(guest), f"/o/{org.slug}/people/{guest.id}/accept-suggestion/"
    assert client.post(path, {"suggestion": str(second.id)}).headers["Location"] == "/me/values/"
    assert account(org, "guest").name == "Gü Second" and suggested(org, "guest", "name") is None
    record = last(org, "profile.suggestion_accepted")
    assert str(guest.account_id) in record.split('"targets"')[0] and "Second" not in record, "under the person's own name"
    assert client.post(path, {"suggestion": str(second.id)}).status_code == 422, "once is once"
    assert act(org, "suggest-change", "guest", {"field": "time_zone", "value": "Europe/Rome"}) == []
    row = suggested(org, "guest", "time_zone")
    assert row is not None and act(org, "decline-suggestion", "guest", {"suggestion": row.id}, by="guest") == []
    assert account(org, "guest").time_zone == "" and suggested(org, "guest", "time_zone") is None


def test_only_what_is_the_person_s_is_suggested_by_whoever_may(world: World) -> None:
    org = world.north
    assert act(org, "suggest-change", "worker", {"field": "title", "value": "Chief"}) == ["yours_to_change"]
    assert act(org, "suggest-change", "worker", {"field": "name", "value": "Other"}) == ["yours_to_change"], "a managed name is for both"
    assert act(org, "suggest-change", "guest", {"field": "title", "value": "Chief"}) == ["yours_to_change"]
    assert act(org, "suggest-change", "guest", {"field": "name", "value": account(org, "guest").name}) == ["nothing_to_change"]
    assert act(org, "suggest-change", "guest", {"field": "name", "value": "X"}, by="help-desk") == ["no_permission"]
    assert "rank" in act(org, "suggest-change", "owner", {"field": "time_zone", "value": "Europe/Rome"})
    decide(org, "title", "directory")
    assert act(org, "suggest-change", "worker", {"field": "title", "value": "Chief"}) == ["field_of_directory"]
    client, path = client_for(org.person("administrator")), f"/o/{org.slug}/people/{org.person('guest').id}/suggest-change/"
    for wrong in ({"field": "email", "value": "a@b.example"}, {"field": "name", "value": " "}, {"field": "language", "value": "klingon"}, {"field": "time_zone", "value": "Mars/Base"},
                  {"field": "name", "value": "a\u202eb"}, {"field": "name", "value": "x" * 201}):
        assert client.post(path, wrong).status_code == 422, wrong
    with pytest.raises(NotFound):
        act(Org(**{**org.__dict__, "people": {**org.people, "guest": world.contoso.person("member")}}), "suggest-change", "guest", {"field": "name", "value": "X"})
    assert suggested(org, "guest", "name") is None


def test_whoever_manages_the_account_has_the_last_word_about_accepting(world: World) -> None:
    """The rules of the managing organization hold, although another one suggested; and its log says that the profile changed."""
    north, contoso = world.north, world.contoso
    there = contoso.person("member")
    with tenancy.installation("a test makes its world"):
        made: list[Membership] = []
        arrange(lambda: made.append(add_person(north, "shared", "member", False, datetime.now(UTC))))
        north.people["shared"] = shared = made[0]
        arrange(lambda: (Management.objects.create(account_id=shared.account_id, organization=contoso.organization, basis="created_by_org", since=datetime.now(UTC)),
                         FieldPolicy.objects.create(organization=contoso.organization, field="name", owner="administrator", ground="As in the contract", set_at=datetime.now(UTC))))
    assert act(north, "suggest-change", "shared", {"field": "name", "value": "New"}) == []
    row = suggested(north, "shared", "name")
    assert row is not None and act(north, "accept-suggestion", "shared", {"suggestion": row.id}, by="shared") == ["field_locked"]
    arrange(lambda: FieldPolicy.objects.filter(organization=contoso.organization).update(owner="both"))
    assert act(north, "accept-suggestion", "shared", {"suggestion": row.id}, by="shared") == []
    record = last(contoso, "profile.updated_elsewhere")
    assert str(shared.account_id) in record and "New" not in record and str(north.organization.id) not in record
    assert there.account_id != shared.account_id


def test_a_suggestion_ends_by_time_with_an_entry(world: World) -> None:
    org, now = world.north, datetime.now(UTC)
    act(org, "suggest-change", "guest", {"field": "name", "value": "Late"}, now=now)
    telling.run(now=now + timedelta(days=30) - timedelta(seconds=1))
    row = suggested(org, "guest", "name")
    assert row is not None
    over = now + timedelta(days=30)
    assert act(org, "accept-suggestion", "guest", {"suggestion": row.id}, by="guest", now=over) == ["no_suggestion"], "also before anybody tidied up"
    telling.run(now=over)
    telling.run(now=over)
    assert suggested(org, "guest", "name") is None and "Late" not in last(org, "profile.suggestion_expired") and '"schedule"' in last(org, "profile.suggestion_expired")


def test_a_dispute_is_open_until_it_is_corrected_or_kept_with_a_ground(world: World) -> None:
    org, worker = world.north, world.north.person("worker")
    assert act(org, "dispute-value", "worker", {"field": "time_zone", "proposed": "Europe/Rome", "words": "x"}, by="worker") == ["yours_alone"]
    arrange(lambda: Membership.objects.filter(id=worker.id).update(title="Clerk"))
    assert act(org, "dispute-value", "worker", {"field": "title", "proposed": "Clerk", "words": "x"}, by="worker") == ["nothing_to_change"]
    client = client_for(worker)
    assert client.post(f"/o/{org.slug}/people/{worker.id}/dispute-value/", {"field": "title", "proposed": "Canary", "words": ""}).status_code == 422, "a sentence is needed"
    assert client.post(f"/o/{org.slug}/people/{worker.id}/dispute-value/", {"field": "title", "proposed": "Canary", "words": "Since May <b>"}).status_code == 302
    assert "Canary" not in last(org, "profile.value_disputed") and "May" not in last(org, "profile.value_disputed")
    assert act(org, "dispute-value", "worker", {"field": "title", "proposed": "Other", "words": "x"}, by="worker") == ["asked_already"]
    assert "Nobody has answered yet" in client.get("/me/values/").content.decode()
    manager = client_for(org.person("people-manager"))
    page = manager.get(f"/o/{org.slug}/people/{worker.id}/").content.decode()
    assert "Disputed" in page and "Canary" in page and "May &lt;b&gt;" in page
    page = client_for(org.person("auditor")).get(f"/o/{org.slug}/people/{worker.id}/").content.decode()
    assert "Disputed" in page and "May &lt;b&gt;" not in page, "the person wrote to those who answer"
    assert "1 person says that a value" in manager.get(f"/o/{org.slug}/overview/").content.decode()
    assert str(worker.id) in manager.get(f"/o/{org.slug}/people/?due=dispute").content.decode()
    follow()
    with tenancy.installation("look"):
        told = Mail.objects.filter(organization_id=org.organization.id, template="value-disputed")
        assert {one.account_id for one in told} == {org.person(name).account_id for name in ("owner", "second-owner", "administrator", "people-manager")}
    for who, codes in (("worker", ["no_permission"]), ("help-desk", ["no_permission"])):
        assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "kept", "reason_code": "our_records"}, by=who) == codes
    path = f"/o/{org.slug}/people/{worker.id}/answer-value-dispute/"
    for wrong in ({"field": "title", "outcome": "kept"}, {"field": "title", "outcome": "kept", "reason_code": "other"}, {"field": "title", "outcome": "corrected", "value": "a\u202eb"}, {"field": "title"}):
        assert manager.post(path, wrong).status_code == 422, wrong
    assert manager.post(path, {"field": "title", "outcome": "kept", "reason_code": "our_records", "message": "See page 2"}).status_code == 302
    assert member(org, "worker").title == "", "until the person had time to disagree"
    follow()
    telling.run(now=datetime.now(UTC) + timedelta(hours=73))
    assert member(org, "worker").title == "Clerk"
    with tenancy.installation("look"):
        letter = Mail.objects.get(organization_id=org.organization.id, template="answer-value-dispute")
        subject, body, _html = outbox.render(letter)
        assert letter.account_id == worker.account_id and "stays as it is" in subject and "Ground: It is what our records say" in body and "See page 2" in body
    page = unescape(client.get("/me/values/").content.decode())
    assert "It was kept as it is" in page and "It is what our records say" in page and "See page 2" in page
    assert manager.post(path, {"field": "title", "outcome": "corrected"}).status_code == 422, "it is answered"
    assert act(org, "dispute-value", "worker", {"field": "title", "proposed": "Canary", "words": "Look again"}, by="worker") == []
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "corrected", "value": ""}) == []
    assert member(org, "worker").title == "Canary" and "Canary" not in last(org, "profile.dispute_answered") and '"membership.title"' in last(org, "profile.dispute_answered")
    assert "It was corrected" in client.get("/me/values/").content.decode()
    assert act(org, "dispute-value", "worker", {"field": "department", "proposed": "North", "words": "x"}, by="worker") == []
    assert act(org, "withdraw-dispute", "worker", {"field": "department"}, by="worker") == []
    assert act(org, "withdraw-dispute", "worker", {"field": "department"}, by="worker") == ["no_dispute"]
    for n in range(2):
        assert act(org, "dispute-value", "worker", {"field": "department", "proposed": f"N{n}", "words": "x"}, by="worker") == []
        act(org, "withdraw-dispute", "worker", {"field": "department"}, by="worker")
    assert act(org, "dispute-value", "worker", {"field": "department", "proposed": "N", "words": "x"}, by="worker") == ["disputed_often"], "five within a day"


def test_an_answer_corrects_only_what_administrators_may_change(world: World) -> None:
    org = world.north
    decide(org, "title", "directory")
    act(org, "dispute-value", "worker", {"field": "title", "proposed": "Chief", "words": "x"}, by="worker")
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "corrected", "value": ""}) == ["field_of_directory"]
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "kept", "reason_code": "from_directory"}) == []
    guest = client_for(org.person("guest"))
    assert "This is not right" in guest.get("/me/values/").content.decode(), "title and department are kept by the organization"
    assert act(org, "dispute-value", "guest", {"field": "name", "proposed": "Chief", "words": "x"}, by="guest") == ["yours_alone"], "nobody else answers for an unmanaged name"
    assert act(org, "dispute-value", "worker", {"field": "department", "proposed": "North", "words": "x"}, by="guest") == ["wrong_status"], "for somebody else"
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        power, actor, ids = BY_SLUG["answer-value-dispute"], org.actor("administrator"), [org.person("worker").id]
    act(org, "dispute-value", "worker", {"field": "department", "proposed": "North", "words": "x"}, by="worker")
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        data = {"field": "department", "outcome": "corrected", "value": ""}
        digest = door.plan(power=power, actor=actor, ids=ids, data=data, now=datetime.now(UTC)).digest
    act(org, "withdraw-dispute", "worker", {"field": "department"}, by="worker")
    act(org, "dispute-value", "worker", {"field": "department", "proposed": "South", "words": "x"}, by="worker")
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT), pytest.raises(Stale):
        door.perform(power=power, actor=actor, ids=ids, data=data, now=datetime.now(UTC), digest=digest)
    assert member(org, "worker").department == ""


def test_who_disputes_may_have_the_use_of_their_data_restricted_meanwhile(world: World) -> None:
    org = world.north
    act(org, "dispute-value", "worker", {"field": "department", "proposed": "North", "words": "x"}, by="worker")
    follow()
    assert not member(org, "worker").use_restricted, "only where the person asks for it"
    act(org, "dispute-value", "worker", {"field": "title", "proposed": "Canary", "words": "x", "restrict": True}, by="worker")
    follow()
    follow()
    assert member(org, "worker").use_restricted and '"dispute"' in last(org, "use.restricted")
    with tenancy.installation("look"):
        letter = Mail.objects.filter(organization_id=org.organization.id, template="value-disputed").order_by("created_at").last()
        assert letter is not None and "Worker" not in "".join(outbox.render(letter)), "who is restricted is not named"
    assert "use_restricted" in act(org, "update-profile", "worker", {"title": "Other"}), "daily administration rests"
    client, path = client_for(org.person("administrator")), f"/o/{org.slug}/people/{org.person('worker').id}/"
    assert "answer-value-dispute" in client.get(path).content.decode()
    page = client.get(f"{path}answer-value-dispute/?field=title").content.decode()
    assert "Canary" in page and "Worker" not in page
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "corrected", "value": ""}) == [], "and the person is answered all the same"
    assert member(org, "worker").title == "Canary" and member(org, "worker").use_restricted


def test_the_api_reads_the_policy_and_what_waits(world: World) -> None:
    org, api = world.north, f"/api/v1/orgs/{world.north.slug}"
    decide(org, "title", "administrator", "HR keeps it")
    told = client_for(org.person("guest")).get(f"{api}/field-policy/").json()
    assert {"title": ("administrator", "HR keeps it"), "language": ("person", "")}.items() <= {one["field"]: (one["owner"], one["ground"]) for one in told["fields"]}.items()
    assert told["limits"] == {"limited": [], "ground": "", "since": None}
    act(org, "suggest-change", "guest", {"field": "name", "value": "New"})
    act(org, "dispute-value", "worker", {"field": "title", "proposed": "Chief", "words": "x"}, by="worker")
    assert client_for(org.person("help-desk")).get(f"{api}/profile-questions/").status_code == 404
    waits = client_for(org.person("people-manager")).get(f"{api}/profile-questions/").json()
    assert [(one["person_id"], one["field"], one["proposed"]) for one in waits["disputes"]] == [(str(org.person("worker").id), "title", "Chief")]
    assert [(one["person_id"], one["field"], one["value"]) for one in waits["suggestions"]] == [(str(org.person("guest").id), "name", "New")]
    mine = {one["field"]: one for one in client_for(org.person("worker")).get("/api/v1/me/values/").json()["organizations"][0]["values"]}
    assert mine["title"]["dispute"]["proposed"] == "Chief" and "HR keeps it" in mine["title"]["locked"] and not mine["language"]["disputable"]
    with tenancy.installation("look"):
        assert not ValueDispute.objects.filter(organization=world.contoso.organization).exists()
    found = client_for(org.person("administrator")).get(f"/o/{org.slug}/find/?q=profile+fields").content.decode()
    assert "#h-fields" in found
