"""An account goes from one organization to another: offered without learning anything, accepted with a date, and decided by its person until then."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Q
from django.test import Client

from accounts import door, due, own_deletion, purging, tenancy
from accounts.models import Account, Deletion, Management, Membership, NoticeVersion, Organization, Plan, RightsRequest, Transfer
from accounts.organizations import ending
from accounts.powers import BY_SLUG
from accounts.powers.transfer_account import OfferForm
from accounts.reasons import NotFound, Refused, StepUpNeeded
from accounts.tenancy import scope
from accounts.transfers import leaving, life, running
from audit.models import Entry
from portal import transfers
from tests.browse import client_for
from tests.cast import World
from tests.claims.test_races import at_once
from tests.deletion.acts import DAY, act
from tests.deletion.acts import deletion as gone
from tests.deletion.test_schedule import hold
from tests.emails.acts import own
from tests.situations import arrange, domain_for, goodbye_of, scheduled_for
from tests.transfers.acts import address, administrators, at, joins, manager, post, row

LINK = re.compile(r"/leave-transfer/[\w:-]+/")


def refused(call: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refusal:
        call()
    return list(refusal.value.codes)


def said(world: World, which: str) -> list[str]:
    """What the log of an organization says of transfers, in order."""
    org = getattr(world, which).organization.id
    with tenancy.scope(org=org):
        found = [json.loads(entry.record) for entry in Entry.objects.filter(org=org).order_by("occurred_at", "id")]
    return [record["action"] for record in found if "transfer" in record["action"] and record["decision"]["outcome"] == "success"]


def test_from_the_offer_to_the_other_manager(world: World) -> None:
    """Both sides and the person hear of each step; on the date control changes hands at once, with what belonged to it; nothing else does."""
    ours, theirs, person, start = world.north, world.contoso, world.north.person("worker"), datetime.now(UTC)
    member = joins(theirs, person)
    arrange(lambda: scheduled_for(person, "deactivate"))
    with pytest.raises(StepUpNeeded):
        with scope(org=ours.organization.id):
            door.perform(power=BY_SLUG["transfer-account"], actor=ours.actor("owner", tier=1), ids=[person.id], data={"to": theirs.slug, "reason_code": "role_change"}, now=start)
    act(ours, "transfer-account", person, to=theirs.slug, message="You work for them now.", now=start)
    assert manager(person) == ours.organization.id and row(person).to_organization_id == theirs.organization.id
    template, words = post(person)[-1]
    assert template == "transfer-account" and "You work for them now." in words and theirs.slug in words and theirs.organization.name not in words
    assert any(ours.organization.name in words and "offers you control" in words for _t, words in post(*administrators(theirs)))
    assert "offered to the organization" in client_for(ours.person("owner")).get(f"/o/{ours.slug}/people/{person.id}/").content.decode()
    page = client_for(theirs.person("owner")).get(f"/o/{theirs.slug}/people/{member.id}/").content.decode()
    assert "offers your organization control" in page and "accept-transfer" in page
    assert refused(lambda: act(ours, "transfer-account", person, to=theirs.slug)) == ["transfer_open"]
    then = start + DAY
    act(theirs, "accept-transfer", member, now=then)
    date = at(row(person).effective_at)
    assert date - then == life.BEGINS_AFTER and manager(person) == ours.organization.id
    template, words = post(person)[-1]
    assert template == "accept-transfer" and f"{date:%Y-%m-%d}" in words and ours.organization.name in words and "/me/transfer/" in words
    assert any("accepts the account" in words and theirs.organization.name in words for _t, words in post(*administrators(ours)))
    for now in (date - 4 * DAY, date - 2 * DAY, date - DAY, date - timedelta(seconds=1)):
        due.run(now=now)
        assert manager(person) == ours.organization.id
    assert [template for template, words in post(person)].count("transfer-news") == 1, "one reminder"
    with tenancy.installation("a test looks"):
        epochs = Account.objects.filter(id=person.account_id).values_list("auth_epoch", "credential_epoch", "email", "status")[0]
    due.run(now=date)
    assert manager(person) == theirs.organization.id and row(person).state == "done"
    due.run(now=date)
    with tenancy.installation("a test looks"):
        management = Management.objects.get(account_id=person.account_id)
        assert (management.basis, management.since, management.notice_version) == ("transfer", date, str(NoticeVersion.objects.get(organization=theirs.organization).id))
        assert Account.objects.filter(id=person.account_id).values_list("auth_epoch", "credential_epoch", "email", "status")[0] == epochs, "the person notices nothing but who may act"
        assert Account.objects.get(id=person.account_id).access_ends_at is None and Plan.objects.get(subject=person.id).state == "superseded"
        assert {one.status for one in Membership.objects.filter(account_id=person.account_id)} == {"active"}
    assert refused(lambda: act(ours, "deactivate", person)) == ["not_managed"]
    assert "manages your account from now on" in post(person)[-1][1]
    before, after = said(world, "north"), said(world, "contoso")
    assert before == ["management.transfer_offered", "management.transfer_agreed", "management.transfer_reminded", "management.transferred"]
    assert after == ["management.transfer_received", "management.transfer_accepted", "management.transfer_began"]
    with tenancy.scope(org=ours.organization.id):
        agreed = next(record for entry in Entry.objects.filter(org=ours.organization.id) if (record := json.loads(entry.record))["action"] == "management.transfer_agreed")
    assert agreed["actor"]["type"] == "organization" and str(theirs.person("owner").account_id) not in str(agreed), "whose administrator it was is theirs to know"
    assert "the organization that managed it before handed it over" in client_for(person).get("/me/who/").content.decode()


def test_after_an_outage_the_reminder_comes_first(world: World) -> None:
    """Nobody looked until long after the date: the person is told once, has the three days in which they may object or leave, and only then control changes hands."""
    ours, theirs, person, start = world.north, world.contoso, world.north.person("worker"), datetime.now(UTC)
    member = joins(theirs, person)
    act(ours, "transfer-account", person, to=theirs.slug, now=start)
    act(theirs, "accept-transfer", member, now=start + DAY)
    late = start + 40 * DAY
    for now in (late, late + timedelta(hours=1), late + life.REMINDED_BEFORE - timedelta(seconds=1)):
        due.run(now=now)
        assert manager(person) == ours.organization.id
    date = at(row(person).effective_at)
    assert date == late + life.REMINDED_BEFORE
    reminders = [words for template, words in post(person) if template == "transfer-news"]
    assert len(reminders) == 1 and f"{date:%Y-%m-%d %H:%M}" in reminders[0]
    due.run(now=date)
    assert manager(person) == theirs.organization.id
    assert said(world, "north")[-2:] == ["management.transfer_reminded", "management.transferred"]


def test_who_offers_learns_nothing(world: World) -> None:
    """An address of nobody, of an organization that the person does not know, of one that declines, and of one that is silent look alike from the outside, to the end."""
    ours, theirs, now = world.north, world.contoso, datetime.now(UTC)
    names = {"worker": theirs.slug, "auditor": theirs.slug, "help-desk": theirs.slug, "legal": "there-is-no-such-organization"}
    member = joins(theirs, ours.person("worker"))
    joins(theirs, ours.person("auditor"))
    for name, slug in names.items():
        act(ours, "transfer-account", ours.person(name), to=slug, now=now)
    assert {"worker", "auditor"} == {name for name in names for one in theirs_see(world) if one.row.account_id == ours.person(name).account_id}
    assert said(world, "contoso") == ["management.transfer_received"] * 2 and not any("Help-Desk" in words for _t, words in post(*administrators(theirs))), "nobody hears of strangers"
    stranger = ours.person("help-desk")
    with pytest.raises((NotFound, Refused)):
        act(theirs, "accept-transfer", stranger)
    act(theirs, "decline-transfer", member, now=now)
    assert refused(lambda: act(theirs, "accept-transfer", member)) == ["no_transfer"]
    client = client_for(ours.person("owner"))

    def seen() -> set[str]:
        """What the pages and the API say about the four, without what tells them apart by name."""
        found = client.get(f"/api/v1/orgs/{ours.slug}/transfers/").json()["transfers"]
        assert len(found) == 4
        pages = [client.get(f"/o/{ours.slug}/people/{ours.person(name).id}/").content.decode() for name in names]
        banners = {re.sub(r"“[^”]*”", "", match[0]) for page in pages for match in [re.search(r"This account is offered[^<]*", page)] if match}
        return {f"{one['state']} {one['effective_at']} {one['problem']} {one['other'] in names.values()}" for one in found} | banners

    assert len(seen()) == 2 and len({words.replace(names[name], "") for name in names for template, words in post(ours.person(name)) for words in [words.partition("Entry in")[0]]}) == 1
    assert said(world, "north") == ["management.transfer_offered"] * 4
    later = now + life.ANSWER_WITHIN + timedelta(minutes=1)
    due.run(now=later)
    assert {row(ours.person(name)).state for name in names} == {"expired"} and len(seen()) == 1
    assert all("Nobody took your account over" in post(ours.person(name))[-1][1] for name in names)
    assert theirs.organization.name not in str([post(ours.person(name)) for name in names] + [post(*administrators(ours))])


def theirs_see(world: World) -> list[transfers.Shown]:
    with tenancy.scope(org=world.contoso.organization.id):
        return transfers.received(world.contoso.organization.id)


def test_the_person_decides(world: World) -> None:
    """Objecting ends it at any moment and is respected for half a year; taking the account needs a mailbox of one's own, and leaves nobody in control."""
    ours, theirs, person, now = world.north, world.contoso, world.north.person("worker"), datetime.now(UTC)
    member, old = joins(theirs, person), address(person)
    client = client_for(person)
    assert "Nobody has offered your account" in client.get("/me/transfer/").content.decode()
    assert refused(lambda: own(person, "object-to-transfer")) == ["no_transfer"]
    act(ours, "transfer-account", person, to=theirs.slug, now=now)
    assert refused(lambda: own(person, "take-own-account", address="me@home-mail.com")) == ["no_transfer"], "there is nothing to take before somebody accepted"
    assert client.post("/me/transfer/", {"answer": "object", "message": "I will not go."}).status_code == 302
    assert row(person).state == "objected" and "I will not go." in post(*administrators(ours))[-1][1] and "I will not go." not in str(post(*administrators(theirs)))
    for slug, org, who in (("accept-transfer", theirs, member), ("withdraw-transfer", ours, person), ("decline-transfer", theirs, member)):
        assert refused(lambda slug=slug, org=org, who=who: act(org, slug, who)) == ["no_transfer"]  # type: ignore[misc]
    assert refused(lambda: act(ours, "transfer-account", person, to=theirs.slug)) == ["transfer_objected"]
    arrange(lambda: Transfer.objects.filter(account_id=person.account_id).delete())
    arrange(lambda: domain_for(theirs, f"{theirs.slug}.com"))
    act(ours, "transfer-account", person, to=theirs.slug, now=now)
    act(theirs, "accept-transfer", member, now=now)
    date = at(row(person).effective_at)
    assert refused(lambda: own(person, "take-own-account", address=f"Me@{theirs.slug.upper()}.com")) == ["address_in_domain"]
    own(person, "take-own-account", address="first@home-mail.com", now=now)
    first = leaving.token(row(person))
    own(person, "take-own-account", address=f"Me.{person.id.hex}@Home-Mail.com", now=now + timedelta(minutes=1))
    link = next(match[0] for template, words in post(person) for match in [LINK.search(words)] if match and template == "transfer-leave" and leaving.token(row(person)) in match[0])
    assert Client().get(f"/leave-transfer/{first}/").status_code == 404, "a later wish makes the earlier link worthless"
    assert "Take your account?" in Client().get(link).content.decode() and manager(person) == ours.organization.id, "opening changes nothing"
    assert Client().post(link).status_code == 302 and Client().post(link).status_code == 404
    assert manager(person) is None and row(person).state == "left" and address(person) == f"Me.{person.id.hex}@home-mail.com" and row(person).leaving_address == ""
    due.run(now=date + DAY)
    assert manager(person) is None
    with tenancy.installation("a test looks"):
        told = str([entry.record for entry in Entry.objects.filter(Q(org=ours.organization.id) | Q(org=theirs.organization.id))])
    assert "home-mail" not in told.lower() and old not in told
    assert "took the account themselves" in str(post(*administrators(ours))) and "ended before it took effect" in str(post(*administrators(theirs)))


