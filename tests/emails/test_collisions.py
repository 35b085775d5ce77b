"""The six cases of guard rail 16, quarantine, and the switch itself."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import transaction

from accounts import door, tenancy
from accounts.addresses import address_key
from accounts.emails import collisions, switching
from accounts.models import Account, Management, Membership, ReleasedAddress
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from accounts.reset_tokens import ResetTokens
from accounts.work import Work
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft
from tests.cast import Org, World
from tests.situations import arrange, domain_for, session_for, token_for

NOW = datetime.now


def found(org: Org | None, address: str, *, account: uuid.UUID | None = None, now: datetime | None = None) -> collisions.Collision:
    return collisions.find(address=address, account_id=account, organization_id=org.organization.id if org else None, now=now or NOW(UTC))


def switched(account_id: uuid.UUID, address: str, *, now: datetime | None = None, release: bool = False, **more: object) -> None:
    """The act that a power would be."""
    now = now or NOW(UTC)
    with tenancy.installation("a test switches an address"), transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
        account = Account.objects.select_for_update().get(id=account_id)
        work = Work(now=now)
        work.track(account)
        (switching.release(work, account, **more) if release else switching.switch(work, account, address=address, **more))  # type: ignore[arg-type]
        work.flush()
        act.write([EntryDraft(org=INSTALLATION, action="test.arranged", category="test", outcome="success", actor=ActorRef(type="operator"))])


def address_of(person: Membership) -> str:
    return Account.objects.get(id=person.account_id).email


def test_somebody_live_in_the_organization_is_named(world: World) -> None:
    person = world.north.person("guest")
    assert found(world.north, address_of(person)) == collisions.Collision("address_taken_here", person=person.id, name="Guest Person")


def test_an_address_of_a_deactivated_account_can_be_freed(world: World) -> None:
    person = world.north.person("worker")
    for status in ("deactivated", "pending_deletion"):
        arrange(lambda status=status: Account.objects.filter(id=person.account_id).update(status=status))
        assert found(world.north, address_of(person)) == collisions.Collision("address_to_free", person=person.id, name="Worker Person")
    arrange(lambda: Management.objects.filter(account_id=person.account_id).update(organization=world.contoso.organization))
    assert found(world.north, address_of(person)).code == "address_unavailable"  # others decide about it


def test_an_unmanaged_account_is_told_to_the_owner_of_the_domain_only(world: World) -> None:
    stranger = world.contoso.person("member")  # unmanaged, and not in North
    domain = f"{world.contoso.slug}.example"
    assert found(world.north, address_of(stranger)) == collisions.Collision("address_unavailable")
    arrange(lambda: domain_for(world.north, domain))
    assert found(world.north, address_of(stranger)) == collisions.Collision("address_unmanaged")


def test_another_organization_is_opaque(world: World) -> None:
    arrange(lambda: domain_for(world.north, f"{world.contoso.slug}.example"))
    assert found(world.north, address_of(world.contoso.person("owner"))) == collisions.Collision("address_unavailable")  # managed by Contoso, whatever North owns
    assert found(None, address_of(world.contoso.person("member"))) == collisions.Collision("address_unavailable")  # people learn nothing about each other


def test_an_unverified_registration_never_blocks_and_loses_the_address(world: World) -> None:
    person, loser = world.north.person("worker"), world.contoso.person("member")
    address = address_of(loser)
    arrange(lambda: (Account.objects.filter(id=loser.account_id).update(email_verified_at=None), Membership.objects.filter(id=loser.id).update(status="invited")))
    assert found(world.north, address) == collisions.Collision(displaced=loser.account_id)
    switched(person.account_id, address)
    assert address_of(person) == address
    assert address_of(loser) == switching.placeholder(loser.account_id)
    with tenancy.installation("look"):
        assert Membership.objects.get(id=loser.id).status == "removed"
    assert list(EmailAddress.objects.filter(email=address).values_list("user_id", "verified", "primary")) == [(person.account_id, True, True)]


def test_who_proves_the_address_meanwhile_keeps_it(world: World) -> None:
    person, other = world.north.person("worker"), world.contoso.person("member")
    with pytest.raises(switching.Taken):
        switched(person.account_id, address_of(other))
    assert address_of(other) == f"member@{world.contoso.slug}.example"


@pytest.mark.parametrize("spelled", ["WORKER@{d}", "worker@{D}", " worker@{d} ", "ｗorker@{d}"])
def test_addresses_are_compared_as_mailboxes_do(world: World, spelled: str) -> None:
    domain = f"{world.north.slug}.example"
    address = spelled.format(d=domain, D=domain.upper())
    assert found(world.north, address).code == "address_taken_here"
    assert found(world.north, f"worker+tag@{domain}").code == ""  # other people's mail servers decide what a plus means
    assert found(world.north, f"w.orker@{domain}").code == ""


def test_a_domain_in_two_writings_is_one(world: World) -> None:
    person = world.north.person("worker")
    switched(person.account_id, "jörg@bücher.example")
    assert found(world.north, "JÖRG@xn--bcher-kva.example").code == "address_taken_here"
    assert found(world.north, "jorg@bücher.example").code == ""  # a look-alike is another mailbox


def test_what_is_given_up_is_closed_to_strangers_for_thirty_days(world: World) -> None:
    person, now = world.north.person("worker"), NOW(UTC)
    old = address_of(person)
    switched(person.account_id, f"new-{uuid.uuid4().hex}@elsewhere.example", now=now)
    assert found(world.north, old, now=now).code == "address_unavailable"
    assert found(world.north, old.upper(), now=now + timedelta(days=29, hours=23)).code == "address_unavailable"
    assert found(world.north, old, account=person.account_id, now=now).code == ""  # who gave it up may have it back
    assert found(world.north, old, now=now + timedelta(days=30)).code == ""
    assert old.encode() not in bytes(ReleasedAddress.objects.get(account_id=person.account_id).key_hash)


@pytest.mark.parametrize("slug", ["invite", "import-people"])
def test_inviting_respects_the_thirty_days(world: World, slug: str) -> None:
    person, now = world.north.person("worker"), NOW(UTC)
    old = address_of(person)
    switched(person.account_id, f"new-{uuid.uuid4().hex}@elsewhere.example", now=now)
    with tenancy.scope(org=world.north.organization.id):
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner"), data={"rows": [{"email": old.upper(), "role": "member"}]}, now=now)
        assert refusal.value.codes == ["address_unavailable"]
        door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner", now=now + timedelta(days=30)), data={"rows": [{"email": old, "role": "member"}]}, now=now + timedelta(days=30))
    assert Account.objects.get(email_key=address_key(old)).id != person.account_id


def test_a_freed_address_is_open_to_the_organization_that_freed_it(world: World) -> None:
    person = world.north.person("worker")
    old = address_of(person)
    switched(person.account_id, "", release=True, open_to=world.north.organization.id)
    assert not switching.has_address(Account.objects.get(id=person.account_id))
    assert found(world.north, old).code == ""
    assert found(world.contoso, old).code == found(None, old).code == "address_unavailable"
    assert found(world.north, switching.placeholder(person.account_id)).code == "address_unavailable"


def test_what_a_switch_ends_and_keeps(world: World) -> None:
    from accounts import access

    person, made = world.north.person("worker"), {}
    arrange(lambda: (made.update(token=token_for(person), session=session_for(person)), EmailAddress.objects.filter(user_id=person.account_id).update(email=address_of(person).upper())))
    before = Account.objects.get(id=person.account_id)
    link = ResetTokens().make_token(before)
    assert ResetTokens().check_token(before, link)
    address = f"new-{uuid.uuid4().hex}@elsewhere.example"
    switched(person.account_id, address, ends_sessions="address_changed")
    after = Account.objects.get(id=person.account_id)
    assert (after.email, after.email_key) == (address, address)
    assert not ResetTokens().check_token(after, link)
    assert after.credential_epoch == before.credential_epoch + 1  # not only because the address is part of the link
    made["session"].refresh_from_db()
    assert made["session"].ended_reason == "address_changed"
    assert access.check_token(secret=made["token"][1], now=NOW(UTC), ip="").refusal == ""
    assert [row.email for row in EmailAddress.objects.filter(user=after)] == [address]


def test_a_proof_finds_the_row_however_it_is_spelled(world: World) -> None:
    person = world.north.person("worker")
    arrange(lambda: EmailAddress.objects.filter(user_id=person.account_id).update(email="ＷORKER@" + address_of(person).partition("@")[2].upper(), verified=False))
    arrange(lambda: switching.prove(Account.objects.get(id=person.account_id)))
    assert list(EmailAddress.objects.filter(user_id=person.account_id).values_list("verified", "primary")) == [(True, True)]
