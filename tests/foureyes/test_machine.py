"""No sequence of asking, deciding, taking back, moving the world and waiting does what two people did not agree to, or one did alone without 48 hours."""
from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts import alone, approvals, door, due, tenancy
from accounts.models import Account, Membership, Plan
from accounts.models.plan import PlanState
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused
from tests.cast import make_org
from tests.situations import arrange

OWNERS, TARGETS = ("ann", "ben", "cem"), ("dora", "emil")
owners, targets = st.sampled_from(OWNERS), st.sampled_from(TARGETS)
POWER = BY_SLUG["change-role"]


class Waiting(RuleBasedStateMachine):
    """Three people who are owners or not, two who may be made one, and time. The model knows who asked when, and who agreed."""

    @initialize()
    def begin(self) -> None:
        self.now = datetime.now(UTC)
        with tenancy.installation("a machine makes its world"):
            self.org = make_org(f"p-{uuid.uuid4().hex[:10]}", [("ann", "owner", True), ("ben", "member", True), ("cem", "member", True), ("dora", "member", True), ("emil", "member", True)])
        arrange(lambda: Account.objects.filter(memberships__organization=self.org.organization).update(has_second_factor=True))
        self.asked: dict[uuid.UUID, tuple[str, str, datetime]] = {}
        self.agreed: set[uuid.UUID] = set()

    def rows(self) -> dict[uuid.UUID, Plan]:
        with tenancy.scope(org=self.org.organization.id):
            return {row.id: row for row in Plan.objects.filter(organization=self.org.organization)}

    def holding(self) -> list[str]:
        """Who is an owner now; never nobody."""
        with tenancy.scope(org=self.org.organization.id):
            return [who for who in OWNERS if Membership.objects.get(id=self.org.person(who).id).role_id == self.org.roles["owner"].id]

    @rule(data=st.data(), whom=targets)
    def ask(self, data: st.DataObject, whom: str) -> None:
        who = data.draw(st.sampled_from(self.holding()))
        with suppress(Refused, NotFound), tenancy.scope(org=self.org.organization.id):
            receipt = door.perform(power=POWER, actor=self.org.actor(who, now=self.now), ids=[self.org.person(whom).id], data={"role": "owner"}, now=self.now)
            assert receipt.plan_id, "nobody makes an owner alone"
            self.asked[uuid.UUID(receipt.plan_id)] = (who, whom, self.now)

    @rule(who=owners, approve=st.booleans(), last=st.booleans())
    def decide(self, who: str, approve: bool, last: bool) -> None:
        if not self.asked:
            return
        plan = list(self.asked)[-1 if last else 0]
        with suppress(Refused, NotFound), tenancy.scope(org=self.org.organization.id):
            row = Plan.objects.get(id=plan)
            approvals.decide(plan_id=plan, actor=self.org.actor(who, now=self.now), requester=approvals.requester(row), power=POWER, approve=approve, note="", now=self.now)
            assert who != self.asked[plan][0], "nobody decides about their own"
            if approve:
                self.agreed.add(plan)

    @rule(who=owners)
    def take_back(self, who: str) -> None:
        for plan, (asker, _target, _at) in list(self.asked.items())[-1:]:
            with suppress(Refused, NotFound), tenancy.scope(org=self.org.organization.id):
                approvals.cancel(plan_id=plan, actor=self.org.actor(who, now=self.now), now=self.now)
                assert who == asker

    @rule(who=owners, role=st.sampled_from(["owner", "member"]))
    def rights_come_and_go(self, who: str, role: str) -> None:
        if role == "owner" or self.holding() != [who]:
            arrange(lambda: Membership.objects.filter(id=self.org.person(who).id).update(role=self.org.roles[role]))

    @rule(whom=targets)
    def the_world_moves(self, whom: str) -> None:
        def move() -> None:
            row = Membership.objects.get(id=self.org.person(whom).id)
            Membership.objects.filter(id=row.id).update(version=row.version + 1, role=self.org.roles["member"])

        arrange(move)

    @rule(hours=st.sampled_from([1, 30, 49]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        with tenancy.scope(org=self.org.organization.id):
            due.expire_plans(organization_id=self.org.organization.id, now=self.now)
            approvals.look_after(organization_id=self.org.organization.id, now=self.now)
            alone.go_on(organization_id=self.org.organization.id, now=self.now)

    @invariant()
    def done_only_if_two_agreed_or_time_stood_for_the_second(self) -> None:
        if not hasattr(self, "asked"):
            return
        for plan, row in self.rows().items():
            if row.state == PlanState.DONE and plan not in self.agreed:
                assert row.summary.get("due_at"), "done without a second person or a date"
                assert row.finished_at is not None and row.finished_at >= self.asked[plan][2] + timedelta(hours=48)
            if row.state == PlanState.AWAITING_APPROVAL:
                assert row.finished_at is None

    @invariant()
    def one_waits_for_each_person(self) -> None:
        if hasattr(self, "asked"):
            waiting = [row.targets[0] for row in self.rows().values() if row.state == PlanState.AWAITING_APPROVAL and row.expires_at > self.now]
            assert len(waiting) == len(set(waiting))


def test_no_sequence_does_what_was_not_agreed_to() -> None:
    run_state_machine_as_test(Waiting, settings=settings(max_examples=14, stateful_step_count=30, deadline=None, print_blob=True))


def test_what_was_decided_stays_decided() -> None:
    """The table: from a waiting plan to an end; from an end nowhere."""
    for state in PlanState:
        row = Plan(state=state)
        if state == PlanState.AWAITING_APPROVAL:
            approvals.go(row, PlanState.DENIED)
            assert row.state == PlanState.DENIED
        else:
            with pytest.raises(approvals.NotPossible):
                approvals.go(row, PlanState.DONE)