def test_both_sides_can_let_it_be_until_the_date(world: World) -> None:
    ours, theirs, person, now = world.north, world.contoso, world.north.person("worker"), datetime.now(UTC)
    member = joins(theirs, person)
    for number, (org, slug, who) in enumerate(((ours, "withdraw-transfer", person), (theirs, "decline-transfer", member))):
        act(ours, "transfer-account", person, to=theirs.slug.upper() if not number else theirs.slug, now=now) if number else act(ours, "transfer-account", person, to=theirs.slug, now=now)
        act(theirs, "accept-transfer", member, now=now)
        act(org, slug, who, now=now + 13 * DAY)
        due.run(now=now + 20 * DAY)
        assert manager(person) == ours.organization.id and row(person).state in {"withdrawn", "refused"}
    assert "does not take your account over after all" in post(person)[-1][1] and "does not take the account" in post(*administrators(ours))[-1][1]
    act(ours, "transfer-account", person, to=theirs.slug, now=now)
    act(ours, "withdraw-transfer", person, now=now)
    assert refused(lambda: act(ours, "transfer-account", person, to=theirs.slug, now=now)) == ["transfer_too_often"]
    form = OfferForm({"to": f" {theirs.slug.upper()} ", "reason_code": "absence"})
    assert form.is_valid() and form.cleaned_data["to"] == theirs.slug
    assert not OfferForm({"to": "a/b", "reason_code": "absence"}).is_valid() and not OfferForm({"to": "x" * 51, "reason_code": "absence"}).is_valid()
    assert refused(lambda: act(ours, "transfer-account", ours.person("auditor"), to=ours.slug)) == ["transfer_to_self"]


