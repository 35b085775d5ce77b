"""Two at once, on real connections: one wins, the other is told, nothing is half done."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connections

from accounts import tenancy
from accounts.emails import steps
from accounts.models import Account, AddressChange
from accounts.reasons import NotFound, Refused, Stale
from tests.cast import World
from tests.emails import post
from tests.emails.acts import NAMED, act, address, latest, own, signs_in
from tests.situations import arrange, change_for, domain_for

ROUNDS = 8


def at_once(*calls: Callable[[], object]) -> list[str]:
    """What became of each, in their order: '' for done, else why not."""
    outcomes, barrier = [""] * len(calls), threading.Barrier(len(calls))

    def run(number: int) -> None:
        try:
            barrier.wait(10)
            calls[number]()
        except Refused as refusal:
            outcomes[number] = ",".join(refusal.codes)
        except (NotFound, Stale) as error:
            outcomes[number] = type(error).__name__
        except Exception as error:  # a fault is an outcome that no assertion below expects
            outcomes[number] = f"fault: {error!r}"
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def test_two_people_confirm_the_same_address(world: World) -> None:
    one, two = world.north.person("guest"), world.contoso.person("member")
    for _round in range(ROUNDS):
        new, before = f"{uuid.uuid4().hex}@elsewhere.example", [address(one), address(two)]
        for person in (one, two):
            own(person, "change-own-email", email=new)
        words = [post.word(person.account_id, new) for person in (one, two)]
        outcomes = at_once(*(lambda word=word: steps.confirm(word, now=datetime.now(UTC)) for word in words))
        assert sorted(outcomes) == ["", "address_unavailable"]
        winner, loser = (one, two) if not outcomes[0] else (two, one)
        assert signs_in(new) == winner.account_id
        assert address(loser) == before[0 if loser is one else 1]
        own(loser, "withdraw-own-email-change")


def test_one_link_twice(world: World) -> None:
    person = world.north.person("guest")
    for _round in range(ROUNDS):
        new, old = f"{uuid.uuid4().hex}@elsewhere.example", address(person)
        own(person, "change-own-email", email=new)
        word = post.word(person.account_id, new)
        assert sorted(at_once(*[lambda word=word: steps.confirm(word, now=datetime.now(UTC))] * 3)) == ["", "NotFound", "NotFound"]
        back = post.word(person.account_id, old)
        assert sorted(at_once(*[lambda back=back: steps.undo(back, now=datetime.now(UTC))] * 3)) == ["", "NotFound", "NotFound"]
        assert address(person) == old


def test_one_link_twice_where_an_administrator_is_asked(world: World) -> None:
    """The change goes on living after the link, so it is the link itself that has to be gone for the second."""
    person = world.north.person("worker")
    for _round in range(ROUNDS):
        new = f"{uuid.uuid4().hex}@elsewhere.example"
        own(person, "change-own-email", email=new)
        word = post.word(person.account_id, new)
        assert sorted(at_once(*[lambda word=word: steps.confirm(word, now=datetime.now(UTC))] * 3)) == ["", "NotFound", "NotFound"]
        own(person, "withdraw-own-email-change")


def test_undo_against_a_second_change(world: World) -> None:
    """Whichever comes first: in the end the owner of the old mailbox has the address, and the second link is dead."""
    person = world.north.person("guest")
    for _round in range(ROUNDS):
        old, first, second = address(person), f"{uuid.uuid4().hex}@thief.example", f"{uuid.uuid4().hex}@thief.example"
        own(person, "change-own-email", email=first)
        steps.confirm(post.word(person.account_id, first), now=datetime.now(UTC))
        back = post.word(person.account_id, old)
        own(person, "change-own-email", email=second)
        word = post.word(person.account_id, second)
        outcomes = at_once(lambda back=back: steps.undo(back, now=datetime.now(UTC)), lambda word=word: steps.confirm(word, now=datetime.now(UTC)))
        assert outcomes[0] == ""
        assert outcomes[1] in {"", "NotFound"}
        assert address(person) == old
        with tenancy.installation("look"):
            assert not AddressChange.objects.filter(account_id=person.account_id, undo_hash__isnull=False).exists()
        with pytest.raises(NotFound):
            steps.confirm(word, now=datetime.now(UTC))


def test_approval_against_withdrawal(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: domain_for(org, "letters.example.com"))
    for _round in range(ROUNDS):
        old = address(person)
        arrange(lambda: change_for(org, person))
        new = latest(person).new_address
        outcomes = at_once(lambda: act(org, "approve-email-change", person), lambda: own(person, "withdraw-own-email-change"))
        assert sorted(outcomes) == ["", "no_change_pending"]
        assert (address(person), latest(person).state) == ((new, "done") if not outcomes[0] else (old, "cancelled"))


def test_two_administrators_begin_a_change(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: domain_for(org, f"{org.slug}.example"))
    outcomes = at_once(*(lambda who=who: act(org, "change-email", person, who=who, email=f"{who}@new.{org.slug}.example".replace("new.", ""), **NAMED) for who in ("owner", "second-owner")))
    assert "" in outcomes or "address_taken_here" in outcomes[0]
    with tenancy.installation("look"):
        assert AddressChange.objects.filter(account_id=person.account_id, state="requested").count() <= 1
    fresh = f"{uuid.uuid4().hex}@{org.slug}.example"
    outcomes = at_once(*(lambda who=who: act(org, "change-email", person, who=who, email=fresh, **NAMED) for who in ("owner", "administrator")))
    assert sorted(outcomes) == ["", "change_pending"]


def test_an_invitation_and_a_confirmation_want_the_same_address(world: World) -> None:
    """The proven one has it, whoever was first; nobody meets a fault."""
    from accounts import door
    from accounts.powers import BY_SLUG

    person, org = world.north.person("guest"), world.contoso
    for _round in range(ROUNDS):
        new = f"{uuid.uuid4().hex}@elsewhere.example"
        own(person, "change-own-email", email=new)
        word = post.word(person.account_id, new)

        def invite(new: str = new) -> None:
            with tenancy.scope(org=org.organization.id):
                door.perform(power=BY_SLUG["invite"], actor=org.actor("owner"), data={"rows": [{"email": new, "role": "member"}]}, now=datetime.now(UTC))

        outcomes = at_once(lambda word=word: steps.confirm(word, now=datetime.now(UTC)), invite)
        assert Account.objects.filter(email_key=new).count() == 1
        assert not any(outcome.startswith("fault") for outcome in outcomes), outcomes
        if outcomes[0]:
            assert outcomes[0] == "address_unavailable"
            steps.confirm(word, now=datetime.now(UTC))  # the invitation was never proven, so it gives way
        assert address(person) == new
