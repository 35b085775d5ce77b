"""Any order of acts by anybody, holds and the clock: nothing is deleted under a blocker or too soon, cancelling brings back what was, and an owner who can sign in always remains."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts import deletions, purging, tenancy
from accounts.models import Mail, Management, Plan, Tombstone
from accounts.people import usable_owners
from accounts.reasons import Refused, Stale
from audit import holds
from tests.cast import Org, make_org
from tests.deletion.acts import account, act, agreed, deletion
from tests.emails.post import delivered, sent
from tests.situations import arrange

CAST = [("owner", "owner", True), ("second", "owner", True), ("admin", "administrator", True), ("worker", "member", True), ("stranger", "member", False)]
NAMES = [name for name, _role, _managed in CAST]
who = st.sampled_from(NAMES)
actors = st.sampled_from(["owner", "second", "admin", "worker"])
pauses = st.sampled_from([timedelta(minutes=1), timedelta(hours=23), timedelta(days=1), timedelta(days=3), timedelta(days=11), timedelta(days=40), timedelta(days=91)])
SAME = ("status", "reason_code", "reason_text", "status_until", "status_changed_by", "status_changed_at", "name", "email", "password")


class Deletions(RuleBasedStateMachine):
    """One organization: two owners, an administrator, a member, and a member whom it does not manage."""

    org: Org

    @initialize()
    def begins(self) -> None:
        cache.clear()
        with tenancy.installation("a test makes its world"):
            self.org = make_org(f"m-{uuid.uuid4().hex[:10]}", CAST)
        self.now = datetime.now(UTC)
        self.was: dict[str, dict[str, Any]] = {}
        self.held: dict[str, uuid.UUID] = {}
        self.terms: dict[str, datetime] = {}
        self.two: set[str] = set()
        self.gone: set[str] = set()
        self.released: set[str] = set()

    def tried(self, slug: str, name: str, by: str, **data: Any) -> bool:
        """Whether it was done, by one person or, where that is not enough, by two."""
        person = self.org.person(name)
        if account(self.org.person(by)).status != "active":
            return False
        try:
            receipt = act(self.org, slug, person, by=by, now=self.now, **data)
        except (Refused, Stale):
            return False
        return not receipt.plan_id

    def together(self, slug: str, name: str, by: str, second: str, **data: Any) -> bool:
        if by == second or any(account(self.org.person(one)).status != "active" for one in (by, second)):
            return False
        try:
            agreed(self.org, slug, self.org.person(name), by=by, second=second, now=self.now, **data)
        except (Refused, Stale, AssertionError):
            return False
        return True

    def blocked(self, name: str) -> bool:
        """What stands in the way, worked out here on its own: a hold, or that no owner would be left."""
        with tenancy.installation("look"):
            left = usable_owners(organization_id=self.org.organization.id, without=[self.org.person(name).id])
        return name in self.held or (name in {"owner", "second"} and left == 0)

    def look(self, name: str) -> dict[str, Any]:
        found = account(self.org.person(name))
        return {field: getattr(found, field) for field in SAME}

    def scheduled(self, name: str, before: dict[str, Any], days: int) -> None:
        assert before["status"] in {"active", "deactivated", "locked"} and name != "stranger"
        self.was[name], self.terms[name] = before, self.now + timedelta(days=days)
        self.two.discard(name)

    @rule(name=who, by=actors, days=st.sampled_from([1, 3, 14, 90]))
    def schedule(self, name: str, by: str, days: int) -> None:
        before, stands = self.look(name), self.blocked(name)
        if self.tried("schedule-deletion", name, by, days=days):
            assert not stands and by != name and by != "worker"
            self.scheduled(name, before, days)

    @rule(name=st.sampled_from(["owner", "second"]), days=st.sampled_from([1, 14]))
    def schedule_an_owner(self, name: str, days: int) -> None:
        """Owner on owner needs a second owner; here that is the one it is about, who agrees."""
        other, before, stands = "second" if name == "owner" else "owner", self.look(name), self.blocked(name)
        self.withdrawn()
        if self.together("schedule-deletion", name, other, name, days=days):
            assert not stands
            self.scheduled(name, before, days)

    @rule(name=who, by=actors)
    def cancel(self, name: str, by: str) -> None:
        if self.tried("cancel-deletion", name, by):
            before = self.was.pop(name)
            found = self.look(name)
            same = [field for field in SAME if not (field == "email" and name in self.released)]
            assert {f: found[f] for f in same} == {f: before[f] for f in same}, "what was, is again"
            self.terms.pop(name)
            self.released.discard(name)

    @rule(name=who, by=actors, second=actors)
    def expedite(self, name: str, by: str, second: str) -> None:
        alone = self.tried("expedite-deletion", name, by)
        assert not alone, "one person brings nothing forward"
        self.withdrawn()
        if self.together("expedite-deletion", name, by, second):
            assert not self.blocked(name)
            self.two.add(name)

    def withdrawn(self) -> None:
        """No plan waits: another one for the same person could not be made."""
        arrange(lambda: Plan.objects.filter(organization=self.org.organization, state="awaiting_approval").update(state="cancelled"))

    @rule(name=who, by=actors)
    def release_address(self, name: str, by: str) -> None:
        if self.tried("release-address", name, by):
            self.released.add(name)

    @rule(name=who, by=actors, slug=st.sampled_from(["deactivate", "lockdown", "reactivate"]))
    def otherwise(self, name: str, by: str, slug: str) -> None:
        pending = name in self.was
        assert not (self.tried(slug, name, by) and pending), "what is to be deleted is not switched on or off beside it"

    @rule(name=who)
    def hold(self, name: str) -> None:
        if name not in self.held:
            person = self.org.person(name)
            arrange(lambda: self.held.update({name: holds.place(org=self.org.organization.id, kind="subject", subject=person.account_id, matter="M", ground="g", by=None, now=self.now).id}))

    @rule(name=who)
    def release_hold(self, name: str) -> None:
        if name in self.held:
            found = self.held.pop(name)
            arrange(lambda: holds.release(org=self.org.organization.id, hold=found, by=[uuid.uuid4(), uuid.uuid4()], now=self.now))

    @rule(pause=pauses)
    def clock(self, pause: timedelta) -> None:
        self.now += pause

    def told(self, name: str) -> bool:
        """Whether the person was told of the date in time, worked out here on its own: when it was set, if it was near; or by a letter that left three days ago."""
        row = deletion(self.org.person(name))
        if row is None or not row.warned:
            return False
        left = Mail.objects.filter(entry=row.warning, state="sent").values_list("sent_at", flat=True).first() if row.warning else None
        return row.term - row.scheduled_at <= timedelta(days=3) if row.warning is None else left is not None and left <= self.now - timedelta(days=3) + deletions.LATE

    @rule()
    def warn(self) -> None:
        with tenancy.installation("the schedule"):
            purging.warn(now=self.now)
        for name, term in self.terms.items():
            row = deletion(self.org.person(name))
            assert row is not None and (row.term == term or (row.term == self.now + timedelta(days=3) > term)), "a late warning moves the date, and nothing else does"
            self.terms[name] = row.term

    @rule()
    def post(self) -> None:
        """The log is read and what is owed leaves the house."""
        for name in NAMES:
            delivered(self.org.person(name).account_id)
            sent(self.org.person(name).account_id, now=self.now)

    @rule()
    def purge(self) -> None:
        for name in NAMES:
            if name in self.gone:
                continue
            stands, told = self.blocked(name), self.told(name)
            with tenancy.installation("the schedule"):
                done = purging.purge(account_id=self.org.person(name).account_id, now=self.now)
            if done:
                assert not stands and name in self.was and ((self.now >= self.terms[name] and told) or name in self.two)
                self.gone.add(name)
                self.was.pop(name)
            elif name in self.was and not stands:
                assert (self.now < self.terms[name] or not told) and name not in self.two, "what is due and free is deleted"

    @invariant()
    def holds_always(self) -> None:
        if not hasattr(self, "org"):
            return
        with tenancy.installation("look"):
            assert usable_owners(organization_id=self.org.organization.id, without=[]) >= 1
            for name in NAMES:
                found, row = account(self.org.person(name)), deletion(self.org.person(name))
                assert (found.status == "pending_deletion") == (row is not None) == (name in self.was), name
                assert (found.status == "purged") == (name in self.gone) == Tombstone.objects.filter(account=found.id).exists(), name
                assert name in self.gone | self.released or found.email == f"{name}@{self.org.slug}.example", "nobody loses an address that was not given up"
                assert Management.objects.filter(account=found).count() <= 1
                if row is not None:
                    assert row.state in deletions.STEPS and (row.purge_at == row.term or len(set(row.expedited_by)) == 2)


def test_any_order_of_acts() -> None:
    run_state_machine_as_test(Deletions, settings=settings(max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)))