def test_what_stands_in_the_way_at_the_offer_and_on_the_date(world: World) -> None:
    """A hold, an open wish to be deleted, and a state in which nobody can decide: refused when it is offered, and looked at again when it would begin."""
    ours, theirs, now = world.north, world.contoso, datetime.now(UTC)
    names = ["worker", "auditor", "legal", "help-desk", "member", "app-manager", "guest"]
    people = {name: ours.person(name) for name in names[:6]}
    members = {name: joins(theirs, person) for name, person in people.items()}
    assert refused(lambda: act(ours, "transfer-account", ours.person("guest"), to=theirs.slug)) == ["not_managed"]
    begins: dict[str, Callable[[], object]] = {
        "worker": lambda: hold(ours, people["worker"]), "auditor": lambda: arrange(lambda: goodbye_of(people["auditor"])),
        "legal": lambda: arrange(lambda: Account.objects.filter(id=people["legal"].account_id).update(status="locked")),
        "help-desk": lambda: arrange(lambda: Membership.objects.filter(id=members["help-desk"].id).update(status="removed")),
        "member": lambda: act(ours, "release-account", people["member"], now=now), "app-manager": lambda: act(ours, "schedule-deletion", people["app-manager"], days=30, now=now)}
    for name, person in people.items():
        act(ours, "transfer-account", person, to=theirs.slug, now=now)
        act(theirs, "accept-transfer", members[name], now=now)
        begins[name]()
    date = at(row(people["worker"]).effective_at)
    due.run(now=date)
    problems = {name: (row(person).state, row(person).problem) for name, person in people.items()}
    assert problems == {"worker": ("missed", "on_hold"), "auditor": ("missed", "answer_deletion_first"), "legal": ("missed", "wrong_status"), "help-desk": ("missed", "not_member_there"),
                        "member": ("missed", "not_managed"), "app-manager": ("missed", "wrong_status")}
    assert {manager(person) for name, person in people.items() if name != "member"} == {ours.organization.id} and manager(people["member"]) is None
    codes = {name: refused(lambda person=person: act(ours, "transfer-account", person, to=theirs.slug)) for name, person in people.items() if name != "help-desk"}  # type: ignore[misc]
    assert codes == {"worker": ["on_hold"], "auditor": ["answer_deletion_first"], "legal": ["wrong_status"], "member": ["not_managed"], "app-manager": ["wrong_status"]}
    with tenancy.installation("a test tidies up"):
        arrange(lambda: (RightsRequest.objects.filter(account_id=people["auditor"].account_id).delete(), Deletion.objects.filter(account_id=people["app-manager"].account_id).delete()))


