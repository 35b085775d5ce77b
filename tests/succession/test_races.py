"""Two at once, on real connections; and a process that dies between two steps."""
from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections

from accounts import door, due, tenancy
from accounts.models import Membership, RecoveryCode, SuccessionCase, Successor
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale
from accounts.succession import life, watch
from tests.cast import Org
from tests.situations import arrange
from tests.succession.acts import DAY, HOUR, account, case, do, events, look, make_codes, name, role, signs_in, small

ROUNDS = 8


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each act answered, or how it was refused; they begin together, each on its own connection."""
    gate, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            gate.wait(10)
            answers[number] = act()
        except (Refused, Stale, NotFound) as refusal:
            answers[number] = refusal
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def accepted(letter: str, now: datetime) -> Org:
    """An organization in which the first successor has accepted, and nothing is granted yet."""
    org = small(letter, owners=2)
    name(org, "first", "second")
    arrange(lambda: Membership.objects.filter(organization=org.organization).update(joined_at=now - 100 * DAY, created_at=now - 100 * DAY))
    arrange(lambda: SuccessionCase.objects.create(organization=org.organization, way="successors", cause="silent", state="accepted", opened_at=now - 15 * DAY, waiting_since=now - 15 * DAY,
                                                  waits_until=now - DAY, told=3, person=org.person("first").id, accepted_at=now))
    return org


def test_an_owner_stops_it_while_the_schedule_grants() -> None:
    """Either the stop came first and nobody became owner, or the grant did and the stop says so. Never both, never neither."""
    seen = set()
    for number in range(ROUNDS):
        now = datetime.now(UTC)
        org = accepted(f"r{number}", now)
        stop = lambda org=org, now=now: do(org, "stop-succession", "owner1", now=now)  # noqa: E731
        answers = at_once(stop, lambda org=org, now=now: watch.look(org.organization.id, now=now))
        assert isinstance(answers[0], door.Receipt | Refused | Stale), "told one way or the other"
        stopped = isinstance(answers[0], door.Receipt)
        assert stopped != (role(org, "first") == "owner"), answers
        assert case(org).state == ("stopped" if stopped else "done")
        assert events(org).count("organization.ownership_granted") == int(not stopped)
        seen.add(stopped)
    assert seen, "at least one of both came about"


def test_an_owner_signs_in_while_the_schedule_grants() -> None:
    for number in range(ROUNDS):
        now = datetime.now(UTC)
        org = accepted(f"i{number}", now)
        at_once(lambda org=org, now=now: signs_in(org, "owner", now), lambda org=org, now=now: watch.look(org.organization.id, now=now))
        assert (case(org).state, role(org, "first")) in {("stopped", "member"), ("done", "owner")}


def test_two_schedules_grant_once() -> None:
    now = datetime.now(UTC)
    org = accepted("t", now)
    at_once(*[lambda: watch.look(org.organization.id, now=now)] * 3)
    assert (role(org, "first"), case(org).state) == ("owner", "done")
    assert events(org).count("organization.ownership_granted") == 1


def test_two_schedules_open_and_tell_once() -> None:
    org, now = small("u"), datetime.now(UTC)
    account(org, "owner", status="locked")
    at_once(*[lambda: watch.look(org.organization.id, now=now)] * 4)
    assert events(org) == ["succession.opened", "succession.waiting"]


def test_two_successors_accept_at_once() -> None:
    """Only the one who is asked can; and if the offer passes on at that moment, one of them at most."""
    for number in range(ROUNDS):
        org, now = small(f"a{number}"), datetime.now(UTC)
        name(org, "first", "second")
        account(org, "owner", status="locked")
        for hours in (0, 24, 60, 72):
            look(org, now + hours * HOUR)
        end = case(org).offer_until
        assert end is not None
        answers = at_once(lambda org=org, end=end: do(org, "accept-ownership", "first", now=end - timedelta(seconds=1)), lambda org=org, end=end: do(org, "accept-ownership", "second", now=end),
                          lambda org=org, end=end: watch.look(org.organization.id, now=end))
        look(org, end)
        made = [who for who in ("first", "second") if role(org, who) == "owner"]
        assert len(made) <= 1 and sum(isinstance(answer, door.Receipt) for answer in answers[:2]) == len(made), answers


def test_the_same_two_codes_at_once() -> None:
    for number in range(3):
        org = small(f"c{number}")
        one, two, three = make_codes(org)
        answers = at_once(lambda org=org, one=one, two=two: do(org, "present-recovery-codes", "first", first=one, second=two),
                          lambda org=org, two=two, three=three: do(org, "present-recovery-codes", "second", first=two, second=three))
        assert sorted(type(answer).__name__ for answer in answers) in (["Receipt", "Refused"], ["Receipt", "Stale"]), answers
        with tenancy.scope(org=org.organization.id):
            assert SuccessionCase.objects.filter(organization=org.organization, way="codes").count() == 1
            assert not RecoveryCode.objects.filter(organization=org.organization).exists()


@pytest.mark.parametrize("step", range(8))
def test_killed_after_any_step_it_goes_on_where_it_was(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies inside a step: nothing of that step is left, and the next look comes to the same end, each notice given once."""
    org, now = small("k"), datetime.now(UTC)
    name(org, "first")
    account(org, "owner", status="locked")
    whole, count = life.record, 0

    def dies(*args: Any, **named: Any) -> None:
        nonlocal count
        count += 1
        whole(*args, **named)
        if count == step + 1:
            raise DatabaseError("killed before the commit")

    with monkeypatch.context() as patched:
        patched.setattr(life, "record", dies)
        for hours in (0, 0, 24, 24, 60, 60, 72, 72):
            try:
                look(org, now + hours * HOUR)
            except DatabaseError:
                connections.close_all()
    look(org, now + 72 * HOUR)
    do(org, "accept-ownership", "first", now=now + 73 * HOUR)
    look(org, now + 73 * HOUR)
    assert role(org, "first") == "owner"
    assert events(org)[1:] == ["succession.opened", "succession.waiting", "succession.reminded", "succession.reminded", "succession.offered", "succession.accepted", "organization.ownership_granted"]


