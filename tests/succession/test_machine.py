"""Any order of acts by owners, successors, holders of codes, the operator and the clock: nobody becomes an owner too soon, unseen, or against an owner."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from accounts import tenancy
from accounts.models import Account, Membership, RecoveryCode, SuccessionCase
from accounts.models.succession import OPEN
from accounts.people import usable_owners
from accounts.reasons import Refused, Stale
from accounts.succession import life, operator, stopping
from tests.cast import Org
from tests.situations import arrange
from tests.succession.acts import account, do, factor, look, name, signs_in, small

MEMBERS = ("first", "second", "third", "plain")
people = st.sampled_from(MEMBERS)
rarely = st.sampled_from([False, False, False, True])
pauses = st.sampled_from([timedelta(minutes=1), timedelta(hours=11), timedelta(hours=25), timedelta(days=3), timedelta(days=7), timedelta(days=14), timedelta(days=40)])


def reachable(before: str, after: str) -> bool:
    """Whether the table leads from one state to the other, in any number of steps."""
    seen, waiting = set(), [life.S(before)]
    while waiting:
        state = waiting.pop()
        if state not in seen:
            seen.add(state)
            waiting += life.TRANSITIONS[state]
    return life.S(after) in seen


class Succession(RuleBasedStateMachine):
    """One organization with one owner, three members with a second factor and one without."""

    org: Org

    @initialize(named=st.lists(people, max_size=3, unique=True), locked=st.booleans(), sealed=st.booleans())
    def begins(self, named: list[str], locked: bool, sealed: bool) -> None:
        cache.clear()
        self.org, self.now = small("m"), datetime.now(UTC)
        arrange(lambda: Membership.objects.filter(organization=self.org.organization).update(joined_at=self.now - timedelta(days=30)))
        arrange(lambda: type(self.org.organization).objects.filter(id=self.org.organization.id).update(created_at=self.now - timedelta(days=30)))
        self.codes: list[list[str]] = []
        self.presented = 0
        self.accepted: set[tuple[uuid.UUID, uuid.UUID]] = set()
        self.proposals: dict[uuid.UUID, datetime] = {}
        self.states: dict[uuid.UUID, str] = {}
        self.the_owner_names(named)
        if sealed:
            self.the_owner_makes_codes()
        if locked:
            account(self.org, "owner", status="locked")
            self.looked()

    def cases(self) -> list[SuccessionCase]:
        with tenancy.scope(org=self.org.organization.id):
            return list(SuccessionCase.objects.filter(organization=self.org.organization))

    def open(self) -> list[SuccessionCase]:
        return [case for case in self.cases() if case.state in OPEN]

    def owners(self) -> dict[str, bool]:
        """Who holds ownership, and whether they can sign in."""
        with tenancy.scope(org=self.org.organization.id):
            rows = Membership.objects.filter(organization=self.org.organization, role__slug="owner").select_related("account")
            found = {row.id: row.account.status == "active" and row.account.has_second_factor for row in rows}
        return {who: found[person.id] for who, person in self.org.people.items() if person.id in found}

    def tried(self, slug: str, who: str, **data: Any) -> bool:
        try:
            do(self.org, slug, who, now=self.now, **data)
        except (Refused, Stale):
            return False
        return True

    def looked(self) -> None:
        with tenancy.scope(org=self.org.organization.id):
            before = usable_owners(organization_id=self.org.organization.id, without=[])
        look(self.org, self.now)
        with tenancy.scope(org=self.org.organization.id):
            assert usable_owners(organization_id=self.org.organization.id, without=[]) >= before, "succession takes no owner away"

    # the clock

    @rule(pause=pauses)
    def time_passes_and_the_schedule_looks(self, pause: timedelta) -> None:
        self.now += pause
        self.looked()

    @rule(pause=pauses)
    def time_passes_and_nobody_looks(self, pause: timedelta) -> None:
        self.now += pause

    @rule()
    def days_pass_until_something_comes_of_it(self) -> None:
        before = {case.id: case.state for case in self.cases()}
        for _ in range(6):
            self.now = self.next_moment()
            self.looked()
            if {case.id: case.state for case in self.cases()} != before:
                break

    def next_moment(self) -> datetime:
        """When the next notice, offer or waiting period is due; without one, when an owner would be silent."""
        due = [moment for case in self.open() for moment in (case.waits_until, case.offer_until, *(case.waiting_since + after for after in life.pace(case).notices if case.waiting_since)) if moment and moment > self.now]
        return min(due, default=self.now + timedelta(days=61))

    # owners

    @rule(lost=st.sampled_from([{"status": "locked"}, {"status": "deactivated"}, {"has_second_factor": False}]))
    def the_owner_cannot_sign_in(self, lost: dict[str, Any]) -> None:
        account(self.org, "owner", **lost)

    @rule(comes=rarely)
    def the_owner_could_again(self, comes: bool) -> None:
        if comes:
            account(self.org, "owner", status="active", has_second_factor=True)

    @rule(which=st.integers(0, 4), comes=rarely)
    def an_owner_signs_in(self, which: int, comes: bool) -> None:
        able = [who for who, usable in self.owners().items() if usable]
        if able and comes:
            signs_in(self.org, able[which % len(able)], self.now)
            assert self.open() == [], "an owner who is there ends everything"

    @precondition(lambda self: self.open())
    @rule(which=st.integers(0, 4), comes=rarely)
    def an_owner_presses_the_button(self, which: int, comes: bool) -> None:
        able = [who for who, usable in self.owners().items() if usable]
        if able and comes and self.tried("stop-succession", able[which % len(able)]):
            assert self.open() == []

    @precondition(lambda self: self.open())
    @rule(comes=rarely)
    def the_owner_follows_the_link(self, comes: bool) -> None:
        if not comes:
            return
        case, owner = self.open()[0], Account.objects.get(id=self.org.person("owner").account_id)
        text = stopping.token(case_id=case.id, account_id=owner.id)
        if owner.status == "active":
            assert stopping.found(text, account_id=owner.id) is not None
            assert stopping.stop(case_id=case.id, account=owner, now=self.now)
            assert self.open() == []
        assert not stopping.stop(case_id=case.id, account=owner, now=self.now), "once, or not at all"

    @rule(chosen=st.lists(people, max_size=3, unique=True))
    def the_owner_names(self, chosen: list[str]) -> None:
        try:
            name(self.org, *chosen, now=self.now)
        except (Refused, Stale):
            pass

    # whoever follows

    @rule(who=people)
    def a_member_accepts(self, who: str) -> None:
        offered = [case for case in self.open() if case.state == "offered" and case.person == self.org.person(who).id]
        if self.tried("accept-ownership", who):
            assert offered, "nobody accepts what is not offered to them"
            self.accepted |= {(case.id, self.org.person(who).id) for case in offered}

    @precondition(lambda self: any(case.state == "offered" for case in self.open()))
    @rule(then=st.booleans())
    def whoever_is_asked_accepts(self, then: bool) -> None:
        asked = {case.person for case in self.open() if case.state == "offered"}
        for who in MEMBERS:
            if self.org.person(who).id in asked:
                self.a_member_accepts(who)
        if then:
            self.looked()

    @rule(who=people)
    def a_member_declines(self, who: str) -> None:
        self.tried("decline-succession", who)

    @rule(who=people, has=st.booleans())
    def a_second_factor_comes_or_goes(self, who: str, has: bool) -> None:
        factor(self.org, has, who)

    # codes

    @rule()
    def the_owner_makes_codes(self) -> None:
        try:
            self.codes.append(do(self.org, "make-recovery-codes", now=self.now).secret.splitlines())
        except (Refused, Stale):
            pass

    @precondition(lambda self: self.codes)
    @rule(who=people)
    def a_member_presents_the_newest(self, who: str) -> None:
        self.a_member_presents_two(who, 0, 2, (len(self.codes) - 1, len(self.codes) - 1))

    @precondition(lambda self: self.codes)
    @rule(who=people, one=st.integers(0, 2), two=st.integers(0, 2), sets=st.tuples(st.integers(0, 5), st.integers(0, 5)))
    def a_member_presents_two(self, who: str, one: int, two: int, sets: tuple[int, int]) -> None:
        cache.clear()
        first, second = self.codes[sets[0] % len(self.codes)], self.codes[sets[1] % len(self.codes)]
        with tenancy.scope(org=self.org.organization.id):
            alive = RecoveryCode.objects.filter(organization=self.org.organization).exists()
        done = self.tried("present-recovery-codes", who, first=first[one], second=second[two])
        if done:
            assert alive and one != two and first is second is self.codes[-1], "two different ones of the newest three, once"
            self.presented += 1
            self.accepted |= {(case.id, self.org.person(who).id) for case in self.open() if case.way == "codes"}

    # the operator

    @rule(who=people)
    def the_operator_proposes(self, who: str) -> None:
        try:
            with tenancy.scope(org=self.org.organization.id):
                case = operator.propose(organization_id=self.org.organization.id, who=str(self.org.person(who).id), words="A ground", reference="1", now=self.now)
            self.proposals[case.id] = self.now
        except operator.NotPossible:
            pass

    @rule()
    def the_operator_finishes(self) -> None:
        try:
            with tenancy.scope(org=self.org.organization.id):
                case = operator.finish(organization_id=self.org.organization.id, now=self.now)
            assert self.now - self.proposals[case.id] >= timedelta(days=14), "the operator shortens nothing"
        except operator.NotPossible:
            pass

    @rule()
    def the_operator_withdraws(self) -> None:
        try:
            with tenancy.scope(org=self.org.organization.id):
                operator.withdraw(organization_id=self.org.organization.id, now=self.now)
        except operator.NotPossible:
            pass

    # what always holds

    @invariant()
    def the_owner_stays_owner_and_others_became_it_rightly(self) -> None:
        holders = self.owners()
        assert "owner" in holders, "nobody is demoted"
        done = {case.person: case for case in self.cases() if case.state == "done"}
        assert {self.org.person(who).id for who in holders if who != "owner"} == set(done)
        for person, case in done.items():
            pace = life.pace(case)
            assert person is not None and (case.id, person) in self.accepted, "nobody becomes an owner without wanting it"
            assert case.ended_at is not None and case.waits_until is not None and case.told == len(pace.notices)
            assert case.ended_at >= case.waits_until and case.ended_at - case.opened_at >= pace.wait, "nobody becomes an owner before the time is over"

    @invariant()
    def every_step_is_in_the_table_and_each_way_is_open_once(self) -> None:
        cases = self.cases()
        for case in cases:
            assert reachable(self.states.get(case.id, "opened"), case.state)
        self.states = {case.id: case.state for case in cases}
        ways = [case.way for case in cases if case.state in OPEN]
        assert len(ways) == len(set(ways))

    @invariant()
    def codes_work_once(self) -> None:
        assert self.presented <= len(self.codes)
        assert sum(case.way == "codes" for case in self.cases()) == self.presented


def test_any_order_of_acts() -> None:
    run_state_machine_as_test(Succession, settings=settings(max_examples=14, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)))