def test_an_organization_that_ends_hands_accounts_on_one_by_one(world: World) -> None:
    """An account that is on its way counts as undecided until it is there: the end waits for the date, and goes on by itself."""
    ours, theirs, person, now = world.north, world.contoso, world.north.person("worker"), datetime.now(UTC)
    arrange(lambda: Management.objects.filter(organization=ours.organization).exclude(account_id=person.account_id).delete())
    member = joins(theirs, person)
    with tenancy.installation("a test looks"):
        assert ending.blockers(ours.organization.id) == ["accounts_undecided"]
    act(ours, "transfer-account", person, to=theirs.slug, now=now)
    act(theirs, "accept-transfer", member, now=now)
    with tenancy.installation("a test looks"):
        assert ending.blockers(ours.organization.id) == ["accounts_undecided"], "on its way is not there"
    running.run(now=now + life.BEGINS_AFTER)
    with tenancy.installation("a test looks"):
        assert ending.blockers(ours.organization.id) == [] and manager(person) == theirs.organization.id
    arrange(lambda: Organization.objects.filter(id=theirs.organization.id).update(status="pending_deletion"))
    second = ours.person("auditor")
    arrange(lambda: Management.objects.create(organization=ours.organization, account_id=second.account_id, basis="created_by_org", since=now))
    joins(theirs, second)
    act(ours, "transfer-account", second, to=theirs.slug, now=now)
    assert row(second).to_organization_id is None, "who is about to end receives nothing"
    arrange(lambda: Organization.objects.filter(id=theirs.organization.id).update(status="active"))


