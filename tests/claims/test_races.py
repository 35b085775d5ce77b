"""Two at once, with real connections: a claim against somebody who leaves, two organizations that begin at the same moment, an objection against the date."""
from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections

from accounts import tenancy
from accounts.claims import leaving, running
from accounts.domains import checks, proof
from accounts.models import Account, Claim, ClaimedAccount, Domain, Management
from accounts.reasons import NotFound, Refused, Stale
from tests.cast import World
from tests.claims.acts import DAY, announce, answer, do, domain, manager, person, row
from tests.situations import arrange

ROUNDS = 12


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each answered, or its refusal; they begin together, each on its own connection."""
    gate, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            gate.wait(10)
            answers[number] = act()
        except (NotFound, Refused, Stale) as refusal:
            answers[number] = refusal
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "nobody waits for ever"
    return answers


def test_a_claim_against_somebody_who_leaves(world: World) -> None:
    start = datetime.now(UTC)
    winners = set()
    for number in range(ROUNDS):
        on = domain(world.north)
        someone = person(on, f"someone{number}")
        announce(world.north, on, now=start + number * DAY)
        date = row(someone).effective_at
        answer(someone, "leave-claim", now=date, address=f"own{number}@{world.north.slug}-home.com")
        token = leaving.token(row(someone))
        _job, left = at_once(lambda date=date: running.run(now=date), lambda token=token, date=date: leaving.confirm(token, now=date))
        assert (row(someone).state, manager(someone) is not None) == (("left", False) if left else ("managed", True))
        assert Account.objects.get(id=someone.id).email_key.endswith("-home.com" if left else on.name)
        winners.add(left)
    assert winners, "each round had an end"


def test_an_objection_against_the_date(world: World) -> None:
    start = datetime.now(UTC)
    for number in range(ROUNDS):
        on = domain(world.north)
        someone = person(on, f"someone{number}")
        announce(world.north, on, now=start + number * DAY)
        date = row(someone).effective_at
        _job, objected = at_once(lambda date=date: running.run(now=date), lambda someone=someone, date=date: answer(someone, "object-to-claim", now=date, message="No."))
        assert (row(someone).state, manager(someone) is not None) == (("managed", True) if isinstance(objected, Exception) else ("objected", False))


def test_an_exemption_against_the_date_ends_without_control(world: World) -> None:
    start = datetime.now(UTC)
    for number in range(ROUNDS):
        on = domain(world.north)
        someone = person(on, f"someone{number}")
        announce(world.north, on, now=start + number * DAY)
        date = row(someone).effective_at
        _job, _exempted = at_once(lambda date=date: running.run(now=date), lambda someone=someone, date=date: do(world.north, "exempt-account", now=date, account=someone.email))
        running.run(now=date)
        assert (row(someone).state, manager(someone)) in {("exempted", None), ("released", None)} or isinstance(_exempted, Exception)


def test_two_organizations_begin_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of two claims of the same account. Its address can be in one domain only; that check is taken out here, so that the lock alone has to hold."""
    start = datetime.now(UTC)
    for number in range(ROUNDS):
        ours, theirs = domain(world.north), domain(world.contoso)
        someone = person(ours, f"someone{number}")
        first = announce(world.north, ours, now=start + number * DAY)
        date = row(someone).effective_at

        def begin(claim: Any, date: datetime = date) -> int:
            with tenancy.installation("a race begins"):
                return running.start(claim, now=date)

        other = _claim_beside(world, theirs, someone, date)
        monkeypatch.setattr(running, "_problem", lambda _status, _verified, _key, manager, _domain, row: "" if manager is None else "claim_managed_elsewhere")
        at_once(lambda first=first: begin(first.id), lambda other=other: begin(other.id))
        with tenancy.installation("a test looks"):
            states = sorted(ClaimedAccount.objects.filter(account=someone).values_list("state", "problem"))
            assert Management.objects.filter(account=someone).count() == 1
        assert states == [("managed", ""), ("missed", "claim_managed_elsewhere")], states


