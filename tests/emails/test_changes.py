"""A change of an address from the wish to its end: by an administrator, by the person, with a dead mailbox; confirmed, decided, undone, over time."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import access, approvals, door, tenancy
from accounts.emails import life, links, steps
from accounts.models import Account, AddressChange, Management, Membership, Plan, Session
from accounts.models.address import ChangeState
from accounts.reasons import NotFound, Refused, StepUpNeeded
from audit.models import Entry
from tests.browse import client_for
from tests.cast import World, add_person
from tests.emails import post
from tests.emails.acts import NAMED, act, address, latest, own, signs_in
from tests.situations import WHY, arrange, domain_for, session_for

DAY = timedelta(days=1)


@pytest.fixture
def domain(world: World) -> str:
    name = f"{world.north.slug}.example"
    arrange(lambda: domain_for(world.north, name))
    return name


def refused(call: Any, *codes: str) -> None:
    with pytest.raises(Refused) as refusal:
        call()
    assert tuple(refusal.value.codes) == codes


def records(org: object, action: str) -> list[str]:
    with tenancy.installation("look"):
        return list(Entry.objects.filter(org=org, record__contains=f'"{action}"').values_list("record", flat=True))


def test_an_administrator_asks_and_the_new_mailbox_confirms(world: World, domain: str) -> None:
    org, person, new, made = world.north, world.north.person("worker"), f"Worker.New@{domain}", []
    old = address(person)
    arrange(lambda: made.append(session_for(person)))
    act(org, "change-email", person, who="people-manager", email=new, **NAMED)
    assert (address(person), signs_in(old), signs_in(new)) == (old, person.account_id, None)  # nothing happened yet
    word = post.word(person.account_id, new)
    assert not Session.objects.filter(id=made[0].id, ended_at__isnull=False).exists()
    assert {a for _t, a, _x in post.delivered(person.account_id)} == {old, new}
    row = steps.confirm(word, now=datetime.now(UTC))
    assert row.state == ChangeState.DONE
    assert (address(person), signs_in(old), signs_in(new.lower())) == (new, None, person.account_id)
    assert Session.objects.get(id=made[0].id).ended_reason == "address_changed"
    mails = post.delivered(person.account_id)
    assert ("address-changed-new", new) in {m[:2] for m in mails}
    assert ("address-changed-old", old) in {m[:2] for m in mails}
    with pytest.raises(NotFound):
        steps.confirm(word, now=datetime.now(UTC))


def test_only_addresses_in_a_proven_domain(world: World, domain: str) -> None:
    org, person = world.north, world.north.person("worker")
    for other in ("worker@elsewhere.example", f"worker@sub.{domain}", f"worker@{domain}.com", f"worker@not{domain}"):
        refused(lambda other=other: act(org, "change-email", person, email=other, **NAMED), "address_outside")
    for state in ("pending_proof", "contested", "lapsed", "released"):
        arrange(lambda state=state: domain_for(org, domain, state=state))
        refused(lambda: act(org, "change-email", person, email=f"new@{domain}", **NAMED), "address_outside")
    arrange(lambda: domain_for(world.contoso, domain))
    refused(lambda: act(org, "change-email", person, email=f"new@{domain}", **NAMED), "address_outside")


def test_a_domain_that_is_gone_meanwhile_stops_the_change(world: World, domain: str) -> None:
    person, new = world.north.person("worker"), f"new@{domain}"
    old = address(person)
    act(world.north, "change-email", person, email=new, **NAMED)
    word = post.word(person.account_id, new)
    arrange(lambda: domain_for(world.north, domain, state="lapsed"))
    refused(lambda: steps.confirm(word, now=datetime.now(UTC)), "address_outside")
    assert address(person) == old
    assert records(world.north.organization.id, "account.email.mailbox_confirmed")[0].count("address_outside") == 1  # the refusal is recorded


@pytest.mark.parametrize(("who", "name", "code"), [("people-manager", "people-manager", "self"), ("people-manager", "administrator", "rank"), ("administrator", "owner", "rank"), ("owner", "guest", "not_managed")])
def test_whom_an_administrator_does_not_reach(world: World, domain: str, who: str, name: str, code: str) -> None:
    refused(lambda: act(world.north, "change-email", world.north.person(name), who=who, email=f"new@{domain}", **NAMED), *([code] if code != "self" else ["rank", "self"]))


def test_an_account_of_a_directory_is_changed_there(world: World, domain: str) -> None:
    person = world.north.person("worker")
    arrange(lambda: Management.objects.filter(account_id=person.account_id).update(basis="scim"))
    refused(lambda: act(world.north, "change-email", person, email=f"new@{domain}", **NAMED), "managed_by_idp")
    refused(lambda: own(person, "change-own-email", email=f"new@{domain}"), "managed_by_idp")


def test_a_dead_mailbox_needs_two_people_and_takes_effect_at_once(world: World, domain: str) -> None:
    org, person, new = world.north, world.north.person("worker"), f"alive@{domain}"
    old, made = address(person), []
    arrange(lambda: made.append(session_for(person)))
    receipt = act(org, "change-email", person, who="administrator", email=new, how="dead_mailbox", reason_code="mailbox_dead", message="", private_note="")
    assert receipt.plan_id
    assert address(person) == old
    with tenancy.scope(org=org.organization.id):
        stored = Plan.objects.get(id=receipt.plan_id)
        from accounts.powers import BY_SLUG

        refused(lambda: approvals.decide(plan_id=stored.id, actor=org.actor("administrator"), requester=approvals.requester(stored), power=BY_SLUG["change-email"], approve=True, note="", now=datetime.now(UTC)), "same_person")
        approvals.decide(plan_id=stored.id, actor=org.actor("owner"), requester=approvals.requester(stored), power=BY_SLUG["change-email"], approve=True, note="", now=datetime.now(UTC))
    assert (address(person), signs_in(new)) == (new, person.account_id)
    assert Session.objects.get(id=made[0].id).ended_reason == "address_changed"
    steps.undo(post.word(person.account_id, old), now=datetime.now(UTC))  # if somebody reads it after all
    assert address(person) == old


def test_an_unmanaged_person_changes_it_by_mailbox_and_proof_alone(world: World) -> None:
    person, new = world.north.person("guest"), f"{uuid.uuid4().hex}@elsewhere.example"
    old = address(person)
    with pytest.raises(StepUpNeeded):
        own(person, "change-own-email", proof="", email=new)
    own(person, "change-own-email", proof="password", email=new)
    assert steps.confirm(post.word(person.account_id, new), now=datetime.now(UTC)).state == ChangeState.DONE
    assert (address(person), signs_in(old)) == (new, None)


def test_whoever_has_a_second_factor_proves_it(world: World) -> None:
    person = world.north.person("auditor")
    arrange(lambda: Account.objects.filter(id=person.account_id).update(has_second_factor=True))
    with pytest.raises(StepUpNeeded) as needed:
        own(person, "change-own-email", proof="password", email="x@elsewhere.example")
    assert needed.value.tier == 2


def test_a_managed_person_asks_and_an_administrator_agrees(world: World, domain: str) -> None:
    org, person, new, made = world.north, world.north.person("worker"), f"married@{domain}", []
    old = address(person)
    arrange(lambda: made.append(session_for(person)))
    own(person, "change-own-email", email=new)
    refused(lambda: act(org, "approve-email-change", person), "mailbox_unconfirmed")
    word = post.word(person.account_id, new)
    assert steps.confirm(word, now=datetime.now(UTC)).state == ChangeState.WAITING
    with pytest.raises(NotFound):  # while the request waits, the link is as dead as afterwards
        steps.confirm(word, now=datetime.now(UTC))
    assert address(person) == old  # the mailbox alone is not enough
    told = {a for t, a, _x in post.delivered(org.person("people-manager").account_id, template="address-request")}
    assert told == {address(org.person("people-manager"))}
    act(org, "approve-email-change", person, who="people-manager")
    assert address(person) == new
    assert Session.objects.get(id=made[0].id).ended_at is None  # the person began it, so nobody is signed out
    with tenancy.scope(org=org.organization.id):
        assert Management.objects.filter(account_id=person.account_id).exists()
    assert ("approve-email-change", new) in {m[:2] for m in post.delivered(person.account_id)}


def test_an_address_outside_is_a_release(world: World, domain: str) -> None:
    org, person, new = world.north, world.north.person("worker"), f"{uuid.uuid4().hex}@home.example"
    own(person, "change-own-email", email=new)
    steps.confirm(post.word(person.account_id, new), now=datetime.now(UTC))
    assert latest(person).outside
    with tenancy.scope(org=org.organization.id):
        from accounts.powers import BY_SLUG

        plan = door.plan(power=BY_SLUG["approve-email-change"], actor=org.actor("owner"), ids=[person.id], data={}, now=datetime.now(UTC))
        assert plan.verdicts[0].effects[0].code == "management"
    refused(lambda: act(org, "approve-email-change", person, who="people-manager"), "release_needed")  # who may not release may not do it this way
    act(org, "approve-email-change", person, who="administrator")
    assert address(person) == new
    with tenancy.installation("look"):
        assert not Management.objects.filter(account_id=person.account_id).exists()
        assert Membership.objects.get(id=person.id).status == "active"


def test_declined_with_a_ground_and_asked_again(world: World, domain: str) -> None:
    org, person, new = world.north, world.north.person("worker"), f"married@{domain}"
    own(person, "change-own-email", email=new)
    steps.confirm(post.word(person.account_id, new), now=datetime.now(UTC))
    first = latest(person)
    act(org, "deny-email-change", person, reason_code="ask_in_person", message="Come by", private_note="")
    assert "Come by" in post.delivered(person.account_id, template="deny-email-change")[0][2]
    assert latest(person).state == ChangeState.DENIED
    own(person, "change-own-email", email=f"other@{domain}")
    steps.confirm(post.word(person.account_id, f"other@{domain}"), now=datetime.now(UTC))
    refused(lambda: act(org, "approve-email-change", person, change=first.id), "stale")  # nobody agrees to another request than they saw
    act(org, "approve-email-change", person, change=latest(person).id)
    assert address(person) == f"other@{domain}"


def test_the_person_withdraws_and_the_link_is_dead(world: World, domain: str) -> None:
    person, new = world.north.person("worker"), f"married@{domain}"
    own(person, "change-own-email", email=new)
    word = post.word(person.account_id, new)
    own(person, "withdraw-own-email-change")
    with pytest.raises(NotFound):
        steps.confirm(word, now=datetime.now(UTC))
    act(world.north, "change-email", person, email=new, **NAMED)
    refused(lambda: own(person, "withdraw-own-email-change"), "no_change_pending")  # what an administrator began, an administrator takes back
    refused(lambda: own(person, "change-own-email", email=f"x@{domain}"), "change_pending")
    act(world.north, "cancel-email-change", person, **WHY)
    assert latest(person).state == ChangeState.CANCELLED


def test_lockdown_and_release_end_what_is_under_way(world: World, domain: str) -> None:
    for slug, name in (("lockdown", "worker"), ("release-account", "auditor")):
        person, new = world.north.person(name), f"new-{name}@{domain}"
        own(person, "change-own-email", email=new)
        word = post.word(person.account_id, new)
        act(world.north, slug, person, **WHY)
        with pytest.raises(NotFound):
            steps.confirm(word, now=datetime.now(UTC))
        assert latest(person).state == ChangeState.CANCELLED


def test_the_old_mailbox_undoes_once_within_seven_days(world: World) -> None:
    person, new, made, now = world.north.person("guest"), f"{uuid.uuid4().hex}@elsewhere.example", [], datetime.now(UTC)
    old = address(person)
    own(person, "change-own-email", email=new)
    steps.confirm(post.word(person.account_id, new), now=now)
    word = post.word(person.account_id, old)
    arrange(lambda: made.append(session_for(person)))
    assert steps.seen(word, "undo", now=now + 7 * DAY) is None
    steps.undo(word, now=now + 6 * DAY)
    assert address(person) == old
    assert Session.objects.get(id=made[0].id).ended_reason == "address_restored"
    for call in (steps.undo, steps.confirm):
        with pytest.raises(NotFound):
            call(word, now=now + 6 * DAY)
    assert latest(person).state == ChangeState.REVERTED
    assert ("address-restored", new) in {m[:2] for m in post.delivered(person.account_id)}


def test_a_thief_who_changes_it_twice_does_not_shake_the_owner_off(world: World) -> None:
    person, now = world.north.person("guest"), datetime.now(UTC)
    old, second, third = address(person), f"{uuid.uuid4().hex}@thief.example", f"{uuid.uuid4().hex}@thief.example"
    for number, new in enumerate((second, third)):
        own(person, "change-own-email", email=new, now=now + number * timedelta(minutes=1))
        steps.confirm(post.word(person.account_id, new), now=now + number * timedelta(minutes=1))
    first, later = post.word(person.account_id, old), post.word(person.account_id, second)
    own(person, "change-own-email", email=f"{uuid.uuid4().hex}@thief.example")
    steps.undo(first, now=now + DAY)
    assert address(person) == old
    with pytest.raises(NotFound):
        steps.undo(later, now=now + DAY)
    assert set(AddressChange.objects.none()) == set()
    with tenancy.installation("look"):
        assert sorted(AddressChange.objects.filter(account_id=person.account_id).values_list("state", flat=True)) == ["cancelled", "reverted", "reverted"]


@pytest.mark.parametrize("ground", ["mailbox_compromised", "name_changed"])
def test_a_compromised_mailbox_gets_no_way_back(world: World, domain: str, ground: str) -> None:
    person, new, now = world.north.person("worker"), f"safe@{domain}", datetime.now(UTC)
    old = address(person)
    own(person, "change-own-email", email=f"first@{domain}")
    steps.confirm(post.word(person.account_id, f"first@{domain}"), now=now)
    act(world.north, "approve-email-change", person)
    earlier = post.word(person.account_id, old)
    act(world.north, "change-email", person, email=new, reason_code=ground, message="", private_note="")
    steps.confirm(post.word(person.account_id, new), now=now)
    mails = [text for template, to, text in post.delivered(person.account_id, address=f"first@{domain}") if template == "address-changed-old"]
    assert len(mails) == 1
    assert ("/address/undo/" in mails[0]) == (ground == "name_changed")
    if ground == "mailbox_compromised":
        with pytest.raises(NotFound):  # nor by a link of an earlier change
            steps.undo(earlier, now=now)
    else:
        steps.undo(earlier, now=now)
        assert address(person) == old


def test_links_are_for_one_purpose_and_time_and_are_nowhere_stored(world: World) -> None:
    person, new, now = world.north.person("guest"), f"{uuid.uuid4().hex}@elsewhere.example", datetime.now(UTC)
    own(person, "change-own-email", email=new, now=now)
    word = post.word(person.account_id, new)
    with tenancy.installation("look"):
        row = AddressChange.objects.get(account_id=person.account_id)
    assert word not in str([bytes(v) if isinstance(v, memoryview) else v for v in AddressChange.objects.none().values()]) + str(bytes(row.link_hash))
    assert links.secret(row, "undo") != word
    for foreign in (word[:-1], word + "A", word.swapcase(), "", "x" * 5000, links.secret(row, "undo")):
        with pytest.raises(NotFound):
            steps.confirm(foreign, now=now)
    with pytest.raises(NotFound):
        steps.undo(word, now=now)
    with pytest.raises(NotFound):
        steps.confirm(word, now=now + timedelta(hours=72))
    row.new_key = "other@elsewhere.example"
    assert links.secret(row, "confirm") != word  # bound to the address
    assert steps.confirm(word, now=now + timedelta(hours=71, minutes=59)).state == ChangeState.DONE


def test_opening_a_link_changes_nothing(world: World) -> None:
    from django.test import Client

    person, new = world.north.person("guest"), f"{uuid.uuid4().hex}@elsewhere.example"
    old, client = address(person), Client()
    own(person, "change-own-email", email=new)
    path = f"/address/confirm/{post.word(person.account_id, new)}/"
    for _again in range(3):
        assert client.get(path).status_code == client.head(path).status_code == 200
    assert address(person) == old
    assert new in client.post(path).content.decode()
    assert address(person) == new
    assert client.get(path).status_code == client.post(path).status_code == 404
    back = f"/address/undo/{post.word(person.account_id, old)}/"
    assert client.get(back).status_code == 200
    assert address(person) == new
    assert client.post(back).status_code == 200
    assert (address(person), client.post(back).status_code) == (old, 404)


def test_no_link_stays_in_the_post_that_is_kept(world: World) -> None:
    from accounts import outbox
    from accounts.models import Mail

    person, new = world.north.person("guest"), f"{uuid.uuid4().hex}@elsewhere.example"
    own(person, "change-own-email", email=new)
    word = post.word(person.account_id, new)
    with tenancy.installation("the outbox is emptied"):
        outbox.deliver(now=datetime.now(UTC) + timedelta(seconds=1), limit=10_000)
        kept = list(Mail.objects.filter(account_id=person.account_id).values_list("body", flat=True))
    assert kept
    assert not any(word in body for body in kept)
    assert any("[link removed]" in body for body in kept)


def test_time_ends_and_escalates(world: World, domain: str) -> None:
    org, person, new, now = world.north, world.north.person("worker"), f"married@{domain}", datetime.now(UTC)
    own(person, "change-own-email", email=new, now=now)
    steps.due(now=now + timedelta(hours=71))
    assert latest(person).state == ChangeState.REQUESTED
    steps.confirm(post.word(person.account_id, new), now=now)

    def told(name: str) -> int:
        return len(post.delivered(org.person(name).account_id, template="address-request"))

    before = {name: told(name) for name in ("owner", "administrator", "people-manager")}
    assert before == {"owner": 1, "administrator": 1, "people-manager": 1}
    steps.due(now=now + 6.9 * DAY)
    assert told("administrator") == 1
    for _twice in range(2):
        steps.due(now=now + 7 * DAY)
        assert {name: told(name) for name in before} == {"owner": 2, "administrator": 2, "people-manager": 1}
    steps.due(now=now + 14 * DAY)
    assert {name: told(name) for name in before} == {"owner": 3, "administrator": 2, "people-manager": 1}
    steps.due(now=now + 30 * DAY)
    assert latest(person).state == ChangeState.EXPIRED
    assert post.delivered(person.account_id, template="address-change-ended")
    steps.due(now=now + 121 * DAY)
    assert latest(person) is None  # nobody needs the addresses any more


def test_a_link_nobody_used_expires(world: World) -> None:
    person, now = world.north.person("guest"), datetime.now(UTC)
    own(person, "change-own-email", email="x@elsewhere.example", now=now)
    steps.due(now=now + timedelta(hours=72))
    assert latest(person).state == ChangeState.EXPIRED
    own(person, "change-own-email", email="y@elsewhere.example", now=now + timedelta(hours=73))  # and nothing stands in the way of another try


def test_a_claim_between_request_and_confirmation_asks_the_organization(world: World, domain: str) -> None:
    person, new = world.north.person("guest"), f"{uuid.uuid4().hex}@elsewhere.example"
    own(person, "change-own-email", email=new)
    word = post.word(person.account_id, new)
    arrange(lambda: Management.objects.create(organization=world.north.organization, account_id=person.account_id, basis="domain_claim", since=datetime.now(UTC)))
    row = steps.confirm(word, now=datetime.now(UTC))
    assert (row.state, row.organization_id, row.outside) == (ChangeState.WAITING, world.north.organization.id, True)


def test_other_organizations_hear_and_the_rank_rests_until_somebody_confirms(world: World, domain: str) -> None:
    org, other, person, made = world.north, world.contoso, world.north.person("worker"), []
    arrange(lambda: made.append(Membership.objects.create(organization=other.organization, account_id=person.account_id, role=other.roles["administrator"], status="active", created_at=datetime.now(UTC))))
    arrange(lambda: Account.objects.filter(id=person.account_id).update(has_second_factor=True))
    other.people["worker"] = made[0]
    with tenancy.scope(org=other.organization.id):
        assert other.actor("worker").rank == 80
    act(org, "change-email", person, email=f"new@{domain}", **NAMED)
    steps.confirm(post.word(person.account_id, f"new@{domain}"), now=datetime.now(UTC))
    with tenancy.scope(org=other.organization.id):
        actor = other.actor("worker")
        assert (actor.rank, actor.permissions) == (0, frozenset())
        record = Entry.objects.get(org=other.organization.id, record__contains="account.identity_changed").record
        assert str(org.organization.id) not in record
    client = client_for(made[0])
    assert "rests" in client.get(f"/o/{other.slug}/people/").content.decode()
    mail = post.delivered(person.account_id)
    assert not any(template == "identity-changed" for template, _to, _text in mail)
    assert len(post.delivered(other.person("owner").account_id, template="identity-changed")) == 1
    page = client_for(other.person("owner")).get(f"/o/{other.slug}/people/{made[0].id}/").content.decode()
    assert "confirm-identity" in page
    act(other, "confirm-identity", made[0])
    with tenancy.scope(org=other.organization.id):
        assert other.actor("worker").rank == 80


def test_a_second_factor_reset_rests_the_rank_elsewhere_too_also_one_from_a_group(world: World) -> None:
    from tests.situations import group_for, ready

    org, other, made = world.north, world.contoso, []
    person = ready(org, "reset-second-factor")
    arrange(lambda: made.append(Membership.objects.create(organization=other.organization, account_id=person.account_id, role=other.roles["member"], status="active", created_at=datetime.now(UTC))))
    arrange(lambda: group_for(other, "Admins", made[0], role="administrator"))
    act(org, "reset-second-factor", person, **WHY)
    with tenancy.scope(org=other.organization.id):
        assert access.standing(account_id=person.account_id, organization_id=other.organization.id).doubted


def test_a_sole_owner_is_not_shut_out_for_ever(world: World, domain: str) -> None:
    org, other, person, now = world.north, world.contoso, world.north.person("worker"), datetime.now(UTC)
    arrange(lambda: (Account.objects.filter(id=person.account_id).update(has_second_factor=True),
                     Membership.objects.filter(id=other.person("owner").id).update(role=other.roles["member"]),
                     other.people.update(worker=Membership.objects.create(organization=other.organization, account_id=person.account_id, role=other.roles["owner"], status="active", created_at=now))))
    act(org, "change-email", person, email=f"new@{domain}", **NAMED)
    steps.confirm(post.word(person.account_id, f"new@{domain}"), now=now)

    def rank() -> int:
        with tenancy.scope(org=other.organization.id):
            return other.actor("worker").rank

    steps.due(now=now + 6 * DAY)
    assert rank() == 0
    steps.due(now=now + 8 * DAY)
    assert rank() == 100
    assert len(records(other.organization.id, "membership.identity_accepted")) == 1


def test_the_recovery_address_is_proven_told_and_removed(world: World) -> None:
    org, person, second = world.north, world.north.person("worker"), f"{uuid.uuid4().hex}@second.example"
    old = address(person)
    refused(lambda: own(person, "set-recovery-address", email=old.upper()), "nothing_to_change")
    own(person, "set-recovery-address", email="typo@second.example")
    own(person, "set-recovery-address", email=second)  # the newest wish counts
    steps.confirm(post.word(person.account_id, second), now=datetime.now(UTC))
    account = Account.objects.get(id=person.account_id)
    assert (account.recovery_email, account.email, signs_in(second)) == (second, old, None)
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/people/{person.id}/").content.decode()
    assert second not in page  # that there is one, not which
    act(org, "lockdown", person, **WHY)
    assert {a for _t, a, _x in post.delivered(person.account_id, template="lockdown")} == {old, second}
    act(org, "reactivate", person, **WHY)
    refused(lambda: act(org, "remove-recovery-address", org.person("administrator"), who="people-manager", **WHY), "nothing_to_change", "rank")
    act(org, "remove-recovery-address", person, **WHY)
    assert Account.objects.get(id=person.account_id).recovery_email == ""
    assert second in {a for _t, a, _x in post.delivered(person.account_id, template="recovery-address")}


def test_a_compromised_recovery_address_is_not_told_of_the_lockdown(world: World) -> None:
    person = world.north.person("worker")
    arrange(lambda: Account.objects.filter(id=person.account_id).update(recovery_email="taken@second.example"))
    act(world.north, "lockdown", person, reason_code="recovery_compromised", message="", private_note="")
    assert {a for _t, a, _x in post.delivered(person.account_id, template="lockdown")} == {address(person)}


def test_freeing_the_address_of_a_deactivated_account(world: World, domain: str) -> None:
    org, gone, person = world.north, world.north.person("worker"), world.north.person("auditor")
    old = address(gone)
    refused(lambda: act(org, "change-email", person, email=old, **NAMED), "address_taken_here")
    refused(lambda: act(org, "free-address", gone, **WHY), "wrong_status")
    act(org, "deactivate", gone, **WHY)
    refused(lambda: act(org, "change-email", person, email=old, **NAMED), "address_to_free")
    act(org, "free-address", gone, **WHY)
    assert ("address-freed", old) in {m[:2] for m in post.delivered(gone.account_id)}
    act(org, "change-email", person, email=old, **NAMED)
    steps.confirm(post.word(person.account_id, old), now=datetime.now(UTC))
    assert (address(person), signs_in(old)) == (old, person.account_id)


def test_the_queue_shows_ones_own_people_only(world: World, domain: str) -> None:
    from tests.situations import change_for, group_for

    org = world.north
    arrange(lambda: (change_for(org, org.person("worker"), new_address="one@letters.example.com"), change_for(org, org.person("auditor"), new_address="two@letters.example.com")))
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/email-changes/").content.decode()
    assert "one@letters.example.com" in page
    assert "two@letters.example.com" in page
    assert client_for(org.person("help-desk")).get(f"/o/{org.slug}/email-changes/").status_code == 404
    assert "one@" not in client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/email-changes/").content.decode()

    def scoped() -> None:
        group = group_for(org, "Mine", org.person("worker"))
        Membership.objects.filter(id=org.person("people-manager").id).update(role_scope=[group.id])

    arrange(scoped)
    page = client_for(org.person("people-manager")).get(f"/o/{org.slug}/email-changes/").content.decode()
    assert "one@letters.example.com" in page
    assert "two@letters.example.com" not in page


def test_a_mailbox_is_not_flooded(world: World) -> None:
    """Whoever asks: ten links a day to one mailbox, twenty from one account."""
    target, now = f"{uuid.uuid4().hex}@victim.example", datetime.now(UTC)

    def once(name: str, email: str) -> None:
        own(world.north.person(name), "change-own-email", now=now, email=email)
        own(world.north.person(name), "withdraw-own-email-change", now=now)

    for number in range(10):
        once(("guest", "worker")[number % 2], target)
    refused(lambda: once("auditor", target.upper()), "too_many_links")
    refused(lambda: own(world.north.person("auditor"), "set-recovery-address", now=now, email=target), "too_many_links")
    own(world.north.person("auditor"), "change-own-email", now=now + DAY, email=target)
    for _number in range(15):
        once("guest", f"{uuid.uuid4().hex}@elsewhere.example")
    refused(lambda: once("guest", f"{uuid.uuid4().hex}@elsewhere.example"), "too_many_links")


def test_the_table_of_states_ends() -> None:
    """Every state is in the table, ends are ends, and only what is done can be undone."""
    assert set(life.TRANSITIONS) == set(ChangeState)
    assert {s for s, to in life.TRANSITIONS.items() if not to} == {ChangeState.DENIED, ChangeState.EXPIRED, ChangeState.CANCELLED, ChangeState.REVERTED}
    assert [s for s, to in life.TRANSITIONS.items() if ChangeState.REVERTED in to] == [ChangeState.DONE]


def test_an_invitation_at_the_same_time_is_no_fault(world: World) -> None:
    person, new = world.north.person("guest"), f"{uuid.uuid4().hex}@elsewhere.example"
    own(person, "change-own-email", email=new)
    word = post.word(person.account_id, new)
    arrange(lambda: add_person(world.contoso, "late", "member", False, datetime.now(UTC)))
    late = Account.objects.get(email=f"late@{world.contoso.slug}.example")
    arrange(lambda: Account.objects.filter(id=late.id).update(email=new, email_key=new))
    refused(lambda: steps.confirm(word, now=datetime.now(UTC)), "address_unavailable")
    assert signs_in(new) == late.id