def test_two_at_once(world: World) -> None:
    """Acceptance against taking back, the date against an objection and against a release, two wishes to be deleted, the way back against the removal: one of them, never half of both."""
    ours, theirs, now = world.north, world.contoso, datetime.now(UTC)
    names = ("worker", "auditor", "legal", "help-desk")
    members = {name: joins(theirs, ours.person(name)) for name in names}
    for name in names[:3]:
        act(ours, "transfer-account", ours.person(name), to=theirs.slug, now=now)
    worker, auditor, legal, going = (ours.person(name) for name in names)
    at_once(lambda: act(theirs, "accept-transfer", members["worker"], now=now), lambda: act(ours, "withdraw-transfer", worker, now=now))
    assert row(worker).state == "withdrawn", "whoever takes it back has the last word"
    for name in ("auditor", "legal"):
        act(theirs, "accept-transfer", members[name], now=now)
    date = at(row(legal).effective_at)
    at_once(lambda: running.run(now=date), lambda: own(auditor, "object-to-transfer", message="No.", now=date), lambda: act(ours, "release-account", legal, now=date))
    running.run(now=date)
    assert (row(auditor).state, manager(auditor)) in {("done", theirs.organization.id), ("objected", ours.organization.id)}
    assert (row(legal).state, manager(legal)) in {("done", theirs.organization.id), ("missed", None)}
    answers = at_once(*[lambda: own(going, "ask-own-deletion", words="") for _twice in range(2)])
    assert sorted(isinstance(one, Exception) for one in answers) == [False, True]
    act(ours, "grant-own-deletion", going, now=now)
    deletion = gone(going)
    assert deletion is not None
    word = own_deletion.link(deletion).rstrip("/").rpartition("/")[2]

    def removal() -> bool:
        with tenancy.installation("the schedule"):
            return purging.purge(account_id=going.account_id, now=deletion.purge_at)

    kept, _purged = at_once(lambda: own_deletion.keep(word, now=deletion.purge_at), removal)
    status = Account.objects.get(id=going.account_id).status
    assert status == ("purged" if isinstance(kept, Exception) else "active")