def _claim_beside(world: World, theirs: Domain, someone: Account, date: datetime) -> Claim:
    made: list[Claim] = []

    def make() -> None:
        claim = Claim.objects.create(organization=world.contoso.organization, domain=theirs, state="announced", days=14, announced_at=date - 14 * DAY, effective_at=date, notice_version="x")
        ClaimedAccount.objects.create(claim=claim, organization=world.contoso.organization, account=someone, address=someone.email, announced_at=claim.announced_at, effective_at=date, changed_at=date)
        made.append(claim)

    arrange(make)
    return made[0]


def test_two_administrators_announce_the_same_claim(world: World) -> None:
    """One of them does, the other is told that it is under way; nobody is told twice."""
    start = datetime.now(UTC)
    for number in range(4):
        on, now = domain(world.north), start + number * DAY
        people = [person(on, f"p{n}") for n in range(3)]
        answers = at_once(*(lambda who=who, on=on, now=now: do(world.north, "announce-claim", now=now, by=who, domain=on.name, choice="all", days=14) for who in ("owner", "second-owner")))
        assert sorted(isinstance(one, Refused) for one in answers) == [False, True], answers
        assert next(one for one in answers if isinstance(one, Refused)).codes == ["claim_running"]
        at_once(lambda now=now: running.run(now=now), lambda now=now: running.run(now=now))
        with tenancy.installation("a test looks"):
            assert Claim.objects.get(domain=on).told == 3
            assert ClaimedAccount.objects.filter(account__in=people).count() == 3


def test_two_who_leave_for_the_same_mailbox(world: World) -> None:
    """It has one reader; the first who confirms has it, the other keeps the address they had."""
    start = datetime.now(UTC)
    for number in range(4):
        on, now, home = domain(world.north), start + number * DAY, f"home{number}@{world.north.slug}-home.com"
        people = [person(on, f"p{n}") for n in range(2)]
        announce(world.north, on, now=now)
        for one in people:
            answer(one, "leave-claim", now=now, address=home)
        tokens = [leaving.token(row(one)) for one in people]
        answers = at_once(*(lambda token=token, now=now: leaving.confirm(token, now=now) for token in tokens))
        assert [one for one in answers if one is True] == [True], answers
        assert sorted(Account.objects.get(id=one.id).email == home for one in people) == [False, True]
        assert sorted(row(one).state for one in people) == ["announced", "left"]


def test_a_contest_against_the_date(world: World) -> None:
    """Either control began before the domain was contested, or it waits; never does it begin while it is."""
    start = datetime.now(UTC)
    for number in range(4):
        on = domain(world.north)
        someone = person(on, f"someone{number}")
        announce(world.north, on, now=start + number * DAY)
        date = row(someone).effective_at
        arrange(lambda on=on, date=date: Domain.objects.create(organization=world.contoso.organization, name=on.name, token="t", created_at=date, proof_until=date + 7 * DAY, next_check_at=date))
        with tenancy.installation("a test looks"):
            theirs = Domain.objects.get(name=on.name, organization=world.contoso.organization)

        def proven(theirs: Domain = theirs, date: datetime = date) -> None:
            with tenancy.installation("a race"):
                checks._write(theirs, proof.Looked(method="dns"), date)

        at_once(lambda date=date: running.run(now=date), proven)
        with tenancy.installation("a test looks"):
            assert set(Domain.objects.filter(name=on.name).values_list("state", flat=True)) == {"contested"}
        assert (row(someone).state, manager(someone) is not None) in {("managed", True), ("announced", False)}
        running.run(now=date + DAY)
        assert row(someone).state == ("managed" if manager(someone) else "announced")


def test_cancelling_against_the_date(world: World) -> None:
    start = datetime.now(UTC)
    for number in range(4):
        on = domain(world.north)
        people = [person(on, f"p{n}") for n in range(3)]
        announce(world.north, on, now=start + number * DAY)
        date = row(people[0]).effective_at
        at_once(lambda date=date: running.run(now=date), lambda on=on, date=date: do(world.north, "cancel-claim", now=date, claim=on.name))
        running.run(now=date)
        assert len({(row(one).state, manager(one) is not None) for one in people} - {("managed", True), ("withdrawn", False)}) == 0