def test_killed_while_granting_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    org = accepted("g", now)
    with monkeypatch.context() as patched:
        patched.setattr(life, "end", lambda *_args, **_named: (_ for _ in ()).throw(DatabaseError("killed")))
        with pytest.raises(DatabaseError):
            look(org, now)
    connections.close_all()
    assert (role(org, "first"), case(org).state) == ("member", "accepted")
    look(org, now)
    assert (role(org, "first"), case(org).state) == ("owner", "done")


@pytest.mark.parametrize("lacking", [{"told": 2}, {"told": 0}, {"waits_until": datetime.now(UTC) + DAY}, {"person": None}, {"state": "offered"}, {"state": "waiting"}])
def test_the_door_itself_grants_nothing_that_has_not_waited_and_was_not_told(lacking: dict[str, Any]) -> None:
    """Whatever the schedule believes: who grants looks once more."""
    now = datetime.now(UTC)
    org = accepted("d", now)
    arrange(lambda: SuccessionCase.objects.filter(organization=org.organization).update(**lacking))
    with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refusal:
        door.perform(power=BY_SLUG["grant-ownership"], actor=due.schedule(org.organization.id), ids=[org.person("first").id], data={"succession": str(case(org).id)}, now=now)
    assert refusal.value.codes == (["only_by_time"] if "told" in lacking or "waits_until" in lacking else ["not_offered"])
    assert role(org, "first") == "member"


def test_the_grant_by_hand_is_refused_to_everybody() -> None:
    now = datetime.now(UTC)
    org = accepted("h", now)
    with tenancy.scope(org=org.organization.id):
        for who in ("owner", "first", "plain"):
            with pytest.raises(Refused):
                door.perform(power=BY_SLUG["grant-ownership"], actor=org.actor(who), ids=[org.person("first").id], data={"succession": str(case(org).id)}, now=now)
        assert Successor.objects.count() == 2
