"""Any order of scheduling, moving, cancelling, acting at once, losing office and time: one act pending of each kind, nothing before its time, nothing taken back, nothing without authority."""
from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts import due, tenancy
from accounts.models import Membership, Plan
from accounts.reasons import NotFound, Refused
from tests.cast import make_org
from tests.schedules.stage import DAY, actions, ask, member, scheduled
from tests.situations import arrange

APPLIED = ("membership.restricted", "membership.suspended", "account.deactivated", "membership.contract_ended")
kinds, days, who = st.sampled_from(("restrict", "suspend", "deactivate", "set-contract-end")), st.integers(1, 12), st.sampled_from(("owner", "admin"))


class Schedules(RuleBasedStateMachine):
    """One person, an owner, an administrator who comes and goes, and a clock that only goes forward."""

    @initialize()
    def begin(self) -> None:
        self.now = datetime.now(UTC)
        with tenancy.installation("a machine makes its world"):
            self.org = make_org(f"m-{uuid.uuid4().hex[:10]}", [("owner", "owner", True), ("admin", "administrator", True), ("ann", "member", True)])
        self.taken_back: set[str] = set()
        self.powerless: list[tuple[datetime, datetime | None]] = []

    def do(self, power: str, **more: Any) -> bool:
        with contextlib.suppress(Refused, NotFound):
            ask(self.org, power, "ann", now=self.now, **more)
            return True
        return False

    @rule(kind=kinds, by=who, ahead=days)
    def schedule(self, kind: str, by: str, ahead: int) -> None:
        when = {"ends_on": (self.now + ahead * DAY).date()} if kind == "set-contract-end" else {"not_before": self.now + ahead * DAY}
        self.do(kind, by=by, **when)

    @rule(kind=st.sampled_from(("restrict", "suspend", "restore", "reactivate")))
    def at_once(self, kind: str) -> None:
        self.do(kind)

    @rule(ahead=days, pick=st.integers(0, 3))
    def move(self, ahead: int, pick: int) -> None:
        if rows := self.pending():
            self.do("reschedule", scheduled=str(rows[pick % len(rows)].id), at=self.now + ahead * DAY)

    @rule(pick=st.integers(0, 3))
    def cancel(self, pick: int) -> None:
        if (rows := self.pending()) and self.do("cancel-scheduled", scheduled=(chosen := str(rows[pick % len(rows)].id))):
            self.taken_back.add(chosen)

    @rule()
    def admin_comes_or_goes(self) -> None:
        gone = bool(self.powerless and self.powerless[-1][1] is None)
        arrange(lambda: Membership.objects.filter(id=self.org.person("admin").id).update(role=self.org.roles["administrator" if gone else "member"]))
        if gone:
            self.powerless[-1] = (self.powerless[-1][0], self.now)
        else:
            self.powerless.append((self.now, None))

    @rule(kind=st.sampled_from(("restrict", "suspend", "deactivate")))
    def admin_goes_before_it_is_due(self, kind: str) -> None:
        self.schedule(kind, "admin", 1)
        if not self.powerless or self.powerless[-1][1] is not None:
            self.admin_comes_or_goes()
        self.time_passes(30)

    @rule(kind=kinds, pick=st.integers(0, 3), also=st.booleans())
    def changed_before_it_is_due(self, kind: str, pick: int, also: bool) -> None:
        self.schedule(kind, "owner", 1)
        if also:
            self.move(5, pick)
        else:
            self.cancel(pick)
        self.time_passes(50)

    @rule(hours=st.integers(1, 120))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        due.run(now=self.now)

    def pending(self) -> list[Plan]:
        return [row for row in scheduled(self.org, "ann") if row.state == "scheduled"]

    @invariant()
    def promises(self) -> None:
        if not hasattr(self, "org"):
            return
        rows = {str(row.id): row for row in scheduled(self.org, "ann")}
        waiting = [row.power for row in rows.values() if row.state == "scheduled"]
        assert len(waiting) == len(set(waiting))
        assert all(row.due_at and row.due_at > self.now for row in rows.values() if row.state == "scheduled")
        applied = [record for record in actions(self.org, *APPLIED) if record.get("facts", {}).get("scheduled")]
        ids = [record["facts"]["scheduled"] for record in applied]
        assert len(ids) == len(set(ids)), "nothing is done twice"
        assert set(ids) == {i for i, row in rows.items() if row.state == "done"}
        assert not set(ids) & self.taken_back
        for record in applied:
            row, at = rows[record["facts"]["scheduled"]], datetime.fromisoformat(record["occurred_at"])
            assert row.due_at and at >= row.due_at
            if row.requested_by == self.org.person("admin").id and not row.automatic:
                assert not any(since < at and (until is None or at <= until) for since, until in self.powerless), "done for somebody without authority"
        person = member(self.org, "ann")
        ends = [row.due_at for row in rows.values() if row.state == "scheduled" and row.power in {"suspend", "end-contract"}]
        assert person.access_ends_at == min(ends, default=None)  # type: ignore[type-var]
        contract = [row for row in rows.values() if row.state == "scheduled" and row.power == "end-contract"]
        assert person.status == "removed" or person.contract_ends_on == (datetime.fromisoformat(contract[0].data["ends_on"]).date() if contract else None)


def test_any_order(world: Any) -> None:
    run_state_machine_as_test(Schedules, settings=settings(max_examples=7, stateful_step_count=15, deadline=None, print_blob=True))
